"""The engine against an archive in memory and scripted workers."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Rejection, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import (
    CorruptArchiveError,
    DiskFullError,
    InfrastructureError,
    OutOfBudgetError,
    ProviderRefusedError,
    SandboxError,
)
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.policies import POLICIES, Policy
from dgm.core.ports import Decision
from dgm.core.rules import Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.evolution.bench import Job
from dgm.evolution.engine import Engine
from dgm.evolution.plan import Ending, Plan
from tests.fakes.archive import MemoryArchive

SEED = {"main.py": File(b"print('seed')\n")}
TASKS = tuple(TaskId(name) for name in ("one", "two", "three"))


class InlineExecutor(Executor):
    """Carries a job out at once, in the calling thread: one worker without threads."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future holds whatever was raised
            future.set_exception(error)
        return future


@dataclass
class Recorder:
    """A watcher that keeps what it is told."""

    events: list[str] = field(default_factory=list[str])

    def started(self, decision: Decision) -> None:
        self.events.append(f"started {decision.number}")

    def recorded(self, decision: Decision, result: ActionResult) -> None:
        del result
        self.events.append(f"recorded {decision.number}")

    def faulted(self, decision: Decision, fault: InfrastructureError) -> None:
        self.events.append(f"faulted {decision.number}: {fault}")

    def held(self, decision: Decision, step: Step) -> None:
        self.events.append(f"held {decision.number}: step {step.number}")

    def told(self, answer: str) -> None:
        self.events.append(answer)

    def controlled(self, controls: Sequence[StandingControl]) -> None:
        self.events.append(f"controlled {len(controls)}")


def plan(*, children: int = 3, workers: int = 1, above: float = 0.4) -> Plan:
    stages = (Stage(TASKS[:2], above=0.0), Stage(TASKS[2:], above=above))
    goal = Goal(stages, trials=1, rule=Staged(stages, 1), children=children, steps=3 * children)
    return Plan(POLICIES["dgm"](), goal, workers=workers, seed=7)


def outcome(job: Job, action: Evaluate, verdict: Verdict) -> Outcome:
    session = job.session("agent")
    return Outcome(action.task, action.trial, verdict, "", seconds=1.0, session=session, patch="+ a line\n")


def step(job: Job, action: Expand, *, rejection: Rejection | None = None) -> Step:
    child = None if rejection else {"main.py": File(f"# step {action.step}\n".encode())}
    return Step(
        number=action.step,
        parent=action.parent,
        evidence_task=job.unresolved[0].task,
        diagnosis=None,
        child=child,
        rejection=rejection,
        detail="",
        seconds=1.0,
        sessions=(job.session("improve"),),
    )


def perform(job: Job) -> ActionResult:
    """Resolve task "one" always and task "two" for children of an even step; every step makes a child."""
    match job.action:
        case Expand():
            return step(job, job.action)
        case Evaluate(task=task):
            even = b"step 2" in job.code["main.py"].content
            resolved = task == "one" or (task == "two" and even)
            return outcome(job, job.action, Verdict.RESOLVED if resolved else Verdict.UNRESOLVED)


def new_archive() -> MemoryArchive:
    archive = MemoryArchive()
    archive.add_seed_agent(SEED)
    return archive


def run(archive: MemoryArchive, plan_: Plan, work: Callable[[Job], ActionResult] = perform) -> Ending:
    return Engine(archive, plan_, executor=InlineExecutor(), perform=work, watcher=Recorder()).run()


def lineage_facts(archive: MemoryArchive) -> list[tuple[str, str | None, int]]:
    return [(agent.id, agent.parent, len(archive.outcomes()[agent.id])) for agent in archive.agent_tree()]


def test_it_grows_the_children_that_were_asked_for() -> None:
    archive = new_archive()
    assert run(archive, plan(children=4)) is Ending.FINISHED
    assert len(archive.agent_tree()) == 5


def test_every_agent_is_measured_as_far_as_its_stages_go() -> None:
    archive = new_archive()
    run(archive, plan(children=3, above=0.5))
    measured = {agent.step: len(archive.outcomes()[agent.id]) for agent in archive.agent_tree()}
    assert measured == {0: 3, 1: 2, 2: 3, 3: 2}  # the seed on all, step 2 past the threshold, the others not


