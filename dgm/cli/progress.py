"""What a screen says while a run evolves: live on a terminal, plain lines elsewhere."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from dgm.archive.run import RunArchive
from dgm.boundary.text import safe_line
from dgm.cli.scores import score_line
from dgm.cli.screen import short_id
from dgm.cli.steps import title_of
from dgm.cli.tree_views import tree_view
from dgm.cli.verdicts import flag_lines, verdict_words
from dgm.core.actions import Action, ActionResult, Evaluate, Expand, Step
from dgm.core.controls import StandingControl
from dgm.core.errors import DgmError, InfrastructureError
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.ports import Decision
from dgm.core.scores import score_of
from dgm.wiring import LiveRun

DRAINING = "Finishing what is in flight; its results are kept. Ctrl-C again stops at once."
_SCREENS_PER_SECOND = 4
_LINES_AROUND_A_TREE = 6  # what run it is, the names of the columns, the notes below
_FEWEST_LINES = 8


def watcher_for(run: LiveRun, console: Console, *, children: int) -> "PlainProgress | LiveProgress":
    """Return what shows a run's progress on such a console.

    Args:
        run: to be shown.
        console: where.
        children: how many it is to have grown in the end.
    """
    return LiveProgress(run, console, children) if console.is_terminal else PlainProgress(run, console)


@dataclass
class PlainProgress:
    """One line per step and per measured agent."""

    run: LiveRun
    console: Console

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
            lines.append(Text(DRAINING))
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
