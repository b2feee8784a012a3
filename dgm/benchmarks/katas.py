"""The embedded benchmark: short Python tasks of our own, in Exercism's layout."""

from collections.abc import Collection
from pathlib import Path
from random import Random, SystemRandom

from dgm.benchmarks.definition import read_definition
from dgm.benchmarks.exercism import Exercise, load_exercise
from dgm.benchmarks.grading import grade
from dgm.benchmarks.python import PythonLanguage
from dgm.benchmarks.suites import Language
from dgm.content import benchmarks_directory
from dgm.core.errors import UnknownNameError
from dgm.core.files import FileTree
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Sandbox
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, KnownTask, Task

NAME = "katas"


def katas_directory() -> Path:
    """Return where the embedded tasks stand."""
    return benchmarks_directory() / NAME


class KatasBenchmark:
    """Exercises in one directory with stages of their own; implements `dgm.core.ports.Benchmark`."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        tasks: Collection[TaskId] | None = None,
        language: Language | None = None,
        chance: Random | None = None,
    ) -> None:
        """Read the tasks.

        Args:
            directory: holds `benchmark.toml` and `tasks/`; the embedded tasks unless given.
            tasks: only these; all unless given.
            language: how they are judged; as Python unless given.
            chance: names the tests of each grading; the machine's own randomness unless given.
        Raises:
            MalformedContentError: a file is not as it must be.
            UnknownNameError: `tasks` names one that there is not.
        """
        directory = directory or katas_directory()
        definition = read_definition(directory)
        self._language = language or PythonLanguage(image=definition.image)
        self._chance = chance or SystemRandom()
        self._name = definition.name
        self._image = definition.image
        for task in tasks or ():
            if task not in definition.tasks:
                raise _unknown(task, self._name)
        self._stages = _only(definition.stages, definition.tasks if tasks is None else tasks)
        self._exercises = {
            task: load_exercise(directory / "tasks" / task, task, hides=self._language.hides)
            for stage in self._stages
            for task in stage.tasks
        }

    @property
    def name(self) -> str:
        """Its name on the command line."""
        return self._name

    @property
    def image(self) -> str:
        """Image that agents run in."""
        return self._image

    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks, in the order of the stages."""
        return tuple(exercise.task for exercise in self._exercises.values())

    def task(self, task: TaskId) -> Task:
        """Return one task.

        Raises:
            UnknownNameError: there is none of that name.
        """
        return self._exercise(task).task

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of evaluation; together they hold every task once."""
        return self._stages

    def known_tasks(self) -> tuple[KnownTask, ...]:
        """Return the tasks with their answers, for the rehearsal model."""
        return tuple(exercise.known for exercise in self._exercises.values())

    def exercises(self) -> tuple[Exercise, ...]:
        """Return all that the host knows of the tasks, hidden tests included."""
        return tuple(self._exercises.values())

    def grade(self, task: TaskId, solution: FileTree, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge `solution` in a fresh container.

        Raises:
            InfrastructureError: it could not be judged; never a verdict.
            UnknownNameError: there is no such task.
        """
        return grade(
            self._exercise(task),
            solution,
            language=self._language,
            sandbox=sandbox,
            session=session,
            chance=self._chance,
        )

    def _exercise(self, task: TaskId) -> Exercise:
        try:
            return self._exercises[task]
        except KeyError:
            raise _unknown(task, self._name) from None


def _unknown(task: str, benchmark: str) -> UnknownNameError:
    return UnknownNameError(f"There is no task {task!r} in benchmark {benchmark}.")


def _only(stages: tuple[Stage, ...], tasks: Collection[TaskId]) -> tuple[Stage, ...]:
    wanted = frozenset(tasks)
    kept = (Stage(tuple(task for task in stage.tasks if task in wanted), stage.above) for stage in stages)
    return tuple(stage for stage in kept if stage.tasks)
