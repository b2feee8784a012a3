"""Standing controls: every task's base must grade 0 and its reference 1, by the path that agents are graded by."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from dgm.core.errors import InfrastructureError, MalformedContentError
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Benchmark, Clock, ControlKind, Sandbox
from dgm.core.tasks import Task


@dataclass(frozen=True, slots=True)
class Control:
    """One grading of a task."""

    resolved: bool | None
    """None where it could not be judged."""
    summary: str
    """The grade's, else why there is none."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckedTask:
    """One task's controls."""

    task: TaskId
    base: Control
    """Of the untouched workspace."""
    reference: Control
    has_signal: bool = True
    """False where the untouched workspace may resolve the task."""

    @property
    def judged(self) -> bool:
        """Whether there are both verdicts."""
        return self.base.resolved is not None and self.reference.resolved is not None

    @property
    def sound(self) -> bool:
        """Whether the task tells a solution from none, as far as it is to."""
        return self.judged and self.reference.resolved is True and not (self.base.resolved and self.has_signal)


def check(benchmark: Benchmark, sandbox: Sandbox, *, clock: Clock, workers: int = 2) -> Generator[CheckedTask]:
    """Yield every task's controls, each as soon as it is there.

    A task that cannot be judged does not keep others from it. Whoever stops early closes the sandbox: gradings that
    are under way then end.

    Args:
        benchmark: whose tasks to check.
        sandbox: grades them.
        clock: times them.
        workers: how many tasks at once, >= 1.
    Raises:
        MalformedContentError: a task is not as it must be.
    """
    tasks = benchmark.tasks()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="dgm-check")
    try:
        futures = [
            pool.submit(_checked, benchmark, sandbox, task, number=number, clock=clock)
            for number, task in enumerate(tasks)
        ]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _checked(benchmark: Benchmark, sandbox: Sandbox, task: Task, *, number: int, clock: Clock) -> CheckedTask:
    def control(kind: ControlKind) -> Control:
        began = clock.monotonic()
        session = SessionId(f"check.{number:03d}.{kind}")
        try:
            grade = benchmark.control(task.id, kind, sandbox=sandbox, session=session)
        except (InfrastructureError, MalformedContentError) as error:
            return Control(None, str(error), clock.monotonic() - began)
        said = "; ".join([grade.summary, *grade.flags])
        return Control(grade.resolved and not grade.flags, said, clock.monotonic() - began)

    return CheckedTask(task.id, control("base"), control("reference"), has_signal=task.has_signal)
