"""The engine with workers that end in any order, fail, reject and are killed: nothing is chosen or done twice.

And with a person who looks at children, pauses the run, lets it go on and stops it at any moment. Which tree grows then
hangs on when they do so, since other work goes on meanwhile; that no child runs unseen, or is made again, does not.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Rejection, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.oversight import Approval, Intervene, Intervention, Judge, Review
from dgm.core.policies.dgm import DgmPolicy
from dgm.core.ports import Decision
from dgm.core.rules import Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.evolution.bench import Job
from dgm.evolution.desk import Desk
from dgm.evolution.engine import MAX_ATTEMPTS, Engine
from dgm.evolution.plan import STEPS_PER_CHILD, Ending, Plan
from tests.fakes.archive import MemoryArchive

TASKS = tuple(TaskId(name) for name in ("zebra", "ant", "mole", "bee"))  # not in the order of the alphabet
STAGES = (Stage(TASKS[:2], above=0.0), Stage(TASKS[2:], above=0.4))


class KilledError(BaseException):
    """Stands for `kill -9`: passes through everything, and nothing in flight is recorded."""


@dataclass
class AnyOrder(Executor):
    """Ends some of the jobs, in an order of chance, when every worker has one or the policy waits."""

    chance: Random
    workers: int
    kill_after: int
    """Submissions until the process is killed; never for a negative number."""
    waiting: list[tuple[Future[Any], Callable[[], Any]]] = field(
        default_factory=list[tuple[Future[Any], Callable[[], Any]]]
    )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.kill_after == 0:
            raise KilledError
        self.kill_after -= 1
        future: Future[Any] = Future()
        self.waiting.append((future, lambda: fn(*args, **kwargs)))
        if len(self.waiting) == self.workers:
            self.end_some()
        return future

    def end_some(self) -> None:
        self.chance.shuffle(self.waiting)
        ended = self.chance.randint(1, len(self.waiting))
        for future, work in self.waiting[:ended]:
            try:
                future.set_result(work())
            except SandboxError as error:
                future.set_exception(error)
        del self.waiting[:ended]


@dataclass
class Noticing:
    """The paper's policy; when it has to wait, so that workers are free, some of what is in flight ends."""

    executor: AnyOrder

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        action = DgmPolicy().next_action(view, random)
        if action is None and self.executor.waiting:
            self.executor.end_some()
        return action


class Nobody:
    """A watcher that does not watch."""

    def started(self, decision: Decision) -> None: ...
    def recorded(self, decision: Decision, result: ActionResult) -> None: ...
    def faulted(self, decision: Decision, fault: InfrastructureError) -> None: ...
    def held(self, decision: Decision, step: Step) -> None: ...
    def told(self, answer: str) -> None: ...
    def controlled(self, controls: Sequence[StandingControl]) -> None: ...


def perform(job: Job, chance: Random) -> ActionResult:
    """Do a job as chance has it. A fault comes at most as often as the engine bears."""
    if job.attempt.number < MAX_ATTEMPTS and chance.random() < 0.2:
        raise SandboxError("a hiccup")
    match job.action:
        case Evaluate(task=task, trial=trial):
            verdict = chance.choice((Verdict.RESOLVED, Verdict.UNRESOLVED))
            return Outcome(task, trial, verdict, "", seconds=1.0, session=job.session("agent"), patch="+ a line\n")
        case Expand() as action:
            evidence = [outcome.task for outcome in job.unresolved]
            assert evidence == sorted(evidence, key=TASKS.index)  # so that the one that is drawn hangs on no order
            accepted = chance.random() < 0.6
            step = Step(
                number=action.step,
                parent=action.parent,
                evidence_task=evidence[0],
                diagnosis=None,
                child={"main.py": File(f"# step {action.step}\n".encode())},
                rejection=None,
                detail="",
                seconds=1.0,
                sessions=(),
            )
            return step if accepted else replace(step, child=None, rejection=Rejection.EMPTY_PATCH)


def evolve(archive: MemoryArchive, *, children: int, executor: AnyOrder) -> Ending:
    steps = children * STEPS_PER_CHILD
    goal = Goal(STAGES, trials=2, rule=Staged(STAGES, 2), children=children, steps=steps)
    plan = Plan(Noticing(executor), goal, workers=executor.workers, seed=3)

    def work(job: Job) -> ActionResult:
        return perform(job, executor.chance)

    return Engine(archive, plan, executor=executor, perform=work, watcher=Nobody()).run()


