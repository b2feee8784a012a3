"""The verbs that look after the Docker engine: gc and doctor."""

import json
from pathlib import Path
from typing import Annotated

import typer

from dgm.cli.evolving import Json


def gc(
    all_: Annotated[bool, typer.Option("--all", help="Also containers of runs that are alive.")] = False,
    json_: Json = False,
) -> None:
    """Remove containers and sockets that a killed run left behind."""
    from rich.text import Text

    from dgm.cli.screen import show
    from dgm.gateway.directories import remove_stale_directories
    from dgm.sandbox.engine import connect
    from dgm.sandbox.reaper import collect_garbage

    directories = remove_stale_directories()
    collected = collect_garbage(connect(), everything=all_)
    if json_:
        containers = [{"id": c.id, "run": c.run, "session": c.session, "kind": c.kind} for c in collected]
        _print_json({"removed": containers, "directories": [str(directory) for directory in directories]})
        return
    for container in collected:
        show(Text(f"removed {container.id[:12]} ({container.kind} of {container.run} {container.session})"))
    show(Text(f"{len(collected)} containers and {len(directories)} socket directories removed."))


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML file whose [sandbox] limits are tried.")
    ] = None,
    json_: Json = False,
) -> None:
    """Check that this machine can run sandboxes.

    The exit code is 4 where it cannot.
    """
    from rich.text import Text

    from dgm.cli.screen import plain_table, show
    from dgm.config import RunConfig, read_config
    from dgm.content import default_runs_directory
    from dgm.core.errors import InfrastructureError
    from dgm.sandbox.doctor import diagnose

    settings = RunConfig() if config is None else read_config(config)
    checks = diagnose(settings.sandbox, directory=default_runs_directory())
    healthy = all(check.ok for check in checks)
    if json_:
        rows = [{"name": check.name, "ok": check.ok, "sentence": check.sentence} for check in checks]
        _print_json({"ok": healthy, "checks": rows})
    else:
        table = plain_table("check", "", "finding")
        for check in checks:
            result = Text("ok") if check.ok else Text("failed", style="red")
            table.add_row(check.name, result, Text(check.sentence))
        show(table)
    if not healthy:
        raise typer.Exit(InfrastructureError.exit_code)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))
