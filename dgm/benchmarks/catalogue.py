"""Finds benchmarks by the names that users give them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from dgm.benchmarks.definition import read_definition
from dgm.benchmarks.katas import NAME as KATAS
from dgm.benchmarks.katas import KatasBenchmark, katas_directory
from dgm.core.errors import UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.ports import Benchmark


def benchmark_names() -> tuple[str, ...]:
    """Return the names that `benchmark_named` knows."""
    return (KATAS,)


def benchmark_named(name: str, tasks: Sequence[str] = ()) -> Benchmark:
    """Return the benchmark called `name`.

    Args:
        name: such as "katas".
        tasks: only these, in the benchmark's order: ids or patterns such as "ca*"; all of them when empty.
    Raises:
        UnknownNameError: there is no such benchmark, or one of `tasks` fits no task.
        MalformedContentError: a task is not as it must be.
    """
    if name not in benchmark_names():
        raise UnknownNameError(f"There is no benchmark {name!r}; known: {', '.join(benchmark_names())}.")
    if not tasks:
        return KatasBenchmark()
    return KatasBenchmark(tasks=matching_tasks(tasks, read_definition(katas_directory()).tasks, benchmark=name))


def matching_tasks(patterns: Sequence[str], known: Sequence[TaskId], *, benchmark: str) -> tuple[TaskId, ...]:
    """Return the known tasks that at least one pattern fits, in their order.

    Raises:
        UnknownNameError: a pattern fits none.
    """
    for pattern in patterns:
        if not any(fnmatchcase(task, pattern) for task in known):
            raise UnknownNameError(
                f"There is no task {pattern!r} in benchmark {benchmark}; `dgm benchmarks` lists the tasks."
            )
    return tuple(task for task in known if any(fnmatchcase(task, pattern) for pattern in patterns))
