"""Standing controls: what has a known verdict, judged by the path of all solutions, before and during a run."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

from dgm.core.ids import TaskId

Controlled: TypeAlias = Literal["base", "reference", "seed agent"]
"""What must not be resolved, what must be, and the agent that every tree begins with, which must be an agent."""


@dataclass(frozen=True, slots=True)
class StandingControl:
    """What became of one control."""

    of: Controlled
    task: TaskId
    """Empty for the seed agent."""
    passed: bool
    """Whether the verdict is the known one."""
    summary: str
    """What was found, for people."""
    seconds: float


def measurements_in_doubt(judged: Iterable[tuple[bool, int]], measurements: int) -> int:
    """Return how many measurements were made while nobody knows whether the harness was sound: they stay in doubt.

    Those are the ones between the last controls that passed before one that failed, and the next that passed after it.

    Args:
        judged: for each control, oldest first, whether it passed and how many measurements there were. Of those that
            were judged at once, the ones that failed come last.
        measurements: how many there are now.
    """
    doubtful, sound, failing = 0, 0, False
    for count, found in groupby(judged, key=lambda control: control[1]):
        passed = [each for each, _ in found]
        if failing or not all(passed):
            doubtful += count - sound
        sound, failing = count, not passed[-1]
    return doubtful + (measurements - sound if failing else 0)
