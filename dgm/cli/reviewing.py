"""The verb review: children that wait to be seen by a person before they first run."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.reading import Json, Run, RunsDirectory

if TYPE_CHECKING:
    from dgm.core.oversight import Review


def review(
    run: Run,
    step: Annotated[
        int | None,
        typer.Option("--step", metavar="N", min=1, help="Look at this step; judge it with --approve or --reject."),
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Let the child of --step run.")] = False,
    reject: Annotated[
        str | None, typer.Option("--reject", metavar="REASON", help="Do not let the child of --step run, and why.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why --approve; it is recorded.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="Only list the children that wait.")] = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Look at children that wait to be seen, and say whether they may run.

    Children wait in a run with --approve each or first. While the run is under way, what is said here reaches it at
    once; else it is recorded, and `dgm resume` goes on with it. Without a terminal, the children that wait are listed,
    and the exit code is 1 if there are any.
    """
    from dgm.cli.runs import existing_run_directory
    from dgm.core.errors import UsageError
    from dgm.core.oversight import Review

    directory = existing_run_directory(run, runs=runs_dir)
    if approve and reject is not None:
        raise UsageError("A child is either approved or rejected.")
    if reason and not approve:
        raise UsageError("--reason goes with --approve; --reject has its own.")
    if approve or reject is not None:
        if step is None:
            raise UsageError("Say which child with --step N; `dgm review` lists those that wait.")
        _judge(directory, step, Review(approve, reason if reject is None else reject), as_json=json_)
    elif json_:
        _print_json(directory, step)
    elif list_ or not (sys.stdin.isatty() and sys.stdout.isatty()):
        _print(directory, step, is_asked=list_ or step is not None)
    else:
        from dgm.cli.review_session import ReviewSession
        from dgm.cli.screen import console

        ReviewSession(directory, console(), step=step).run()


def _judge(directory: Path, step: int, said: "Review", *, as_json: bool) -> None:
    from dgm.archive.run import read_run
    from dgm.boundary.text import safe_line
    from dgm.cli.answers import json_text
    from dgm.cli.review_views import decision_of
    from dgm.wiring import review_step

    with read_run(directory) as reader:
        decision = decision_of(reader, step)
    answer = safe_line(review_step(directory, decision, said))
    typer.echo(json_text({"run": directory.name, "step": step, "answer": answer}) if as_json else answer)


def _print_json(directory: Path, step: int | None) -> None:
    from dgm.archive.run import read_run
    from dgm.cli.answers import json_text
    from dgm.cli.review_views import waiting_answer, waiting_in

    with read_run(directory) as reader:
        waiting = waiting_in(reader, step)
        answer = {"run": reader.facts().name, "state": reader.state().value}
    typer.echo(json_text(answer | {"waiting": [waiting_answer(child, now=time.time()) for child in waiting]}))


def _print(directory: Path, step: int | None, *, is_asked: bool) -> None:
    """List what waits, or show one child whole; with the exit code where nobody asked for a list."""
    from dgm.archive.run import read_run
    from dgm.cli import exit_codes
    from dgm.cli.oversight_views import nothing_waits
    from dgm.cli.render import heading
    from dgm.cli.review_views import changes_view, child_view, waiting_in, waiting_table
    from dgm.cli.screen import console, show

    with read_run(directory) as reader:
        waiting = waiting_in(reader, step)
        if step is not None:
            (child,) = waiting
            show(heading(reader), child_view(reader, child, place="", now=time.time()))
            show(changes_view(child, width=console().width))
        elif waiting:
            show(heading(reader), "", waiting_table(waiting, now=time.time()))
        else:
            show(nothing_waits(directory.name))
            return
    which = str(waiting[0].step.number)
    show(f"\nLook: `dgm review {directory.name} --step {which}`. Say: --approve, or --reject REASON.")
    if not is_asked:
        raise typer.Exit(exit_codes.WAITING)
