"""Tasks: what an agent is asked, and what may be known of the answer on the host."""

from dataclasses import dataclass

from dgm.core.files import FileTree
from dgm.core.ids import TaskId


@dataclass(frozen=True, slots=True)
class Task:
    """One problem as an agent sees it: no tests, no reference, no history."""

    id: TaskId
    statement: str
    """Markdown; the agent finds it in `/task/problem.md`."""
    workspace: FileTree
    """What the agent finds in its workspace and may change."""
    solution_paths: tuple[str, ...]
    """The only paths that are graded."""


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


@dataclass(frozen=True, slots=True)
class Grade:
    """What grading found, decided on the host."""

    resolved: bool
    summary: str
    """For people and the diagnosis: counts, never a hidden test's text."""
