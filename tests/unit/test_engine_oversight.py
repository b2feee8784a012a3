"""The engine with a person: children that wait to be seen, pauses and stops, and what goes on meanwhile."""

from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from threading import Thread

import pytest

from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Rejection, Step
from dgm.core.errors import RunEndedError, SandboxError, UsageError
from dgm.core.oversight import Approval, Command, Intervene, Intervention, Judge, Review
from dgm.core.policies import Policy
from dgm.core.ports import Decision, Execution
from dgm.core.view import ArchiveView
from dgm.evolution.bench import Job
from dgm.evolution.desk import Desk
from dgm.evolution.engine import Engine
from dgm.evolution.plan import Ending, Plan
from dgm.evolution.step import expand, go_on
from tests.fakes.archive import MemoryArchive
from tests.fakes.bench import AgentProgram, expand_job
from tests.fakes.sandbox import Call, FakeContainer, ran
from tests.unit.test_engine import (
    HELD_OUT,
    InlineExecutor,
    Recorder,
    archive_with_held_out,
    lineage_facts,
    new_archive,
    perform,
    plan,
)
from tests.unit.test_step import fakes_with, improving

YES, NO = Review(approved=True, reason="reads well"), Review(approved=False, reason="It reads keys.")


def overseen(approval: Approval, *, children: int = 3, workers: int = 1) -> Plan:
    return replace(plan(children=children, workers=workers), approval=approval)


@dataclass
class Person(Recorder):
    """A watcher who acts when a child is held; the commands' answers are kept."""

    desk: Desk = field(default_factory=Desk)
    on_held: Callable[["Person"], None] | None = None
    on_recorded: Callable[["Person"], None] | None = None
    answers: list[Future[str]] = field(default_factory=list[Future[str]])
    waiting: list[int] = field(default_factory=list[int])

    def say(self, command: Command) -> None:
        self.answers.append(self.desk.post(command))

    def judge(self, review: Review) -> None:
        """Review the child that was held last."""
        self.say(Judge(self.waiting[-1], review))

    def held(self, decision: Decision, step: Step) -> None:
        super().held(decision, step)
        self.waiting.append(decision.number)
        if self.on_held is not None:
            self.on_held(self)

    def recorded(self, decision: Decision, result: ActionResult) -> None:
        super().recorded(decision, result)
        if self.on_recorded is not None:
            self.on_recorded(self)

    def said(self) -> list[str]:
        return [str(answer.exception()) if answer.exception() else answer.result() for answer in self.answers]


def judging(review: Review) -> Callable[[Person], None]:
    return lambda person: person.judge(review)


def engine_of(
    archive: MemoryArchive,
    plan_: Plan,
    person: Person,
    work: Callable[[Job], ActionResult] = perform,
    *,
    executor: Executor | None = None,
) -> Engine:
    executor = InlineExecutor() if executor is None else executor
    return Engine(archive, plan_, executor=executor, perform=work, watcher=person, desk=person.desk)


def evolve(
    archive: MemoryArchive, plan_: Plan, person: Person, work: Callable[[Job], ActionResult] = perform
) -> Ending:
    return engine_of(archive, plan_, person, work).run()


def kill(*_: object) -> None:
    """Stand for `kill -9`: nothing after this is recorded."""
    raise KeyboardInterrupt


def performed() -> tuple[list[Job], Callable[[Job], ActionResult]]:
    jobs: list[Job] = []

    def work(job: Job) -> ActionResult:
        jobs.append(job)
        if job.approved is not None:
            assert job.approved.child is not None
            return job.approved
        return perform(job)

    return jobs, work


def go_on_or(job: Job) -> ActionResult:
    """Do a job; an approved child passes its probe."""
    return perform(job) if job.approved is None else job.approved


# --- children that wait ----------------------------------------------------------------------------------------------


def test_other_work_goes_on_while_a_child_waits() -> None:
    archive = new_archive()
    person = Person()

    def at_the_third(person: Person) -> None:
        if len(person.waiting) == 3:
            for waiting in person.waiting:
                person.say(Judge(waiting, YES))

    person.on_held = at_the_third
    assert evolve(archive, overseen(Approval.EACH), person, go_on_or) is Ending.FINISHED
    assert [event for event in person.events if event.startswith(("held", "Step"))][:6] == [
        "held 4: step 1",
        "held 5: step 2",
        "held 6: step 3",
        "Step 1 is approved.",
        "Step 2 is approved.",
        "Step 3 is approved.",
    ]
    assert len(archive.agent_tree()) == 4


