"""Checks the controls of a benchmark: runs them, shows what was found, and says it with the exit code."""

import shlex
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from dgm.benchmarks.catalogue import benchmark_named, definition_named
from dgm.benchmarks.checking import CheckedTask, check
from dgm.cli import exit_codes
from dgm.cli.answers import Answer, json_text
from dgm.cli.check_table import CONTROLS, Circumstances, require_writable, table_text
from dgm.cli.checked import Checked, Finding, finding_of, why_of
from dgm.cli.commit import own_commit
from dgm.cli.image_plans import building_ahead
from dgm.cli.screen import console, plain_table
from dgm.cli.task_listing import excluded_among, require_instances
from dgm.config import RunConfig, SweBench
from dgm.core.errors import UsageError
from dgm.core.ids import TaskId
from dgm.core.ports import Benchmark
from dgm.sandbox.images import ensure_image
from dgm.wiring import SystemClock, docker_sandbox

_LONGEST_TASK = 36


def check_benchmark(
    name: str,
    patterns: Sequence[str],
    checkout: Path | None,
    *,
    swebench: SweBench,
    workers: int,
    table: Path | None,
    as_json: bool,
) -> int:
    """Grade a benchmark's controls, show and write what was found, and return the exit code.

    Args:
        name: the benchmark.
        patterns: only these of its tasks; all when empty.
        checkout: of exercises that do not come with dgm; the usual place unless given.
        swebench: where instances are from and how they are graded.
        workers: how many sandboxes at a time.
        table: where to write it as Markdown, if anywhere.
        as_json: print JSON on standard output, and progress on standard error.
    Raises:
        UsageError: the benchmark, a task, the checkout or the place of the table is not as it must be.
        InfrastructureError: no task can be graded.
    """
    definition = definition_named(name)
    if checkout is not None and not definition.repository:
        raise UsageError(f"The tasks of benchmark {name} are in no checkout; leave out --polyglot-dir.")
    require_instances(definition, swebench)
    if table is not None:
        require_writable(table)
    benchmark = benchmark_named(name, patterns, checkout=checkout, swebench=swebench)
    tasks = tuple(task.id for task in benchmark.tasks())
    screen, rows, images = console(stderr=as_json), dict[TaskId, CheckedTask](), dict[str, str]()
    is_interrupted = False
    try:
        config = RunConfig(workers=workers, swebench=swebench)
        _check(benchmark, rows, images, tasks=len(tasks), config=config, screen=screen)
    except KeyboardInterrupt:
        if not rows:
            raise
        is_interrupted = True
    checked = Checked(definition, tasks, rows, excluded_among(patterns, definition))
    if as_json:
        typer.echo(json_text(_answer(checked)))
    else:
        screen.print(*_summary(checked), sep="\n")
    if table is not None:
        command = _command(name, patterns, workers, stock=swebench.stock)
        made = Circumstances(_version(), f"{datetime.now(UTC):%Y-%m-%d}", command, images, swebench)
        table.write_text(table_text(checked, made), "utf-8")
        screen.print(Text(f"The table is in {table}."))
    return exit_codes.INTERRUPTED if is_interrupted else _exit_code(checked)


def _check(
    benchmark: Benchmark,
    rows: dict[TaskId, CheckedTask],
    images: dict[str, str],
    *,
    tasks: int,
    config: RunConfig,
    screen: Console,
) -> None:
    """Fill `rows` and `images` (name -> digest), so that what is done is there also after an interruption."""

    def say(text: str) -> None:
        screen.print(Text(text))

    if sentence := building_ahead(benchmark):
        say(sentence)
    directory = Path.cwd() / f"check-{benchmark.name}"
    with docker_sandbox(config, directory, say=say, pin=images.__setitem__) as sandbox:
        for name in benchmark.images():
            images[name] = ensure_image(sandbox.engine, name, say=say)
        with closing(check(benchmark, sandbox, clock=SystemClock(), workers=config.workers)) as found:
            for row in found:
                rows[row.task] = row
                for line in _progress(f"{len(rows)}/{tasks}", row):
                    screen.print(Text(line))


