"""A run that evolves in the foreground: what is said before and after, and Ctrl-C that loses nothing."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.text import Text

from dgm.archive.run import read_run
from dgm.cli import exit_codes
from dgm.cli.oversight_views import waiting_words
from dgm.cli.progress import DRAINING, watcher_for
from dgm.cli.render import model_line, simulated_note, status_json
from dgm.cli.screen import console as make_console
from dgm.cli.screen import short_id
from dgm.cli.searches import hidden_tests_note, search_note
from dgm.cli.tree_views import tree_view
from dgm.config import REHEARSAL, RunConfig
from dgm.core.errors import InfrastructureError, OutOfBudgetError
from dgm.core.oversight import Approval
from dgm.evolution.plan import Ending
from dgm.wiring import LiveRun, Say

_ENDING_WORDS = {
    Ending.FINISHED: "finished",
    Ending.EXHAUSTED: "ended: every attempt is used up, or no agent is left that could be a parent",
    Ending.DRAINED: "interrupted; all results are kept",
    Ending.OUT_OF_BUDGET: "stopped: the budget pays for no further call at its worst case; all results are kept",
}
_APPROVAL_WORDS = {
    Approval.EACH: "every child waits to be seen before it first runs",
    Approval.FIRST: "children wait to be seen before they first run, until one is approved",
}
_EXIT_CODES = {Ending.DRAINED: exit_codes.INTERRUPTED, Ending.OUT_OF_BUDGET: OutOfBudgetError.exit_code}


def evolve(
    open_run: Callable[[Say], AbstractContextManager[LiveRun]],
    *,
    directory: Path,
    children: int,
    workers: int,
    as_json: bool,
) -> None:
    """Open a run, evolve it to its end, and say what came of it."""
    # Progress goes to standard error with --json, so that standard output holds JSON alone.
    console = make_console(stderr=as_json, steady=True)
    with open_run(lambda text: console.print(Text(text))) as run:
        console.print(Text(opening_text(run, children=children, workers=workers)))
        watcher = watcher_for(run, console, children=children)
        # The screen is the inner one: it is put in order before a second Ctrl-C ends the process.
        with _interruptible(run, console, as_json=as_json), _going_on_later(run, console), watcher:
            ending = run.evolve(watcher, children=children, workers=workers)
        _close(run, ending, console, directory=directory)
    if as_json:  # once it is closed: until then its state is "running"
        with read_run(directory) as reader:
            print(status_json(reader, name=directory.name))  # noqa: T201 - the answer itself
    if ending in _EXIT_CODES:
        raise typer.Exit(_EXIT_CODES[ending])


def opening_text(run: LiveRun, *, children: int, workers: int) -> str:
    """Return what is said of a run before it begins, with whatever makes its scores say less."""
    config = run.config
    lines = [
        (
            f"run {run.name}: {config.benchmark}, model {config.models.agent.model}, policy {config.policy}, "
            f"{children} children, {workers} workers, seed {config.seed}"
        )
    ]
    lines += [note for note in (search_note(config), hidden_tests_note(config)) if note]
    if config.oversight.approve != Approval.NEVER:
        lines.append(f"{_APPROVAL_WORDS[Approval(config.oversight.approve)]}: `dgm review {run.name}`")
    models = set(config.models.by_role().values())
    if len(models) > 1:
        lines.append(model_line(run.archive))
    elif models == {REHEARSAL}:
        lines.append(simulated_note())
        lines.append("For a real model: export OPENAI_API_KEY=... and `dgm run --model openai:NAME` (README, Models).")
    return "\n".join(lines)


def _close(run: LiveRun, ending: Ending, console: Console, *, directory: Path) -> None:
    archive = run.archive
    console.print(tree_view(archive))
    console.print(Text(f"{run.name} {_ENDING_WORDS[ending]}."))
    if waiting := len(archive.waiting()):
        console.print(Text(f"{waiting_words(waiting)}: `dgm review {run.name}`; what is said of them is kept."))
    if ending is Ending.DRAINED:
        console.print(Text(f"`{resume_command(run.name, run.config)}` goes on."))
    elif ending is Ending.OUT_OF_BUDGET:
        console.print(Text(f"`{resume_command(run.name, run.config)} --max-cost USD` goes on with more money."))
    else:
        if ending is Ending.FINISHED and len(archive.agent_tree()) <= archive.children_wanted():
            again = resume_command(run.name, run.config)
            console.print(Text(f"Its evaluations are used up; `{again} --evaluations N` goes on with more."))
        best = short_id(archive.best())
        verbs = (f"best {run.name}", f"tree {run.name}", f"show {run.name} {best}", f"replay {run.name} {best}")
        console.print(Text("Next: " + "\n      ".join(f"dgm {verb}" for verb in verbs)))
    console.print(Text(f"Everything is in {directory}"))


def resume_command(name: str, config: RunConfig) -> str:
    """Return the command that goes on with a run. Where keys go is said anew; see `dgm.gateway.consent`."""
    addresses = {
        provider: endpoint.base_url
        for provider in (model.partition(":")[0] for model in config.models.by_role().values())
        if (endpoint := config.endpoint(provider)) is not None and endpoint.base_url is not None
    }
    if not addresses:
        return f"dgm resume {name}"
    if set(addresses) == {"openai"}:
        return f"dgm resume {name} --base-url {addresses['openai']}"
    return f"dgm resume {name} --config FILE"


@contextlib.contextmanager
def _interruptible(run: LiveRun, console: Console, *, as_json: bool) -> Generator[None]:
    """First Ctrl-C (or SIGTERM): drain. Second: remove all containers and leave at once."""
    descriptor = 2 if as_json else 1
    presses = 0

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal presses
        presses += 1
        if presses == 2:  # noqa: PLR2004 - a third must not keep the second from removing the containers
            raise KeyboardInterrupt
        if presses == 1:
            run.drain()
            if not console.is_terminal:
                # Not through the console: what was interrupted may hold its lock, or the archive's that it waits for.
                with contextlib.suppress(OSError):
                    os.write(descriptor, f"{DRAINING}\n".encode())

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        run.abandon()
        again = resume_command(run.name, run.config)
        console.print(Text(f"Stopped; all recorded results are kept, and `{again}` goes on."))
        sys.stdout.flush()
        sys.stderr.flush()
        # Workers may still wait for a model; nothing of theirs can be recorded any more.
        os._exit(exit_codes.INTERRUPTED)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _going_on_later(run: LiveRun, console: Console) -> Generator[None]:
    """Say after a fault that nothing is lost; the fault itself is told where all errors are."""
    try:
        yield
    except InfrastructureError:
        console.print(Text(f"All recorded results are kept; `{resume_command(run.name, run.config)}` goes on."))
        raise
