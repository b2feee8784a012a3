"""The verb `benchmarks`: lists task sets, and proves that they tell a solution from none."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgm.cli.evolving import Json

if TYPE_CHECKING:
    from dgm.benchmarks.checking import CheckedTask


def benchmarks(
    action: Annotated[str | None, typer.Argument(metavar="check", help="`check` grades the controls.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A benchmark; every one unless given.")] = None,
    tasks: Annotated[
        str | None, typer.Option(metavar="IDS", help="Only these tasks: ids or patterns such as 'ca*', with commas.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many sandboxes work at a time.")] = 2,
    json_: Json = False,
) -> None:
    """List benchmarks, or prove that they judge rightly.

    Each task's untouched base must not be resolved and its reference must be, by the very path that agents are graded
    by. The exit code is 1 when a task fails that.
    """
    from dgm.benchmarks.catalogue import benchmark_names
    from dgm.core.errors import UsageError

    if action not in {None, "check"}:
        raise UsageError(f"`dgm benchmarks` lists and `dgm benchmarks check NAME` checks; {action!r} is neither.")
    names = (name,) if name else benchmark_names()
    if action is None:
        _list(names, json_=json_)
        return
    sound = [_check(each, tasks.split(",") if tasks else [], workers=workers, json_=json_) for each in names]
    if not all(sound):
        raise typer.Exit(1)


def _list(names: tuple[str, ...], *, json_: bool) -> None:
    from dgm.benchmarks.catalogue import benchmark_named

    found = [benchmark_named(name) for name in names]
    if json_:
        answer = [
            {
                "name": benchmark.name,
                "image": benchmark.image,
                "stages": [{"above": stage.above, "tasks": stage.tasks} for stage in benchmark.stages()],
            }
            for benchmark in found
        ]
        typer.echo(json.dumps({"benchmarks": answer}, indent=2))
        return
    for benchmark in found:
        typer.echo(f"{benchmark.name}: {len(benchmark.tasks())} tasks, image {benchmark.image}")
        for number, stage in enumerate(benchmark.stages(), start=1):
            gate = "" if number == 1 else f", for agents above {stage.above:.0%} so far"
            typer.echo(f"  stage {number} ({len(stage.tasks)} tasks{gate}): {', '.join(stage.tasks)}")


def _check(name: str, tasks: list[str], *, workers: int, json_: bool) -> bool:
    """Grade a benchmark's controls, print them, and return whether all are right."""
    from pathlib import Path

    from rich.text import Text

    from dgm.benchmarks.catalogue import benchmark_named
    from dgm.benchmarks.checking import check
    from dgm.cli.screen import console
    from dgm.config import RunConfig
    from dgm.sandbox.images import ensure_image
    from dgm.wiring import SystemClock, docker_sandbox

    progress = console(stderr=True)

    def say(text: str) -> None:
        progress.print(Text(text))

    benchmark = benchmark_named(name, tasks)
    with docker_sandbox(RunConfig(), Path.cwd() / f"check-{name}") as sandbox:
        ensure_image(sandbox.engine, benchmark.image, say=say)
        rows: list[CheckedTask] = []
        for row in check(benchmark, sandbox, clock=SystemClock(), workers=workers):
            rows.append(row)
            if not json_:
                typer.echo(_line(row))
    failed = [row.task for row in rows if not row.sound]
    if json_:
        typer.echo(json.dumps({"benchmark": name, "tasks": [_row(row) for row in rows]}, indent=2))
    else:
        verdict = f"wrong: {', '.join(failed)}" if failed else "every base unresolved, every reference resolved"
        typer.echo(f"{name}: {len(rows)} tasks; {verdict}.")
    return not failed


def _line(row: "CheckedTask") -> str:
    mark = "ok   " if row.sound else "WRONG"
    return f"{mark} {row.task:28} base: {row.base.summary:28} reference: {row.reference.summary:28} {row.seconds:.1f} s"


def _row(row: "CheckedTask") -> dict[str, Any]:
    return {
        "task": row.task,
        "sound": row.sound,
        "base_resolved": row.base.resolved,
        "reference_resolved": row.reference.resolved,
        "seconds": round(row.seconds, 3),
    }
