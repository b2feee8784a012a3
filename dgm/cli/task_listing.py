"""What `dgm benchmarks` lists. It needs no checkout and no dataset: a benchmark's definition names its tasks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import typer
from rich.console import RenderableType
from rich.text import Text

from dgm.benchmarks.catalogue import benchmark_names, definition_named, matching_tasks, outline_named
from dgm.benchmarks.checkouts import require_checkout, usual_checkout
from dgm.benchmarks.definition import Definition
from dgm.benchmarks.swebench.datasets import is_at_hand
from dgm.cli.answers import Answer, json_text
from dgm.cli.screen import plain_table, show
from dgm.config import SweBench
from dgm.core.errors import ConfigError, UsageError
from dgm.core.groups import group_of
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

_MORE = "`dgm benchmarks NAME` lists all tasks of one; `--tasks` takes ids, patterns such as 'go/*', and stage:1."
_NO_SIGNAL = "no signal: the untouched stub passes too, so that a resolved task says little."


def list_benchmarks(
    name: str | None, patterns: Sequence[str], checkout: Path | None, swebench: SweBench, *, as_json: bool
) -> None:
    """Show one benchmark with all its tasks, or all benchmarks.

    Args:
        name: the one; all in short unless given.
        patterns: only these of its tasks; all when empty.
        checkout: of exercises that do not come with dgm; looked for in the usual place unless given.
        swebench: where instances are from.
        as_json: print JSON, which always has all tasks.
    Raises:
        UnknownNameError: there is no such benchmark, or no such task.
        UsageError: there is no such dataset, or the benchmark has none.
    """
    names = benchmark_names() if name is None else (name,)
    if name is not None:
        require_instances(definition_named(name), swebench)
    if as_json:
        typer.echo(json_text({"benchmarks": [_answer(each, patterns, checkout, swebench) for each in names]}))
        return
    for each in names:
        show(*_view(each, patterns, checkout, swebench, with_ids=name is not None))
    if name is None:
        show(Text(_MORE, style="dim"))


def excluded_among(patterns: Sequence[str], definition: Definition) -> dict[TaskId, str]:
    """Return the tasks that cannot be judged and that a pattern fits, with the cause; all of them without a pattern."""
    return {
        task: why
        for task, why in definition.excluded.items()
        if not patterns or any(fnmatchcase(task, pattern) for pattern in patterns)
    }


def require_instances(definition: Definition, swebench: SweBench) -> None:
    """Return unless options for instances were said of a benchmark of exercises.

    Raises:
        UsageError: they were.
    """
    if swebench.model_fields_set and not definition.dataset:
        raise UsageError(
            f"The tasks of benchmark {definition.name} are in no dataset; leave out --swebench-dataset and "
            "--swebench-stock."
        )


def _answer(name: str, patterns: Sequence[str], checkout: Path | None, swebench: SweBench) -> Answer:
    definition, outline = definition_named(name), outline_named(name, patterns, swebench=swebench)
    return {
        "name": name,
        "image": outline.image,
        "images": outline.images(),
        "stages": [
            {"number": number, "above": stage.above, "top": stage.top, "tasks": stage.tasks}
            for number, stage in _stages(name, patterns, swebench)
        ],
        "excluded": excluded_among(patterns, definition),
        "no_signal": _no_signal(definition, patterns),
        "repository": definition.repository or None,
        "revision": definition.revision or None,
        "checkout": _checkout_answer(definition, checkout),
        "dataset": {"name": swebench.dataset, "here": is_at_hand(swebench)} if definition.dataset else None,
    }


def _checkout_answer(definition: Definition, checkout: Path | None) -> Answer | None:
    if not definition.repository:
        return None
    problem = _problem(definition, checkout)
    return {"directory": str(checkout or usual_checkout(definition)), "usable": not problem, "problem": problem}


def _problem(definition: Definition, checkout: Path | None) -> str:
    """Return why a benchmark's exercises cannot be read, "" if they can."""
    try:
        require_checkout(definition, checkout)
    except ConfigError as error:
        return str(error)
    return ""


