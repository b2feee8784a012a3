"""What a person sees of a child before it first runs: why, what it cost, what is odd, what changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.archive.difference import DiffStat
from dgm.archive.reader import RunReader
from dgm.boundary.inspection import findings
from dgm.boundary.text import safe_line, safe_text
from dgm.cli.costs import dollars, usage_words
from dgm.cli.diff_views import diff_view, file_changes, stat_of
from dgm.cli.findings import finding_parts, findings_answer, findings_line
from dgm.cli.scores import score_line
from dgm.cli.screen import facts_table, plain_table, short_id
from dgm.cli.steps import diagnosis_answer, diagnosis_view, diff_stat_answer, diff_stat_line, title_words
from dgm.cli.times import duration_words, iso_time
from dgm.core.actions import EvidenceKind, Step
from dgm.core.errors import UnknownNameError
from dgm.core.findings import Finding


@dataclass(frozen=True, slots=True)
class Waiting:
    """A child that waits to be seen, with what is known of it."""

    decision: int
    step: Step
    at: float
    """When it was made, in seconds since 1970."""
    found: tuple[Finding, ...]
    diff: str
    """As hostile as the child."""
    stat: DiffStat


def decision_of(run: RunReader, step: int) -> int:
    """Return the decision whose step waits to be seen.

    Raises:
        UnknownNameError: it does not wait.
    """
    waiting = {held.step.number: held.decision for held in run.waiting()}
    if step not in waiting:
        numbers = ", ".join(map(str, waiting)) or "none"
        raise UnknownNameError(f"Step {step} does not wait to be seen; of this run, these do: {numbers}.")
    return waiting[step]


def waiting_in(run: RunReader, step: int | None = None) -> list[Waiting]:
    """Return what waits for a person, the oldest first; the child of a step alone if one is given.

    Raises:
        UnknownNameError: that step does not wait.
    """
    with run.snapshot():
        only = None if step is None else decision_of(run, step)
        diffs = {record.decision: run.held_diff(record) for record in run.waiting() if only in {None, record.decision}}
        held = [child for child in run.held() if child.decision in diffs]
        parents = {child.step.parent: run.code(child.step.parent) for child in held}
    return [
        Waiting(
            child.decision,
            child.step,
            child.at,
            found=findings(parents[child.step.parent], child.step.child or {}),
            diff=diffs[child.decision],
            stat=stat_of(file_changes(diffs[child.decision])),
        )
        for child in held
    ]


def waiting_table(waiting: Iterable[Waiting], *, now: float) -> Table:
    """Return a row for each child that waits."""
    table = plain_table()
    for name, justify in (("step", "right"), ("parent", "left"), ("waits for", "right"), ("cost", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # pyright: ignore[reportArgumentType]
    table.add_column("change", no_wrap=True)
    table.add_column("what it is to improve; what the static check found", overflow="fold", ratio=1)
    for child in waiting:
        words = (title_words(child.step.diagnosis, partner=child.step.partner), f"found: {findings_line(child.found)}")
        table.add_row(
            str(child.step.number),
            short_id(child.step.parent),
            duration_words(max(0.0, now - child.at)),
            dollars(child.step.usage.cost_usd),
            diff_stat_line(child.stat),
            Text("; ".join(part for part in words if part)),
        )
    return table


def waiting_answer(child: Waiting, *, now: float) -> dict[str, Any]:
    """Return the JSON of a child that waits."""
    step = child.step
    judgement = step.judgement
    return {
        "step": step.number,
        "parent": step.parent,
        "partner": step.partner,
        "made_at": iso_time(child.at),
        "age_s": round(now - child.at, 3),
        "cost_usd": step.usage.cost_usd,
        "tokens": step.usage.tokens,
        "evidence_task": step.evidence_task or None,
        "evidence_kind": step.evidence_kind.value if step.evidence_task else None,
        "title": title_words(step.diagnosis, partner=step.partner),
        "diagnosis": diagnosis_answer(step.diagnosis),
        "judgement": judgement and {"is_new": judgement.is_new, "reason": safe_text(judgement.reason)},
        "conflicts": [safe_line(path) for path in step.conflicts],
        "sessions": list(step.sessions),
        "findings": findings_answer(child.found),
        "diff_stat": diff_stat_answer(child.stat),
        "diff": safe_text(child.diff),
    }


def child_view(run: RunReader, child: Waiting, *, place: str, now: float) -> RenderableType:
    """Return all that is known of a child that waits, but its code.

    Args:
        run: that it is of.
        child: what waits.
        place: which of those that wait it is, in words.
        now: seconds since 1970.
    """
    step = child.step
    parts: list[RenderableType] = [
        Text.assemble(("\nstep ", "dim"), (str(step.number), "bold"), (f"  {place}", "dim")),
        facts_table(_rows(run, child, now=now)),
        *([] if step.diagnosis is None else diagnosis_view(step.diagnosis)),
        *(finding_parts(child.found) or [Text("\nThe static check found nothing.", style="bold")]),
    ]
    return Group(*parts)


def changes_view(child: Waiting, *, width: int) -> RenderableType:
    """Return what a child changed in its parent's code."""
    return Group(
        Text(f"\nWhat it changed: {diff_stat_line(child.stat)}", style="bold"), diff_view(child.diff, width=width)
    )


def _rows(run: RunReader, child: Waiting, *, now: float) -> dict[str, str]:
    step, name = child.step, safe_line(run.facts().name)
    parent = run.agent_tree()[step.parent]
    score = score_line(run.scores()[step.parent])
    rows = {
        "parent": f"{short_id(parent.id)}, generation {parent.generation}: {score}",
        "made": f"{duration_words(max(0.0, now - child.at))} ago, {iso_time(child.at)}",
        "cost": usage_words(step.usage),
        "title": title_words(step.diagnosis, partner=step.partner),
        "evidence": _evidence(step),
        "judged": _judgement(step),
        "conflicts": ", ".join(safe_line(path) for path in step.conflicts),
        "read on": _read_on(step.sessions, name),
    }
    return {name: words for name, words in rows.items() if words}


def _evidence(step: Step) -> str:
    task = safe_line(step.evidence_task)
    return task if step.evidence_kind is EvidenceKind.UNRESOLVED else f"{task} ({step.evidence_kind.value})"


def _judgement(step: Step) -> str:
    if step.judgement is None:
        return ""
    return f"{'new' if step.judgement.is_new else 'not new'}: {safe_line(step.judgement.reason)}"


def _read_on(sessions: Sequence[str], name: str) -> str:
    return f"dgm transcript {name} {safe_line(sessions[-1])}" if sessions else ""
