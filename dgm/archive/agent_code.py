"""The code of a run's agents: facts say which commit is whose and what it must hold, the repository has it."""

import errno
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from dgm.archive.codestore import CodeStore, CommitId, NewCommit
from dgm.archive.difference import DiffStat, diff_stat, diff_text
from dgm.archive.facts import Facts
from dgm.archive.message import commit_message, held_message
from dgm.archive.records import HeldRecord
from dgm.core.actions import Step
from dgm.core.agents import Agent
from dgm.core.errors import ArchiveError, CorruptArchiveError, DiskFullError
from dgm.core.files import File, FileTree, tree_hash
from dgm.core.ids import AgentId


class AgentCode:
    """All code of one run. Safe to use from many threads; the repository is opened when it is first asked for."""

    def __init__(self, repository: Path, facts: Facts) -> None:
        self._repository = repository
        self._facts = facts
        self._lock = threading.Lock()

    def commit_of(self, agent: AgentId) -> CommitId:
        """Return the commit that holds an agent's code."""
        return self._facts.commit_and_hash(agent)[0]

    def of_agent(self, agent: AgentId) -> dict[str, File]:
        """Return an agent's code.

        Raises:
            CorruptArchiveError: it is missing, damaged, or not what was stored.
        """
        return self._checked(*self._facts.commit_and_hash(agent), f"agent {agent}")

    def of_held(self, held: HeldRecord) -> dict[str, File]:
        """Return the code of a child that waits, or waited, for a person; see `of_agent`."""
        return self._checked(held.commit, held.code_hash, f"step {held.step.number}")

    def diff(self, before: AgentId, after: CommitId) -> str:
        """Return the unified diff from an agent's code to a commit's; as hostile as that code."""
        return diff_text(self._repository, self.commit_of(before), after)

    def diff_stat(self, before: AgentId, after: CommitId) -> DiffStat:
        """Return the size of that diff."""
        return diff_stat(self._repository, self.commit_of(before), after)

    def add(self, agent: Agent, code: FileTree, step: Step | None) -> CommitId:
        """Store the code of a new agent, which a step made, or none made the seed agent.

        Raises:
            ArchiveError: it cannot be written.
        """
        parents = tuple(map(self.commit_of, agent.parents))
        commit = NewCommit(commit_message(agent, step), parents, agent.created_at)
        return self._stored(lambda store: store.write(agent.id, code, commit))

    def hold(self, decision: int, step: Step, code: FileTree, *, at: float) -> CommitId:
        """Store the code of a child that waits for a person; see `add`."""
        parents = (step.parent,) if step.partner is None else (step.parent, step.partner)
        commit = NewCommit(held_message(step), tuple(map(self.commit_of, parents)), at)
        return self._stored(lambda store: store.hold(decision, code, commit))

    def _checked(self, commit: CommitId, code_hash: str, whose: str) -> dict[str, File]:
        with self._lock:
            code = self._store.read(commit)
        if tree_hash(code) != code_hash:
            raise CorruptArchiveError(f"The code of {whose} is not the code that was archived.")
        return code

    def _stored(self, store: Callable[[CodeStore], CommitId]) -> CommitId:
        with self._lock:
            try:
                return store(self._store)
            except OSError as error:
                kind = DiskFullError if error.errno in {errno.ENOSPC, errno.EDQUOT} else ArchiveError
                raise kind(f"{self._repository} cannot be written: {error.strerror}.") from error

    @cached_property
    def _store(self) -> CodeStore:
        return CodeStore(self._repository)
