"""A benchmark in memory: tiny tasks, graded by comparing with the reference, without a container."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dgm.core.actions import EvidenceKind
from dgm.core.errors import DgmError, UnknownNameError
from dgm.core.files import Change, File, FileTree
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import ControlKind, Sandbox
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, KnownTask, Task

STUB = File(b"def answer():\n    raise NotImplementedError\n")
HINT = File(b"The answer is in the name.\n")


def solved(name: str) -> File:
    """Return the solution of the tiny task called `name`."""
    return File(f"def answer():\n    return {name!r}\n".encode())


def tiny_task(name: str) -> KnownTask:
    """Return a task that asks for a function that returns its own name."""
    return KnownTask(
        task=Task(
            id=TaskId(name),
            statement=f"Let `answer()` return {name!r}.\n\nChange only: `answer.py`.\n",
            workspace={"answer.py": STUB, "HINT.txt": HINT},
            solution_paths=("answer.py",),
        ),
        reference={"answer.py": solved(name)},
        naive={},
        must_see="",
    )


TINY_TASKS = tuple(tiny_task(name) for name in ("ant", "bee", "cat", "dog"))


@dataclass(slots=True)
class FakeBenchmark:
    """Tasks of a test's choosing; remembers what it graded."""

    known: Sequence[KnownTask] = TINY_TASKS
    first_stage: int = 2
    """How many of the tasks make up the first stage."""
    above: float = 0.4
    name: str = "fake"
    image: str = "python"
    faults: list[DgmError] = field(default_factory=list[DgmError])
    """Raised, one each, instead of the next grades."""
    output: str = ""
    """What failed tests are said to have said."""
    evidence_kinds: tuple[EvidenceKind, ...] = ()
    hidden: str = ""
    """What every task is said to be judged by."""
    flags: tuple[str, ...] = ()
    """What resolved tasks are flagged with."""
    graded: list[tuple[TaskId, FileTree]] = field(default_factory=list[tuple[TaskId, FileTree]])

    def images(self) -> tuple[str, ...]:
        """Return every image that it takes."""
        return (self.image,)

    def task_images(self) -> tuple[str, ...]:
        """Return the images that its tasks bring along."""
        return tuple(dict.fromkeys(known.task.image for known in self.known if known.task.repository is not None))

    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks."""
        return tuple(known.task for known in self.known)

    def task(self, task: TaskId) -> Task:
        """Return one task."""
        return self._known(task).task

    def stages(self) -> tuple[Stage, ...]:
        """Return one stage, or two if there are more tasks than the first one holds."""
        ids = tuple(known.task.id for known in self.known)
        parts = (ids[: self.first_stage], ids[self.first_stage :])
        return tuple(Stage(tasks, self.above) for tasks in parts if tasks)

    def known_tasks(self) -> tuple[KnownTask, ...]:
        """Return the tasks with their answers."""
        return tuple(self.known)

    def hidden_tests(self, task: TaskId) -> str:
        """Return what it is judged by."""
        self._known(task)
        return self.hidden

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:  # noqa: ARG002
        """Return whether the solution's files are the reference's."""
        known = self._known(task)
        if self.faults:
            raise self.faults.pop(0)
        self.graded.append((task, solution.after))
        right = sum(solution.after.get(path) == file for path, file in known.reference.items())
        resolved = right == len(known.reference)
        summary = f"{right} of {len(known.reference)} tests passed"
        return Grade(resolved, summary, output="" if resolved else self.output, flags=self.flags if resolved else ())

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Grade the untouched workspace or the reference."""
        known = self._known(task)
        base = known.task.solution_in(known.task.workspace)
        solution = Change(base, base if kind == "base" else known.reference)
        return self.grade(task, solution, sandbox=sandbox, session=session)

    def _known(self, task: TaskId) -> KnownTask:
        for known in self.known:
            if known.task.id == task:
                return known
        raise UnknownNameError(f"There is no task {task!r} in benchmark {self.name}.")