def test_a_child_that_waits_is_no_agent_and_nothing_of_it_is_measured() -> None:
    archive = new_archive()

    def drained(person: Person) -> None:
        person.say(Intervene(Intervention.STOP))

    assert evolve(archive, overseen(Approval.EACH), Person(on_held=drained)) is Ending.DRAINED
    assert [agent.step for agent in archive.agent_tree()] == [0]
    assert {decision.action.agent for decision in archive.decisions if isinstance(decision.action, Evaluate)} == {
        archive.agent_tree().root.id
    }


def test_an_approved_child_is_an_agent_once_it_was_probed() -> None:
    archive = new_archive()
    jobs, work = performed()
    assert evolve(archive, overseen(Approval.EACH, children=1), Person(on_held=judging(YES)), work) is Ending.FINISHED
    expansions = [(job.is_held, job.approved is not None) for job in jobs if isinstance(job.action, Expand)]
    assert expansions == [(True, False), (False, True)]
    assert [agent.step for agent in archive.agent_tree()] == [0, 1]


def test_seen_and_approved_at_once_a_run_with_one_worker_grows_the_tree_of_a_run_that_nobody_looks_at() -> None:
    archive, unseen = new_archive(), new_archive()
    evolve(archive, overseen(Approval.EACH, children=5), Person(on_held=judging(YES)), go_on_or)
    evolve(unseen, plan(children=5), Person())
    assert lineage_facts(archive) == lineage_facts(unseen)


def test_a_refused_step_is_recorded_with_the_reason_and_nothing_of_its_child_runs() -> None:
    archive = new_archive()
    jobs, work = performed()
    plan_ = overseen(Approval.EACH, children=1)
    assert evolve(archive, plan_, Person(on_held=judging(NO)), work) is Ending.EXHAUSTED
    assert {(step.rejection, step.detail, step.child) for step in archive.steps} == {
        (Rejection.NOT_APPROVED, "It reads keys.", None)
    }
    assert [job.approved for job in jobs if job.approved is not None] == []


def test_a_refusal_without_a_reason_says_so() -> None:
    archive = new_archive()
    evolve(archive, overseen(Approval.EACH, children=1), Person(on_held=judging(Review(approved=False))))
    assert archive.steps[0].detail == "no reason was given"


def test_until_one_is_approved_children_wait_and_then_none_does() -> None:
    archive = new_archive()
    jobs, work = performed()
    evolve(archive, overseen(Approval.FIRST), Person(on_held=judging(YES)), work)
    assert [job.is_held for job in jobs if isinstance(job.action, Expand)][:2] == [True, False]
    assert sum(job.is_held for job in jobs) == 1


def test_a_refusal_is_no_first_approval() -> None:
    archive = new_archive()
    jobs, work = performed()
    reviews = iter((NO, YES))

    def in_turn(person: Person) -> None:
        person.judge(next(reviews))

    evolve(archive, overseen(Approval.FIRST), Person(on_held=in_turn), work)
    assert sum(job.is_held for job in jobs) == 2


def test_what_waits_beside_the_first_approved_child_goes_on_with_it() -> None:
    archive = new_archive()

    def the_second(person: Person) -> None:
        if len(person.waiting) == 2:
            person.judge(YES)

    assert evolve(archive, overseen(Approval.FIRST), Person(on_held=the_second), go_on_or) is Ending.FINISHED
    assert archive.approvals() == 1
    assert len(archive.agent_tree()) == 4


def test_without_a_wish_to_see_them_no_child_waits() -> None:
    archive, plain = new_archive(), new_archive()
    person = Person()
    evolve(archive, overseen(Approval.NEVER), person)
    evolve(plain, plan(), Person())
    assert (person.waiting, lineage_facts(archive)) == ([], lineage_facts(plain))


def test_a_step_without_a_child_does_not_wait() -> None:
    archive, person = new_archive(), Person()

    def fruitless(job: Job) -> ActionResult:
        done = perform(job)
        return replace(done, child=None, rejection=Rejection.EMPTY_PATCH) if isinstance(done, Step) else done

    assert evolve(archive, overseen(Approval.EACH, children=1), person, fruitless) is Ending.EXHAUSTED
    assert person.waiting == []


