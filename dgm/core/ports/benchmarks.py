"""What the algorithm needs of a set of tasks."""

from typing import Literal, Protocol, TypeAlias

from dgm.core.actions import EvidenceKind
from dgm.core.files import Change
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports.sandbox import Sandbox
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, KnownTask, Task

ControlKind: TypeAlias = Literal["base", "reference"]
"""What is graded as a control: a solution that does nothing, or the right one."""


class Benchmark(Protocol):
    """A set of tasks and how a solution is judged."""

    @property
    def name(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def image(self) -> str:
        """Image that agents change their own code in, as in `ContainerSpec.image`."""
        ...

    def images(self) -> tuple[str, ...]:
        """Return every image that it takes, that of its tasks and of their grading included."""
        ...

    def task_images(self) -> tuple[str, ...]:
        """Return the references of the images that tasks bring along, which are pulled when first needed."""
        ...

    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks in a fixed order.

        Raises:
            MalformedContentError: a task directory is not as it must be.
        """
        ...

    def task(self, task: TaskId) -> Task:
        """Return one task.

        Raises:
            UnknownNameError: there is none of that name.
        """
        ...

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of evaluation; together they hold every task once."""
        ...

    def known_tasks(self) -> tuple[KnownTask, ...]:
        """Return the tasks with their answers, for the rehearsal model."""
        ...

    @property
    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """What a step may learn from beside a task that was not resolved."""
        ...

    def hidden_tests(self, task: TaskId) -> str:
        """Return what solutions of a task are judged by, as text; only for runs that show it to the diagnosing model.

        Raises:
            UnknownNameError: there is no such task.
        """
        ...

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge `solution` (files that the task takes, all others are ignored) in a fresh container.

        Raises:
            InfrastructureError: it could not be judged; never a verdict.
        """
        ...

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge what must not be resolved or what must be, by the path that solutions are judged by.

        Raises:
            InfrastructureError: it could not be judged.
        """
        ...
