"""How self-modifications are shown: what they were told, who else took part, and why they made no child."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dgm.archive.difference import DiffStat
from dgm.archive.records import BesideStep, StepRecord
from dgm.boundary.text import safe_line, safe_text
from dgm.cli.screen import facts_table, plain_table, short_id
from dgm.core.actions import Diagnosis, EvidenceKind
from dgm.core.ids import AgentId


def title_of(step: StepRecord) -> str:
    """Return in a few words what a step meant to improve, "" where nothing was proposed.

    The heading of the problem that the parent was given, if it has one; else the first line of the proposal.
    """
    return title_words(step.diagnosis, partner=step.beside.partner)


def title_words(diagnosis: Diagnosis | None, *, partner: AgentId | None) -> str:
    """Return the same for a step that has no result yet."""
    if partner is not None:
        return f"merge with {short_id(partner)}"
    if diagnosis is None:
        return ""
    return _first_heading(diagnosis.problem_description) or _first_line(diagnosis.improvement_proposal)


def _first_heading(text: str) -> str:
    line = _first_line(text)
    return line.lstrip("#").strip() if line.startswith("#") else ""


def _first_line(text: str) -> str:
    lines = safe_text(text).strip().splitlines()
    return safe_line(lines[0]) if lines else ""


def step_answer(step: StepRecord | None) -> dict[str, Any]:
    """Return how an agent came to be; nothing but empty values for the seed agent, which no step made."""
    return {
        "diff_stat": diff_stat_answer(step.diff_stat if step else None),
        "diagnosis": diagnosis_answer(step.diagnosis if step else None),
        "evidence_task": step.evidence_task if step else None,
        **_beside_answer(step),
    }


def rejected_answer(step: StepRecord) -> dict[str, Any]:
    """Return what a step was to improve, and why it made no child."""
    return {
        "step": step.number,
        "rejection": step.rejection.value if step.rejection else None,
        "detail": safe_line(step.detail),
        "title": title_of(step),
        "evidence_task": step.evidence_task,
        **_beside_answer(step),
    }


def _beside_answer(step: StepRecord | None) -> dict[str, Any]:
    beside = BesideStep() if step is None else step.beside
    has_evidence = step is not None and bool(step.evidence_task)
    judgement = beside.judgement
    return {
        "evidence_kind": beside.evidence_kind.value if has_evidence else None,
        "editor": beside.editor,
        "partner": beside.partner,
        "judgement": judgement and {"is_new": judgement.is_new, "reason": safe_text(judgement.reason)},
        "conflicts": [safe_line(path) for path in beside.conflicts],
    }


def diff_stat_answer(stat: DiffStat | None) -> dict[str, Any] | None:
    """Return the size of a change."""
    return None if stat is None else asdict(stat)


def diagnosis_answer(diagnosis: Diagnosis | None) -> dict[str, Any] | None:
    """Return what a model said, None where it was not asked."""
    if diagnosis is None:
        return None
    return {
        "log_summarization": safe_text(diagnosis.log_summarization),
        "potential_improvements": [safe_text(idea) for idea in diagnosis.potential_improvements],
        "improvement_proposal": safe_text(diagnosis.improvement_proposal),
        "implementation_suggestion": safe_text(diagnosis.implementation_suggestion),
        "problem_description": safe_text(diagnosis.problem_description),
    }


def diff_stat_line(stat: DiffStat | None) -> str:
    """Return the size of a change in words."""
    if stat is None:
        return "nothing"
    files = "1 file" if stat.files_changed == 1 else f"{stat.files_changed} files"
    return f"{files}, +{stat.insertions} -{stat.deletions}"


def step_rows(step: StepRecord) -> Mapping[str, str]:
    """Return the size of a step's change, what it was to explain and whatever else took part, each with its name."""
    evidence = {"evidence": _evidence_words(step)} if step.evidence_task else {}
    return {"change": diff_stat_line(step.diff_stat)} | evidence | _beside_rows(step.beside)


def _evidence_words(step: StepRecord) -> str:
    task, kind = safe_line(step.evidence_task), step.beside.evidence_kind
    return task if kind is EvidenceKind.UNRESOLVED else f"{task} ({kind.value})"


def _beside_rows(beside: BesideStep) -> dict[str, str]:
    rows: dict[str, str] = {}
    if beside.editor is not None:
        rows["editor"] = f"{short_id(beside.editor)} changed the parent's code"
    if beside.partner is not None:
        rows["merged with"] = short_id(beside.partner)
    if beside.conflicts:
        rows["conflicts"] = ", ".join(safe_line(path) for path in beside.conflicts)
    if beside.judgement is not None:
        verdict = "new" if beside.judgement.is_new else "not new"
        rows["judged"] = f"{verdict}: {safe_line(beside.judgement.reason)}"
    return rows


def diagnosis_parts(step: StepRecord | None) -> list[RenderableType]:
    """Return a heading and what a model said of the parent, nothing where it was not asked."""
    return [] if step is None or step.diagnosis is None else diagnosis_view(step.diagnosis)


def diagnosis_view(diagnosis: Diagnosis) -> list[RenderableType]:
    """Return a heading and what a model said."""
    rows = {
        "proposal": safe_line(diagnosis.improvement_proposal),
        "problem": safe_line(diagnosis.problem_description),
        "how": safe_line(diagnosis.implementation_suggestion),
        "log": safe_line(diagnosis.log_summarization),
    }
    return [Text("\nDiagnosis of its parent", style="bold"), facts_table(rows)]


def rejected_table(steps: Iterable[StepRecord]) -> Table:
    """Return a row for each step: why it made no child, what it was to improve, and what else is known of it."""
    table = plain_table()
    table.add_column("step", justify="right")
    table.add_column("reason", no_wrap=True)
    table.add_column("what it was to improve; what went wrong", overflow="fold", ratio=1)
    for step in steps:
        beside = [f"{name} {words}" for name, words in _beside_rows(step.beside).items()]
        parts = (title_of(step), _kind_words(step), *beside, safe_line(step.detail))
        what = "; ".join(part for part in parts if part)
        table.add_row(str(step.number), step.rejection.value if step.rejection else "", Text(what))
    return table


def _kind_words(step: StepRecord) -> str:
    kind = step.beside.evidence_kind
    return "" if kind is EvidenceKind.UNRESOLVED else f"evidence {kind.value}"
