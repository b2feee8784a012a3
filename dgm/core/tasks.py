"""Tasks: what an agent is asked, and what may be known of the answer on the host."""

import re
from dataclasses import dataclass

from dgm.core.files import File, FileTree
from dgm.core.ids import TaskId


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that stands in a task's own image, too large to be carried in and out as a whole."""

    directory: str
    """Absolute path, such as "/testbed"."""
    commit: str
    """40 hexadecimal digits. Agents see the history up to it and nothing that came later."""


@dataclass(frozen=True, slots=True)
class Task:
    """One problem as an agent sees it: no tests, no reference, no history."""

    id: TaskId
    statement: str
    """Markdown; the agent finds it in `/task/problem.md`."""
    workspace: FileTree
    """What the agent finds in its workspace and may change; empty where `repository` is that."""
    solution_paths: tuple[str, ...]
    """The files to change, as the statement names them; empty where every file may be."""
    image: str = "python"
    """Image that agents work on it in, as in `ContainerSpec.image`."""
    repository: Repository | None = None
    """What agents work on where the image brings it along."""
    test_paths: tuple[str, ...] = ()
    """Files of `repository` that the hidden tests are laid over: what becomes of them is not taken."""
    timeout_s: float = 600.0
    """How long an agent may work on it unless the user says otherwise; the paper's Polyglot limit."""
    helper_paths: str = ""
    """Regular expression of the new files that are part of a solution beside `solution_paths`; empty for none."""
    group: str = ""
    """What results are told apart by, such as the language; empty where there is nothing."""
    has_signal: bool = True
    """False where the untouched workspace passes the tests too, so that a resolved task says little."""

    def takes(self, path: str) -> bool:
        """Return whether what an agent left at `path` is part of its solution."""
        if self.repository is not None:
            return path not in self.test_paths
        return path in self.solution_paths or self._takes_as_helper(path)

    def _takes_as_helper(self, path: str) -> bool:
        if not self.helper_paths or re.fullmatch(self.helper_paths, path) is None:
            return False
        # A file where another one has its directory cannot be laid out: an agent could pass off its doing as our fault.
        return not any(
            path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in self.workspace
        )

    def solution_in(self, tree: FileTree) -> dict[str, File]:
        """Return the part of `tree` that is graded."""
        return {path: file for path, file in tree.items() if self.takes(path)}


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task with its answers, for the rehearsal model alone; never sent anywhere."""

    task: Task
    reference: FileTree
    """Solution files that resolve it."""
    naive: FileTree
    """A plausible first attempt that does not resolve it; empty where there is none."""
    must_see: str
    """Text that has to stand in the conversation before the reference can be known; empty for none."""
    patch: str = ""
    """Unified diff that resolves it, where the files are not known on the host; `reference` is empty then."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What grading found, decided on the host."""

    resolved: bool
    summary: str
    """For people and the diagnosis: counts, never a hidden test's text."""
    output: str = ""
    """What failed tests or the compiler said. Hidden tests can be read out of it: for a second attempt alone."""
    flags: tuple[str, ...] = ()
    """Signs that the tests did not run as they should, one sentence each: `resolved` is not believed then."""
