"""How an estimate is shown: as a table, in a few lines, and as plain values."""

from collections.abc import Callable
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.boundary.text import safe_line
from dgm.cli.answers import Answer
from dgm.cli.basis import Basis
from dgm.cli.costs import dollars
from dgm.cli.forecast import Forecast, steps_paid, too_little
from dgm.cli.screen import plain_table
from dgm.config import REHEARSAL
from dgm.core.averages import Assumption, Average
from dgm.core.counting import LEVEL, Range
from dgm.core.estimate import Totals, most_sessions
from dgm.core.ports import Role

Words = Callable[[float], str]

_SECONDS_PER_HOUR = 3600
_IN_SECONDS_BELOW = 90
_IN_MINUTES_BELOW = 1.5


def estimate_view(found: Forecast) -> RenderableType:
    """Return all of an estimate, readable at 80 columns."""
    return Group(
        Text(_heading(found)),
        Text(basis_words(found)),
        Text(""),
        _table(found),
        Text(""),
        *(Text(note) for note in notes(found)),
    )


def short_lines(found: Forecast) -> list[str]:
    """Return what a person must know before money is spent."""
    estimate = found.estimate
    total = estimate.total
    tokens = Range(
        low=total.input_tokens.low + total.output_tokens.low,
        expected=total.input_tokens.expected + total.output_tokens.expected,
        high=total.input_tokens.high + total.output_tokens.high,
    )
    hours = _words(estimate.hours, _duration)
    return [
        f"Estimate: {_words(total.cost_usd, dollars)} in {hours}," if total.cost_usd.high > 0 else _free_words(hours),
        f"for {_words(estimate.steps, _number)} steps, {_words(total.sessions, _number)} sessions,",
        f"{_words(tokens, _number)} tokens.",
        basis_words(found),
        *notes(found),
    ]


def estimate_answer(found: Forecast) -> Answer:
    """Return all of an estimate as plain values; each range is {low, expected, high}."""
    estimate, averages, sessions = found.estimate, found.basis.averages, most_sessions(found.ahead)
    config = found.config
    return {
        "benchmark": config.benchmark,
        "policy": config.policy,
        "models": {role.value: model for role, model in config.models.by_role().items()},
        "children_wanted": found.ahead.children,
        "workers": found.ahead.workers,
        "level": LEVEL,
        "basis": {
            "run": found.basis.run,
            "benchmark": found.basis.benchmark,
            "models": {role.value: model for role, model in found.basis.models.items()},
            "assumed": found.basis.is_assumed,
            "source": found.basis.source,
            "assumption": None if (assumption := found.basis.assumption) is None else asdict(assumption),
            "accepted": asdict(averages.accepted),
            "passed": [asdict(share) for share in averages.passed],
            "averages": {
                "seed": _average(averages.seed),
                "child": _average(averages.child),
                "improve": _average(averages.improve),
                "diagnose": _average(averages.diagnose),
            },
        },
        "steps": _range(estimate.steps),
        "children": _range(estimate.children),
        "hours": _range(estimate.hours),
        "total": _totals(estimate.total),
        "by_role": {role.value: _totals(totals) for role, totals in estimate.roles.items()},
        "seed_cost_usd": round(estimate.seed_cost_usd, 6),
        "step_cost_usd": round(estimate.step_cost_usd, 6),
        "at_most": {
            "steps": found.ahead.steps_allowed,
            "sessions": {role.value: number for role, number in sessions.items()},
            "sessions_cost_usd": round(found.most_cost_usd, 6),
            "cap_usd": config.budget.max_cost_usd,
            "left_usd": found.left_usd,
        },
        "steps_paid": None if (paid := steps_paid(found)) is None else round(max(0.0, paid), 3),
        "budget_too_little": too_little(found),
    }


def basis_words(found: Forecast) -> str:
    """Return where the averages come from and what is assumed."""
    basis = found.basis
    if basis.is_assumed:
        return safe_line(_assumed_words(basis))
    words = f"Measured in {basis.run}" if basis.run is not None else "Rehearsed: the simulated model's sessions"
    if basis.source:
        words += f" {basis.source}"
    if basis.benchmark != found.config.benchmark:
        words += f" on {basis.benchmark}"
    if basis.run is not None and dict(basis.models) != found.config.models.by_role():
        words += f", with {_models(basis)}"
    return safe_line(f"{words}{'' if basis.assumption is None else _longer_words(basis.assumption)}.")


def notes(found: Forecast) -> list[str]:
    """Return what the caps mean for this run."""
    lines = [_at_most(found)] if found.most_cost_usd > 0 else []
    warning = _warning(found)
    return [*lines, warning] if warning else lines


def _heading(found: Forecast) -> str:
    config = found.config
    return safe_line(
        f"estimate: {config.benchmark}, model {config.models.agent.model}, {found.ahead.children} children, "
        f"{_workers(found)}"
    )


def _workers(found: Forecast) -> str:
    return "1 worker" if found.ahead.workers == 1 else f"{found.ahead.workers} workers"


def _models(basis: Basis) -> str:
    names = dict.fromkeys(basis.models.values())
    return " and ".join("the simulated model" if name == REHEARSAL else name for name in names)


def _free_words(hours: str) -> str:
    return f"Estimate: it costs nothing and takes {hours},"


