"""What a run is to do, how its loop ends, and who is told what happens meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from dgm.core.actions import ActionResult, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import InfrastructureError
from dgm.core.oversight import Approval
from dgm.core.policies import Policy
from dgm.core.ports import Decision
from dgm.core.view import Goal

STEPS_PER_CHILD = 3  # attempts allowed for each child wanted


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do."""

    policy: Policy
    goal: Goal
    workers: int
    seed: int
    merge_rate: float = 0.0
    """Share of the expansions that become a merge with a second parent, in [0, 1]."""
    judges_proposals: bool = False
    """Whether a job is told what was proposed before, for a model to judge what is new."""
    remembers: bool = True
    """Whether a job is told what was tried before around the parent."""
    approval: Approval = Approval.NEVER
    """Which children wait to be seen by a person before they first run."""


class Ending(Enum):
    """Why the loop ended."""

    FINISHED = auto()  # nothing is left to do
    DRAINED = auto()  # asked to stop; what was in flight was finished
    OUT_OF_BUDGET = auto()
    EXHAUSTED = auto()  # every attempt is used up, or no agent can be a parent, before all children are there


class Watcher(Protocol):
    """Is told what happens, for progress on a screen. Called by the engine's thread alone."""

    def started(self, decision: Decision) -> None:
        """Say that a decision is being carried out."""
        ...

    def recorded(self, decision: Decision, result: ActionResult) -> None:
        """Say that its result is a fact now."""
        ...

    def faulted(self, decision: Decision, fault: InfrastructureError) -> None:
        """Say that an attempt ended with a fault of ours."""
        ...

    def held(self, decision: Decision, step: Step) -> None:
        """Say that a child waits to be seen by a person."""
        ...

    def told(self, answer: str) -> None:
        """Say what a person's command came to."""
        ...

    def controlled(self, controls: Sequence[StandingControl]) -> None:
        """Say that controls passed."""
        ...