def test_the_same_seed_grows_the_same_tree() -> None:
    first, second = new_archive(), new_archive()
    run(first, plan(children=6))
    run(second, plan(children=6))
    assert lineage_facts(first) == lineage_facts(second)


def test_a_run_stopped_after_any_decision_ends_with_the_tree_of_an_uninterrupted_one() -> None:
    whole = new_archive()
    run(whole, plan(children=4))
    for stop_after in range(1, whole.decision_count()):
        archive = new_archive()

        def interrupted(job: Job, stop_after: int = stop_after) -> ActionResult:
            if job.attempt.decision > stop_after:
                raise KeyboardInterrupt  # stands for a kill: nothing is recorded
            return perform(job)

        with pytest.raises(KeyboardInterrupt):
            run(archive, plan(children=4), interrupted)
        assert run(archive, plan(children=4)) is Ending.FINISHED
        assert lineage_facts(archive) == lineage_facts(whole)


def test_a_drained_run_records_what_was_in_flight_and_goes_on_later() -> None:
    archive = new_archive()
    engine: Engine | None = None

    def stop_at_five(job: Job) -> ActionResult:
        if job.attempt.decision == 5:
            assert engine is not None
            engine.drain()
        return perform(job)

    engine = Engine(archive, plan(), executor=InlineExecutor(), perform=stop_at_five, watcher=Recorder())
    assert engine.run() is Ending.DRAINED
    assert archive.decision_count() == 5
    assert archive.open_decisions() == ()
    assert run(archive, plan()) is Ending.FINISHED


def test_a_passing_fault_is_retried_and_never_scored() -> None:
    archive = new_archive()

    def flaky(job: Job) -> ActionResult:
        if job.attempt.decision == 2 and job.attempt.number < 3:
            raise SandboxError("the engine hiccuped")
        return perform(job)

    assert run(archive, plan(), flaky) is Ending.FINISHED
    clean = new_archive()
    run(clean, plan())
    assert lineage_facts(archive) == lineage_facts(clean)


def test_a_fault_that_stays_stops_the_run_with_its_own_words_and_leaves_the_decision_open() -> None:
    archive = new_archive()

    def broken(job: Job) -> ActionResult:
        if job.attempt.decision == 2:
            raise SandboxError("no space left")
        return perform(job)

    with pytest.raises(SandboxError, match="no space left"):
        run(archive, plan(), broken)
    assert [decision.number for decision in archive.open_decisions()] == [2]
    assert len(archive.outcomes()[archive.agent_tree().root.id]) == 1


def test_a_refusal_by_the_provider_is_not_tried_again() -> None:
    archive, tries = new_archive(), list[int]()

    def refused(job: Job) -> ActionResult:
        tries.append(job.attempt.number)
        raise ProviderRefusedError("wrong key")

    with pytest.raises(ProviderRefusedError):
        run(archive, plan(), refused)
    assert tries == [1]


def test_a_workers_bug_ends_the_run_after_the_other_results_were_recorded() -> None:
    archive = new_archive()

    def buggy(job: Job) -> ActionResult:
        if job.attempt.decision == 1:
            raise LookupError("a bug")
        return perform(job)

    with pytest.raises(LookupError, match="a bug"):
        run(archive, plan(workers=2), buggy)
    assert [decision.number for decision in archive.open_decisions()] == [1]
    assert len(archive.outcomes()[archive.agent_tree().root.id]) == 1
    assert run(archive, plan()) is Ending.FINISHED


def test_a_fault_that_stays_with_one_worker_keeps_what_the_others_bring() -> None:
    archive = new_archive()

    def refused(job: Job) -> ActionResult:
        if job.attempt.decision == 1:
            raise ProviderRefusedError("wrong key")
        return perform(job)

    with pytest.raises(ProviderRefusedError):
        run(archive, plan(workers=2), refused)
    assert [decision.number for decision in archive.open_decisions()] == [1]
    assert len(archive.outcomes()[archive.agent_tree().root.id]) == 1


