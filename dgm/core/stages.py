"""Staged evaluation: cheap tasks first, more only for an agent that earns them.

Source: Zhang et al. 2025, arXiv:2505.22954, section 4.1. SWE-bench: 10 tasks, 50 more if over 40 % of those were
resolved, 140 more if over 40 % of the 60 were and the agent is one of the archive's best two. Polyglot: 10, then 50.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from dgm.core.ids import TaskId


@dataclass(frozen=True, slots=True)
class Stage:
    """Tasks that an agent is measured on once it resolved more than `above` of all earlier stages' tasks."""

    tasks: tuple[TaskId, ...]
    above: float
    """Share in [0, 1); not looked at for the first stage, nor for the seed agent."""
    top: int | None = None
    """>= 1: it, and what comes after it, is only for so many, the best by all earlier stages; None: for whoever earns
    it. Not looked at for the first stage, nor for the seed agent, which is one of those that are ranked."""


Measurement: TypeAlias = tuple[TaskId, int]
"""A task and the number of the trial."""


@lru_cache(maxsize=64)  # asked for at every decision
def measurements(stage: Stage, *, trials: int) -> tuple[Measurement, ...]:
    """Return all that there is to measure in a stage, in order."""
    return tuple((task, trial) for task in stage.tasks for trial in range(trials))


def due_measurements(
    stages: Sequence[Stage], done: Mapping[Measurement, bool], *, trials: int, all_stages: bool
) -> list[Measurement]:
    """Return what an agent has still to be measured on in the stage that it has reached, in order.

    Args:
        stages: the benchmark's stages.
        done: what was measured of the agent so far, and whether it was resolved.
        trials: how often each task is tried, >= 1.
        all_stages: True for the seed agent, which every later agent is compared with.
    """
    earlier: list[bool] = []
    for number, stage in enumerate(stages):
        if number > 0 and not all_stages and sum(earlier) / len(earlier) <= stage.above:
            return []
        wanted = measurements(stage, trials=trials)
        due = [measurement for measurement in wanted if measurement not in done]
        if due:
            return due
        earlier += [done[measurement] for measurement in wanted]
    return []