@dataclass
class Asked:
    """A policy that notes the steps in flight whenever it is asked while a child waits; and has the run stop."""

    policy: Policy
    archive: MemoryArchive
    person: Person
    seen: list[int] = field(default_factory=list[int])

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        if self.archive.held():
            self.seen.append(view.steps_in_flight)
            self.person.say(Intervene(Intervention.STOP))
        return self.policy.next_action(view, random)


def asked(archive: MemoryArchive, person: Person) -> tuple[Asked, Plan]:
    plan_ = overseen(Approval.EACH, children=1)
    policy = Asked(plan_.policy, archive, person)
    return policy, replace(plan_, policy=policy)


def test_a_policy_sees_a_step_that_waits_as_in_flight() -> None:
    archive, person = new_archive(), Person()
    policy, plan_ = asked(archive, person)
    assert evolve(archive, plan_, person) is Ending.DRAINED
    assert policy.seen == [1]


def test_a_policy_of_a_run_that_goes_on_sees_a_step_that_waits_as_in_flight() -> None:
    archive, person = new_archive(), Person()
    with pytest.raises(KeyboardInterrupt):
        evolve(archive, overseen(Approval.EACH, children=1), Person(on_held=kill))
    policy, plan_ = asked(archive, person)
    assert evolve(archive, plan_, person) is Ending.DRAINED
    assert policy.seen == [1]


def test_what_is_held_out_is_not_measured_while_a_child_waits() -> None:
    archive, person = archive_with_held_out(), Person()
    policy, plan_ = asked(archive, person)
    assert evolve(archive, plan_, person) is Ending.DRAINED
    assert (policy.seen, [made for made in archive.decisions if _is_held_out(made.action)]) == ([1], [])


def _is_held_out(action: Action) -> bool:
    return isinstance(action, Evaluate) and action.task in HELD_OUT


def test_what_is_held_out_is_measured_once_nothing_waits_any_more() -> None:
    archive = archive_with_held_out()
    plan_ = overseen(Approval.EACH, children=1)
    assert evolve(archive, plan_, Person(on_held=judging(YES)), go_on_or) is Ending.FINISHED
    last = max(number for number, made in enumerate(archive.decisions) if not _is_held_out(made.action))
    first = min(number for number, made in enumerate(archive.decisions) if _is_held_out(made.action))
    assert last < first


def test_a_fault_before_the_first_approval_does_not_make_a_later_attempt_wait() -> None:
    archive = new_archive()
    person = Person()
    probes: list[int] = []

    def flaky(job: Job) -> ActionResult:
        if job.is_held and job.attempt.number == 1 and isinstance(job.action, Expand) and job.action.step == 2:
            person.say(Judge(person.waiting[0], YES))
            raise SandboxError("a hiccup")
        if isinstance(job.action, Expand) and not job.is_held:
            probes.append(job.action.step)
        return go_on_or(job)

    evolve(archive, overseen(Approval.FIRST, children=2), person, flaky)
    assert (person.waiting, sorted(probes)) == ([4], [1, 2])


# --- nothing of a child runs before its review -----------------------------------------------------------------------


def sessions_of_children(containers: list[FakeContainer]) -> list[str]:
    return [container.spec.session for container in containers if "probe" in container.spec.session]


@pytest.fixture
def agent() -> AgentProgram:
    return improving


def test_a_step_that_waits_has_started_the_parent_alone(agent: AgentProgram) -> None:
    fakes = fakes_with(agent)
    job, action = expand_job()
    held = expand(replace(job, is_held=True), action, fakes.bench)
    assert held.child is not None
    assert held.rejection is None
    assert [session.rpartition(".")[2] for session in held.sessions] == ["diagnose", "improve"]
    assert sessions_of_children(fakes.sandbox.containers) == []


def test_what_was_approved_is_probed_and_not_made_again(agent: AgentProgram) -> None:
    fakes = fakes_with(agent)
    job, action = expand_job()
    held = expand(replace(job, is_held=True), action, fakes.bench)
    calls = len(fakes.models.sessions)
    done = go_on(job, held, fakes.bench)
    assert (done.child, done.rejection, done.usage) == (held.child, None, held.usage)
    assert [session.rpartition(".")[2] for session in done.sessions] == ["diagnose", "improve", "probe"]
    assert len(fakes.models.sessions) == calls + 1  # the probe's own, which has no model behind it


