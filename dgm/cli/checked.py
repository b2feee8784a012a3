"""What a check of a benchmark's controls found, by task and by group; nothing that was asked for is left out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dgm.benchmarks.checking import CheckedTask
from dgm.benchmarks.definition import Definition
from dgm.boundary.text import safe_line
from dgm.core.ids import TaskId

_MOST = 0.95


class Finding(StrEnum):
    """What a check found of one task."""

    SOUND = "ok"
    WRONG = "WRONG"
    NOT_JUDGED = "not judged"
    NOT_CHECKED = "not checked"  # the check was interrupted before
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """The controls of one group's tasks, or of all."""

    group: str
    """A language or a repository."""
    tasks: int
    """That were checked."""
    resolved_references: int
    unresolved_stubs: int
    median_s: float | None
    """Of grading a reference; None where none was graded."""
    most_s: float | None
    """95 of 100 took no longer."""


@dataclass(frozen=True, slots=True)
class Checked:
    """All that a check found."""

    definition: Definition
    tasks: tuple[TaskId, ...]
    """That were to be checked."""
    rows: Mapping[TaskId, CheckedTask]
    """Of those that were."""
    excluded: Mapping[TaskId, str]
    """Tasks that were asked for and cannot be judged -> why."""

    @property
    def is_complete(self) -> bool:
        """Whether every task was checked."""
        return len(self.rows) == len(self.tasks)

    def finding(self, task: TaskId) -> Finding:
        """Return what was found of a task."""
        if task in self.excluded:
            return Finding.EXCLUDED
        row = self.rows.get(task)
        return Finding.NOT_CHECKED if row is None else finding_of(row)

    def found(self, finding: Finding) -> list[CheckedTask]:
        """Return the checked tasks of which that was found, in the benchmark's order."""
        return [self.rows[task] for task in self.tasks if task in self.rows and self.finding(task) is finding]

    def resolved_stubs(self) -> list[TaskId]:
        """Return the tasks without signal whose stub was resolved indeed."""
        return [row.task for row in self.found(Finding.SOUND) if row.base.resolved]

    def by_group(self) -> list[GroupRow]:
        """Return a row for each group in alphabetical order, and one for all where there are several."""
        rows = [self.rows[task] for task in self.tasks if task in self.rows]
        groups = sorted({self.definition.group_of(row.task) for row in rows})
        of_each = [
            _group_row(group, [row for row in rows if self.definition.group_of(row.task) == group]) for group in groups
        ]
        return [*of_each, _group_row("all", rows)] if len(of_each) > 1 else of_each


def finding_of(row: CheckedTask) -> Finding:
    """Return what was found of a task that was checked."""
    if not row.judged:
        return Finding.NOT_JUDGED
    return Finding.SOUND if row.sound else Finding.WRONG


def why_of(row: CheckedTask) -> str:
    """Return why a task's controls are not as they must be, in a sentence; "" if they are."""
    if row.judged:
        problems = [
            f"{name} {'resolved' if control.resolved else 'unresolved'}: {control.summary}"
            for name, control, is_right in (
                ("reference", row.reference, row.reference.resolved),
                ("stub", row.base, not (row.base.resolved and row.has_signal)),
            )
            if not is_right
        ]
    else:
        problems = [control.summary for control in (row.base, row.reference) if control.resolved is None]
    sentences = dict.fromkeys(safe_line(problem).rstrip(".") for problem in problems)
    return "; ".join(sentences) + ("." if sentences else "")


def _group_row(group: str, rows: Sequence[CheckedTask]) -> GroupRow:
    seconds = sorted(row.reference.seconds for row in rows if row.reference.resolved is not None)
    return GroupRow(
        group,
        tasks=len(rows),
        resolved_references=sum(row.reference.resolved is True for row in rows),
        unresolved_stubs=sum(row.base.resolved is False for row in rows),
        median_s=_quantile(seconds, 0.5),
        most_s=_quantile(seconds, _MOST),
    )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least `share` of all do not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
