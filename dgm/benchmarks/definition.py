"""Reads a benchmark's `benchmark.toml`: its name, which task is measured at which stage, and where its tasks are from.

name = "polyglot"
image = "python"                # in which agents change their own code
language = "python"             # of all tasks; without it the first part of a task's id, as in "go/ant"
helpers = true                  # solutions may add source files
repository = "https://..."      # where the tasks are from, if they do not stand in tasks/
revision = "<40 digits>"
dataset = "owner/name"          # where the records of its tasks are from, if they are instances of SWE-bench
evidence = ["stochasticity"]    # what a step may learn from beside an unresolved task; see `dgm.evolution.evidence`

[[stages]]
name = "small"                  # a word for it where users choose tasks
above = 0.4                     # for agents that resolved more than this share of all earlier stages' tasks
top = 2                         # and, with what comes after it, only for so many of the archive: the best by these
tasks = ["go/ant"]

[[excluded]]                    # cannot be judged, so stands in no stage
task = "java/bee"
why = "its tests need a library that ..."

[[no_signal]]                   # the untouched workspace passes its tests too
task = "go/cat"
why = "..."
"""

import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.actions import EvidenceKind
from dgm.core.errors import MalformedContentError
from dgm.core.groups import Kind, group_of
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

FILE = "benchmark.toml"
MAX_HIDDEN_TESTS_CHARS = 200_000
"""Of a task's hidden tests where they are shown."""
_TASKS = "tasks"
_TaskName = Annotated[str, Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+|__[a-z0-9_.-]+)?$")]


_EvidenceKind = Literal[EvidenceKind.EMPTY_PATCHES, EvidenceKind.STOCHASTICITY, EvidenceKind.CONTEXT_LENGTH]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Stage(_Part):
    tasks: Annotated[tuple[_TaskName, ...], Field(min_length=1)]
    above: Annotated[float, Field(ge=0, lt=1)] = 0.0
    top: Annotated[int, Field(ge=1)] | None = None
    name: Annotated[str, Field(pattern=r"^[a-z]*$")] = ""


class _Remark(_Part):
    task: _TaskName
    why: Annotated[str, Field(min_length=1)]


class _Definition(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    image: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    language: str = ""
    helpers: bool = False
    repository: Annotated[str, Field(pattern=r"^((https|file)://[!-~]+)?$")] = ""
    revision: Annotated[str, Field(pattern=r"^([0-9a-f]{40})?$")] = ""
    dataset: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?$")] = ""
    evidence: tuple[_EvidenceKind, ...] = ()
    stages: Annotated[tuple[_Stage, ...], Field(min_length=1)]
    excluded: tuple[_Remark, ...] = ()
    no_signal: tuple[_Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """A benchmark as its file says it is."""

    directory: Path
    """Where `benchmark.toml` stands."""
    name: str
    image: str
    stages: tuple[Stage, ...]
    language: str = ""
    helpers: bool = False
    repository: str = ""
    """Empty where the tasks stand beside the definition, else an address."""
    revision: str = ""
    dataset: str = ""
    """Name at Hugging Face; empty where the tasks are exercises."""
    evidence: tuple[EvidenceKind, ...] = ()
    """What a step may learn from beside an unresolved task."""
    stage_names: tuple[str, ...] = ()
    """A word for each of `stages`, "" for those without one."""
    excluded: Mapping[TaskId, str] = field(default_factory=dict[TaskId, str])
    """Task -> why it cannot be judged."""
    no_signal: Mapping[TaskId, str] = field(default_factory=dict[TaskId, str])
    """Task -> why its untouched workspace passes."""

    @property
    def tasks(self) -> tuple[TaskId, ...]:
        """All tasks, in the order of the stages."""
        return tuple(task for stage in self.stages for task in stage.tasks)

    @property
    def kind(self) -> Kind:
        """What its tasks are told apart by."""
        return Kind.REPOSITORY if self.dataset else Kind.LANGUAGE

    def group_of(self, task: TaskId) -> str:
        """Return the language or the repository that a task is of, "" where nothing says it."""
        return group_of(task) if self.dataset else self.language_of(task)

    def language_of(self, task: TaskId) -> str:
        """Return the name of an exercise's language, "" where nothing says it."""
        return self.language or task.rpartition("/")[0]

    def place(self, task: TaskId, checkout: Path | None = None) -> Path:
        """Return where a task stands: in `tasks/`, or in a checkout of `repository`, which has a track per language."""
        if checkout is None:
            return self.directory / _TASKS / task
        language, _, name = task.partition("/")
        return checkout / language / "exercises" / "practice" / name


def read_definition(directory: Path) -> Definition:
    """Return the definition in `directory`.

    Raises:
        MalformedContentError: it is missing or wrong, or its stages and the task directories beside it differ.
    """
    path = directory / FILE
    try:
        found = _Definition.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MalformedContentError(f"{directory}: {FILE} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedContentError(f"{directory}: {FILE} is wrong at {where}: {first['msg']}.") from error
    definition = Definition(
        directory=directory,
        name=found.name,
        image=found.image,
        stages=tuple(Stage(tuple(map(TaskId, stage.tasks)), stage.above, stage.top) for stage in found.stages),
        language=found.language,
        helpers=found.helpers,
        repository=found.repository,
        revision=found.revision,
        dataset=found.dataset,
        evidence=found.evidence,
        stage_names=tuple(stage.name for stage in found.stages),
        excluded={TaskId(remark.task): remark.why for remark in found.excluded},
        no_signal={TaskId(remark.task): remark.why for remark in found.no_signal},
    )
    _compare(definition)
    return definition


def _compare(definition: Definition) -> None:
    if bool(definition.repository) != bool(definition.revision):
        has, lacks = ("repository", "revision") if definition.repository else ("revision", "repository")
        raise MalformedContentError(f"{definition.directory}: {FILE} names a {has} without a {lacks}.")
    named = definition.tasks
    staged = set(named)
    for wrong, problem in (
        ([task for task, times in Counter(named).items() if times > 1], "is named twice in the stages"),
        (sorted(staged & set(definition.excluded)), "is excluded and stands in a stage"),
        (sorted(set(definition.no_signal) - staged), "is named under no_signal but in no stage"),
        *_compared_as_exercises(definition),
    ):
        if wrong:
            raise MalformedContentError(f"{definition.directory}: {FILE}: task {wrong[0]} {problem}.")


def _compared_as_exercises(definition: Definition) -> tuple[tuple[list[str], str], ...]:
    if definition.dataset:
        return ()
    everywhere = {*definition.tasks, *definition.excluded}
    nameless: list[str] = sorted(task for task in everywhere if not definition.language_of(task))
    in_directories = () if definition.repository else _compared_with_directories(definition)
    return ((nameless, "does not name its language"), *in_directories)


def _compared_with_directories(definition: Definition) -> tuple[tuple[list[str], str], ...]:
    present = _present(definition.directory / _TASKS, nested=not definition.language)
    named: Collection[str] = {*definition.tasks, *definition.excluded}
    return (
        (sorted(set(named) - present), "is named in a stage but has no directory in tasks/"),
        (sorted(present - set(named)), "stands in tasks/ but in no stage"),
    )


def _present(tasks: Path, *, nested: bool) -> set[str]:
    return {path.relative_to(tasks).as_posix() for path in tasks.glob("*/*" if nested else "*")}