def test_a_child_that_was_approved_and_is_no_agent_is_rejected_for_that() -> None:
    def dying(container: FakeContainer, call: Call) -> Execution:
        if "/workspace/README.md" in container.files:
            return ran(exit_code=1)
        return improving(container, call)

    fakes = fakes_with(dying)
    job, action = expand_job()
    held = expand(replace(job, is_held=True), action, fakes.bench)
    assert go_on(job, held, fakes.bench).rejection is Rejection.NOT_AN_AGENT


# --- kills -----------------------------------------------------------------------------------------------------------


def test_killed_while_a_child_waits_the_run_holds_it_still_and_makes_it_no_second_time() -> None:
    archive = new_archive()
    plan_ = overseen(Approval.EACH, children=1)
    with pytest.raises(KeyboardInterrupt):
        evolve(archive, plan_, Person(on_held=kill))
    jobs, work = performed()
    person = Person()
    engine = engine_of(archive, plan_, person, work)
    with running(engine):
        (held,) = archive.held()
        person.desk.post(Judge(held.decision, YES)).result(30)
    assert [job.approved is not None for job in jobs if isinstance(job.action, Expand)] == [True]
    assert [agent.step for agent in archive.agent_tree()] == [0, 1]


def test_killed_between_the_review_and_the_probe_the_run_goes_on_without_asking_again() -> None:
    archive = new_archive()
    plan_ = overseen(Approval.EACH, children=1)

    def killed(job: Job) -> ActionResult:
        if job.approved is not None:
            raise KeyboardInterrupt
        return perform(job)

    with pytest.raises(KeyboardInterrupt):
        evolve(archive, plan_, Person(on_held=judging(YES)), killed)
    person = Person()
    assert evolve(archive, plan_, person, go_on_or) is Ending.FINISHED
    assert (person.waiting, len(archive.agent_tree())) == ([], 2)


def test_a_review_that_was_given_while_nothing_ran_holds_when_the_run_goes_on() -> None:
    archive = new_archive()
    plan_ = overseen(Approval.EACH, children=1)
    with pytest.raises(KeyboardInterrupt):
        evolve(archive, plan_, Person(on_held=kill))
    (held,) = archive.held()
    archive.add_review(held.decision, NO)
    evolve(archive, plan_, Person(on_held=judging(YES)), go_on_or)
    assert [step.rejection for step in archive.steps] == [Rejection.NOT_APPROVED, None]


def test_a_run_that_goes_on_without_reviews_lets_run_what_waited() -> None:
    archive = new_archive()
    with pytest.raises(KeyboardInterrupt):
        evolve(archive, overseen(Approval.EACH, children=1), Person(on_held=kill))
    assert evolve(archive, overseen(Approval.NEVER, children=1), Person(), go_on_or) is Ending.FINISHED
    assert (archive.approvals(), len(archive.agent_tree())) == (0, 2)


# --- pause, go on, stop ----------------------------------------------------------------------------------------------


@contextmanager
def running(engine: Engine) -> Generator[list[Ending]]:
    """Run an engine beside the test, which is to make it end."""
    endings: list[Ending] = []
    thread = Thread(target=lambda: endings.append(engine.run()), daemon=True)
    thread.start()
    yield endings
    thread.join(30)
    assert not thread.is_alive(), "the engine does not end"