def _progress(count: str, row: CheckedTask) -> Iterable[str]:
    seconds = row.base.seconds + row.reference.seconds
    remark = "  stub resolved too" if row.sound and row.base.resolved else ""
    yield f"{count:>7} {finding_of(row).value:5} {row.task:{_LONGEST_TASK}} {seconds:5.1f} s{remark}"
    if why := why_of(row):
        yield f"        {why}"


def _summary(checked: Checked) -> Iterable[RenderableType]:
    yield ""
    table = plain_table(checked.definition.kind)
    for name in ("tasks", "reference resolved", "stub unresolved", "median s", "95 % within s"):
        table.add_column(name, justify="right")
    for row in checked.by_group():
        seconds = ("-" if value is None else f"{value:.1f}" for value in (row.median_s, row.most_s))
        table.add_row(row.group, str(row.tasks), str(row.resolved_references), str(row.unresolved_stubs), *seconds)
    yield table
    yield ""
    yield from (Text(sentence) for sentence in _sentences(checked))


def _sentences(checked: Checked) -> Iterable[str]:
    for task, why in checked.excluded.items():
        yield f"Excluded: {task}: {why}."
    if stubs := checked.resolved_stubs():
        yield f"No signal, as listed: {', '.join(stubs)}: the stub is resolved too."
    for row in checked.found(Finding.NOT_JUDGED):
        yield f"Not judged: {row.task}: {why_of(row)}"
    for row in checked.found(Finding.WRONG):
        yield f"WRONG: {row.task}: {why_of(row)}"
    if checked.definition.dataset:
        yield f"Of instances, {CONTROLS}."
    sound, name = len(checked.found(Finding.SOUND)), checked.definition.name
    if not checked.is_complete:
        yield f"PARTIAL: interrupted after {len(checked.rows)} of {len(checked.tasks)} tasks."
    yield f"{name}: {sound} of {len(checked.tasks)} tasks are sound: reference resolved, stub not."


def _exit_code(checked: Checked) -> int:
    if checked.found(Finding.WRONG):
        return exit_codes.WRONG
    return exit_codes.NOT_MEASURED if checked.found(Finding.NOT_JUDGED) else 0


def _version() -> str:
    commit = own_commit()
    return f"{version('dgm')}, commit {commit}" if commit else version("dgm")


def _command(name: str, patterns: Sequence[str], workers: int, *, stock: bool) -> str:
    """Return the command as others would type it: where files are on this machine is left out."""
    tasks = ["--tasks", ",".join(patterns)] if patterns else []
    options = ["--swebench-stock"] if stock else []
    return shlex.join(["dgm", "benchmarks", "check", name, *tasks, "--workers", str(workers), *options])


def _answer(checked: Checked) -> Answer:
    kind = checked.definition.kind.value
    return {
        "benchmark": checked.definition.name,
        "complete": checked.is_complete,
        f"by_{kind}": [
            {
                kind: row.group,
                "tasks": row.tasks,
                "references_resolved": row.resolved_references,
                "stubs_unresolved": row.unresolved_stubs,
                "median_s": row.median_s,
                "p95_s": row.most_s,
            }
            for row in checked.by_group()
        ],
        "excluded": checked.excluded,
        "tasks": [_task_answer(checked, task) for task in checked.tasks],
    }


def _task_answer(checked: Checked, task: TaskId) -> Answer:
    row = checked.rows.get(task)
    return {
        "task": task,
        checked.definition.kind.value: checked.definition.group_of(task),
        "finding": checked.finding(task).value.lower(),
        "has_signal": task not in checked.definition.no_signal,
        "why": why_of(row) if row else "",
        "reference_resolved": row.reference.resolved if row else None,
        "reference_s": round(row.reference.seconds, 3) if row else None,
        "stub_resolved": row.base.resolved if row else None,
        "stub_s": round(row.base.seconds, 3) if row else None,
    }
