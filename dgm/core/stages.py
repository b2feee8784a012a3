"""Staged evaluation: cheap tasks first, more only for an agent that earns them.

Source: Zhang et al. 2025, arXiv:2505.22954, section 4.1: 10 tasks, 50 more if over 40 % of those were resolved, ...
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dgm.core.ids import TaskId
from dgm.core.outcomes import Outcome
from dgm.core.scores import score_of


@dataclass(frozen=True, slots=True)
class Stage:
    """Tasks that an agent is measured on once it resolved more than `above` of all earlier stages' tasks."""

    tasks: tuple[TaskId, ...]
    above: float
    """Share in [0, 1); not looked at for the first stage, nor for the seed agent."""


Measurement: TypeAlias = tuple[TaskId, int]
"""A task and the number of the trial."""


def due_measurements(
    stages: Sequence[Stage], outcomes: Iterable[Outcome], *, trials: int, all_stages: bool
) -> list[Measurement]:
    """Return what an agent has still to be measured on in the stage that it has reached, in order.

    Args:
        stages: the benchmark's stages.
        outcomes: what was measured of the agent so far.
        trials: how often each task is tried, >= 1.
        all_stages: True for the seed agent, which every later agent is compared with.
    """
    done = {(outcome.task, outcome.trial): outcome for outcome in outcomes}
    earlier: list[Outcome] = []
    for number, stage in enumerate(stages):
        if number > 0 and not all_stages and score_of(earlier).share <= stage.above:
            return []
        wanted = [(task, trial) for task in stage.tasks for trial in range(trials)]
        due = [measurement for measurement in wanted if measurement not in done]
        if due:
            return due
        earlier += [done[measurement] for measurement in wanted]
    return []
