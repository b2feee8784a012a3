"""What an estimate is made from: a run's own averages where there are any, else those that are shipped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dgm.archive.averages import Samples, samples_of
from dgm.archive.processes import RunState
from dgm.archive.reader import RunReader, read_run
from dgm.benchmarks.averages import assumed_averages, rehearsed_averages
from dgm.benchmarks.catalogue import outline_of
from dgm.cli.runs import run_directories
from dgm.config import REHEARSAL, RunConfig
from dgm.core.averages import AS_MEASURED, REAL_FROM_SIMULATED, Assumption, Average, Averages
from dgm.core.errors import DgmError, UsageError
from dgm.core.ports import Role
from dgm.wiring.searching import selected_stages

_ENOUGH_CHILDREN = 2
_ENOUGH_STEPS = 3


@dataclass(frozen=True, slots=True)
class Basis:
    """Averages, and where they come from."""

    averages: Averages
    models: Mapping[Role, str]
    """Which model used that."""
    run: str | None
    """The name of the run that was measured; None for averages that are shipped."""
    benchmark: str
    source: str = ""
    """What is to be known of shipped averages."""
    is_assumed: bool = False
    """Whether no session was measured at all, not even of the simulated model."""

    @property
    def assumption(self) -> Assumption | None:
        """What is believed of a real model, None where everything was measured."""
        averages = self.averages
        parts = (averages.seed, averages.child, averages.improve, averages.diagnose)
        return next((average.assumption for average in parts if average.assumption != AS_MEASURED), None)


def basis_for(config: RunConfig, *, runs: Path | None, own: RunReader | None = None) -> Basis:
    """Return the best basis that there is for an estimate.

    That is what the run itself measured so far, else the newest finished run with the same benchmark and agent's model,
    else what is assumed of real models on that benchmark, if there is one in the run, else rehearsals.

    Args:
        config: of the run to be estimated.
        runs: where finished runs are looked for; the default directory unless given.
        own: the run itself, if it goes on.
    Raises:
        UsageError: there is none; no run with this benchmark was ever finished or rehearsed.
    """
    found = (own and _enough(own)) or _newest_like(config, runs) or _assumed(config) or _rehearsed(config.benchmark)
    if found is None:
        raise UsageError(
            f"Nothing is known of sessions on {config.benchmark} yet; finish a small run first (--children 3) or name "
            "another run with --from."
        )
    return _for_models(found, config)


def basis_from(run: RunReader, config: RunConfig) -> Basis:
    """Return what a run measured, however little, as a basis for an estimate.

    Raises:
        UsageError: it has no step, no measured child, or not even measured its seed agent.
    """
    found = _measured(run, _samples(run))
    if found is None:
        raise UsageError(
            f"{run.directory.name} has no measured child yet, so nothing can be estimated from it; name another run "
            "or leave out --from."
        )
    return _for_models(found, config)


def _newest_like(config: RunConfig, runs: Path | None) -> Basis | None:
    """Return what the newest such run measured that measured enough, else the newest that measured anything."""
    little: Basis | None = None
    for directory in run_directories(runs):
        try:
            with read_run(directory) as run:
                if not _is_like(run, config):
                    continue
                found = _enough(run)
                little = little or found or _measured(run, _samples(run))
        except DgmError:  # a run that cannot be read is nothing to estimate from
            continue
        if found is not None:
            return found
    return little


def _is_like(run: RunReader, config: RunConfig) -> bool:
    then = run.config()
    return (then.benchmark, then.models.agent.model) == (
        config.benchmark,
        config.models.agent.model,
    ) and run.state() is RunState.FINISHED


def _enough(run: RunReader) -> Basis | None:
    samples = _samples(run)
    if len(samples.child) < _ENOUGH_CHILDREN or len(samples.improve) < _ENOUGH_STEPS:
        return None
    return _measured(run, samples)


def _samples(run: RunReader) -> Samples:
    return samples_of(run, selected_stages(outline_of(run.config()).stages(), run.held_out()))


def _measured(run: RunReader, samples: Samples) -> Basis | None:
    averages, config = samples.averages, run.config()
    if averages is None:
        return None
    return Basis(averages, config.models.by_role(), run.directory.name, config.benchmark)


def _assumed(config: RunConfig) -> Basis | None:
    models = config.models.by_role()
    found = assumed_averages(config.benchmark)
    if found is None or set(models.values()) == {REHEARSAL}:
        return None
    return Basis(found.averages, models, None, config.benchmark, found.source, is_assumed=True)


def _rehearsed(benchmark: str) -> Basis | None:
    found = rehearsed_averages(benchmark)
    if found is None:
        return None
    models: dict[Role, str] = dict.fromkeys((Role.AGENT, Role.IMPROVE, Role.DIAGNOSE), REHEARSAL)
    return Basis(found.averages, models, None, benchmark, found.source)


def _for_models(basis: Basis, config: RunConfig) -> Basis:
    """Assume of a real model more than what a simulated one was seen to use."""
    wanted = config.models.by_role()

    def believed(average: Average, role: Role) -> Average:
        is_assumed = basis.models[role] == REHEARSAL != wanted[role]
        return replace(average, assumption=REAL_FROM_SIMULATED) if is_assumed else average

    averages = basis.averages
    return replace(
        basis,
        averages=replace(
            averages,
            seed=believed(averages.seed, Role.AGENT),
            child=believed(averages.child, Role.AGENT),
            improve=believed(averages.improve, Role.IMPROVE),
            diagnose=believed(averages.diagnose, Role.DIAGNOSE),
        ),
    )
