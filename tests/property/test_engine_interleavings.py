"""The engine with workers that end in any order, fail, reject and are killed: nothing is chosen or done twice."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Rejection, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.policies.dgm import DgmPolicy
from dgm.core.ports import Decision
from dgm.core.rules import Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.evolution.bench import Job
from dgm.evolution.engine import MAX_ATTEMPTS, STEPS_PER_CHILD, Ending, Engine, Plan
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
