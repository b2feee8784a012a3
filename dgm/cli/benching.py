"""The verb `benchmarks`: lists task sets, fetches tasks, and proves that these tell a solution from none."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.evolving import (
    Json,
    PolyglotDir,
    SweBenchDataset,
    SweBenchStock,
    Tasks,
)
from dgm.cli.settings import said_now, swebench_options, task_patterns

if TYPE_CHECKING:
    from dgm.config import SweBench

_ACTIONS = ("check", "fetch")


def benchmarks(
    action: Annotated[
        str | None, typer.Argument(metavar="check|fetch", help="What to do; without it, benchmarks are listed.")
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A benchmark; listing one shows all ids of its tasks.")
    ] = None,
    tasks: Tasks = None,
    workers: Annotated[int, typer.Option(min=1, help="How many sandboxes `check` has at a time.")] = 2,
    table: Annotated[
        Path | None,
        typer.Option("--table", metavar="FILE", help="Write what `check` found to a Markdown file, one row per task."),
    ] = None,
    polyglot_dir: PolyglotDir = None,
    swebench_dataset: SweBenchDataset = None,
    swebench_stock: SweBenchStock = False,
    json_: Json = False,
) -> None:
    """List benchmarks, fetch their tasks, or prove that they judge rightly.

    `check NAME`: each task's reference solution must be resolved and its untouched stub must not, by the very path that
    agents are graded by; of swebench the gold patch, and a patch that does nothing. The exit code is 1 when a task
    fails that, and 4 when one could not be judged.

    `fetch polyglot` clones the exercises of Polyglot, which do not come with dgm. `fetch swebench` gets the records of
    SWE-bench anew, which are otherwise fetched when first needed, and then kept.

    For example: dgm benchmarks check polyglot --tasks 'go/*,rust/*'
    """
    from dgm.core.errors import UsageError

    if name is None and action not in {None, *_ACTIONS}:
        action, name = None, action
    patterns = task_patterns(tasks) or []
    if action is not None and name is None:
        raise UsageError(f"Say which: `dgm benchmarks {action} NAME`; `dgm benchmarks` lists the names.")
    if table is not None and action != "check":
        raise UsageError("--table goes with `dgm benchmarks check NAME`.")
    if patterns and (action == "fetch" or name is None):
        raise UsageError("--tasks goes with `dgm benchmarks NAME` and `dgm benchmarks check NAME`.")
    swebench = said_now(None, None, None, swebench_options(swebench_dataset, stock=swebench_stock)).swebench
    match action, name:
        case None, _:
            _list(name, patterns, polyglot_dir, swebench, as_json=json_)
        case "check", str():
            raise typer.Exit(
                _check(name, patterns, polyglot_dir, swebench, workers=workers, table=table, as_json=json_)
            )
        case "fetch", str():
            _fetch(name, polyglot_dir, swebench, as_json=json_)
        case _:
            raise UsageError(
                f"`dgm benchmarks check NAME` checks and `dgm benchmarks fetch NAME` fetches, not {action!r}."
            )


def _list(
    name: str | None, patterns: list[str], directory: Path | None, swebench: "SweBench", *, as_json: bool
) -> None:
    from dgm.cli.task_listing import list_benchmarks

    list_benchmarks(name, patterns, directory, swebench, as_json=as_json)


def _check(
    name: str,
    patterns: list[str],
    directory: Path | None,
    swebench: "SweBench",
    *,
    workers: int,
    table: Path | None,
    as_json: bool,
) -> int:
    from dgm.cli.controls import check_benchmark

    return check_benchmark(name, patterns, directory, swebench=swebench, workers=workers, table=table, as_json=as_json)


def _fetch(name: str, directory: Path | None, swebench: "SweBench", *, as_json: bool) -> None:
    from rich.text import Text

    from dgm.benchmarks.catalogue import definition_named
    from dgm.benchmarks.checkouts import fetch
    from dgm.benchmarks.swebench.datasets import fetch_dataset
    from dgm.cli.answers import json_text
    from dgm.cli.screen import console
    from dgm.cli.task_listing import require_instances

    screen, definition = console(stderr=as_json), definition_named(name)

    def say(text: str) -> None:
        screen.print(Text(text))

    require_instances(definition, swebench)
    place = fetch_dataset(swebench, say) if definition.dataset else fetch(definition, directory, say)
    if as_json:
        typer.echo(json_text({"benchmark": name, "file" if definition.dataset else "directory": str(place)}))
