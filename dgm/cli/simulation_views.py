"""What `dgm simulate` shows: a table for each number of workers, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.cli.answers import Answer
from dgm.cli.screen import plain_table
from dgm.cli.simulated import Courses
from dgm.simulation import Course
from dgm.simulation.chance import sigmoid
from dgm.simulation.sweep import Band, Entry, Mean, Summary, Sweep, bands, summaries

NOTE = "Simulated: agents, tasks, times and dollars are made up. It compares policies, it says nothing of real models."
_PLACES = 101
"""Places of a course at which its bands are given, both ends included."""


@dataclass(frozen=True, slots=True)
class Results:
    """A sweep that was carried out."""

    sweep: Sweep
    courses: Courses
    wanted: int
    """Seeds that were asked for; fewer were done where it was interrupted."""
    notes: tuple[str, ...]
    """What the landscape was fitted to, empty where it is a preset."""

    @property
    def seeds(self) -> int:
        """Seeds that were done."""
        return len(next(iter(self.courses.values())))


def results_view(results: Results) -> RenderableType:
    """Return the tables, with what they are of and how to read them."""
    sweep = results.sweep
    parts: list[RenderableType] = [_heading(results)]
    found = summaries(sweep, results.courses)
    for workers in sweep.workers:
        parts += [
            Text(f"\n{workers} worker{'' if workers == 1 else 's'}", style="bold"),
            _table([each for each in found if each.entry.workers == workers], sweep.reference),
        ]
    parts.append(Text(f"\n{_legend(sweep)}", style="dim"))
    return Group(*parts)


def results_answer(results: Results) -> Answer:
    """Return {simulated, landscape, fitted, seeds, ..., results}, with bands of each course."""
    sweep = results.sweep
    return {
        "simulated": True,
        "note": NOTE,
        "landscape": asdict(sweep.landscape),
        "fitted": list(results.notes),
        "seeds": results.seeds,
        "seeds_wanted": results.wanted,
        "children": sweep.children,
        "attempts": sweep.attempts,
        "evaluations": sweep.evaluations,
        "reference": sweep.reference,
        "results": [
            _summary_answer(found, results.courses[found.entry]) for found in summaries(sweep, results.courses)
        ],
    }


def course_bands(courses: Sequence[Course], *, by_hours: bool) -> tuple[Band, ...]:
    """Return the bands of an entry at evenly spaced places, up to the end of the longest run."""
    end = max(course.seconds / 3600 if by_hours else course.evaluations for course in courses)
    return bands(courses, [end * place / (_PLACES - 1) for place in range(_PLACES)], by_hours=by_hours)


def _heading(results: Results) -> Text:
    sweep = results.sweep
    seeds = f"{results.seeds} seed{'' if results.seeds == 1 else 's'}"
    if results.seeds < results.wanted:
        seeds += f" of {results.wanted}: interrupted"
    bounds = [f"{sweep.children} children"]
    bounds += [] if sweep.attempts is None else [f"at most {sweep.attempts} attempts"]
    bounds += [] if sweep.evaluations is None else [f"at most {sweep.evaluations} evaluations"]
    landscape = sweep.landscape
    text = Text.assemble(
        (NOTE, "yellow"),
        ("\nlandscape ", "dim"),
        (landscape.name, "bold"),
        f": {landscape.about}",
        f"\n{seeds}, {', '.join(bounds)}; the seed agent resolves {landscape.seed_score:.0%}",
        f" and {sigmoid(landscape.works):.0%} of its steps make a child",
    )
    for note in results.notes:
        text.append(f"\n  fitted: {note}" if not note.startswith("not ") else f"\n  {note}")
    return text


def _legend(sweep: Sweep) -> str:
    theirs = f"{sweep.reference}'s"
    return (
        "true quality: expected share of all tasks that the agent resolves which a run would hand over, in per cent, "
        f"mean over seeds and 95 % interval; until {theirs}: median of the evaluations until a run's agent was once as "
        f"good as {theirs} is in the end in the mean, and the seeds that got there; busy: workers' time that was used; "
        "steady: the same between the first step's start and the moment when all that a run may take is begun; "
        "rounds: as many steps at a time as workers, and the next when all that they led to has ended"
    )


def _table(found: Sequence[Summary], reference: str) -> Table:
    table = plain_table()
    table.add_column("policy", overflow="fold")
    for name in ("true quality", "evals", f"until {reference}'s", "hours", "dollars", "busy", "steady"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        table.add_row(each.entry.label, *_cells(each))
    return table


def _cells(found: Summary) -> tuple[str, ...]:
    reach = "-" if found.evaluations_to_reach is None else f"{found.evaluations_to_reach:,.0f}"
    return (
        quality_words(found.picked),
        f"{found.evaluations:,.0f}",
        f"{reach} ({found.reached}/{found.seeds})",
        f"{found.hours:,.0f}",
        f"{found.cost_usd:,.0f}",
        f"{found.busy:.0%}",
        f"{found.steady:.1%}",
    )


def quality_words(mean: Mean) -> str:
    """Return a true score in per cent with its interval."""
    if mean.interval is None:
        return f"{100 * mean.value:.1f}"
    low, high = mean.interval
    return f"{100 * mean.value:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def _summary_answer(found: Summary, courses: Sequence[Course]) -> Answer:
    return {
        **_entry_answer(found.entry),
        "true_quality": _mean_answer(found.picked),
        "best_true_quality": _mean_answer(found.best),
        "evaluations": found.evaluations,
        "attempts": found.steps,
        "children": found.children,
        "hours": found.hours,
        "cost_usd": found.cost_usd,
        "busy": found.busy,
        "busy_between_first_and_last_step": found.steady,
        "seeds_that_reached_reference": found.reached,
        "evaluations_to_reference": found.evaluations_to_reach,
        "hours_to_reference": found.hours_to_reach,
        "by_evaluations": [asdict(band) for band in course_bands(courses, by_hours=False)],
        "by_hours": [asdict(band) for band in course_bands(courses, by_hours=True)],
    }


def _entry_answer(entry: Entry) -> Answer:
    return {"policy": entry.policy, "workers": entry.workers, "barrier": entry.has_barrier}


def _mean_answer(mean: Mean) -> Answer:
    low, high = mean.interval or (None, None)
    return {"mean": mean.value, "low": low, "high": high}
