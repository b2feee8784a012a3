"""Scores told apart by what a task's id names: the language of "go/ant", the repository of "django__django-11099"."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dgm.core.ids import TaskId
from dgm.core.outcomes import Outcome
from dgm.core.scores import Score, score_of

_INSTANCE = re.compile(r"(?P<owner>[^_/][^/]*?)__(?P<name>[^/]+)-[0-9]+")
"""SWE-bench's form: owner and name of a repository, and the number of a pull request."""


class Kind(StrEnum):
    """What the tasks of a benchmark are told apart by."""

    LANGUAGE = "language"
    REPOSITORY = "repository"

    @property
    def plural(self) -> str:
        """The word for several of them."""
        return {Kind.LANGUAGE: "languages", Kind.REPOSITORY: "repositories"}[self]


@dataclass(frozen=True, slots=True)
class GroupScores:
    """An agent's score by group, and in all."""

    kind: Kind
    """What the groups are."""
    by_group: Mapping[str, Score]
    """By name, in alphabetical order."""
    total: Score
    with_signal: Score
    """Without the tasks of `no_signal`."""
    no_signal: tuple[TaskId, ...]
    """Those measured whose untouched workspace passes too; each once."""


def group_of(task: TaskId) -> str:
    """Return the language or the repository that a task's id names, "" if it names none."""
    return _named_by(task)[1]


def group_scores(outcomes: Iterable[Outcome], *, no_signal: Collection[TaskId]) -> GroupScores | None:
    """Return an agent's scores by group, None where not every task's id names one of the same kind.

    Args:
        outcomes: what was measured of the agent.
        no_signal: tasks whose untouched workspace passes too.
    """
    measured = tuple(outcomes)
    kinds = {_named_by(outcome.task)[0] for outcome in measured}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return None
    return GroupScores(
        kind=kind,
        by_group={
            group: score_of(outcome for outcome in measured if group_of(outcome.task) == group)
            for group in sorted({group_of(outcome.task) for outcome in measured})
        },
        total=score_of(measured),
        with_signal=score_of(outcome for outcome in measured if outcome.task not in no_signal),
        no_signal=tuple(dict.fromkeys(outcome.task for outcome in measured if outcome.task in no_signal)),
    )


def _named_by(task: TaskId) -> tuple[Kind | None, str]:
    language, slash, _ = task.partition("/")
    if slash and language:
        return Kind.LANGUAGE, language
    if instance := _INSTANCE.fullmatch(task):
        return Kind.REPOSITORY, f"{instance['owner']}/{instance['name']}"
    return None, ""
