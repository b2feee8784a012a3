"""The engine: a steady-state asynchronous loop. Whenever a worker is free, the policy names the next action.

Weighed against rounds with a barrier (the public code): there every round waits for its slowest session, and an
interrupted round is lost. Here each result is a fact as soon as it is there.

One thread decides and records; workers only carry out jobs. Every choice is drawn from `Random(f"{seed}:{number}")` and
written down before it is carried out, so concurrency cannot change it and a resumed run carries it out again.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from random import Random
from typing import Any

from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Step
from dgm.core.errors import InfrastructureError, OutOfBudgetError, ProviderRefusedError, UsageError
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome, measured
from dgm.core.oversight import Command, Intervene, Intervention, Judge
from dgm.core.policies.partners import with_partner
from dgm.core.ports import Archive, Decision
from dgm.core.view import ArchiveView, Goal
from dgm.evolution.bench import Job
from dgm.evolution.controls import StandingControls
from dgm.evolution.desk import Desk, Request
from dgm.evolution.jobs import Jobs
from dgm.evolution.plan import Ending, Plan, Watcher
from dgm.evolution.reviews import Reviews

MAX_ATTEMPTS = 3  # of one decision, when the fault is ours

log = logging.getLogger(__name__)


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
        desk: Desk | None = None,
        controls: StandingControls | None = None,
    ) -> None:
        """Make an engine.

        Args:
            archive: of the run.
            plan: what it is to do.
            executor: carries out jobs.
            perform: what a job is.
            watcher: told what happens.
            desk: where a person's commands arrive.
            controls: judge what has a known verdict every now and then.
        """
        self._archive = archive
        self._plan = plan
        self._executor = executor
        self._perform = perform
        self._watcher = watcher
        self._desk = Desk() if desk is None else desk
        self._controls = controls
        self._reviews = Reviews(archive, plan.approval)
        self._jobs = Jobs(archive, plan, self._reviews)
        self._to_hold: set[int] = set()
        self._paused = False
        self._backlog: deque[Decision] = deque()
        self._in_flight: dict[Future[ActionResult], Decision] = {}
        self._faults: dict[int, int] = {}
        self._view = view_of(archive, plan.goal)
        self._fatal: BaseException | None = None
        self._draining = False
        self._broke = False

    def drain(self) -> None:
        """Start nothing more; what is in flight is finished and recorded. May be called from a signal handler."""
        self._draining = True
        # Not in this thread: a signal handler may have interrupted whoever holds the desk's lock.
        threading.Thread(target=self._desk.ring, daemon=True).start()

    def run(self) -> Ending:
        """Carry out decisions until the plan is done.

        Raises:
            InfrastructureError: a fault of ours came back on every attempt, after all other results were recorded.
            ArchiveError: something could not be recorded or read; the other results were, as far as that is possible.
            Exception: a worker's bug, after all other results were recorded.
        """
        with self._giving_up():
            self._take_up()
        while True:
            for request in self._desk.take():
                with self._giving_up():
                    self._attend(request)
            with self._giving_up():
                self._fill_workers()
            if not self._working and not self._waits_for_a_person:
                break
            wait([*self._working, self._desk.bell], return_when=FIRST_COMPLETED)
            self._collect()
        self._desk.close()
        if self._fatal is not None:
            raise self._fatal
        return self._ending()

    def _take_up(self) -> None:
        """Go on with what was chosen before and has no result."""
        for decision in self._archive.open_decisions():
            self._show(decision.action)
            if not self._reviews.waits(decision.number):
                self._backlog.append(decision)

    def _collect(self) -> None:
        """Record what is done, in the order of the decisions: two results at once must not be recorded by chance."""
        done = [future for future in self._in_flight if future.done()]
        for future in sorted(done, key=lambda future: self._in_flight[future].number):
            with self._giving_up():
                self._record(self._in_flight.pop(future), future)
        if self._controls is not None:
            with self._giving_up():
                if passed := self._controls.collect():
                    self._watcher.controlled(passed)

    @contextmanager
    def _giving_up(self) -> Generator[None]:
        """Let an error end the run, but not before what else is in flight, and paid for, is recorded.

        Any error: the archive's, a worker's, or a bug of a policy or a watcher that somebody else wrote.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again when all else is recorded
            self._fatal = self._fatal or error

    def _ending(self) -> Ending:
        if self._broke:
            return Ending.OUT_OF_BUDGET
        if self._draining:
            return Ending.DRAINED
        return Ending.FINISHED if self._is_finished() else Ending.EXHAUSTED

    def _is_finished(self) -> bool:
        return self._view.evaluations_left <= 0 or len(self._view) > self._plan.goal.children

    @property
    def _is_ending(self) -> bool:
        return self._draining or self._broke or self._fatal is not None

    @property
    def _waits_for_a_person(self) -> bool:
        return not self._is_ending and (self._paused or bool(self._reviews.waiting()))

    def _fill_workers(self) -> None:
        while len(self._working) < self._plan.workers and not (self._is_ending or self._paused):
            if self._controls is not None and self._controls.is_due:
                self._controls.start(self._executor)
                continue
            decision = self._backlog.popleft() if self._backlog else self._decide()
            if decision is None:
                return
            self._start(decision)

    @property
    def _working(self) -> list[Future[Any]]:
        control = None if self._controls is None else self._controls.in_flight
        return [*self._in_flight, *([] if control is None else [control])]

    def _decide(self) -> Decision | None:
        number = self._archive.decision_count() + 1
        action = self._chosen(Random(f"{self._plan.seed}:{number}"))
        is_selecting = bool(self._reviews.waiting()) or not all(map(self._is_held_out, self._actions_in_flight()))
        if action is None and not is_selecting:
            action = self._held_out_due()
        if action is None:
            return None
        decision = self._archive.decide(action)
        self._show(action)
        return decision

    def _show(self, action: Action) -> None:
        """Let the policy see what is in flight, but nothing of what is held out from selection."""
        if not self._is_held_out(action):
            self._view.begin(action)

    def _chosen(self, random: Random) -> Action | None:
        if self._view.evaluations_left <= 0:
            return None
        action = self._plan.policy.next_action(self._view, random)
        if isinstance(action, Expand) and self._plan.merge_rate and random.random() < self._plan.merge_rate:
            return with_partner(action, self._plan.policy, self._view, random)
        return action

    def _held_out_due(self) -> Action | None:
        """Return what is to be measured once selection ended: the seed and the best agent on what it never saw."""
        tasks = sorted(self._archive.held_out())
        for agent in dict.fromkeys((self._view.agent(0).id, self._archive.best())) if tasks else ():
            known = [(outcome.task, outcome.trial) for outcome in self._archive.held_out_of(agent)]
            for task in tasks:
                for trial in range(self._plan.goal.trials):
                    action = Evaluate(agent, task, trial)
                    if (task, trial) not in known and action not in self._actions_in_flight():
                        return action
        return None

    def _actions_in_flight(self) -> list[Action]:
        return [decision.action for decision in self._in_flight.values()]

    def _is_held_out(self, action: Action) -> bool:
        return isinstance(action, Evaluate) and action.task in self._archive.held_out()

    def is_measured(self, agent: AgentId) -> bool:
        """Whether nothing is due or in flight for an agent by the run's rule."""
        return not self._plan.goal.rule.due(self._view.number(agent), self._view)

    def _start(self, decision: Decision) -> None:
        if (refused := self._reviews.refused(decision.number)) is not None:
            self._add(decision, refused)
            return
        self._watcher.started(decision)
        job = self._jobs.begun(decision)
        # Anew at every attempt: a child may have been approved since the last one ended with a fault.
        if job.is_held:
            self._to_hold.add(decision.number)
        else:
            self._to_hold.discard(decision.number)
        self._in_flight[self._executor.submit(self._perform, job)] = decision

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
            case Expand(), Step() if decision.number in self._to_hold and result.child is not None:
                self._hold(decision, result)
                return
            case Expand() as action, Step():
                self._view.end_step(action, self._archive.add_step(decision.number, result))
                self._reviews.forget(decision.number)
            case Evaluate(agent=agent) as action, Outcome():
                self._archive.add_outcome(decision.number, agent, result)
                if not self._is_held_out(action):
                    self._view.end_evaluation(action, measured(result))
            case _:
                raise TypeError(f"decision {decision.number} came back with a {type(result).__name__}")
        self._watcher.recorded(decision, result)

    def _hold(self, decision: Decision, step: Step) -> None:
        self._to_hold.discard(decision.number)
        self._reviews.hold(decision.number, step)
        if self._reviews.waits(decision.number):
            self._watcher.held(decision, step)
        self._release()

    def _release(self) -> None:
        """Let go on what waits no more, such as once the first child was approved and only that was to be."""
        chosen = {decision.number for decision in (*self._backlog, *self._in_flight.values())}
        for decision in self._archive.open_decisions():
            if decision.number not in chosen and not self._reviews.waits(decision.number):
                self._backlog.append(decision)

    def _attend(self, request: Request) -> None:
        """Carry out what a person asked for, and answer."""
        try:
            answer = self._carried_out(request.command)
        except UsageError as error:
            request.answer.set_exception(error)
        except BaseException as error:
            request.answer.set_exception(error)
            raise
        else:
            request.answer.set_result(answer)
            self._watcher.told(answer)

    def _carried_out(self, command: Command) -> str:
        in_flight = len(self._in_flight)
        sessions = f"{in_flight} {'session' if in_flight == 1 else 'sessions'} in flight"
        match command:
            case Judge(decision=decision, review=review):
                step = self._reviews.judge(decision, review)
                self._release()
                return f"Step {step.number} is {'approved' if review.approved else 'rejected'}."
            case Intervene(what=what, reason=reason):
                if (what is Intervention.PAUSE and self._paused) or (what is Intervention.RESUME and not self._paused):
                    raise UsageError(f"The run is {'paused already' if self._paused else 'not paused'}.")
                self._archive.add_intervention(what, reason)
                match what:
                    case Intervention.PAUSE:
                        self._paused = True
                        return f"The run pauses; {sessions} will end and be recorded."
                    case Intervention.RESUME:
                        self._paused = False
                        return "The run goes on."
                    case Intervention.STOP:
                        self._draining = True
                        return f"The run stops; {sessions} will end and be recorded."

    def _retry(self, decision: Decision, fault: InfrastructureError) -> None:
        """Put a decision back, or give the run up when its fault does not go away. A fault is never scored."""
        self._faults[decision.number] = self._faults.get(decision.number, 0) + 1
        if isinstance(fault, ProviderRefusedError) or self._faults[decision.number] >= MAX_ATTEMPTS:
            self._fatal = self._fatal or fault
        else:
            self._backlog.appendleft(decision)
        self._archive.add_fault(decision.number, str(fault))
        self._watcher.faulted(decision, fault)


def view_of(archive: Archive, goal: Goal) -> ArchiveView:
    """Return what a policy sees of an archive, without what is in flight."""
    view = ArchiveView(goal, steps_done=archive.steps_done())
    for agent in archive.agent_tree():
        view.add_agent(agent)
    for agent, found in archive.measured():
        view.add_measured(agent, found)
    return view
