"""How results are shown where tasks are in several languages, or of several repositories."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.boundary.text import safe_line
from dgm.cli.screen import plain_table
from dgm.core.errors import UsageError
from dgm.core.groups import GroupScores, group_scores
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome
from dgm.core.scores import Score

if TYPE_CHECKING:
    from dgm.cli.answers import Answer


def scores_by_group(outcomes: Iterable[Outcome], benchmark: str) -> GroupScores | None:
    """Return an agent's scores by group, None where its tasks are not told apart. No checkout is needed.

    Args:
        outcomes: what was measured of the agent.
        benchmark: name of what it was measured on; one that is not known any more has no tasks without signal.
    """
    # Most screens do without all benchmarks' definitions.
    from dgm.benchmarks.catalogue import definition_named

    try:
        no_signal = tuple(definition_named(benchmark).no_signal)
    except UsageError:
        no_signal = ()
    return group_scores(outcomes, no_signal=no_signal)


def group_answer(outcomes: Iterable[Outcome], benchmark: str) -> "Answer":
    """Return {"by_language": ...} or {"by_repository": ...}: counts by group, of all tasks and of those with signal.

    Nothing where tasks are not told apart; arguments as of `scores_by_group`.
    """
    scores = scores_by_group(outcomes, benchmark)
    if scores is None:
        return {}
    counts = {
        scores.kind.plural: {name: _counts(score) for name, score in scores.by_group.items()},
        "all": _counts(scores.total),
        "with_signal": _counts(scores.with_signal),
    }
    return {f"by_{scores.kind}": counts}


def resolved_by_group(run: RunReader, agents: Mapping[str, AgentId]) -> list[RenderableType]:
    """Return a heading and a table of some agents' results, nothing where tasks are not told apart.

    Args:
        run: that measured them.
        agents: by the name that their column is to have.
    """
    benchmark = run.facts().benchmark
    scores = {name: scores_by_group(run.outcomes_of(agent), benchmark) for name, agent in agents.items()}
    kinds = {found.kind for found in scores.values() if found is not None}
    return [Text(f"\nResolved by {', '.join(sorted(kinds))}", style="bold"), group_table(scores)] if kinds else []


def group_table(agents: Mapping[str, GroupScores | None]) -> RenderableType:
    """Return a row for each group, resolved of measured, with a column for each agent.

    Args:
        agents: name -> scores, at least one of them; one without any has an empty column.
    """
    measured = [scores for scores in agents.values() if scores is not None]
    table = plain_table(measured[0].kind.value)
    for name in agents:
        table.add_column(name, justify="right", no_wrap=True)
    for group in sorted({group for scores in measured for group in scores.by_group}):
        cells = (scores and scores.by_group.get(group) for scores in agents.values())
        table.add_row(safe_line(group), *map(_cell, cells))
    table.add_row("all", *(_cell(scores and scores.total) for scores in agents.values()))
    no_signal = sorted({task for scores in measured for task in scores.no_signal})
    if not no_signal:
        return table
    table.add_row("with signal", *(_cell(scores and scores.with_signal) for scores in agents.values()))
    return Group(table, Text(f"without signal, as the untouched stub passes: {', '.join(no_signal)}", style="dim"))


def _cell(score: Score | None) -> str:
    return f"{score.resolved}/{score.attempted}" if score and score.attempted else "-"


def _counts(score: Score) -> "Answer":
    return {"resolved": score.resolved, "attempted": score.attempted}
