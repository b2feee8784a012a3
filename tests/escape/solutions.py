"""What the suites on hostile solutions share: judging what an agent could have left, as agents are judged."""

from collections.abc import Mapping
from concurrent.futures import Future

from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.core.files import Change, File
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Sandbox
from dgm.core.tasks import Grade

Changes = Mapping[str, str | bytes | None]
"""Path in the workspace -> what an agent wrote there; None for what it removed."""


def judged(benchmark: ExercisesBenchmark, task: TaskId, changes: Changes, *, sandbox: Sandbox) -> Grade:
    """Grade the workspace of `task` after `changes`."""
    known = benchmark.task(task)
    tree = dict(known.workspace)
    for path, content in changes.items():
        if content is None:
            tree.pop(path, None)
        else:
            tree[path] = File(content.encode() if isinstance(content, str) else content)
    solution = Change(known.workspace, known.solution_in(tree))
    return benchmark.grade(task, solution, sandbox=sandbox, session=SessionId("00001.1.grading"))


def reference(benchmark: ExercisesBenchmark, task: TaskId) -> dict[str, str]:
    """Return the right solution as changes."""
    return {path: file.content.decode() for path, file in benchmark.exercise(task).known.reference.items()}


def verdict(grade: Future[Grade]) -> tuple[bool, str]:
    """Return what does not depend on the tests' words."""
    return grade.result().resolved, grade.result().summary
