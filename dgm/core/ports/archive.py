"""What the algorithm needs of the archive."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dgm.core.actions import Action, PastStep, Step
from dgm.core.agents import Agent, AgentTree
from dgm.core.controls import StandingControl
from dgm.core.files import FileTree
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Measured, Outcome
from dgm.core.oversight import HeldStep, Intervention, Review
from dgm.core.ports.models import Ledger


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy chose, before it is done."""

    number: int
    """From 1; `Random(f"{seed}:{number}")` chose it."""
    action: Action


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a decision."""

    decision: int
    number: int
    """1 for the first; more after a fault of ours or a killed host."""


class Archive(Ledger, Protocol):
    """The facts and the code of one run, open for writing by this process alone."""

    def agent_tree(self) -> AgentTree:
        """Return all agents."""
        ...

    def measured(self) -> Iterable[tuple[AgentId, Measured]]:
        """Yield what policies see of each measurement, in the order of their recording; what is held out too."""
        ...

    def outcomes_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        """Return the measurements of one agent on what selection sees, in the order of their recording."""
        ...

    def held_out_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        """Return the measurements of one agent on what is held out from selection."""
        ...

    def held_out(self) -> frozenset[TaskId]:
        """Return the tasks that are held out from selection."""
        ...

    def best(self) -> AgentId:
        """Return the agent whose score is best by what selection sees; see `dgm.core.scores.best_of`."""
        ...

    def steps_from(self, parent: AgentId) -> tuple[PastStep, ...]:
        """Return the steps that ended of which `parent` is the first parent, oldest first."""
        ...

    def proposals(self) -> tuple[str, ...]:
        """Return what each step that ended was to improve, oldest first, those without a diagnosis left out."""
        ...

    def steps_done(self) -> int:
        """Return how many self-modification attempts ended."""
        ...

    def code(self, agent: AgentId) -> FileTree:
        """Return an agent's code."""
        ...

    def add_seed_agent(self, code: FileTree) -> Agent:
        """Add the root of the tree."""
        ...

    def decide(self, action: Action) -> Decision:
        """Record what was chosen."""
        ...

    def open_decisions(self) -> tuple[Decision, ...]:
        """Return what was chosen and has no result yet, oldest first."""
        ...

    def decision_count(self) -> int:
        """Return how many decisions were recorded."""
        ...

    def begin_attempt(self, decision: int) -> Attempt:
        """Record that a decision is being carried out, once more."""
        ...

    def add_step(self, decision: int, step: Step) -> Agent | None:
        """Record the result of an `Expand` and, if it was accepted, its child: all or nothing."""
        ...

    def add_outcome(self, decision: int, agent: AgentId, outcome: Outcome) -> None:
        """Record the result of an `Evaluate`.

        Raises:
            ArchiveError: this agent was measured on this task and trial before.
        """
        ...

    def hold(self, decision: int, step: Step) -> None:
        """Record a self-modification whose child waits to be seen by a person: nothing of it is done again.

        Raises:
            ArchiveError: that is not what the decision asked for, it is held already, or it has a result.
        """
        ...

    def held(self) -> tuple[HeldStep, ...]:
        """Return what is held and has no result yet, oldest decision first."""
        ...

    def add_review(self, decision: int, review: Review) -> None:
        """Record what a person said of what a decision made.

        Raises:
            ArchiveError: it is not held, or was reviewed before.
        """
        ...

    def approvals(self) -> int:
        """Return how many children a person approved."""
        ...

    def add_intervention(self, what: Intervention, reason: str) -> None:
        """Record what a person did to the run."""
        ...

    def add_controls(self, controls: Sequence[StandingControl]) -> None:
        """Record what became of controls that were judged at once, all or none; those that failed go last."""
        ...

    def control_count(self) -> int:
        """Return how many controls were recorded."""
        ...

    def evaluations_since_control(self) -> int:
        """Return how many measurements were recorded since the last controls that all passed; all if none did."""
        ...

    def add_fault(self, decision: int, message: str) -> None:
        """Record a fault of ours that ended an attempt."""
        ...

    def end(self, reason: str) -> None:
        """Record why the run stopped: "finished", "drained", "stopped", "out of budget" or "fault: ..."."""
        ...
