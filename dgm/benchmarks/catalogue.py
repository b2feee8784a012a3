"""Finds benchmarks by the names that users give them."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from dgm.benchmarks.checkouts import require_checkout
from dgm.benchmarks.definition import FILE, Definition, read_definition
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.manifest import Expected
from dgm.config import RunConfig
from dgm.content import benchmarks_directory
from dgm.core.errors import UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.ports import Benchmark

_STAGE = re.compile(r"stage:([1-9][0-9]?)", re.ASCII)


def benchmark_names() -> tuple[str, ...]:
    """Return the names that `benchmark_named` knows."""
    return tuple(sorted(path.parent.name for path in benchmarks_directory().glob(f"*/{FILE}")))


def definition_named(name: str) -> Definition:
    """Return what a benchmark's file says, without looking at its tasks.

    Raises:
        UnknownNameError: there is no such benchmark.
        MalformedContentError: the file is not as it must be.
    """
    if name not in benchmark_names():
        raise UnknownNameError(f"There is no benchmark {name!r}; known: {', '.join(benchmark_names())}.")
    return read_definition(benchmarks_directory() / name)


def benchmark_of(config: RunConfig) -> Benchmark:
    """Return the benchmark that a run is measured on, with the tasks that it is measured on; see `benchmark_named`."""
    return benchmark_named(config.benchmark, config.tasks, checkout=config.polyglot.directory)


def whole_benchmark_of(config: RunConfig) -> Benchmark:
    """Return the same with all its tasks."""
    return benchmark_named(config.benchmark, checkout=config.polyglot.directory)


def outline_of(config: RunConfig) -> Benchmark:
    """Return the benchmark that a run is measured on, for its stages and images alone; see `outline_named`."""
    return outline_named(config.benchmark, config.tasks)


def outline_named(name: str, tasks: Sequence[str] = ()) -> ExercisesBenchmark:
    """Return the benchmark called `name` as far as its definition goes: no checkout is needed, and no task can be read.

    Raises:
        UnknownNameError, MalformedContentError: as `benchmark_named`.
    """
    definition = definition_named(name)
    return ExercisesBenchmark(definition, tasks=matching_tasks(tasks, definition) if tasks else None)


def benchmark_named(
    name: str,
    tasks: Sequence[str] = (),
    *,
    checkout: Path | None = None,
    expected: Mapping[TaskId, Expected] | None = None,
) -> ExercisesBenchmark:
    """Return the benchmark called `name`.

    Args:
        name: such as "katas".
        tasks: only these, in the benchmark's order: see `matching_tasks`; all of them when empty.
        checkout: of the repository that its tasks are from, if they are from one; the usual place unless given.
        expected: what its tasks are known to be; as its manifest says unless given.
    Raises:
        UnknownNameError: there is no such benchmark, or one of `tasks` fits no task.
        ConfigError: its tasks are from a repository, and there is no checkout of it at the pinned revision.
        MalformedContentError: a file is not as it must be.
    """
    definition = definition_named(name)
    chosen = matching_tasks(tasks, definition) if tasks else None
    found = require_checkout(definition, checkout, tasks=chosen, expected=expected) if definition.repository else None
    return ExercisesBenchmark(definition, tasks=chosen, checkout=found, expected=expected)


def matching_tasks(patterns: Sequence[str], definition: Definition) -> tuple[TaskId, ...]:
    """Return the tasks that at least one pattern fits, in their order.

    Args:
        patterns: ids, patterns such as "go/*", and stages such as "stage:1".
        definition: names the tasks.
    Raises:
        UnknownNameError: a pattern fits none.
    """
    wanted: set[TaskId] = set()
    for pattern in patterns:
        found = _fitting(pattern.strip(), definition)
        if not found:
            raise UnknownNameError(_why_none(pattern.strip(), definition))
        wanted.update(found)
    return tuple(task for task in definition.tasks if task in wanted)


def _fitting(pattern: str, definition: Definition) -> tuple[TaskId, ...]:
    stage = _STAGE.fullmatch(pattern)
    if stage is None:
        return tuple(task for task in definition.tasks if fnmatchcase(task, pattern))
    number = int(stage[1])
    return definition.stages[number - 1].tasks if number <= len(definition.stages) else ()


def _why_none(pattern: str, definition: Definition) -> str:
    for task, why in definition.excluded.items():
        if fnmatchcase(task, pattern):
            return f"Task {task} of benchmark {definition.name} cannot be judged: {why}."
    if _STAGE.fullmatch(pattern):
        return f"There is no {pattern} in benchmark {definition.name}: it has {len(definition.stages)} stages."
    return f"There is no task {pattern!r} in benchmark {definition.name}; `dgm benchmarks` lists the tasks."