@given(
    seed=st.integers(0, 2**32),
    workers=st.integers(1, 6),
    children=st.integers(0, 6),
    lives=st.lists(st.integers(0, 12), max_size=6),
)
def test_no_step_measurement_or_decision_is_chosen_twice(
    seed: int, workers: int, children: int, lives: list[int]
) -> None:
    archive, chance = MemoryArchive(), Random(seed)
    archive.add_seed_agent({"main.py": File(b"# seed\n")})
    for life in lives:
        try:
            evolve(archive, children=children, executor=AnyOrder(chance, workers, life))
        except KilledError:
            continue
    ending = evolve(archive, children=children, executor=AnyOrder(chance, workers, -1))

    actions = [decision.action for decision in archive.decisions]
    assert [decision.number for decision in archive.decisions] == list(range(1, len(actions) + 1))
    assert len(set(actions)) == len(actions)
    numbers = [action.step for action in actions if isinstance(action, Expand)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert sorted(step.number for step in archive.steps) == sorted(numbers)
    assert archive.open_decisions() == ()
    grown = len(archive.agent_tree()) - 1
    assert grown <= children
    assert len(archive.steps) <= children * STEPS_PER_CHILD
    assert (ending is Ending.FINISHED) == (grown == children)


@dataclass
class Person:
    """Whoever looks at children, through all lives of a run: what was held, what was said, what was made."""

    chance: Random
    approval: Approval
    held: set[int] = field(default_factory=set[int])
    reviews: dict[int, Review] = field(default_factory=dict[int, Review])

    def opinion(self) -> Review:
        return Review(approved=self.chance.random() < 0.6, reason="because")

    def check(self, job: Job) -> None:
        """Complain about a job that makes again what was held, or runs what nobody approved."""
        decision = job.attempt.decision
        if job.approved is None:
            assert decision not in self.held
        elif self.approval is Approval.EACH:
            assert self.reviews[decision].approved
        else:
            assert any(review.approved for review in self.reviews.values())


class BusyDesk(Desk):
    """Lets one thing happen whenever the engine is about to wait: a worker ends, or the person says something."""

    def __init__(self, person: Person, executor: AnyOrder, archive: MemoryArchive) -> None:
        super().__init__()
        self.person, self.executor, self.archive = person, executor, archive
        self.paused = self.stopped = False

    @property
    def bell(self) -> Future[None]:
        chance = self.person.chance
        waiting = [held.decision for held in self.archive.held() if held.review is None]
        happening = [self.executor.end_some] * bool(self.executor.waiting)
        happening += [lambda: self.judge(chance.choice(waiting))] * bool(waiting)
        happening += [self.intervene] * (self.paused or chance.random() < 0.2 or not happening)
        chance.choice(happening)()
        return super().bell

    def judge(self, decision: int) -> None:
        review = self.person.opinion()
        answer = self.post(Judge(decision, review))
        answer.add_done_callback(lambda done: self.said(decision, review, done))

    def said(self, decision: int, review: Review, done: Future[str]) -> None:
        if done.exception() is None:
            assert decision not in self.person.reviews
            self.person.reviews[decision] = review

    def intervene(self) -> None:
        if not self.stopped and self.person.chance.random() < 0.1:
            self.stopped = True
            self.post(Intervene(Intervention.STOP))
        else:
            self.post(Intervene(Intervention.RESUME if self.paused else Intervention.PAUSE))
            self.paused = not self.paused


class Noting(Nobody):
    """A watcher that notes what is held."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def held(self, decision: Decision, step: Step) -> None:
        del step
        self.person.held.add(decision.number)


def evolve_with(person: Person, archive: MemoryArchive, *, children: int, executor: AnyOrder) -> Ending:
    goal = Goal(STAGES, trials=2, rule=Staged(STAGES, 2), children=children, steps=children * STEPS_PER_CHILD)
    plan = Plan(DgmPolicy(), goal, workers=executor.workers, seed=3, approval=person.approval)

    def work(job: Job) -> ActionResult:
        person.check(job)
        if job.approved is None:
            return perform(job, executor.chance)
        if executor.chance.random() < 0.2:
            return replace(job.approved, child=None, rejection=Rejection.NOT_AN_AGENT)
        return job.approved

    desk = BusyDesk(person, executor, archive)
    return Engine(archive, plan, executor=executor, perform=work, watcher=Noting(person), desk=desk).run()


@settings(max_examples=60, deadline=None)  # a busy machine makes one example slow
@given(
    seed=st.integers(0, 2**32),
    workers=st.integers(1, 4),
    children=st.integers(1, 4),
    lives=st.lists(st.integers(0, 12), max_size=6),
    approval=st.sampled_from([Approval.EACH, Approval.FIRST]),
)
def test_no_child_runs_unseen_or_is_made_again_whenever_a_person_says_what(
    seed: int, workers: int, children: int, lives: list[int], approval: Approval
) -> None:
    archive, chance = MemoryArchive(), Random(seed)
    archive.add_seed_agent({"main.py": File(b"# seed\n")})
    person = Person(chance, approval)
    ending = Ending.DRAINED
    left = iter(lives)
    while ending is Ending.DRAINED:
        try:
            executor = AnyOrder(chance, workers, next(left, -1))
            ending = evolve_with(person, archive, children=children, executor=executor)
        except KilledError:
            for held in archive.held():  # while nothing runs, what is said goes into the archive
                if held.review is None and chance.random() < 0.3:
                    person.reviews[held.decision] = person.opinion()
                    archive.add_review(held.decision, person.reviews[held.decision])

    assert (archive.held(), archive.open_decisions()) == ((), ())
    actions = [decision.action for decision in archive.decisions]
    assert len(set(actions)) == len(actions)
    by_step = {made.action.step: made.number for made in archive.decisions if isinstance(made.action, Expand)}
    assert sorted(step.number for step in archive.steps) == sorted(by_step)
    refused = {step.number for step in archive.steps if step.rejection is Rejection.NOT_APPROVED}
    assert refused == {
        step for step, made in by_step.items() if made in person.reviews and not person.reviews[made].approved
    }
    if approval is Approval.EACH:
        grown = {agent.step for agent in archive.agent_tree()} - {0}
        assert grown <= {
            step for step, made in by_step.items() if made in person.reviews and person.reviews[made].approved
        }
    assert (ending is Ending.FINISHED) == (len(archive.agent_tree()) > children)
