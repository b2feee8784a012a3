"""The verb `check`: whether all holds of a run that must hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from dgm.cli.reading import Json, NewestRun, RunsDirectory

if TYPE_CHECKING:
    from rich.table import Table

    from dgm.archive.checks import Finding
    from dgm.cli.answers import Answer


def check(run: NewestRun = None, runs_dir: RunsDirectory = None, json_: Json = False) -> None:
    """Check every invariant of a run: facts, code, costs and transcripts. Nothing is changed.

    A run that is alive can be checked, too. The exit code is 3 where something does not hold.
    """
    from dgm.cli.answers import json_text
    from dgm.cli.runs import existing_run_directory
    from dgm.cli.screen import show
    from dgm.core.errors import ArchiveError
    from dgm.wiring.checking import check_run

    directory = existing_run_directory(run, runs=runs_dir)
    findings = list(check_run(directory))
    holds = all(finding.holds for finding in findings)
    if json_:
        rows = [_answer(finding) for finding in findings]
        typer.echo(json_text({"run": directory.name, "ok": holds, "checks": rows}))
    else:
        show(_table(findings), _summary(findings))
    if not holds:
        raise typer.Exit(ArchiveError.exit_code)


def _table(findings: "Sequence[Finding]") -> "Table":
    from rich.text import Text

    from dgm.boundary.text import safe_line
    from dgm.cli.screen import plain_table

    table = plain_table("invariant", "")
    table.add_column("looked at", justify="right", no_wrap=True)
    table.add_column("finding", overflow="fold")
    for finding in findings:
        word = Text("ok") if finding.holds else Text("PROBLEM", style="red")
        table.add_row(Text(finding.name), word, Text(f"{finding.looked_at:,}"), Text(finding.says))
        lines = [*finding.problems, *([f"and {finding.more:,} more"] if finding.more else [])]
        for line in lines:
            table.add_row("", Text("PROBLEM", style="red"), "", Text(safe_line(line)))
        for line in finding.left_over:
            table.add_row("", "left over", "", Text(safe_line(line)))
    return table


def _summary(findings: "Sequence[Finding]") -> str:
    problems = sum(len(finding.problems) + finding.more for finding in findings)
    broken = sum(not finding.holds for finding in findings)
    if not broken:
        return f"All {len(findings)} invariants hold."
    said = "problem" if problems == 1 else "problems"
    return f"{broken} of {len(findings)} invariants do not hold: {problems:,} {said}."


def _answer(finding: "Finding") -> "Answer":
    from dgm.boundary.text import safe_line

    return {
        "name": finding.name,
        "ok": finding.holds,
        "says": finding.says,
        "looked_at": finding.looked_at,
        "problems": list(map(safe_line, finding.problems)),
        "more": finding.more,
        "left_over": list(map(safe_line, finding.left_over)),
    }
