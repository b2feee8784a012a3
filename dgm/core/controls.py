"""Standing controls: what has a known verdict, judged by the path of all solutions, before and during a run."""

from dataclasses import dataclass
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
