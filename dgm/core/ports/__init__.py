"""Ports: what the algorithm needs of the world. Adapters implement them; `tests/fakes` has a fake for each."""

from dgm.core.ports.archive import Archive, Attempt, Decision
from dgm.core.ports.benchmarks import Benchmark, ControlKind
from dgm.core.ports.clock import Clock
from dgm.core.ports.models import MOST_CALLS_AT_ONCE, Grant, Ledger, ModelAccess, ModelSession, Role, SessionLimits
from dgm.core.ports.sandbox import (
    Changes,
    Container,
    ContainerSpec,
    Execution,
    HarnessContainers,
    HarnessSpec,
    Owner,
    Sandbox,
)

__all__ = [
    "MOST_CALLS_AT_ONCE",
    "Archive",
    "Attempt",
    "Benchmark",
    "Changes",
    "Clock",
    "Container",
    "ContainerSpec",
    "ControlKind",
    "Decision",
    "Execution",
    "Grant",
    "HarnessContainers",
    "HarnessSpec",
    "Ledger",
    "ModelAccess",
    "ModelSession",
    "Owner",
    "Role",
    "Sandbox",
    "SessionLimits",
]
