"""How results are shown where tasks are in several languages."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.benchmarks.catalogue import definition_named
from dgm.boundary.text import safe_line
from dgm.cli.screen import plain_table
from dgm.core.errors import UsageError
from dgm.core.ids import AgentId
from dgm.core.languages import LanguageScores, language_scores
from dgm.core.outcomes import Outcome
from dgm.core.scores import Score

if TYPE_CHECKING:
    from dgm.cli.answers import Answer


def scores_by_language(outcomes: Iterable[Outcome], benchmark: str) -> LanguageScores | None:
    """Return an agent's scores by language, None where its tasks are not told apart by it. No checkout is needed.

    Args:
        outcomes: what was measured of the agent.
        benchmark: name of what it was measured on; one that is not known any more has no tasks without signal.
    """
    try:
        no_signal = tuple(definition_named(benchmark).no_signal)
    except UsageError:
        no_signal = ()
    return language_scores(outcomes, no_signal=no_signal)


def language_answer(scores: LanguageScores) -> "Answer":
    """Return scores by language as plain values, with the total of all tasks and of those with signal."""
    return {
        "languages": {name: _counts(score) for name, score in scores.by_language.items()},
        "all": _counts(scores.total),
        "with_signal": _counts(scores.with_signal),
    }


def resolved_by_language(run: RunReader, agents: Mapping[str, AgentId]) -> list[RenderableType]:
    """Return a heading and a table of some agents' results, nothing where tasks are not told apart by language.

    Args:
        run: that measured them.
        agents: by the name that their column is to have.
    """
    benchmark = run.facts().benchmark
    scores = {name: scores_by_language(run.outcomes_of(agent), benchmark) for name, agent in agents.items()}
    if not any(scores.values()):
        return []
    return [Text("\nResolved by language", style="bold"), language_table(scores)]


def language_table(agents: Mapping[str, LanguageScores | None]) -> RenderableType:
    """Return a row for each language, resolved of measured, with a column for each agent.

    Args:
        agents: name -> scores; one without any has an empty column.
    """
    measured = [scores for scores in agents.values() if scores is not None]
    table = plain_table("language")
    for name in agents:
        table.add_column(name, justify="right", no_wrap=True)
    for language in sorted({language for scores in measured for language in scores.by_language}):
        cells = (scores and scores.by_language.get(language) for scores in agents.values())
        table.add_row(safe_line(language), *map(_cell, cells))
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
