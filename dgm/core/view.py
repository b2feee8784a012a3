"""What a policy sees: the tree with its measurements, and what is in flight."""

from dataclasses import dataclass

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.scores import Score, score_of
from dgm.core.stages import Measurement, Stage, due_measurements


@dataclass(frozen=True, slots=True)
class AgentState:
    """One agent with what was measured of it."""

    agent: Agent
    outcomes: tuple[Outcome, ...]
    children: int
    """Number of its children in the archive."""

    @property
    def score(self) -> Score:
        """Score over all that was measured."""
        return score_of(self.outcomes)

    @property
    def edits(self) -> bool:
        """Whether it has shown that it can still edit code: one patch that was not empty."""
        return any(outcome.patch for outcome in self.outcomes)

    def due(self, stages: tuple[Stage, ...], *, trials: int) -> list[Measurement]:
        """Return what it has still to be measured on; the seed agent, which all are compared with, in all stages."""
        return due_measurements(stages, self.outcomes, trials=trials, all_stages=self.agent.parent is None)

    @property
    def unresolved(self) -> tuple[Outcome, ...]:
        """Evidence for a diagnosis: what it did not resolve."""
        return tuple(outcome for outcome in self.outcomes if not outcome.resolved)


@dataclass(frozen=True, slots=True)
class ArchiveView:
    """The archive as a policy sees it, at one moment."""

    agents: tuple[AgentState, ...]
    """In order of creation, the seed agent first."""
    in_flight: tuple[Action, ...]
    steps_done: int
    """Self-modification attempts that ended, the rejected ones too."""
    stages: tuple[Stage, ...]
    trials: int
    children_wanted: int
    """How many children the run is to grow."""
    steps_allowed: int
    """How many attempts it may take for that."""

    def due(self, state: AgentState) -> list[Measurement]:
        """Return what `state` has still to be measured on, without what is in flight."""
        busy = {
            (action.task, action.trial)
            for action in self.in_flight
            if isinstance(action, Evaluate) and action.agent == state.agent.id
        }
        wanted = state.due(self.stages, trials=self.trials)
        return [measurement for measurement in wanted if measurement not in busy]

    def is_measured(self, state: AgentState) -> bool:
        """Whether nothing is due or in flight for `state`."""
        return not state.due(self.stages, trials=self.trials)

    @property
    def expanding(self) -> tuple[AgentId, ...]:
        """Parents of the steps in flight."""
        return tuple(action.parent for action in self.in_flight if isinstance(action, Expand))

    @property
    def wants_children(self) -> bool:
        """Whether another step should start: children are missing and attempts are left."""
        kept = len(self.agents) - 1
        pending = len(self.expanding)
        return kept + pending < self.children_wanted and self.steps_done + pending < self.steps_allowed

    @property
    def next_step(self) -> int:
        """Number of the next step."""
        return self.steps_done + len(self.expanding) + 1
