"""Standing controls: every task's base must grade 0 and its reference 1, by the path that agents are graded by."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dgm.core.files import only
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Benchmark, Clock, Sandbox
from dgm.core.tasks import Grade, KnownTask


@dataclass(frozen=True, slots=True)
class CheckedTask:
    """One task's controls."""

    task: TaskId
    base: Grade
    """Of the untouched workspace."""
    reference: Grade
    seconds: float
    """For both gradings together."""

    @property
    def sound(self) -> bool:
        """Whether the task tells a solution from none."""
        return self.reference.resolved and not self.base.resolved


def check(benchmark: Benchmark, sandbox: Sandbox, *, clock: Clock, workers: int = 2) -> Iterator[CheckedTask]:
    """Yield every task's controls in the benchmark's order, each as soon as it is there.

    Args:
        benchmark: whose tasks to check.
        sandbox: grades them.
        clock: times them.
        workers: how many tasks at once, >= 1.
    Raises:
        InfrastructureError: a task could not be graded.
    """
    with ThreadPoolExecutor(workers) as pool:
        futures = [
            pool.submit(_checked, benchmark, sandbox, known, number=number, clock=clock)
            for number, known in enumerate(benchmark.known_tasks())
        ]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _checked(benchmark: Benchmark, sandbox: Sandbox, known: KnownTask, *, number: int, clock: Clock) -> CheckedTask:
    task = known.task
    began = clock.monotonic()
    base = only(task.workspace, task.solution_paths)
    base_grade = benchmark.grade(task.id, base, sandbox=sandbox, session=SessionId(f"check.{number:03d}.base"))
    reference_grade = benchmark.grade(
        task.id, known.reference, sandbox=sandbox, session=SessionId(f"check.{number:03d}.reference")
    )
    return CheckedTask(task.id, base_grade, reference_grade, seconds=clock.monotonic() - began)
