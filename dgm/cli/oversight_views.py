"""What persons had a say in, as the verbs that read a run tell it."""

from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dgm.archive.processes import RunState
from dgm.archive.reader import RunReader
from dgm.archive.records import HeldRecord, InterventionRecord
from dgm.boundary.text import safe_line, safe_text
from dgm.cli.screen import plain_table
from dgm.cli.times import iso_time
from dgm.config import Bounds
from dgm.core.ids import AgentId
from dgm.core.oversight import Intervention

_SAID = {
    Intervention.PAUSE: "paused the run",
    Intervention.RESUME: "let the run go on",
    Intervention.STOP: "stopped the run",
}


def pause_of(run: RunReader) -> InterventionRecord | None:
    """Return what paused a run that a process evolves at this moment, None where it is not paused."""
    if run.state() is not RunState.RUNNING:
        return None
    starts, interventions = run.starts(), run.interventions()
    if not interventions or interventions[-1].what is not Intervention.PAUSE:
        return None
    # A process that begins to evolve a run begins unpaused, whatever was done to the one before it.
    return None if starts and starts[-1].at > interventions[-1].at else interventions[-1]


def state_words(run: RunReader) -> str:
    """Return what is to be added to a run's state, "" where no person has a part in it."""
    words: list[str] = []
    if (pause := pause_of(run)) is not None:
        words.append("paused" + (f" ({safe_line(pause.reason)})" if pause.reason else ""))
    if count := len(run.waiting()):
        words.append(f"{waiting_words(count)}: `dgm review {safe_line(run.facts().name)}`")
    return ", ".join(words)


def waiting_words(count: int) -> str:
    """Return how many children wait."""
    return f"{count} {'child waits' if count == 1 else 'children wait'} to be seen"


def nothing_waits(name: str) -> str:
    """Return that there is nothing to review."""
    return f"No child of {name} waits to be seen."


def oversight_answer(run: RunReader) -> dict[str, Any]:
    """Return which children wait for a person, what was said of others, and what was done to the run."""
    return {
        "approve": run.config().oversight.approve,
        "paused": pause_of(run) is not None,
        "waiting": [held.step.number for held in run.waiting()],
        "reviews": [review for held in run.held_records() if (review := review_answer(held)) is not None],
        "interventions": [
            {"what": done.what.value, "reason": safe_text(done.reason), "at": iso_time(done.at)}
            for done in run.interventions()
        ],
        "bounds": [
            {"at": iso_time(at), **{name: value for name, value in asdict(said).items() if value is not None}}
            for at, said in run.bounds_since()
        ],
    }


def review_answer(held: HeldRecord | None) -> dict[str, Any] | None:
    """Return what a person said of a step, None where nobody did."""
    if held is None or held.review is None or held.reviewed_at is None:
        return None
    return {
        "step": held.step.number,
        "parent": held.step.parent,
        "approved": held.review.approved,
        "reason": safe_text(held.review.reason),
        "at": iso_time(held.reviewed_at),
    }


def oversight_parts(run: RunReader) -> list[RenderableType]:
    """Return a heading and a row for everything that persons said and did, nothing where they did not."""
    rows = [
        (
            held.reviewed_at,
            f"{'approved' if held.review.approved else 'rejected'} step {held.step.number}",
            held.review.reason,
        )
        for held in run.held_records()
        if held.review is not None and held.reviewed_at is not None
    ]
    rows += [(done.at, _SAID[done.what], done.reason) for done in run.interventions()]
    rows += [(at, f"went on with {_bounds_words(said)}", "") for at, said in run.bounds_since()]
    if not rows:
        return []
    table = _table()
    for at, what, reason in sorted(rows, key=lambda row: row[0]):
        table.add_row(iso_time(at), what, Text(safe_line(reason)))
    return [Text("\nWhat persons said and did", style="bold"), table]


def _bounds_words(said: Bounds) -> str:
    words = {"max-cost": said.max_cost_usd, "evaluations": said.evaluations, "approve": said.approve}
    given = [
        f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}"
        for name, value in words.items()
        if value is not None
    ]
    return safe_line(", ".join(given))


def approval_rows(run: RunReader, agent: AgentId) -> dict[str, str]:
    """Return when a person let an agent run for the first time, and why; nothing where nobody was asked."""
    held = review_of(run, agent)
    if held is None or held.review is None or held.reviewed_at is None:
        return {}
    reason = f": {safe_line(held.review.reason)}" if held.review.reason else ""
    return {"approved": f"{iso_time(held.reviewed_at)}{reason}"}


def review_of(run: RunReader, agent: AgentId) -> HeldRecord | None:
    """Return what was held before an agent came to be, None where nothing was."""
    step = run.step_of(agent)
    if step is None:
        return None
    return next((held for held in run.held_records() if held.decision == step.decision), None)


def _table() -> Table:
    table = plain_table()
    table.add_column("when", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    return table
