"""The verbs that look after the Docker engine: gc and doctor."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.evolving import Json, RunsDirectory

if TYPE_CHECKING:
    from dgm.config import SandboxLimits
    from dgm.sandbox.doctor import Check
    from dgm.sandbox.examination_findings import Finding


def gc(
    all_: Annotated[bool, typer.Option("--all", help="Also containers of runs that are alive.")] = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Remove containers, sockets and unfinished directories that a killed run left behind."""
    from rich.text import Text

    from dgm.archive.build_sites import remove_stale_build_sites
    from dgm.benchmarks.swebench.datasets import datasets_directory
    from dgm.boundary.scratch import remove_stale_scratch
    from dgm.cli.runs import run_directories, runs_directory
    from dgm.cli.screen import show
    from dgm.content import cache_directory
    from dgm.gateway.directories import remove_stale_directories
    from dgm.sandbox.engine import connect
    from dgm.sandbox.reaper import collect_garbage
    from dgm.wiring import remove_stale_socket

    directories = remove_stale_directories()
    unfinished = remove_stale_scratch(cache_directory(), datasets_directory())
    unfinished += remove_stale_build_sites(runs_directory(runs_dir))
    sockets = [directory for directory in run_directories(runs_dir) if remove_stale_socket(directory)]
    collected = collect_garbage(connect(), everything=all_)
    if json_:
        containers = [{"id": c.id, "run": c.run, "session": c.session, "kind": c.kind} for c in collected]
        gone = {"directories": list(map(str, directories)), "control_sockets_of": list(map(str, sockets))}
        gone["unfinished"] = list(map(str, unfinished))
        _print_json({"removed": containers} | gone)
        return
    for container in collected:
        show(Text(f"removed {container.id[:12]} ({container.kind} of {container.run} {container.session})"))
    found = f"{len(collected)} containers and {len(directories) + len(sockets)} sockets"
    show(Text(f"{found} removed." if not unfinished else f"{found} removed, and {len(unfinished)} directories."))


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML file whose [sandbox] limits are tried.")
    ] = None,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also try every control of a container, from inside and outside; takes seconds."),
    ] = False,
    json_: Json = False,
) -> None:
    """Check that this machine can run sandboxes.

    The exit code is 4 where it cannot, or where a control of a container does not hold.
    """
    from dgm.config import RunConfig, read_config
    from dgm.content import default_runs_directory
    from dgm.core.errors import InfrastructureError
    from dgm.sandbox.doctor import diagnose

    settings = RunConfig() if config is None else read_config(config)
    checks = diagnose(settings.sandbox, directory=default_runs_directory())
    able = all(check.ok for check in checks)
    findings = _examined(settings.sandbox) if deep and able else []
    healthy = able and not any(finding.result == "failed" for finding in findings)
    if json_:
        plain = [{"name": check.name, "ok": check.ok, "sentence": check.sentence} for check in checks]
        _print_json({"ok": healthy, "checks": plain} | ({"deep": [_row(f) for f in findings]} if deep else {}))
    else:
        _show_checks(checks, findings)
        if deep and not able:
            typer.echo("The controls of a container are tried once these checks hold.", err=True)
    if not healthy:
        raise typer.Exit(InfrastructureError.exit_code)


def _examined(limits: "SandboxLimits") -> "list[Finding]":
    from contextlib import closing

    from dgm.sandbox.engine import connect
    from dgm.sandbox.examination import examine

    with closing(connect()) as engine:
        return list(examine(engine, limits))


def _row(finding: "Finding") -> dict[str, str]:
    return {
        "subject": finding.subject,
        "name": finding.name,
        "result": finding.result.value,
        "sentence": finding.sentence,
    }


def _show_checks(checks: "Sequence[Check]", findings: "Sequence[Finding]") -> None:
    from rich.text import Text

    from dgm.cli.screen import plain_table, show

    table = plain_table("check", "", "finding")
    rows = [(check.name, "ok" if check.ok else "failed", check.sentence) for check in checks]
    rows += [(f"{finding.subject}: {finding.name}", finding.result.value, finding.sentence) for finding in findings]
    for name, result, sentence in rows:
        shown = Text("FAILED", style="red") if result == "failed" else Text(result)
        table.add_row(Text(name), shown, Text(sentence))
    show(table)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))
