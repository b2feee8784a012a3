"""Checks of all that must hold of a run at rest: each invariant is a function that yields problems.

Nothing is written, and nothing of the run is believed: it may be somebody else's, damaged, or alive. All is asked of
one moment. What a killed process may leave behind and nothing hangs on is named as left over; that is no problem.

    checks_tree.py       agents, their code, commits and refs
    checks_results.py    decisions, attempts, results
    checks_money.py      calls, and what they add up to
    checks_run.py        the database itself, configuration, spans, persons and controls
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from dgm.archive.checks_store import CheckedStore
from dgm.archive.codestore import REPOSITORY, CommitId
from dgm.archive.database import DATABASE, open_for_reading
from dgm.archive.facts import Facts
from dgm.archive.reader import RUN_TOML, RunReader
from dgm.archive.records import Row
from dgm.boundary.packed import opened_file
from dgm.config import RunConfig
from dgm.core.agents import Agent
from dgm.core.errors import CorruptArchiveError, DgmError
from dgm.core.ids import AgentId

_MAX_TOML_BYTES = 2**20
MOST_SHOWN = 20
"""Problems of one invariant that are kept, the rest is counted; and left-overs."""


class Subject:
    """A run that is checked. Close it, or use it as a context."""

    def __init__(self, directory: Path) -> None:
        """Open it.

        Raises:
            ArchiveError: its database cannot be opened or is not sound.
        """
        self.directory = directory
        path = directory / DATABASE
        self.facts = Facts(open_for_reading(path), path)
        self.reader = RunReader(directory, self.facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()

    def rows(self, query: str, values: Iterable[object] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self.facts.rows(query, tuple(values))

    @cached_property
    def config(self) -> RunConfig:
        """What the run was configured with."""
        require_small_file(self.directory / RUN_TOML)
        return self.reader.config()

    @cached_property
    def store(self) -> CheckedStore:
        """The code of its agents."""
        return CheckedStore(self.directory / REPOSITORY)

    @cached_property
    def refs(self) -> dict[str, str]:
        """What each ref of that points at, by its name below `refs/`."""
        return self.store.refs()

    @cached_property
    def agents(self) -> dict[AgentId, Agent]:
        """All agents by id, in the order of their creation."""
        return {agent.id: agent for agent in self.facts.agents()}

    @cached_property
    def commits(self) -> dict[AgentId, tuple[CommitId, str]]:
        """The commit of each agent, and the SHA-256 of its code, as recorded: not looked at yet."""
        rows = self.rows("SELECT id, commit_id, code_hash FROM agents ORDER BY number")
        return {AgentId(agent): (CommitId(commit), code_hash) for agent, commit, code_hash in rows}

    @cached_property
    def commit_ids(self) -> frozenset[str]:
        """The commits of all agents, as recorded."""
        return frozenset(commit for commit, _ in self.commits.values())

    @cached_property
    def attempts(self) -> set[tuple[int, int]]:
        """Decision and number of all attempts."""
        return {(decision, number) for decision, number in self.rows("SELECT decision, number FROM attempts")}

    @cached_property
    def start_count(self) -> int:
        """How often processes began or went on with the run."""
        return self.facts.count("starts")


def require_small_file(path: Path) -> None:
    """Refuse a file that cannot be read at once, such as a pipe, or that is too large to be a setting.

    Raises:
        CorruptArchiveError: it is one.
    """
    try:
        with opened_file(path) as file:
            if len(file.read(_MAX_TOML_BYTES + 1)) > _MAX_TOML_BYTES:
                raise CorruptArchiveError(f"{path} is too large.")
    except OSError as error:
        raise CorruptArchiveError(f"{path} cannot be read: {error.strerror}.") from error


def nothing(_: Subject) -> Iterator[str]:
    """Yield nothing."""
    yield from ()


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold of every run."""

    name: str
    says: str
    """What holds, in a few words."""
    tables: tuple[str, ...]
    """Whose rows are looked at."""
    problems: Callable[[Subject], Iterator[str]]
    """Yields a sentence with ids for each breach."""
    left_over: Callable[[Subject], Iterator[str]] = nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check of one invariant found."""

    name: str
    says: str
    looked_at: int
    problems: tuple[str, ...] = ()
    """The first of them; hostile."""
    more: int = 0
    """Problems beside those."""
    left_over: tuple[str, ...] = ()
    """What nothing hangs on, the first of it; hostile."""

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def found(
    name: str, says: str, *, looked_at: Callable[[], int], problems: Iterable[str], left_over: Iterable[str] = ()
) -> Finding:
    """Return what a check finds; that it cannot be carried out to its end is a problem, too."""
    first, more = list[str](), 0
    rest, count = list[str](), 0
    try:
        count = looked_at()
        for problem in problems:
            if len(first) < MOST_SHOWN:
                first.append(problem)
            else:
                more += 1
        rest = list(islice(left_over, MOST_SHOWN))
    except DgmError as error:
        first.append(f"This cannot be checked any further: {error}")
    return Finding(name, says, count, tuple(first), more, tuple(rest))


def check(invariant: Invariant, subject: Subject) -> Finding:
    """Return what is found of an invariant."""

    def problems() -> Iterator[str]:
        with subject.facts.sound():
            yield from invariant.problems(subject)

    return found(
        invariant.name,
        invariant.says,
        looked_at=lambda: sum(map(subject.facts.count, invariant.tables)),
        problems=problems(),
        left_over=invariant.left_over(subject),
    )