def _assumed_words(basis: Basis) -> str:
    session = basis.averages.child
    mean, low, high = session.mean, session.assumption.low, session.assumption.high
    return (
        f"Assumed, not measured, {basis.source}: a task takes {_number(mean.calls)} calls, "
        f"{_number(mean.input_tokens)} input and {_number(mean.output_tokens)} output tokens and "
        f"{_duration(mean.seconds / _SECONDS_PER_HOUR)}. In the range are {low.input_tokens:g} to "
        f"{high.input_tokens:g} times the tokens and {low.seconds:g} to {high.seconds:g} times the time; a small run "
        "(--tasks, --children 1) measures it."
    )


def _longer_words(assumption: Assumption) -> str:
    low, expected, high = assumption.low, assumption.expected, assumption.high
    return (
        f". A real model's are longer: {expected.input_tokens:g} times the input and {expected.output_tokens:g} times "
        f"the output are assumed, {low.input_tokens:g} to {high.input_tokens:g} and {low.output_tokens:g} to "
        f"{high.output_tokens:g} times are in the range; a run with --children 1 measures it"
    )


def _at_most(found: Forecast) -> str:
    best = ", one agent was the best throughout" if found.config.search.best_trials > found.config.trials else ""
    sessions = f"{dollars(found.most_cost_usd)} if every session came to its own cap{best} and none had to be repeated"
    if found.left_usd is None:
        return f"At most: {sessions}; the run has no cap (--max-cost)."
    if found.left_usd < found.most_cost_usd:
        return f"At most: {dollars(found.left_usd)}, the run's cap ({sessions})."
    return f"At most: {sessions}; the run's cap is {dollars(found.left_usd)}."


def _warning(found: Forecast) -> str:
    paid, left, estimate = steps_paid(found), found.left_usd, found.estimate
    if paid is None or left is None:
        return ""
    seed = f"measuring the seed agent alone is about {dollars(estimate.seed_cost_usd)}"
    if paid < 0:
        return f"{dollars(left)} does not pay for a single step: {seed}."
    if too_little(found):
        beside = f", and {seed}" if estimate.seed_cost_usd else ""
        return (
            f"{dollars(left)} pays for about {paid:.1f} {'steps' if paid >= 1 else 'of a step'}, which is too few: one "
            f"with its child's first stage is about {dollars(estimate.step_cost_usd)}{beside}."
        )
    if left < estimate.total.cost_usd.expected:
        share = (left - estimate.seed_cost_usd) / (estimate.total.cost_usd.expected - estimate.seed_cost_usd)
        return (
            f"{dollars(left)} pays for about {estimate.steps.expected * share:.0f} of {estimate.steps.expected:.0f} "
            "steps; the run then stops, keeps all results, and goes on with more money."
        )
    return ""


def _table(found: Forecast) -> Table:
    estimate = found.estimate
    table = plain_table("")
    for name in ("low", "expected", "high"):
        table.add_column(name, justify="right", no_wrap=True)
    _add(table, "steps (self-modifications)", estimate.steps, _number)
    _add(table, "children", estimate.children, _number)
    _add_by_role(table, "sessions", found, lambda totals: totals.sessions, _number)
    _add(table, "model calls", estimate.total.calls, _number)
    _add(table, "input tokens", estimate.total.input_tokens, _number)
    _add(table, "  of them from cache", estimate.total.cached_tokens, _number)
    _add(table, "output tokens", estimate.total.output_tokens, _number)
    if estimate.total.cost_usd.high > 0:
        _add_by_role(table, "cost", found, lambda totals: totals.cost_usd, dollars)
    _add(table, f"time with {_workers(found)}", estimate.hours, _duration)
    return table


def _add_by_role(table: Table, name: str, found: Forecast, of: Callable[[Totals], Range], words: Words) -> None:
    _add(table, name, of(found.estimate.total), words)
    for role in (Role.AGENT, Role.IMPROVE, Role.DIAGNOSE):
        _add(table, f"  {role.value}", of(found.estimate.roles[role]), words)


def _add(table: Table, name: str, numbers: Range, words: Words) -> None:
    table.add_row(name, words(numbers.low), words(numbers.expected), words(numbers.high))


def _words(numbers: Range, words: Words) -> str:
    return f"{words(numbers.expected)} ({words(numbers.low)} to {words(numbers.high)})"


def _number(value: float) -> str:
    for size, letter in ((1_000_000, "M"), (10_000, "k")):
        if value >= size:
            return f"{value / (1_000_000 if letter == 'M' else 1_000):,.1f} {letter}"
    return f"{value:,.0f}"


def _duration(hours: float) -> str:
    seconds = hours * _SECONDS_PER_HOUR
    if seconds < _IN_SECONDS_BELOW:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if hours < _IN_MINUTES_BELOW else f"{hours:,.1f} h"


def _range(numbers: Range) -> Answer:
    return {name: round(value, 6) for name, value in asdict(numbers).items()}


def _average(average: Average) -> Answer:
    return {"count": average.count, "mean": asdict(average.mean), "spread": asdict(average.spread)}


def _totals(totals: Totals) -> Answer:
    return {
        "sessions": _range(totals.sessions),
        "calls": _range(totals.calls),
        "input_tokens": _range(totals.input_tokens),
        "cached_tokens": _range(totals.cached_tokens),
        "output_tokens": _range(totals.output_tokens),
        "cost_usd": _range(totals.cost_usd),
    }
