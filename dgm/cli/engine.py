"""The verbs that look after the Docker engine: images, gc and doctor."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dgm.sandbox.engine import Image

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, progress on standard error.")]

_MEGABYTE = 10**6
_DIGEST_SHOWN = 19


def images(
    build: Annotated[bool, typer.Option("--build", help="Build those that are not there yet.")] = False,
    json_: Json = False,
) -> None:
    """List the sandbox images on the Docker engine."""
    from rich.text import Text

    from dgm.cli.screen import console
    from dgm.sandbox.engine import connect
    from dgm.sandbox.images import ensure_image, image_names, image_tag, our_images

    progress = console(stderr=True)
    engine = connect()
    if build:
        for name in image_names():
            ensure_image(engine, name, say=lambda text: progress.print(Text(text)))
    current = {image_tag(name) for name in image_names()}
    rows = [_image_row(image, current) for image in our_images(engine)]
    missing = sorted(current - {row["tag"] for row in rows})
    if json_:
        _print_json({"images": rows, "missing": missing})
    else:
        _print_images(rows, missing)


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


def _image_row(image: "Image", current: "set[str]") -> dict[str, Any]:
    from dgm.sandbox.images import IMAGE_LABEL

    tag = next((tag for tag in image.tags if tag in current), next(iter(image.tags), ""))
    return {
        "name": image.labels.get(IMAGE_LABEL, ""),
        "tag": tag,
        "digest": image.id,
        "size_bytes": image.size_bytes,
        "current": tag in current,
    }


def _print_images(rows: "Sequence[Mapping[str, Any]]", missing: "Sequence[str]") -> None:
    from rich.text import Text

    from dgm.cli.screen import plain_table, show

    table = plain_table("image", "tag", "digest", "MB", "")
    for row in rows:
        size = f"{row['size_bytes'] / _MEGABYTE:.0f}"
        digest = str(row["digest"])[:_DIGEST_SHOWN]
        table.add_row(row["name"], row["tag"], digest, size, "current" if row["current"] else "older")
    show(table)
    for tag in missing:
        show(Text(f"{tag} is not built yet; `dgm images --build` builds it."))


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))
