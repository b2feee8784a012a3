"""The verbs that steer a run from another terminal: pause and stop; and resume, where a run is only paused."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.reading import Json, Run, RunsDirectory

if TYPE_CHECKING:
    from dgm.core.oversight import Intervention

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded.")]


def pause(run: Run, reason: Reason = "", runs_dir: RunsDirectory = None, json_: Json = False) -> None:
    """Let a run that is under way begin nothing more, until `dgm resume`. What is in flight ends and is recorded."""
    from dgm.core.oversight import Intervention

    _intervene(run, Intervention.PAUSE, reason, runs_dir, as_json=json_)


def stop(run: Run, reason: Reason = "", runs_dir: RunsDirectory = None, json_: Json = False) -> None:
    """End a run that is under way as Ctrl-C does: what is in flight ends and is recorded; `dgm resume` goes on."""
    from dgm.core.oversight import Intervention

    _intervene(run, Intervention.STOP, reason, runs_dir, as_json=json_)


def went_on(directory: Path, *, has_options: bool, as_json: bool) -> bool:
    """Let a run go on that a process evolves and that is paused; return whether that is so.

    Args:
        directory: of the run.
        has_options: whether the user wants anything else of it than to go on.
        as_json: print JSON.
    Raises:
        UsageError: it is paused, and its process cannot be told what else is wanted.
    """
    from dgm.archive.run import read_run
    from dgm.cli.oversight_views import pause_of
    from dgm.core.errors import UsageError
    from dgm.core.oversight import Intervention
    from dgm.wiring import intervene

    with read_run(directory) as reader:
        if pause_of(reader) is None:
            return False
    if has_options:
        raise UsageError(
            f"{directory.name} is paused, and its process takes no other settings; without options, "
            f"`dgm resume {directory.name}` lets it go on."
        )
    _say(directory, intervene(directory, Intervention.RESUME, ""), as_json=as_json)
    return True


def _intervene(run: str, what: "Intervention", reason: str, runs_dir: Path | None, *, as_json: bool) -> None:
    from dgm.cli.runs import existing_run_directory
    from dgm.wiring import intervene

    directory = existing_run_directory(run, runs=runs_dir)
    _say(directory, intervene(directory, what, reason), as_json=as_json)


def _say(directory: Path, answer: str, *, as_json: bool) -> None:
    from dgm.boundary.text import safe_line
    from dgm.cli.answers import json_text

    typer.echo(json_text({"run": directory.name, "answer": safe_line(answer)}) if as_json else safe_line(answer))
