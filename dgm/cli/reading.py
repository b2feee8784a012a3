"""The verbs that read runs: runs, status, tree, best, show, lineage, diff and checkout. They need no Docker."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dgm.archive.reader import RunReader
    from dgm.core.ids import AgentId

Run = Annotated[str, typer.Argument(metavar="RUN", help="Name of a run, or the path of its directory.")]
NewestRun = Annotated[
    str | None, typer.Argument(metavar="RUN", help="Name of a run, or the path of its directory; else the newest.")
]
Agent = Annotated[str, typer.Argument(metavar="AGENT", help="An agent's id or its first digits.")]
RunsDirectory = Annotated[
    Path | None,
    typer.Option(
        "--runs-dir",
        metavar="DIR",
        help="Where runs are kept; archive/runs of a checkout or dgm-runs here unless given.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def runs(runs_dir: RunsDirectory = None, json_: Json = False) -> None:
    """List the runs, the newest first."""
    import time

    from dgm.archive.reader import read_run
    from dgm.cli import answers, render, screen
    from dgm.cli import runs as places
    from dgm.config import REHEARSAL
    from dgm.core.errors import ArchiveError

    found: list[answers.Answer] = []
    for directory in places.run_directories(runs_dir):
        try:
            with read_run(directory) as run:
                found.append(answers.run_answer(run, now=time.time()))
        except ArchiveError as error:
            found.append(answers.unreadable_answer(directory, error))
    if json_:
        typer.echo(answers.json_text({"runs": found}))
        return
    if not found:
        typer.echo(f"There is no run in {places.runs_directory(runs_dir)} yet; `dgm run` starts one.")
        return
    notes = [str(answer["error"]) for answer in found if "error" in answer]
    if any(answer.get("model") == REHEARSAL for answer in found):
        notes.append(render.simulated_note())
    screen.show(render.runs_table(found), *notes)


def status(run: NewestRun = None, runs_dir: RunsDirectory = None, json_: Json = False) -> None:
    """Show how far a run is, what it cost, what was rejected, and how it explores."""
    from dgm.cli import render, screen

    with _opened(run, runs_dir) as reader:
        if json_:
            typer.echo(render.status_json(reader))
        else:
            screen.show(render.status_view(reader))


def tree(
    run: NewestRun = None,
    all_: Annotated[bool, typer.Option("--all", help="Show every agent of a large tree.")] = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Show the archive tree and how good each agent is.

    Of a large tree, the seed agent, the newest agents and the best ones with their lineages.
    """
    from dgm.cli import answers, screen, tree_views

    with _opened(run, runs_dir) as reader:
        if json_:
            typer.echo(answers.json_text(answers.tree_answer(reader)))
        else:
            screen.show(tree_views.tree_view(reader, most=None if all_ else tree_views.MOST_LINES))


def best(
    run: NewestRun = None,
    percentile: Annotated[
        float,
        typer.Option(
            "--percentile",
            metavar="P",
            help="Take the agent with the highest P-th percentile of its posterior; HGM's choice is 1.",
        ),
    ] = 2.5,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Name the agent to take, how sure that is, and what of its score is luck."""
    from dgm.cli import answers, screen
    from dgm.cli import best as picking

    with _opened(run, runs_dir) as reader:
        if json_:
            typer.echo(answers.json_text(picking.best_answer(reader, percentile=percentile)))
        else:
            screen.show(picking.best_view(reader, percentile=percentile))


def show(run: Run, agent: Agent, runs_dir: RunsDirectory = None, json_: Json = False) -> None:
    """Show one agent: its change, its diagnosis, its outcomes and its cost."""
    from dgm.cli import answers, render, screen

    with _opened(run, runs_dir) as reader:
        found = reader.agent_tree().find(agent)
        if json_:
            typer.echo(answers.json_text(answers.show_answer(reader, found)))
        else:
            screen.show(render.show_view(reader, found))


def lineage(
    run: Run,
    agent: Agent,
    diff: Annotated[bool, typer.Option("--diff", help="Show what each agent changed.")] = False,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Show how an agent came to be, from the seed agent on."""
    from dgm.cli import answers, costs, render, screen

    with _opened(run, runs_dir) as reader:
        found = reader.agent_tree().find(agent)
        diffs = _diffs_along(reader, found) if diff else None
        if json_:
            typer.echo(answers.json_text(answers.lineage_answer(reader, found, diffs)))
            return
        scores, members = reader.scores(), reader.agent_tree().lineage(found)
        steps = reader.steps_to([member.id for member in members])
        usages = reader.lineage_usages(found)
        screen.show(render.heading(reader))
        for member in members:
            screen.show(render.lineage_member(member, scores[member.id], steps.get(member.id), usages[member.id]))
            _print_diff((diffs or {}).get(member.id, ""))
        screen.show(costs.lineage_cost(reader.lineage_usage(found)))


def diff(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="The agent before, or its first digits.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The agent after, or its first digits.")],
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Show what differs between the code of two agents."""
    from dgm.boundary.text import safe_text
    from dgm.cli import answers

    with _opened(run, runs_dir) as reader:
        agents = reader.agent_tree()
        before, after = agents.find(a), agents.find(b)
        if json_:
            typer.echo(answers.json_text(answers.diff_answer(reader, before, after)))
        else:
            _print_diff(safe_text(reader.diff(before, after)))


def checkout(
    run: Run,
    agent: Agent,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty directory.")],
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Write an agent's code to a new directory, as plain files.

    Nothing of it is run: it is untrusted.
    """
    from dgm.cli import answers
    from dgm.cli.checkout import write_tree

    with _opened(run, runs_dir) as reader:
        found = reader.agent_tree().find(agent)
        code = reader.code(found)
        write_tree(code, directory)
        if json_:
            answer = {"run": reader.facts().name, "agent": found, "directory": str(directory), "files": sorted(code)}
            typer.echo(answers.json_text(answer))
        else:
            typer.echo(f"{len(code)} files of agent {found} are in {directory}. They are untrusted code.")


@contextmanager
def _opened(run: str | None, runs_dir: Path | None) -> "Generator[RunReader]":
    from dgm.archive.reader import read_run
    from dgm.cli.runs import existing_run_directory

    with read_run(existing_run_directory(run, runs=runs_dir)) as reader, _keeping_all_objects():
        yield reader


@contextmanager
def _keeping_all_objects() -> "Generator[None]":
    """Do not look for cycles to free: there are none, and looking takes long where an answer is large."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _diffs_along(reader: "RunReader", agent: "AgentId") -> "dict[AgentId, str]":
    from dgm.boundary.text import safe_text

    lineage_ = reader.agent_tree().lineage(agent)
    return {
        member.id: safe_text(reader.diff(member.parent, member.id)) for member in lineage_ if member.parent is not None
    }


def _print_diff(text: str) -> None:
    """Print a safe diff line by line: as it is into a file, with colours on a terminal."""
    colours = {"+": typer.colors.GREEN, "-": typer.colors.RED, "@": typer.colors.CYAN}
    for line in text.splitlines():
        typer.secho(line, fg=colours.get(line[:1]))
