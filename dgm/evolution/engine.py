"""The engine: a steady-state asynchronous loop. Whenever a worker is free, the policy names the next action.

Weighed against rounds with a barrier (the public code): there every round waits for its slowest session, and an
interrupted round is lost. Here each result is a fact as soon as it is there.

One thread decides and records; workers only carry out jobs. Every choice is drawn from `Random(f"{seed}:{number}")` and
written down before it is carried out, so concurrency cannot change it and a resumed run carries it out again.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Protocol, assert_never

from dgm.core.actions import ActionResult, Evaluate, Expand, Step
from dgm.core.errors import DgmError, InfrastructureError, OutOfBudgetError, ProviderRefusedError
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.policies import Policy
from dgm.core.ports import Archive, Decision
from dgm.core.stages import Stage
from dgm.core.view import AgentState, ArchiveView
from dgm.evolution.bench import Job

MAX_ATTEMPTS = 3  # of one decision, when the fault is ours
STEPS_PER_CHILD = 3  # attempts allowed for each child wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do."""

    policy: Policy
    stages: tuple[Stage, ...]
    children: int
    trials: int
    workers: int
    seed: int


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


class Engine:
    """Carries out a policy's decisions on an executor until nothing is left to do."""

    def __init__(
        self,
        archive: Archive,
        plan: Plan,
        *,
        executor: Executor,
        perform: Callable[[Job], ActionResult],
        watcher: Watcher,
    ) -> None:
        self._archive = archive
        self._plan = plan
        self._executor = executor
        self._perform = perform
        self._watcher = watcher
        self._backlog: deque[Decision] = deque()
        self._in_flight: dict[Future[ActionResult], Decision] = {}
        self._faults: dict[int, int] = {}
        self._fatal: BaseException | None = None
        self._draining = False
        self._broke = False

    def drain(self) -> None:
        """Start nothing more; what is in flight is finished and recorded. May be called from a signal handler."""
        self._draining = True

    def run(self) -> Ending:
        """Carry out decisions until the plan is done.

        Raises:
            InfrastructureError: a fault of ours came back on every attempt, after all other results were recorded.
            ArchiveError: something could not be recorded or read; the other results were, as far as that is possible.
            Exception: a worker's bug, after all other results were recorded.
        """
        self._backlog.extend(self._archive.open_decisions())
        while True:
            with self._giving_up():
                self._fill_workers()
            if not self._in_flight:
                break
            done, _ = wait(self._in_flight, return_when=FIRST_COMPLETED)
            # In the order of the decisions: two results at once must not be recorded by chance.
            for future in sorted(done, key=lambda future: self._in_flight[future].number):
                with self._giving_up():
                    self._record(self._in_flight.pop(future), future)
        if self._fatal is not None:
            raise self._fatal
        return self._ending()

    @contextmanager
    def _giving_up(self) -> Generator[None]:
        """Let an error of the archive end the run, but not before what else is in flight, and paid for, is recorded."""
        try:
            yield
        except DgmError as error:
            self._fatal = self._fatal or error

    def _ending(self) -> Ending:
        if self._broke:
            return Ending.OUT_OF_BUDGET
        if self._draining:
            return Ending.DRAINED
        return Ending.FINISHED if len(self._view().agents) > self._plan.children else Ending.EXHAUSTED

    def _fill_workers(self) -> None:
        while len(self._in_flight) < self._plan.workers and not (self._draining or self._broke or self._fatal):
            decision = self._backlog.popleft() if self._backlog else self._decide()
            if decision is None:
                return
            self._start(decision)

    def _decide(self) -> Decision | None:
        number = self._archive.decision_count() + 1
        action = self._plan.policy.next_action(self._view(), Random(f"{self._plan.seed}:{number}"))
        return None if action is None else self._archive.decide(action)

    def _view(self) -> ArchiveView:
        tree, outcomes = self._archive.agent_tree(), self._archive.outcomes()
        return ArchiveView(
            agents=tuple(
                AgentState(agent=agent, outcomes=outcomes[agent.id], children=len(tree.children(agent.id)))
                for agent in tree
            ),
            in_flight=tuple(decision.action for decision in (*self._in_flight.values(), *self._backlog)),
            steps_done=self._archive.steps_done(),
            stages=self._plan.stages,
            trials=self._plan.trials,
            children_wanted=self._plan.children,
            steps_allowed=self._plan.children * STEPS_PER_CHILD,
        )

    def _start(self, decision: Decision) -> None:
        self._watcher.started(decision)
        self._in_flight[self._executor.submit(self._perform, self._job(decision))] = decision

    def _job(self, decision: Decision) -> Job:
        attempt = self._archive.begin_attempt(decision.number)
        match decision.action:
            case Expand(parent=parent):
                return Job(decision.action, attempt, self._archive.code(parent), self._evidence(parent))
            case Evaluate(agent=agent):
                return Job(decision.action, attempt, self._archive.code(agent))
            case _ as never:
                assert_never(never)

    def _evidence(self, parent: AgentId) -> tuple[Outcome, ...]:
        """Return what an agent did not resolve, in the order of the stages: workers end in any order."""
        tasks = [task for stage in self._plan.stages for task in stage.tasks]
        unresolved = [outcome for outcome in self._archive.outcomes()[parent] if not outcome.resolved]
        return tuple(sorted(unresolved, key=lambda outcome: (tasks.index(outcome.task), outcome.trial)))

    def _record(self, decision: Decision, future: Future[ActionResult]) -> None:
        match future.exception():
            case None:
                self._add(decision, future.result())
            case OutOfBudgetError() as error:
                # Not measured: the decision stays open, and a resumed run with more money carries it out.
                log.info("decision %d stopped: %s", decision.number, error)
                self._broke = True
            case InfrastructureError() as fault:
                self._retry(decision, fault)
            case bug:
                self._fatal = self._fatal or bug

    def _add(self, decision: Decision, result: ActionResult) -> None:
        match decision.action, result:
            case Expand(), Step():
                self._archive.add_step(decision.number, result)
            case Evaluate(agent=agent), Outcome():
                self._archive.add_outcome(decision.number, agent, result)
            case _:
                raise TypeError(f"decision {decision.number} came back with a {type(result).__name__}")
        self._watcher.recorded(decision, result)

    def _retry(self, decision: Decision, fault: InfrastructureError) -> None:
        """Put a decision back, or give the run up when its fault does not go away. A fault is never scored."""
        self._faults[decision.number] = self._faults.get(decision.number, 0) + 1
        if isinstance(fault, ProviderRefusedError) or self._faults[decision.number] >= MAX_ATTEMPTS:
            self._fatal = self._fatal or fault
        else:
            self._backlog.appendleft(decision)
        self._archive.add_fault(decision.number, str(fault))
        self._watcher.faulted(decision, fault)
