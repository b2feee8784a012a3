"""The file that `dgm benchmarks check --table` writes: Markdown, the same for the same findings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgm.cli.checked import Checked, Finding, GroupRow, why_of
from dgm.config import SweBench
from dgm.core.errors import ConfigError
from dgm.core.ids import TaskId

_INTRODUCTION = (
    "Each task's reference solution has to be resolved and its untouched stub must not, graded as agents' solutions "
    "are: each in a fresh container {network} network. Seconds are those of one grading, its container included."
)

CONTROLS = "reference is the gold patch, stub a patch that does nothing"
"""Said of benchmarks whose tasks are instances."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which a check was made."""

    version: str
    """Of dgm, with its commit where that is known."""
    date: str
    command: str
    images: Mapping[str, str]
    """Name -> digest."""
    swebench: SweBench
    """Where instances are from and how they were graded, if the tasks are instances."""


def require_writable(path: Path) -> None:
    """Return if a table can be written there; a long check must not end with finding out that it cannot.

    Raises:
        ConfigError: it cannot.
    """
    if path.is_dir():
        raise ConfigError(f"--table {path} is a directory; name a file.")
    if not path.parent.is_dir():
        raise ConfigError(f"--table {path}: there is no directory {path.parent}; make it first.")


def table_text(checked: Checked, made: Circumstances) -> str:
    """Return the whole file."""
    definition = checked.definition
    parts = [
        f"# Controls of benchmark {definition.name}",
        _INTRODUCTION.format(network="with" if made.swebench.stock else "without"),
    ]
    if not checked.is_complete:
        parts.append(f"**Partial: interrupted after {len(checked.rows)} of {len(checked.tasks)} tasks.**")
    parts += [
        "\n".join(_circumstances(checked, made)),
        f"## By {definition.kind}",
        _table(
            (definition.kind, "tasks", "reference resolved", "stub unresolved", "median s", "95 % within s"),
            map(_group_cells, checked.by_group()),
        ),
        "## By task",
        _table((definition.kind, "task", "reference", "stub", "reference s", "stub s"), _task_rows(checked)),
    ]
    exceptions = list(_exceptions(checked))
    return "\n\n".join([*parts, "## Exceptions", "\n".join(exceptions) or "None."]) + "\n"


def _circumstances(checked: Checked, made: Circumstances) -> Iterable[str]:
    definition = checked.definition
    yield f"- dgm {made.version}, {made.date}: `{made.command}`"
    if definition.repository:
        yield f"- exercises: {definition.repository} at revision {definition.revision}"
    if definition.dataset:
        yield f"- instances: {Path(made.swebench.dataset).name}; {CONTROLS}"
    yield from (f"- image {name}: {digest}" for name, digest in sorted(made.images.items()))


def _group_cells(row: GroupRow) -> Sequence[str]:
    return (
        row.group,
        str(row.tasks),
        str(row.resolved_references),
        str(row.unresolved_stubs),
        _seconds(row.median_s),
        _seconds(row.most_s),
    )


def _task_rows(checked: Checked) -> Iterable[Sequence[str]]:
    """Return a row for every task that was asked for, those included that were not checked."""
    for task in sorted({*checked.tasks, *checked.excluded}):
        group, row = checked.definition.group_of(task), checked.rows.get(task)
        name = task.partition("/")[2] or task
        if row is None:
            finding = checked.finding(task).value
            yield group, name, finding, finding, "", ""
            continue
        stub = _verdict(row.base.resolved) + ("" if row.has_signal else " (no signal)")
        yield (
            group,
            name,
            _verdict(row.reference.resolved),
            stub,
            _seconds(row.reference.seconds),
            _seconds(row.base.seconds),
        )


def _exceptions(checked: Checked) -> Iterable[str]:
    yield from (f"- {task}: excluded: {why}." for task, why in sorted(checked.excluded.items()))
    remarks: list[tuple[TaskId, str]] = [
        (task, f"no signal: {checked.definition.no_signal[task]}.") for task in checked.resolved_stubs()
    ]
    for finding in (Finding.WRONG, Finding.NOT_JUDGED):
        remarks += [(row.task, f"{finding.value.lower()}: {why_of(row)}") for row in checked.found(finding)]
    yield from (f"- {task}: {text}" for task, text in sorted(remarks))


def _verdict(resolved: bool | None) -> str:
    if resolved is None:
        return "not judged"
    return "resolved" if resolved else "unresolved"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