class NearlyFullArchive(MemoryArchive):
    """Has no room for the result of the first decision."""

    def add_outcome(self, decision: int, agent: AgentId, outcome: Outcome) -> None:
        if decision == 1:
            raise DiskFullError("the disk is full")
        super().add_outcome(decision, agent, outcome)


def test_a_result_that_cannot_be_recorded_ends_the_run_after_the_others_were() -> None:
    archive = NearlyFullArchive()
    archive.add_seed_agent(SEED)
    with pytest.raises(DiskFullError):
        run(archive, plan(workers=2))
    assert [decision.number for decision in archive.open_decisions()] == [1]
    assert len(archive.outcomes()[archive.agent_tree().root.id]) == 1


class DamagedArchive(MemoryArchive):
    """Loses the code of its agent once a decision is under way."""

    def code(self, agent: AgentId) -> FileTree:
        if self.decision_count() > 1:
            raise CorruptArchiveError("an object is missing")
        return super().code(agent)


def test_code_that_cannot_be_read_ends_the_run_after_what_is_in_flight_was_recorded() -> None:
    archive = DamagedArchive()
    archive.add_seed_agent(SEED)
    with pytest.raises(CorruptArchiveError):
        run(archive, plan(workers=2))
    assert len(archive.outcomes()[archive.agent_tree().root.id]) == 1


def test_an_empty_purse_leaves_the_measurement_open_instead_of_scoring_it() -> None:
    archive = new_archive()

    def broke(job: Job) -> ActionResult:
        if job.attempt.decision > 2:
            raise OutOfBudgetError("the cap is reached")
        return perform(job)

    assert run(archive, plan(), broke) is Ending.OUT_OF_BUDGET
    assert [decision.number for decision in archive.open_decisions()] == [3]
    assert len(archive.outcomes()[archive.agent_tree().root.id]) == 2


def test_rejected_steps_are_facts_and_end_the_run_when_the_attempts_are_used_up() -> None:
    archive = new_archive()

    def hopeless(job: Job) -> ActionResult:
        if isinstance(job.action, Expand):
            return step(job, job.action, rejection=Rejection.EMPTY_PATCH)
        return perform(job)

    assert run(archive, plan(children=2), hopeless) is Ending.EXHAUSTED
    assert archive.steps_done() == 6
    assert len(archive.agent_tree()) == 1


def test_a_seed_agent_that_resolves_everything_has_nothing_to_be_improved_on() -> None:
    archive = new_archive()

    def perfect(job: Job) -> ActionResult:
        assert isinstance(job.action, Evaluate)
        return outcome(job, job.action, Verdict.RESOLVED)

    assert run(archive, plan(), perfect) is Ending.EXHAUSTED


def test_many_workers_record_every_measurement_once() -> None:
    archive = new_archive()
    with ThreadPoolExecutor(8) as executor:
        engine = Engine(archive, plan(children=12, workers=8), executor=executor, perform=perform, watcher=Recorder())
        assert engine.run() is Ending.FINISHED
    for outcomes in archive.outcomes().values():
        assert len({(outcome.task, outcome.trial) for outcome in outcomes}) == len(outcomes)
    steps = sorted(agent.step for agent in archive.agent_tree())
    assert steps == list(range(13))


def test_a_slow_step_holds_nobody_up() -> None:
    archive, third_began = new_archive(), threading.Event()

    def slow_at_first(job: Job) -> ActionResult:
        match job.action:
            case Expand(step=1):
                assert third_began.wait(timeout=30)  # in rounds of two it would never come
            case Expand(step=3):
                third_began.set()
            case _:
                pass
        return perform(job)

    with ThreadPoolExecutor(2) as executor:
        plan_ = plan(children=4, workers=2)
        engine = Engine(archive, plan_, executor=executor, perform=slow_at_first, watcher=Recorder())
        assert engine.run() is Ending.FINISHED
    assert [step.number for step in archive.steps].index(1) > 0


def test_the_watcher_hears_of_starts_results_and_faults() -> None:
    archive, watcher = new_archive(), Recorder()

    def flaky(job: Job) -> ActionResult:
        if job.attempt == job.attempt.__class__(1, 1):
            raise SandboxError("a hiccup")
        return perform(job)

    Engine(archive, plan(children=0), executor=InlineExecutor(), perform=flaky, watcher=watcher).run()
    assert watcher.events[:4] == ["started 1", "faulted 1: a hiccup", "started 1", "recorded 1"]


