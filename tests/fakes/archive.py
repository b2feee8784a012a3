"""An archive in memory: `dgm.core.ports.Archive` for tests of whatever stands on it."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from dgm.core.actions import Action, Evaluate, Expand, PastStep, Step
from dgm.core.agents import Agent, AgentTree
from dgm.core.controls import StandingControl
from dgm.core.errors import ArchiveError
from dgm.core.files import FileTree, tree_hash
from dgm.core.ids import AgentId, SessionId, TaskId, agent_id, purpose_of
from dgm.core.outcomes import NANOS_PER_USD, Measured, Outcome, Usage, measured
from dgm.core.oversight import HeldStep, Intervention, Review
from dgm.core.ports import Attempt, Decision, Role
from dgm.core.scores import best_of, score_of


class MemoryArchive:
    """Keeps everything in lists. Refuses what the real one refuses; costs are kept in nano-dollars as there."""

    def __init__(
        self, *, seed: int = 0, now: Callable[[], float] = lambda: 0.0, held_out: Collection[TaskId] = ()
    ) -> None:
        self._seed = seed
        self._held_out = frozenset(held_out)
        self._measured: list[tuple[AgentId, Measured]] = []
        self._now = now
        self._lock = threading.RLock()
        self._agents: dict[AgentId, Agent] = {}
        self._code: dict[AgentId, FileTree] = {}
        self._outcomes: dict[AgentId, tuple[Outcome, ...]] = {}
        self._open: dict[int, Decision] = {}
        self._attempts: dict[int, int] = {}
        self._calls: dict[tuple[SessionId, int], Usage] = {}
        self._settled: set[tuple[SessionId, int]] = set()
        self.decisions: list[Decision] = []
        self.steps: list[Step] = []
        self.faults: list[tuple[int, str]] = []
        self.ends: list[str] = []
        self.interventions: list[tuple[Intervention, str]] = []
        self.controls: list[StandingControl] = []
        self._held: dict[int, HeldStep] = {}
        self._controlled: dict[int, bool] = {}

    def agent_tree(self) -> AgentTree:
        with self._lock:
            return AgentTree(self._agents.values())

    def outcomes(self) -> dict[AgentId, tuple[Outcome, ...]]:
        with self._lock:
            return {agent: self.outcomes_of(agent) for agent in self._agents}

    def outcomes_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        with self._lock:
            return tuple(found for found in self._outcomes[agent] if found.task not in self._held_out)

    def held_out_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        with self._lock:
            return tuple(found for found in self._outcomes[agent] if found.task in self._held_out)

    def held_out(self) -> frozenset[TaskId]:
        return self._held_out

    def measured(self) -> Iterator[tuple[AgentId, Measured]]:
        with self._lock:
            yield from list(self._measured)

    def best(self) -> AgentId:
        return best_of({agent: score_of(found) for agent, found in self.outcomes().items()})

    def steps_from(self, parent: AgentId) -> tuple[PastStep, ...]:
        with self._lock:
            steps = sorted((step for step in self.steps if step.parent == parent), key=lambda step: step.number)
            return tuple(
                PastStep(step.number, parent, self._made(step), _proposal(step), step.rejection, step.detail)
                for step in steps
            )

    def proposals(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(filter(None, map(_proposal, sorted(self.steps, key=lambda step: step.number))))

    def steps_done(self) -> int:
        return len(self.steps)

    def code(self, agent: AgentId) -> FileTree:
        return dict(self._code[agent])

    def add_seed_agent(self, code: FileTree) -> Agent:
        with self._lock:
            if self._agents:
                raise ArchiveError("The run has a seed agent already.")
            return self._add_agent(code, step=0, parent=None)

    def decide(self, action: Action) -> Decision:
        with self._lock:
            match action:
                case Expand(parent=agent, editor=editor, partner=partner):
                    named = {agent, editor or agent, partner or agent}
                case Evaluate(agent=agent):
                    named = {agent}
            if named - self._agents.keys():
                raise ArchiveError("No such agent.")
            decision = Decision(len(self.decisions) + 1, action)
            self.decisions.append(decision)
            self._open[decision.number] = decision
            return decision

    def open_decisions(self) -> tuple[Decision, ...]:
        with self._lock:
            return tuple(self._open.values())

    def decision_count(self) -> int:
        return len(self.decisions)

    def begin_attempt(self, decision: int) -> Attempt:
        with self._lock:
            self._require_decision(decision)
            self._attempts[decision] = self._attempts.get(decision, 0) + 1
            return Attempt(decision, self._attempts[decision])

    def add_step(self, decision: int, step: Step) -> Agent | None:
        with self._lock:
            self._require_expansion(decision, step)
            child = None
            if step.child is not None:
                partners = () if step.partner is None else (step.partner,)
                parent = self._agents[step.parent]
                child = self._add_agent(step.child, step=step.number, parent=parent, partners=partners)
            self.steps.append(step)
            del self._open[decision]
            return child

    def add_outcome(self, decision: int, agent: AgentId, outcome: Outcome) -> None:
        with self._lock:
            self._require_open(decision, Evaluate(agent, outcome.task, outcome.trial))
            if any((known.task, known.trial) == (outcome.task, outcome.trial) for known in self._outcomes[agent]):
                raise ArchiveError("Measured before.")
            outcome = replace(outcome, usage=_to_the_nano(_without_cache(outcome.usage)))
            self._outcomes[agent] = (*self._outcomes[agent], outcome)
            self._measured.append((agent, measured(outcome)))
            del self._open[decision]

    def hold(self, decision: int, step: Step) -> None:
        with self._lock:
            self._require_expansion(decision, step)
            if step.child is None or decision in self._held:
                raise ArchiveError("Nothing that could be held, or held before.")
            self._held[decision] = HeldStep(decision, step, at=self._now())

    def held(self) -> tuple[HeldStep, ...]:
        with self._lock:
            return tuple(self._held[number] for number in sorted(self._held) if number in self._open)

    def add_review(self, decision: int, review: Review) -> None:
        with self._lock:
            if decision not in self._held or self._held[decision].review is not None:
                raise ArchiveError("Not held, or reviewed before.")
            self._held[decision] = replace(self._held[decision], review=review)

    def approvals(self) -> int:
        return sum(held.review is not None and held.review.approved for held in self._held.values())

    def add_intervention(self, what: Intervention, reason: str) -> None:
        self.interventions.append((what, reason))

    def add_controls(self, controls: Sequence[StandingControl]) -> None:
        with self._lock:
            self.controls += controls
            self._controlled[len(self._measured)] = all(control.passed for control in controls)

    def control_count(self) -> int:
        return len(self.controls)

    def evaluations_since_control(self) -> int:
        passed = [measured for measured, all_passed in self._controlled.items() if all_passed]
        return len(self._measured) - max(passed, default=0)

    def add_fault(self, decision: int, message: str) -> None:
        with self._lock:
            self._require_decision(decision)
            self.faults.append((decision, message))

    def end(self, reason: str) -> None:
        self.ends.append(reason)

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        with self._lock:
            if (session, number) in self._calls:
                raise ArchiveError("Reserved before.")
            self._calls[session, number] = _without_cache(worst_case)

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        with self._lock:
            if (session, number) not in self._calls or (session, number) in self._settled:
                raise ArchiveError("Not reserved, or settled.")
            self._settled.add((session, number))
            self._calls[session, number] = usage

    def spent(self) -> Usage:
        with self._lock:
            calls = list(self._calls.values())
        nanos = sum(round(call.cost_usd * NANOS_PER_USD) for call in calls)
        return replace(sum(calls, Usage()), cost_usd=nanos / NANOS_PER_USD)

    def usage_by_role(self) -> dict[Role, Usage]:
        with self._lock:
            found = {
                role: [usage for (session, _), usage in self._calls.items() if purpose_of(session) == role.value]
                for role in Role
            }
        return {role: sum(calls, Usage()) for role, calls in found.items() if calls}

    def _made(self, step: Step) -> AgentId | None:
        return next((agent.id for agent in self._agents.values() if agent.step == step.number), None)

    def _add_agent(
        self, code: FileTree, *, step: int, parent: Agent | None, partners: tuple[AgentId, ...] = ()
    ) -> Agent:
        parent_id = None if parent is None else parent.id
        agent = Agent(
            id=agent_id(run_seed=self._seed, step=step, parent=parent_id, code_hash=tree_hash(code)),
            parents=() if parent_id is None else (parent_id, *partners),
            generation=0 if parent is None else parent.generation + 1,
            step=step,
            created_at=self._now(),
        )
        self._agents[agent.id] = agent
        self._code[agent.id] = dict(code)
        self._outcomes[agent.id] = ()
        return agent

    def _require_decision(self, decision: int) -> None:
        if not 1 <= decision <= len(self.decisions):
            raise ArchiveError("No such decision.")

    def _require_expansion(self, decision: int, step: Step) -> None:
        known = self._open[decision].action if decision in self._open else None
        editor = known.editor if isinstance(known, Expand) else None
        self._require_open(decision, Expand(step.parent, step.number, editor=editor, partner=step.partner))

    def _require_open(self, decision: int, action: Action) -> None:
        if decision not in self._open or self._open[decision].action != action:
            raise ArchiveError("Not an open decision of that kind.")


def _proposal(step: Step) -> str:
    return "" if step.diagnosis is None else step.diagnosis.improvement_proposal


def _without_cache(usage: Usage) -> Usage:
    return replace(usage, cache_read_tokens=0, cache_write_tokens=0)


def _to_the_nano(usage: Usage) -> Usage:
    return replace(usage, cost_usd=round(usage.cost_usd * NANOS_PER_USD) / NANOS_PER_USD)
