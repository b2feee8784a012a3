"""How what the static check found in a child is shown: by kind, the most alarming first."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from dgm.boundary.text import safe_line
from dgm.cli.screen import plain_table
from dgm.core.findings import Finding, FindingKind

_ORDER = {kind: place for place, kind in enumerate(FindingKind)}
_LAST_ALARMING = FindingKind.OUTSIDE_PATH
"""Kinds up to this one stand out: honest changes of an agent seldom have them."""


def findings_answer(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return the JSON of findings, the most alarming first."""
    return [
        {
            "kind": finding.kind.value,
            "path": safe_line(finding.path) or None,
            "line": finding.line or None,
            "text": safe_line(finding.text),
        }
        for finding in _sorted(findings)
    ]


def findings_line(findings: Sequence[Finding]) -> str:
    """Return in one line what was found, for a table of facts."""
    counts = {kind: len(group) for kind, group in _by_kind(findings).items() if kind is not FindingKind.NOT_LISTED}
    return ", ".join(f"{count} {kind.value}" for kind, count in counts.items()) or "nothing"


def finding_parts(findings: Sequence[Finding]) -> list[RenderableType]:
    """Return a heading and a row for each finding, nothing where there are none."""
    if not findings:
        return []
    table = plain_table()
    table.add_column("kind", no_wrap=True)
    table.add_column("where", overflow="fold", max_width=40)
    table.add_column("what", overflow="fold", ratio=1)
    for kind, group in _by_kind(findings).items():
        for number, finding in enumerate(group):
            name = Text("") if number else Text(kind.value, style=_style(kind))
            table.add_row(name, Text(_place(finding)), Text(safe_line(finding.text)))
    return [Text("\nThe static check found (signals, not verdicts)", style="bold"), table]


def _place(finding: Finding) -> str:
    path = safe_line(finding.path)
    return f"{path}:{finding.line}" if finding.line else path


def _style(kind: FindingKind) -> str:
    return "yellow" if _ORDER[kind] <= _ORDER[_LAST_ALARMING] else ""


def _by_kind(findings: Iterable[Finding]) -> dict[FindingKind, list[Finding]]:
    groups: dict[FindingKind, list[Finding]] = {}
    for finding in _sorted(findings):
        groups.setdefault(finding.kind, []).append(finding)
    return groups


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by kind, those of a kind in their order."""
    return sorted(findings, key=lambda finding: _ORDER[finding.kind])
