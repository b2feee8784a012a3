"""An archive in memory: `dgm.core.ports.Archive` for tests of whatever stands on it."""

import threading
from collections.abc import Callable
from dataclasses import replace

from dgm.core.actions import Action, Evaluate, Expand, Step
from dgm.core.agents import Agent, AgentTree
from dgm.core.errors import ArchiveError
from dgm.core.files import FileTree, tree_hash
from dgm.core.ids import AgentId, SessionId, agent_id
from dgm.core.outcomes import Outcome, Usage
from dgm.core.ports import Attempt, Decision

_NANOS_PER_USD = 10**9


class MemoryArchive:
    """Keeps everything in lists. Refuses what the real one refuses; costs are kept in nano-dollars as there."""

    def __init__(self, *, seed: int = 0, now: Callable[[], float] = lambda: 0.0) -> None:
        self._seed = seed
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

    def agent_tree(self) -> AgentTree:
        with self._lock:
            return AgentTree(self._agents.values())

    def outcomes(self) -> dict[AgentId, tuple[Outcome, ...]]:
        with self._lock:
            return dict(self._outcomes)

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
            if (action.parent if isinstance(action, Expand) else action.agent) not in self._agents:
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
            self._require_open(decision, Expand(step.parent, step.number))
            child = None
            if step.child is not None:
                child = self._add_agent(step.child, step=step.number, parent=self._agents[step.parent])
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
            del self._open[decision]

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
        nanos = sum(round(call.cost_usd * _NANOS_PER_USD) for call in calls)
        return replace(sum(calls, Usage()), cost_usd=nanos / _NANOS_PER_USD)

    def _add_agent(self, code: FileTree, *, step: int, parent: Agent | None) -> Agent:
        parent_id = None if parent is None else parent.id
        agent = Agent(
            id=agent_id(run_seed=self._seed, step=step, parent=parent_id, code_hash=tree_hash(code)),
            parents=() if parent_id is None else (parent_id,),
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

    def _require_open(self, decision: int, action: Action) -> None:
        if decision not in self._open or self._open[decision].action != action:
            raise ArchiveError("Not an open decision of that kind.")


def _without_cache(usage: Usage) -> Usage:
    return replace(usage, cache_read_tokens=0, cache_write_tokens=0)


def _to_the_nano(usage: Usage) -> Usage:
    return replace(usage, cost_usd=round(usage.cost_usd * _NANOS_PER_USD) / _NANOS_PER_USD)
