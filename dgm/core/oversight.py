"""What a person has a say in: children that wait to be seen before they first run, and runs paused or stopped."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from dgm.core.actions import Step


class Approval(StrEnum):
    """Which self-modifications wait for a person before their child first runs."""

    EACH = "each"
    FIRST = "first"  # until a person has approved one
    NEVER = "never"

    def is_wanted(self, *, approvals: int) -> bool:
        """Return whether a child of a run in which a person approved so many waits to be seen."""
        match self:
            case Approval.EACH:
                return True
            case Approval.FIRST:
                return approvals == 0
            case Approval.NEVER:
                return False


@dataclass(frozen=True, slots=True)
class Review:
    """What a person said of a child."""

    approved: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HeldStep:
    """A self-modification that was made and paid for; its child has not run yet."""

    decision: int
    step: Step
    """With the child's code, and without a rejection."""
    at: float
    """When it was made, in seconds since 1970."""
    review: Review | None = None
    """None while nobody has looked at it."""


class Intervention(StrEnum):
    """What a person did to a run as a whole."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Intervene:
    """Pause, go on with, or stop a run."""

    what: Intervention
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """Say of the step of a decision whether its child may run."""

    decision: int
    review: Review


Command: TypeAlias = Intervene | Judge