HELD_OUT = tuple(TaskId(name) for name in ("four", "five"))


def archive_with_held_out() -> MemoryArchive:
    archive = MemoryArchive(held_out=HELD_OUT)
    archive.add_seed_agent(SEED)
    return archive


def held_out_facts(archive: MemoryArchive) -> dict[int, list[str]]:
    """Return the tasks that agents were measured on beyond what selection sees, by the steps that made the agents."""
    found = {agent.step: [outcome.task for outcome in archive.held_out_of(agent.id)] for agent in archive.agent_tree()}
    return {step: sorted(tasks) for step, tasks in found.items() if tasks}


def test_the_seed_agent_and_the_best_one_alone_are_measured_on_what_is_held_out_once_selection_ended() -> None:
    archive = archive_with_held_out()
    assert run(archive, plan(children=3)) is Ending.FINISHED
    assert archive.agent_tree()[archive.best()].step == 2
    assert held_out_facts(archive) == {0: ["five", "four"], 2: ["five", "four"]}
    last = [decision.action for decision in archive.decisions[-4:]]
    assert all(isinstance(action, Evaluate) and action.task in HELD_OUT for action in last)


def test_a_seed_agent_that_is_the_best_itself_is_measured_once_on_what_is_held_out() -> None:
    archive = archive_with_held_out()
    assert run(archive, plan(children=0)) is Ending.FINISHED
    assert held_out_facts(archive) == {0: ["five", "four"]}


def test_what_is_held_out_is_measured_by_all_workers_at_once() -> None:
    archive, all_of_them = archive_with_held_out(), threading.Barrier(4)

    def together(job: Job) -> ActionResult:
        if isinstance(job.action, Evaluate) and job.action.task in HELD_OUT:
            all_of_them.wait(timeout=30)  # one after the other they would never meet
        return perform(job)

    with ThreadPoolExecutor(4) as executor:
        plan_ = plan(children=3, workers=4)
        engine = Engine(archive, plan_, executor=executor, perform=together, watcher=Recorder())
        assert engine.run() is Ending.FINISHED
    assert sorted(len(tasks) for tasks in held_out_facts(archive).values()) == [2, 2]


def test_a_run_stopped_after_any_decision_measures_what_is_held_out_once() -> None:
    whole = archive_with_held_out()
    run(whole, plan(children=3))
    for stop_after in range(1, whole.decision_count() + 1):
        archive = archive_with_held_out()

        def interrupted(job: Job, stop_after: int = stop_after) -> ActionResult:
            if job.attempt.decision > stop_after:
                raise KeyboardInterrupt  # stands for a kill: nothing is recorded
            return perform(job)

        with contextlib.suppress(KeyboardInterrupt):
            run(archive, plan(children=3), interrupted)
        assert run(archive, plan(children=3)) is Ending.FINISHED
        assert (lineage_facts(archive), held_out_facts(archive)) == (lineage_facts(whole), held_out_facts(whole))
        assert archive.decision_count() == whole.decision_count()


@dataclass
class Spy:
    """A policy that keeps what its view shows whenever it is asked."""

    policy: Policy = field(default_factory=POLICIES["dgm"])
    seen: set[str] = field(default_factory=set[str])
    in_flight: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """How many measurements had ended and how many were in flight."""

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        for number in range(len(view)):
            self.seen.update(task for task, _ in view.done(number))
        self.in_flight.append((view.evaluations, int(view.evaluating.sum())))
        return self.policy.next_action(view, random)


def test_no_policy_sees_that_what_is_held_out_is_in_flight() -> None:
    archive, spy = archive_with_held_out(), Spy()
    run(archive, replace(plan(children=0, workers=2), policy=spy))
    assert held_out_facts(archive) == {0: ["five", "four"]}
    assert {in_flight for ended, in_flight in spy.in_flight if ended == len(TASKS)} == {0}


