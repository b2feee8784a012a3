"""Evolving with progress on a screen: live on a terminal, plain lines elsewhere, and Ctrl-C that loses nothing."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from dgm.archive.run import RunArchive, read_run
from dgm.boundary.text import safe_line
from dgm.cli import exit_codes
from dgm.cli.oversight_views import waiting_words
from dgm.cli.render import model_line, simulated_note, status_json
from dgm.cli.scores import score_line
from dgm.cli.screen import console as make_console
from dgm.cli.screen import short_id
from dgm.cli.searches import hidden_tests_note, search_note
from dgm.cli.steps import title_of
from dgm.cli.tree_views import tree_view
from dgm.cli.verdicts import flag_lines, verdict_words
from dgm.config import REHEARSAL, RunConfig
from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import DgmError, InfrastructureError, OutOfBudgetError
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.oversight import Approval
from dgm.core.ports import Decision
from dgm.core.scores import score_of
from dgm.evolution.plan import Ending
from dgm.wiring import LiveRun, Say

ENDING_WORDS = {
    Ending.FINISHED: "finished",
    Ending.EXHAUSTED: "ended: every attempt is used up, or no agent is left that could be a parent",
    Ending.DRAINED: "interrupted; all results are kept",
    Ending.OUT_OF_BUDGET: "stopped: the budget pays for no further call at its worst case; all results are kept",
}

_APPROVAL_WORDS = {
    Approval.EACH: "every child waits to be seen before it first runs",
    Approval.FIRST: "children wait to be seen before they first run, until one is approved",
}
_DRAINING = "Finishing what is in flight; its results are kept. Ctrl-C again stops at once."
_SCREENS_PER_SECOND = 4
_LINES_AROUND_A_TREE = 6  # what run it is, the names of the columns, the notes below
_FEWEST_LINES = 8
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
    console = make_console(stderr=as_json)
    with open_run(lambda text: console.print(Text(text))) as run:
        console.print(Text(opening_text(run, children=children, workers=workers)))
        watcher = _watcher(run, console, children=children)
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
    console.print(Text(f"{run.name} {ENDING_WORDS[ending]}."))
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
                    os.write(descriptor, f"{_DRAINING}\n".encode())

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


@dataclass
class PlainProgress:
    """One line per step and per measured agent."""

    run: LiveRun
    console: Console
    children: int

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def started(self, decision: Decision) -> None:
        """Nothing: a line for each start would say little."""

    def recorded(self, decision: Decision, result: ActionResult) -> None:
        """Print a line for a step, and for an agent whose measurement is complete."""
        match decision.action, result:
            case Expand(), Step():
                self._say(step_line(self.run.archive, result))
            case Evaluate(agent=agent), Outcome():
                for line in flag_lines(result):
                    self._say(f"{short_id(agent)} on {safe_line(result.task)}: {line} (not counted as resolved)")
                if result.task in self.run.archive.held_out():
                    task = safe_line(result.task)
                    self._say(f"{short_id(agent)} on {task}, which was held out: {verdict_words(result)}")
                elif self.run.is_measured(agent):
                    score = score_of(self.run.archive.outcomes_of(agent))
                    self._say(f"{short_id(agent)}: {score_line(score)}")
            case _:
                pass

    def faulted(self, decision: Decision, fault: InfrastructureError) -> None:
        """Print what went wrong; the attempt is repeated."""
        self._say(f"decision {decision.number}: {safe_line(str(fault))} (not scored)")

    def held(self, decision: Decision, step: Step) -> None:
        """Print that a child waits, and how it is looked at."""
        del decision  # the step's number says which
        self._say(waiting_line(self.run.name, step))

    def controlled(self, controls: Sequence[StandingControl]) -> None:
        """Print that controls passed."""
        if controls:
            self._say(control_line(controls))

    def told(self, answer: str) -> None:
        """Print what a person's command came to."""
        self._say(safe_line(answer))

    def _say(self, text: str) -> None:
        self.console.print(Text(text))


def control_line(controls: Sequence[StandingControl]) -> str:
    """Return one line on controls that passed."""
    tasks = dict.fromkeys(safe_line(control.task) for control in controls if control.task)
    checked = [f"base and reference of {', '.join(tasks)}"] if tasks else []
    checked += ["the seed agent"] if any(control.of == "seed agent" for control in controls) else []
    return f"controls passed: {', '.join(checked)} ({sum(control.seconds for control in controls):.1f} s of work)"


def waiting_line(name: str, step: Step) -> str:
    """Return one line on a step whose child waits to be seen."""
    return f"step {step.number}: {short_id(step.parent)} -> waits to be seen; `dgm review {name}` shows it"


def step_line(archive: RunArchive, step: Step) -> str:
    """Return one line on a step that ended."""
    parents = " + ".join(short_id(agent) for agent in (step.parent, step.partner) if agent is not None)
    if step.rejection is not None:
        return f"step {step.number}: {parents} -> rejected, {step.rejection.value}: {safe_line(step.detail)[:100]}"
    child = archive.child_of_step(step.number)
    return f"step {step.number}: {parents} -> {short_id(child) if child else '?'}  {_what_it_did(archive, step, child)}"