def _stages(name: str, patterns: Sequence[str], swebench: SweBench) -> list[tuple[int, Stage]]:
    """Return the stages with their numbers, as far as their tasks are wanted."""
    whole = outline_named(name, swebench=swebench).stages()
    number_of = {task: number for number, stage in enumerate(whole, start=1) for task in stage.tasks}
    others = len(whole) + 1
    kept = outline_named(name, patterns, swebench=swebench).stages()
    return [(number_of.get(stage.tasks[0], others), stage) for stage in kept]


def _view(
    name: str, patterns: Sequence[str], checkout: Path | None, swebench: SweBench, *, with_ids: bool
) -> list[RenderableType]:
    definition, stages = definition_named(name), _stages(name, patterns, swebench)
    outline = outline_named(name, patterns, swebench=swebench)
    images = (*outline.images(), *outline.task_images())
    table = plain_table()
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    no_signal = _by_cause(_no_signal(definition, patterns))
    for label, text in [
        *_stage_rows(stages, with_ids=with_ids),
        *(("excluded", f"{task}: {why}") for task, why in excluded_among(patterns, definition).items()),
        *(("no signal", text) for text in no_signal),
        *_checkout_rows(definition, checkout),
        *_dataset_rows(definition, swebench),
    ]:
        table.add_row(f"  {label}", Text(text))
    count = sum(len(stage.tasks) for _, stage in stages)
    what = f"image {images[0]}" if len(images) == 1 else f"{len(images)} images"
    heading = Text(f"{name}: {_tasks(count)}, {what}", style="bold")
    return [heading, table, Text(f"  {_NO_SIGNAL}", style="dim")] if no_signal else [heading, table]


def _stage_rows(stages: Iterable[tuple[int, Stage]], *, with_ids: bool) -> Iterable[tuple[str, str]]:
    for number, stage in stages:
        who = "agents" if stage.top is None else f"the best {stage.top}"
        gate = f", for {who} that resolved more than {stage.above:.0%} so far" if number > 1 else ""
        groups = Counter(group_of(task) for task in stage.tasks)
        if "" in groups:
            yield f"stage {number}", f"{_tasks(len(stage.tasks))}{gate}: {', '.join(stage.tasks)}"
            continue
        counts = ", ".join(f"{group} {count}" for group, count in sorted(groups.items()))
        yield f"stage {number}", f"{_tasks(len(stage.tasks))}{gate}: {counts}"
        for group in sorted(groups) if with_ids else ():
            yield f"  {group}", ", ".join(task for task in stage.tasks if group_of(task) == group)


def _no_signal(definition: Definition, patterns: Sequence[str]) -> Mapping[TaskId, str]:
    if not patterns or not definition.no_signal:
        return definition.no_signal
    wanted = matching_tasks(patterns, definition)
    return {task: why for task, why in definition.no_signal.items() if task in wanted}


def _by_cause(remarks: Mapping[TaskId, str]) -> Sequence[str]:
    """Return for each cause the tasks that have it."""
    causes: dict[str, list[TaskId]] = {}
    for task, why in remarks.items():
        causes.setdefault(why, []).append(task)
    return [f"{', '.join(tasks)}: {why}" for why, tasks in causes.items()]


def _checkout_rows(definition: Definition, checkout: Path | None) -> Iterable[tuple[str, str]]:
    if definition.repository:
        place = checkout or usual_checkout(definition)
        yield "exercises", _problem(definition, checkout) or f"in {place}, at revision {definition.revision[:7]}"


def _dataset_rows(definition: Definition, swebench: SweBench) -> Iterable[tuple[str, str]]:
    if definition.dataset:
        where = "here" if is_at_hand(swebench) else "not here yet; fetched when first needed"
        words = ", ".join(word for word in definition.stage_names if word)
        yield "dataset", f"{swebench.dataset}, {where}"
        yield "--tasks", f"{words}, repo:NAME, difficulty:WORDS, and any id of the dataset, in a stage or not"


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
