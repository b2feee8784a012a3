"""The configuration of a run: read once, checked, frozen, and written into the run as `run.toml`."""

from dgm.config.bounds import Bounds, with_bounds
from dgm.config.models import REHEARSAL, Address, Endpoint, LongRates, ModelChoice, Models, Parameters, Price, Rates
from dgm.config.reading import config_from, laid_over, parse_config, read_config
from dgm.config.run import (
    Budget,
    Calls,
    Diagnoses,
    Integrity,
    Polyglot,
    Rehearsal,
    RunConfig,
    SandboxLimits,
    Search,
    Sessions,
    Steps,
    SweBench,
)

__all__ = [
    "REHEARSAL",
    "Address",
    "Bounds",
    "Budget",
    "Calls",
    "Diagnoses",
    "Endpoint",
    "Integrity",
    "LongRates",
    "ModelChoice",
    "Models",
    "Parameters",
    "Polyglot",
    "Price",
    "Rates",
    "Rehearsal",
    "RunConfig",
    "SandboxLimits",
    "Search",
    "Sessions",
    "Steps",
    "SweBench",
    "config_from",
    "laid_over",
    "parse_config",
    "read_config",
    "with_bounds",
]