def test_no_policy_sees_what_is_held_out_when_a_run_goes_on_to_more_children() -> None:
    archive, spy = archive_with_held_out(), Spy()

    def killed(job: Job) -> ActionResult:
        if isinstance(job.action, Evaluate) and job.action.task == "five":
            raise KeyboardInterrupt
        return perform(job)

    with pytest.raises(KeyboardInterrupt):
        run(archive, plan(children=2), killed)
    assert len(archive.open_decisions()) == 1
    assert run(archive, replace(plan(children=4, workers=2), policy=spy)) is Ending.FINISHED
    assert spy.seen == set(TASKS)
    assert spy.in_flight[0] == (sum(len(archive.outcomes()[agent.id]) for agent in list(archive.agent_tree())[:3]), 0)


def test_nothing_that_a_step_is_told_names_what_is_held_out() -> None:
    archive, told = archive_with_held_out(), list[str]()

    def listening(job: Job) -> ActionResult:
        if isinstance(job.action, Expand):
            told.extend(outcome.task for outcome in job.outcomes)
        return perform(job)

    run(archive, plan(children=2), listening)
    assert held_out_facts(archive)
    told.clear()
    assert run(archive, plan(children=5), listening) is Ending.FINISHED
    assert told
    assert set(told) <= set(TASKS)


def bounded(evaluations: int, *, workers: int = 1) -> Plan:
    plan_ = plan(children=9, workers=workers)
    return replace(plan_, goal=replace(plan_.goal, evaluations=evaluations))


def evaluated(archive: MemoryArchive) -> int:
    return sum(len(found) for found in archive.outcomes().values())


@pytest.mark.parametrize("evaluations", [1, 4, 8])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_bound_on_evaluations_ends_the_run_as_finished(evaluations: int, workers: int) -> None:
    archive = new_archive()
    with ThreadPoolExecutor(workers) as executor:
        plan_ = bounded(evaluations, workers=workers)
        engine = Engine(archive, plan_, executor=executor, perform=perform, watcher=Recorder())
        assert engine.run() is Ending.FINISHED
    assert evaluated(archive) == evaluations
    assert archive.open_decisions() == ()


def test_what_is_held_out_does_not_count_as_an_evaluation_of_the_bound() -> None:
    archive = archive_with_held_out()
    assert run(archive, bounded(5)) is Ending.FINISHED
    assert evaluated(archive) == 5
    assert held_out_facts(archive)


def test_a_decision_that_a_kill_left_open_counts_once() -> None:
    whole = new_archive()
    run(whole, bounded(8))
    for stop_after in range(whole.decision_count()):
        archive = new_archive()

        def interrupted(job: Job, stop_after: int = stop_after) -> ActionResult:
            if job.attempt.decision > stop_after:
                raise KeyboardInterrupt
            return perform(job)

        with pytest.raises(KeyboardInterrupt):
            run(archive, bounded(8), interrupted)
        assert len(archive.open_decisions()) == 1
        assert run(archive, bounded(8)) is Ending.FINISHED
        assert (evaluated(archive), lineage_facts(archive)) == (8, lineage_facts(whole))


@pytest.mark.parametrize("broken", ["policy", "watcher"])
def test_a_bug_in_what_somebody_else_wrote_ends_the_run_once_all_else_is_recorded(broken: str) -> None:
    archive, both = new_archive(), threading.Barrier(2)

    class BrokenPolicy:
        def next_action(self, view: ArchiveView, random: Random) -> Action | None:
            if broken == "policy" and view.evaluations:
                raise IndexError("a bug")
            return POLICIES["dgm"]().next_action(view, random)

    class BrokenWatcher(Recorder):
        def recorded(self, decision: Decision, result: ActionResult) -> None:
            super().recorded(decision, result)
            if broken == "watcher":
                raise IndexError("a bug")

    def together(job: Job) -> ActionResult:
        both.wait(timeout=30)  # so that one is in flight when the other's result comes to be recorded
        return perform(job)

    with ThreadPoolExecutor(2) as executor:
        plan_ = replace(plan(children=1, workers=2), policy=BrokenPolicy())
        engine = Engine(archive, plan_, executor=executor, perform=together, watcher=BrokenWatcher())
        with pytest.raises(IndexError, match="a bug"):
            engine.run()
    assert (archive.decision_count(), archive.open_decisions()) == (2, ())