class ManualExecutor(Executor):
    """Ends a job when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Future[ActionResult], Job]] = []

    def submit(self, fn: Callable[..., ActionResult], /, *args: Job, **_: object) -> Future[ActionResult]:  # pyright: ignore[reportIncompatibleMethodOverride]
        del fn
        future: Future[ActionResult] = Future()
        self.jobs.append((future, args[0]))
        return future

    def end_all(self) -> None:
        for future, job in self.jobs:
            if not future.done():
                future.set_result(perform(job))


def test_a_pause_begins_nothing_more_and_keeps_what_is_in_flight() -> None:
    archive, person, executor = new_archive(), Person(), ManualExecutor()
    engine = engine_of(archive, plan(workers=2), person, executor=executor)
    with running(engine) as endings:
        answer = person.desk.post(Intervene(Intervention.PAUSE, "to look")).result(30)
        executor.end_all()
        for _ in range(3):  # so that the engine has been through all that it does between two commands
            assert isinstance(person.desk.post(Intervene(Intervention.PAUSE)).exception(30), UsageError)
        assert person.desk.post(Intervene(Intervention.STOP)).result(30).startswith("The run stops; ")
    assert answer == "The run pauses; 2 sessions in flight will end and be recorded."
    assert (len(executor.jobs), len(archive.outcomes()[archive.agent_tree().root.id])) == (2, 2)
    assert endings == [Ending.DRAINED]
    assert archive.interventions == [(Intervention.PAUSE, "to look"), (Intervention.STOP, "")]


def test_a_paused_run_that_goes_on_ends_as_if_it_had_not_been() -> None:
    archive, whole = new_archive(), new_archive()
    evolve(whole, plan(children=3), Person())

    def at_the_second(person: Person) -> None:
        if person.events[-1] == "recorded 2":
            person.say(Intervene(Intervention.PAUSE))
            person.say(Intervene(Intervention.RESUME))

    person = Person(on_recorded=at_the_second)
    assert evolve(archive, plan(children=3), person) is Ending.FINISHED
    assert person.said()[1] == "The run goes on."
    assert lineage_facts(archive) == lineage_facts(whole)


@pytest.mark.parametrize(
    ("commands", "last"),
    [
        ((Intervention.RESUME,), "The run is not paused."),
        ((Intervention.PAUSE, Intervention.PAUSE), "The run is paused already."),
    ],
)
def test_what_changes_nothing_is_refused_and_not_recorded(commands: tuple[Intervention, ...], last: str) -> None:
    archive, person = new_archive(), Person()
    for what in commands:
        person.say(Intervene(what))
    person.say(Intervene(Intervention.STOP))
    assert evolve(archive, plan(), person) is Ending.DRAINED
    assert person.said()[-2] == last
    assert [what for what, _ in archive.interventions] == [*commands[:-1], Intervention.STOP]


def test_a_review_reaches_a_paused_run_and_is_carried_out_once_it_goes_on() -> None:
    archive = new_archive()

    def paused(person: Person) -> None:
        person.say(Intervene(Intervention.PAUSE))
        person.judge(YES)
        person.say(Intervene(Intervention.RESUME))

    person = Person(on_held=paused)
    assert evolve(archive, overseen(Approval.EACH, children=1), person, go_on_or) is Ending.FINISHED
    assert person.said()[1:] == ["Step 1 is approved.", "The run goes on."]


def test_a_stopped_run_keeps_what_waits_for_the_next_time() -> None:
    archive = new_archive()

    def stopped(person: Person) -> None:
        person.say(Intervene(Intervention.STOP, "enough for today"))

    plan_ = overseen(Approval.EACH, children=1)
    assert evolve(archive, plan_, Person(on_held=stopped)) is Ending.DRAINED
    assert [held.review for held in archive.held()] == [None]


def test_a_run_in_which_only_reviews_are_awaited_drains_at_once() -> None:
    archive = new_archive()
    plan_ = overseen(Approval.EACH, children=1)
    with pytest.raises(KeyboardInterrupt):
        evolve(archive, plan_, Person(on_held=kill))
    engine = engine_of(archive, plan_, Person())
    with running(engine) as endings:
        engine.drain()
    assert endings == [Ending.DRAINED]


@pytest.mark.parametrize("decision", [1, 999])
def test_a_review_of_what_does_not_wait_is_refused(decision: int) -> None:
    archive, person = new_archive(), Person()
    person.say(Judge(decision, YES))
    evolve(archive, overseen(Approval.EACH, children=0), person)
    error = person.answers[0].exception()
    assert isinstance(error, UsageError)
    assert "does not wait" in str(error)


def test_a_second_review_of_a_child_is_refused() -> None:
    archive = new_archive()

    def twice(person: Person) -> None:
        person.judge(YES)
        person.judge(NO)

    person = Person(on_held=twice)
    evolve(archive, overseen(Approval.EACH, children=1), person, go_on_or)
    assert isinstance(person.answers[1].exception(), UsageError)
    assert len(archive.agent_tree()) == 2


def test_what_is_said_to_a_run_that_has_ended_is_told_so() -> None:
    archive, person = new_archive(), Person()
    evolve(archive, plan(children=0), person)
    person.say(Intervene(Intervention.PAUSE))
    assert isinstance(person.answers[0].exception(), RunEndedError)
    assert archive.interventions == []