def _what_it_did(archive: RunArchive, step: Step, child: AgentId | None) -> str:
    if step.partner is not None:
        settled = len(step.conflicts)
        return "merged" + (f", {settled} {'conflict' if settled == 1 else 'conflicts'} settled" if settled else "")
    record = None if child is None else archive.step_of(child)
    return title_of(record) if record else ""


@dataclass
class LiveProgress:
    """The tree so far, what the workers do, cost and time, redrawn a few times a second.

    The tree is made anew at most that often and in a tenth of the time, however large it is and however many results
    come, and by the thread of the screen: results do not wait for it.
    """

    run: LiveRun
    console: Console
    children: int
    busy: dict[int, tuple[Action, float]] = field(default_factory=dict[int, tuple[Action, float]])
    last: str = ""
    begun: float = field(default_factory=time.monotonic)
    tree: RenderableType = ""
    is_stale: bool = True
    next_redraw: float = 0.0
    agents_at_start: int = 0

    def __enter__(self) -> "LiveProgress":
        self.agents_at_start = self.run.archive.agent_count()
        rate = _SCREENS_PER_SECOND
        self._live = Live(self, console=self.console, refresh_per_second=rate, transient=True, vertical_overflow="crop")
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.__exit__(None, None, None)

    def started(self, decision: Decision) -> None:
        """Show the action as in flight."""
        self.busy[decision.number] = (decision.action, time.monotonic())

    def recorded(self, decision: Decision, result: ActionResult) -> None:
        """Have the tree redrawn with the new fact."""
        self.busy.pop(decision.number, None)
        if isinstance(result, Step):
            self.last = step_line(self.run.archive, result)
        elif result.flags:
            self.last = f"{safe_line(result.task)} {verdict_words(result)}, which does not count as resolved"
        self.is_stale = True

    def faulted(self, decision: Decision, fault: InfrastructureError) -> None:
        """Show what went wrong; the attempt is repeated."""
        self.busy.pop(decision.number, None)
        self.last = f"decision {decision.number}: {safe_line(str(fault))[:100]} (not scored)"

    def held(self, decision: Decision, step: Step) -> None:
        """Show that a child waits, and how it is looked at."""
        self.busy.pop(decision.number, None)
        self.last = waiting_line(self.run.name, step)

    def controlled(self, controls: Sequence[StandingControl]) -> None:
        """Show that controls passed."""
        if controls:
            self.last = control_line(controls)

    def told(self, answer: str) -> None:
        """Show what a person's command came to."""
        self.last = safe_line(answer)

    def __rich__(self) -> RenderableType:
        """Return the whole view; called by rich from its own thread."""
        now = time.monotonic()
        lines = [Text(self._totals(now))]
        for action, since in list(self.busy.values()):
            lines.append(Text(f"  {doing(action)}  {now - since:.0f} s", style="dim"))
        if self.last:
            lines.append(Text(f"  last: {self.last}", style="dim"))
        if self.run.draining:
            lines.append(Text(_DRAINING))
        if self.is_stale and now >= self.next_redraw:
            self._redraw(now, lines=max(_FEWEST_LINES, self.console.size.height - len(lines) - _LINES_AROUND_A_TREE))
        return Group(*lines, self.tree)

    def _redraw(self, now: float, *, lines: int) -> None:
        self.is_stale = False  # before it is read, so that no result is missed
        # What is wrong with the archive ends the run where a result is recorded; the screen stays as it was.
        with contextlib.suppress(DgmError):
            self.tree = tree_view(self.run.archive, most=lines)
        done = time.monotonic()
        self.next_redraw = done + max(1 / _SCREENS_PER_SECOND, 9 * (done - now))

    def _totals(self, now: float) -> str:
        archive = self.run.archive
        grown = archive.agent_count() - 1
        with archive.snapshot():
            spent, reserved = archive.spent(), archive.unsettled()
        elapsed = now - self.begun
        parts = [
            f"{grown}/{self.children} children",
            f"{archive.steps_done() - grown} rejected",
            f"{spent.tokens - reserved.tokens:,} tokens",
            _cost(spent.cost_usd - reserved.cost_usd, reserved_usd=reserved.cost_usd),
            f"{elapsed:.0f} s",
        ]
        new = archive.agent_count() - self.agents_at_start
        if new > 0 and grown < self.children:
            parts.append(f"about {elapsed / new * (self.children - grown):.0f} s to go")
        return " | ".join(parts)


def _cost(usd: float, *, reserved_usd: float) -> str:
    """Return what was paid, and apart from it what is set aside for calls under way, which would make it jump."""
    return f"${usd:.2f}" + (f" and ${reserved_usd:.2f} reserved" if reserved_usd else "")


def doing(action: Action) -> str:
    """Return what a worker does that carries out an action."""
    match action:
        case Expand(parent=parent, step=step, partner=str(partner)):
            return f"step {step}: {short_id(parent)} is merged with {short_id(AgentId(partner))}"
        case Expand(parent=parent, step=step):
            return f"step {step}: {short_id(parent)} modifies its own code"
        case Evaluate(agent=agent, task=task):
            return f"{short_id(agent)} on {task}"


def _watcher(run: LiveRun, console: Console, *, children: int) -> PlainProgress | LiveProgress:
    return (LiveProgress if console.is_terminal else PlainProgress)(run, console, children)
