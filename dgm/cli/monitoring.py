"""How exploration and exploitation of a run are shown; see `dgm.core.monitoring`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.cli.chances import signed
from dgm.cli.costs import dollars
from dgm.cli.screen import facts_table, plain_table
from dgm.core.errors import UsageError
from dgm.core.ids import AgentId, TaskId
from dgm.core.monitoring import RECENT_STEPS, Choice, Event, Novelty, Part, gains, new_behaviour, parent_choice


@dataclass(frozen=True, slots=True)
class Monitored:
    """How a run went so far."""

    recent: Choice
    """Of the last steps."""
    all_steps: Choice
    novelty: Novelty
    compared: int
    """Tasks by which behaviour is told apart."""
    parts: Sequence[Part]


def monitored(run: RunReader, agents: Sequence[AgentId]) -> Monitored:
    """Return how a run went so far.

    Args:
        run: that is asked.
        agents: all that it has, oldest first.
    """
    events = run.events()
    parents = [event.agent for event in events if event.measurement is None]
    tasks = _first_stage(run.facts().benchmark, [event for event in events if event.agent == agents[0]])
    return Monitored(
        recent=parent_choice(parents[-RECENT_STEPS:], agents=len(agents)),
        all_steps=parent_choice(parents, agents=len(agents)),
        novelty=new_behaviour(agents, events, tasks=tasks),
        compared=len(tasks),
        parts=gains(events),
    )


def _first_stage(benchmark: str, of_seed: Sequence[Event]) -> frozenset[TaskId]:
    """Return the tasks of the first stage of which the seed agent was measured on any; it is measured on all stages.

    What a run was limited to, and what it holds out, is told by that without reading any tasks. All that the seed agent
    was measured on where the benchmark is not known any more.
    """
    # Most screens do without all benchmarks' definitions.
    from dgm.benchmarks.catalogue import definition_named

    seen = frozenset(event.measurement[0] for event in of_seed if event.measurement is not None)
    try:
        stages = definition_named(benchmark).stages
    except UsageError:
        return seen
    return next((found for stage in stages if (found := seen.intersection(stage.tasks))), seen)


def monitoring_answer(found: Monitored) -> dict[str, Any]:
    """Return {parent_choice, new_behaviour, parts}."""
    return {
        "parent_choice": {"recent": _choice_answer(found.recent), "all": _choice_answer(found.all_steps)},
        "new_behaviour": {
            "new": found.novelty.new,
            "children": found.novelty.children,
            "compared_tasks": found.compared,
        },
        "parts": [_part_answer(part) for part in found.parts],
    }


def _choice_answer(choice: Choice) -> dict[str, Any]:
    return {"steps": choice.steps, "bits": round(choice.bits, 6), "most_bits": round(choice.most_bits, 6)}


def _part_answer(part: Part) -> dict[str, Any]:
    return {
        "results": part.events,
        "low_before": round(part.low_before, 6),
        "low_after": round(part.low_after, 6),
        "gain": round(part.gain, 6),
        "cost_usd": round(part.cost_usd, 9),
        "tokens": part.tokens,
        "gain_per_usd": _rounded(part.gain_per_usd),
        "gain_per_million_tokens": _rounded(part.gain_per_million_tokens),
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


def monitoring_parts(found: Monitored) -> list[RenderableType]:
    """Return a heading, two lines and a table; nothing before the first step ended."""
    if not found.all_steps.steps:
        return []
    rows = {"parent choice": _choice_words(found)}
    if found.novelty.children:
        rows["new behaviour"] = _novelty_words(found)
    parts: list[RenderableType] = [Text("\nExploration and exploitation", style="bold"), facts_table(rows)]
    return [*parts, Text(), _gain_table(found.parts)]


def _choice_words(found: Monitored) -> str:
    whole, recent = found.all_steps, found.recent
    words = f"{_bits(whole)} in {_count(whole.steps, 'step')}"
    return words if recent.steps == whole.steps else f"{words}, {_bits(recent)} in the last {recent.steps}"


def _bits(choice: Choice) -> str:
    return f"{choice.bits:.1f} of at most {choice.most_bits:.1f} bits"


def _novelty_words(found: Monitored) -> str:
    children, compared = _count(found.novelty.children, "child", "children"), _count(found.compared, "task")
    return f"{found.novelty.new:,} of {children} resolved another set of the first {compared} than all before"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _gain_table(parts: Sequence[Part]) -> RenderableType:
    """Return a row for each part: gains by dollars, or by tokens where nothing cost anything."""
    costs_money = any(part.cost_usd for part in parts)
    table = plain_table("part")
    for name in ("results", "best's lower end", "points", "cost" if costs_money else "tokens"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("points per $" if costs_money else "points per M tokens", justify="right", no_wrap=True)
    for number, part in enumerate(parts, start=1):
        rate = part.gain_per_usd if costs_money else part.gain_per_million_tokens
        table.add_row(
            f"{number} of {len(parts)}",
            f"{part.events:,}",
            f"{part.low_before:.1%} to {part.low_after:.1%}",
            signed(100 * part.gain, decimals=1),
            dollars(part.cost_usd) if costs_money else f"{part.tokens:,}",
            "-" if rate is None else signed(100 * rate, decimals=2),
        )
    return table
