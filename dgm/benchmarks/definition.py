"""Reads a benchmark's `benchmark.toml`: its name, its image, and which task is measured at which stage."""

import tomllib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.errors import MalformedContentError
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

FILE = "benchmark.toml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Stage(_Part):
    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    above: Annotated[float, Field(ge=0, lt=1)] = 0.0


class _Definition(_Part):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    image: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    stages: Annotated[tuple[_Stage, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Definition:
    """A benchmark as its file says it is."""

    name: str
    image: str
    stages: tuple[Stage, ...]

    @property
    def tasks(self) -> tuple[TaskId, ...]:
        """All tasks, in the order of the stages."""
        return tuple(task for stage in self.stages for task in stage.tasks)


def read_definition(directory: Path) -> Definition:
    """Return the definition in `directory`, whose tasks stand in its `tasks/`.

    Raises:
        MalformedContentError: it is missing or wrong, or its stages and the task directories differ.
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
    _compare(directory, [task for stage in found.stages for task in stage.tasks])
    stages = tuple(Stage(tasks=tuple(map(TaskId, stage.tasks)), above=stage.above) for stage in found.stages)
    return Definition(name=found.name, image=found.image, stages=stages)


def _compare(directory: Path, named: Collection[str]) -> None:
    tasks = directory / "tasks"
    present = {path.name for path in tasks.iterdir()} if tasks.is_dir() else set[str]()
    twice = [task for task, times in Counter(named).items() if times > 1]
    for wrong, problem in (
        (twice, "is named twice in the stages"),
        (sorted(set(named) - present), "is named in a stage but has no directory in tasks/"),
        (sorted(present - set(named)), "stands in tasks/ but in no stage"),
    ):
        if wrong:
            raise MalformedContentError(f"{directory}: {FILE}: task {wrong[0]} {problem}.")
