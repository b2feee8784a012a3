"""What a worker is given to carry out a decision: all that the archive has to be asked for; no worker asks it."""

from dataclasses import replace
from typing import assert_never

from dgm.core.actions import Evaluate, Expand
from dgm.core.ids import AgentId
from dgm.core.memory import modifications_around
from dgm.core.outcomes import Outcome
from dgm.core.ports import Archive, Attempt, Decision
from dgm.evolution.bench import Job
from dgm.evolution.plan import Plan
from dgm.evolution.reviews import Reviews


class Jobs:
    """Makes jobs of decisions."""

    def __init__(self, archive: Archive, plan: Plan, reviews: Reviews) -> None:
        self._archive = archive
        self._plan = plan
        self._reviews = reviews

    def begun(self, decision: Decision) -> Job:
        """Record that a decision is tried, for the first time or again, and return what is to be done."""
        attempt = self._archive.begin_attempt(decision.number)
        match decision.action:
            case Expand() as action:
                return self._expansion(action, attempt)
            case Evaluate(agent=agent):
                return Job(decision.action, attempt, self._archive.code(agent))
            case _ as never:
                assert_never(never)

    def _expansion(self, action: Expand, attempt: Attempt) -> Job:
        archive, plan = self._archive, self._plan
        job = Job(action, attempt, archive.code(action.parent), outcomes=self._outcomes(action.parent))
        if (approved := self._reviews.approved(attempt.decision)) is not None:
            return replace(job, approved=approved)
        job = replace(job, is_held=self._reviews.is_wanted)
        if action.editor is not None:
            job = replace(job, editor=archive.code(action.editor))
        if action.partner is not None:
            ancestor = archive.agent_tree().common_ancestor(action.parent, action.partner)
            job = replace(job, partner=archive.code(action.partner), ancestor=archive.code(ancestor))
        if plan.remembers:
            around = modifications_around(
                action.parent, archive.agent_tree(), steps_from=archive.steps_from, outcomes_of=archive.outcomes_of
            )
            job = replace(job, memory=around)
        return replace(job, proposals=archive.proposals()) if plan.judges_proposals else job

    def _outcomes(self, parent: AgentId) -> tuple[Outcome, ...]:
        """Return what was measured of an agent, in the order of the stages: workers end in any order."""
        places = {task: place for place, task in enumerate(t for stage in self._plan.goal.stages for t in stage.tasks)}
        outcomes = self._archive.outcomes_of(parent)
        return tuple(sorted(outcomes, key=lambda outcome: (places[outcome.task], outcome.trial)))
