"""The instances of a dataset as a benchmark."""

from collections.abc import Sequence
from typing import Protocol

from dgm.benchmarks.definition import MAX_HIDDEN_TESTS_CHARS, Definition
from dgm.benchmarks.swebench.records import Instance, records_hash
from dgm.benchmarks.swebench.tasks import known_task_of, task_of
from dgm.core.actions import EvidenceKind
from dgm.core.errors import UnknownNameError
from dgm.core.files import Change
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import ControlKind, Sandbox
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, KnownTask, Task

USELESS_PATCH = """\
diff --git a/.dgm-control b/.dgm-control
new file mode 100644
--- /dev/null
+++ b/.dgm-control
@@ -0,0 +1 @@
+This file does nothing.
"""


class Judge(Protocol):
    """Judges by the official harness; `dgm.benchmarks.swebench.judge` has it."""

    def grade(self, instance: Instance, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge a change."""
        ...

    def grade_patch(self, instance: Instance, patch: str, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge a unified diff by the same path."""
        ...


class InstancesBenchmark:
    """Some instances of one dataset; implements `dgm.core.ports.Benchmark`."""

    def __init__(
        self,
        definition: Definition,
        stages: Sequence[Stage],
        instances: Sequence[Instance],
        *,
        judge: Judge,
        hints: bool = False,
    ) -> None:
        """Args:
        definition: names the benchmark.
        stages: of what is measured.
        instances: all that are known; without those of `stages`, it has nothing but stages and images.
        judge: judges them.
        hints: whether agents see what was said about an issue before it was resolved.
        """
        self._definition = definition
        self._stages = tuple(stages)
        self._ids = tuple(task for stage in self._stages for task in stage.tasks)
        wanted = frozenset(self._ids)
        self._instances = {instance.id: instance for instance in instances if instance.id in wanted}
        self._judge = judge
        self._hints = hints

    @property
    def name(self) -> str:
        """Its name on the command line."""
        return self._definition.name

    @property
    def image(self) -> str:
        """Image that agents change their own code in."""
        return self._definition.image

    @property
    def records_hash(self) -> str:
        """Hash of the records of its tasks; 64 hexadecimal digits."""
        return records_hash(self._instance(task) for task in self._ids)

    def images(self) -> tuple[str, ...]:
        """Return the image that agents change their own code in: all others come with the tasks."""
        return (self.image,)

    def task_images(self) -> tuple[str, ...]:
        """Return the references of its instances' images; their usual ones where the records are not known."""
        return tuple(dict.fromkeys(self._image(task) for task in self._ids))

    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks, in the order of the stages.

        Raises:
            MalformedContentError: the hidden tests or the gold patch of one are no patch.
        """
        return tuple(self.task(task) for task in self._ids)

    def task(self, task: TaskId) -> Task:
        """Return one task.

        Raises:
            UnknownNameError: there is none of that name.
            MalformedContentError: its hidden tests or its gold patch are no patch.
        """
        return task_of(self._instance(task), hints=self._hints)

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of evaluation; together they hold every task once."""
        return self._stages

    def known_tasks(self) -> tuple[KnownTask, ...]:
        """Return the tasks with their gold patches, for the rehearsal model."""
        return tuple(known_task_of(self._instance(task), hints=self._hints) for task in self._ids)

    @property
    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """What a step may learn from beside a task that was not resolved."""
        return self._definition.evidence

    def hidden_tests(self, task: TaskId) -> str:
        """Return the patch that brings an instance's tests; errors as those of `task`."""
        return self._instance(task).test_patch[:MAX_HIDDEN_TESTS_CHARS]

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge a change by the official harness.

        Raises:
            InfrastructureError: it could not be judged.
        """
        return self._judge.grade(self._instance(task), solution, sandbox=sandbox, session=session)

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge a useless patch or the gold patch; errors as `grade`."""
        instance = self._instance(task)
        patch = USELESS_PATCH if kind == "base" else instance.patch
        return self._judge.grade_patch(instance, patch, sandbox=sandbox, session=session)

    def _instance(self, task: TaskId) -> Instance:
        if task not in self._instances:
            raise UnknownNameError(f"There is no task {task!r} in benchmark {self.name}.")
        return self._instances[task]

    def _image(self, task: TaskId) -> str:
        instance = self._instances.get(task)
        return usual_image(task) if instance is None else instance.image


def usual_image(task: TaskId) -> str:
    """Return what an instance's image is called in the datasets that SWE-bench publishes."""
    return f"swebench/sweb.eval.x86_64.{task.lower().replace('__', '_1776_')}:latest"
