"""Finds benchmarks by the names that users give them."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from dgm.benchmarks.checkouts import require_checkout
from dgm.benchmarks.definition import FILE, Definition, read_definition
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.manifest import Expected
from dgm.benchmarks.swebench.benchmark import InstancesBenchmark
from dgm.benchmarks.swebench.datasets import dataset_instances, is_at_hand
from dgm.benchmarks.swebench.extra import require_extra
from dgm.benchmarks.swebench.judge import Judging
from dgm.benchmarks.swebench.records import Instance
from dgm.benchmarks.swebench.selection import choice_of
from dgm.config import RunConfig, SweBench
from dgm.content import benchmarks_directory, cache_directory
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.ports import Benchmark

EVERY = "*"
"""Fits every task, of a dataset also those that stand in no stage."""
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


def benchmark_of(config: RunConfig, *, gradings: Path | None = None) -> Benchmark:
    """Return the benchmark that a run is measured on, with the tasks that it is measured on.

    Args:
        config: of the run.
        gradings: directory for what is kept of gradings, if anything is.
    Raises:
        ConfigError: its records are not those that the configuration names.
        DgmError: see `benchmark_named`.
    """
    benchmark = benchmark_named(
        config.benchmark,
        config.tasks,
        checkout=config.polyglot.directory,
        swebench=config.swebench,
        gradings=gradings,
    )
    recorded = config.swebench.records_hash
    if isinstance(benchmark, InstancesBenchmark) and recorded not in {"", benchmark.records_hash}:
        raise ConfigError(
            f"{config.swebench.dataset} does not hold the records that this run was measured with; name a file that "
            "does with --swebench-dataset."
        )
    return benchmark


def require_same_records(config: RunConfig) -> None:
    """Return if a dataset still holds the records that a run was measured with; errors as `benchmark_of`."""
    if config.swebench.records_hash:
        benchmark_of(config)


def with_records(config: RunConfig, benchmark: Benchmark) -> RunConfig:
    """Return a configuration that names the records that its benchmark has, where it has any."""
    if not isinstance(benchmark, InstancesBenchmark):
        return config
    swebench = config.swebench.model_copy(update={"records_hash": benchmark.records_hash})
    return config.model_copy(update={"swebench": swebench})


def whole_benchmark_of(config: RunConfig, *, gradings: Path | None = None) -> Benchmark:
    """Return the same with all its tasks, those that it leaves out unless they are named included."""
    return benchmark_named(
        config.benchmark,
        [EVERY],
        checkout=config.polyglot.directory,
        swebench=config.swebench,
        gradings=gradings,
    )


def outline_of(config: RunConfig) -> Benchmark:
    """Return the benchmark that a run is measured on, for its stages and images alone; see `outline_named`."""
    return outline_named(config.benchmark, config.tasks, swebench=config.swebench)


def outline_named(name: str, tasks: Sequence[str] = (), *, swebench: SweBench | None = None) -> Benchmark:
    """Return the benchmark called `name` as far as it is known without a checkout: no task can be read.

    Of a dataset, what is here is used. It is fetched where its own words for tasks are used before it was ever fetched.

    Raises:
        UnknownNameError, MalformedContentError, ConfigError, UsageError, FetchError: as `benchmark_named`.
    """
    definition = definition_named(name)
    if definition.dataset:
        settings = swebench or SweBench()
        return _instances_benchmark(definition, tasks, _instances_at_hand(definition, tasks, settings), settings)
    return ExercisesBenchmark(definition, tasks=matching_tasks(tasks, definition) if tasks else None)


def benchmark_named(
    name: str,
    tasks: Sequence[str] = (),
    *,
    checkout: Path | None = None,
    swebench: SweBench | None = None,
    gradings: Path | None = None,
) -> Benchmark:
    """Return the benchmark called `name`.

    Args:
        name: such as "katas".
        tasks: only these, in the benchmark's order: see `matching_tasks`, and for instances
            `dgm.benchmarks.swebench.selection`; those of all stages when empty.
        checkout: of the repository that its tasks are from, if they are from one; the usual place unless given.
        swebench: settings of a benchmark whose tasks are instances.
        gradings: directory for what is kept of such a benchmark's gradings, if anything is.
    Raises:
        UnknownNameError: there is no such benchmark, or one of `tasks` fits no task.
        ConfigError: its tasks are from a repository, and there is no checkout of it at the pinned revision; or there is
            no such dataset.
        UsageError: the official harness is needed and not installed.
        FetchError: the dataset could not be fetched.
        MalformedContentError: a file is not as it must be.
    """
    definition = definition_named(name)
    if definition.dataset:
        require_extra()
        settings = swebench or SweBench()
        return _instances_benchmark(definition, tasks, dataset_instances(settings), settings, gradings)
    return exercises_named(name, tasks, checkout=checkout)


def exercises_named(
    name: str,
    tasks: Sequence[str] = (),
    *,
    checkout: Path | None = None,
    expected: Mapping[TaskId, Expected] | None = None,
) -> ExercisesBenchmark:
    """Return the benchmark called `name`, whose tasks are exercises.

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


def _instances_at_hand(definition: Definition, tasks: Sequence[str], settings: SweBench) -> tuple[Instance, ...]:
    """Return the instances of a dataset, none where they are neither here nor needed to know which tasks are meant."""
    if settings.dataset == definition.dataset and not is_at_hand(settings):
        stages = choice_of(definition, settings.dataset, ())
        if not stages.needs_instances(tasks):
            return ()
    return dataset_instances(settings)


def _instances_benchmark(
    definition: Definition,
    tasks: Sequence[str],
    instances: Sequence[Instance],
    settings: SweBench,
    gradings: Path | None = None,
) -> InstancesBenchmark:
    return InstancesBenchmark(
        definition,
        choice_of(definition, settings.dataset, instances).chosen(tasks),
        instances,
        judge=Judging(settings, keep=gradings, cache=cache_directory() / "swebench" / "gold"),
        hints=settings.hints,
    )


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
