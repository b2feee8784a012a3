"""Which instances are meant: the paper's subsets, repositories, ids, difficulty."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from dgm.benchmarks.definition import Definition
from dgm.benchmarks.swebench.records import Instance
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

_STAGE = re.compile(r"stage:([1-9][0-9]?)", re.ASCII)
_OF_AN_INSTANCE: Mapping[str, Callable[[Instance], str]] = {
    "repo": lambda instance: instance.repo,
    "difficulty": lambda instance: instance.difficulty,
}
_LISTED = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be chosen of a dataset, and by which words."""

    definition: Definition
    dataset: str
    """Its name, for errors."""
    stages: tuple[Stage, ...]
    """What is measured unless a user says otherwise."""
    instances: Sequence[Instance]
    """All of the dataset, those outside of the stages included; none where they are not known yet."""

    def chosen(self, patterns: Sequence[str]) -> tuple[Stage, ...]:
        """Return the stages of the instances that at least one pattern fits; all stages without a pattern.

        Those that stand in no stage make up another one after the others.

        Args:
            patterns: ids, patterns such as "django__*", words and numbers of stages such as "small" and "stage:1",
                "repo:django/django" and "difficulty:1-4 hours", these two also as patterns.
        Raises:
            UnknownNameError: a pattern fits none.
        """
        if not patterns:
            return self.stages
        wanted: set[TaskId] = set()
        for pattern in patterns:
            found = self._fitting(pattern.strip())
            if not found:
                raise UnknownNameError(self._why_none(pattern.strip()))
            wanted.update(found)
        return tuple(
            replace(stage, tasks=tasks)
            for stage in (*self.stages, *self._others())
            if (tasks := tuple(task for task in stage.tasks if task in wanted))
        )

    def needs_instances(self, patterns: Iterable[str]) -> bool:
        """Return whether it takes the dataset, and not the stages alone, to know what is meant."""
        staged = {task for stage in self.stages for task in stage.tasks}
        return any(self._stage(pattern.strip()) is None and pattern.strip() not in staged for pattern in patterns)

    def _others(self) -> tuple[Stage, ...]:
        staged = {task for stage in self.stages for task in stage.tasks}
        others = tuple(instance.id for instance in self.instances if instance.id not in staged)
        return (Stage(others, self.stages[-1].above),) if others else ()

    def _fitting(self, pattern: str) -> Collection[TaskId]:
        stage = self._stage(pattern)
        if stage is not None:
            return stage
        kind, _, text = pattern.partition(":")
        if kind in _OF_AN_INSTANCE:
            value = _OF_AN_INSTANCE[kind]
            return [instance.id for instance in self.instances if fnmatchcase(value(instance), text)]
        return [task for stage in (*self.stages, *self._others()) for task in stage.tasks if fnmatchcase(task, pattern)]

    def _stage(self, pattern: str) -> Collection[TaskId] | None:
        """Return the instances of the stage that a pattern names, None where it names none."""
        if pattern and pattern in self.definition.stage_names:
            named = self.definition.stages[self.definition.stage_names.index(pattern)]
            return frozenset(named.tasks) & {task for stage in self.stages for task in stage.tasks}
        found = _STAGE.fullmatch(pattern)
        if found is None:
            return None
        number = int(found[1])
        return self.stages[number - 1].tasks if number <= len(self.stages) else ()

    def _why_none(self, pattern: str) -> str:
        kind, _, text = pattern.partition(":")
        if kind in _OF_AN_INSTANCE:
            values = sorted({_OF_AN_INSTANCE[kind](instance) for instance in self.instances} - {""})
            more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
            there = f"{', '.join(values[:_LISTED])}{more}" if values else "nothing"
            return f"No instance of {self.dataset} has {kind} {text!r}; there is {there}."
        if _STAGE.fullmatch(pattern):
            return f"There is no {pattern} in {self.dataset}: it has {_stages(len(self.stages))}."
        if pattern in self.definition.stage_names:
            return (
                f"{self.dataset} has none of the instances that {pattern!r} stands for; they are of SWE-bench Verified."
            )
        return f"There is no instance {pattern!r} in {self.dataset}; `dgm benchmarks swebench` lists them."


def choice_of(definition: Definition, dataset: str, instances: Sequence[Instance]) -> Choice:
    """Return what can be chosen of a dataset.

    The definition's stages are those of its own dataset, of one that holds all of their instances, and of one that
    holds nothing else; another dataset has one stage.

    Args:
        definition: names the paper's subsets.
        dataset: its name.
        instances: all that it holds; none where they are not known yet, which only goes with the definition's dataset.
    Raises:
        ConfigError: the definition's own dataset lacks one of their instances.
    """
    present = [instance.id for instance in instances]
    lacking = sorted(set(definition.tasks) - set(present)) if present else []
    if lacking and dataset == definition.dataset:
        raise ConfigError(f"{dataset} has no instance {lacking[0]}, which stands in a stage of benchmark swebench.")
    if lacking and not set(present) <= set(definition.tasks):
        return Choice(definition, dataset, (Stage(tuple(present), 0.0),), instances)
    known = (
        replace(stage, tasks=tuple(task for task in stage.tasks if task not in lacking)) for stage in definition.stages
    )
    return Choice(definition, dataset, tuple(stage for stage in known if stage.tasks), instances)


def _stages(count: int) -> str:
    return "1 stage" if count == 1 else f"{count} stages"
