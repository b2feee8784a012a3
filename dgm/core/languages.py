"""Scores told apart by language, which a task's id begins with where a benchmark has several: "go/ant"."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from dgm.core.ids import TaskId
from dgm.core.outcomes import Outcome
from dgm.core.scores import Score, score_of


@dataclass(frozen=True, slots=True)
class LanguageScores:
    """An agent's score by language, and in all."""

    by_language: Mapping[str, Score]
    """By name, in alphabetical order."""
    total: Score
    with_signal: Score
    """Without the tasks of `no_signal`."""
    no_signal: tuple[TaskId, ...]
    """Those measured whose untouched workspace passes too; each once."""


def language_of(task: TaskId) -> str:
    """Return the language that a task's id names, "" if it names none."""
    language, slash, _ = task.partition("/")
    return language if slash else ""


def language_scores(outcomes: Iterable[Outcome], *, no_signal: Collection[TaskId]) -> LanguageScores | None:
    """Return an agent's scores by language, None where not every task's id names one.

    Args:
        outcomes: what was measured of the agent.
        no_signal: tasks whose untouched workspace passes too.
    """
    measured = tuple(outcomes)
    languages = sorted({language_of(outcome.task) for outcome in measured})
    if not languages or "" in languages:
        return None
    return LanguageScores(
        by_language={
            language: score_of(outcome for outcome in measured if language_of(outcome.task) == language)
            for language in languages
        },
        total=score_of(measured),
        with_signal=score_of(outcome for outcome in measured if outcome.task not in no_signal),
        no_signal=tuple(dict.fromkeys(outcome.task for outcome in measured if outcome.task in no_signal)),
    )
