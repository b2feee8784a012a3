"""Benchmarks made of exercises in Exercism's layout: the katas, Polyglot, and whatever else has a `benchmark.toml`."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom

from dgm.benchmarks.definition import MAX_HIDDEN_TESTS_CHARS, Definition
from dgm.benchmarks.exercise_files import read_exercise_files
from dgm.benchmarks.exercism import Exercise, Frame, load_exercise
from dgm.benchmarks.grading import grade, reported
from dgm.benchmarks.languages.registry import language_named
from dgm.benchmarks.manifest import Expected, content_hash, read_manifest
from dgm.benchmarks.suites import Language
from dgm.boundary.text import safe_line
from dgm.core.actions import EvidenceKind
from dgm.core.errors import MalformedContentError, UnknownNameError
from dgm.core.files import Change, FileTree
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import ControlKind, Sandbox
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, KnownTask, Task

_SHOWN_OF_A_FAILURE = 1_000
_REFERENCES = "references"
"""Beside the definition: solutions of ours for tasks from elsewhere whose own the images cannot build."""


class ExercisesBenchmark:
    """The exercises of one definition; implements `dgm.core.ports.Benchmark`. Each is read when first asked for."""

    def __init__(
        self,
        definition: Definition,
        *,
        tasks: Collection[TaskId] | None = None,
        checkout: Path | None = None,
        expected: Mapping[TaskId, Expected] | None = None,
        languages: Callable[[str], Language] = language_named,
        chance: Random | None = None,
    ) -> None:
        """Args:
            definition: names the tasks and their stages.
            tasks: only these; all unless given.
            checkout: of the definition's repository, where its tasks do not stand beside it.
            expected: what the tasks are known to be; as the definition's manifest says unless given.
            languages: how a language's exercises are judged.
            chance: names canaries; the machine's own randomness unless given.
        Raises:
            MalformedContentError: the manifest is not as it must be.
            UnknownNameError: `tasks` names one that there is not.
        """
        for task in tasks or ():
            if task not in definition.tasks:
                raise _unknown(task, definition.name)
        self._definition = definition
        self._checkout = checkout
        self._languages = languages
        self._chance = chance or SystemRandom()
        self._expected = read_manifest(definition.directory) if expected is None else expected
        self._stages = _only(definition.stages, definition.tasks if tasks is None else tasks)
        self._ids = tuple(task for stage in self._stages for task in stage.tasks)
        self._read: dict[TaskId, Exercise] = {}

    @property
    def name(self) -> str:
        """Its name on the command line."""
        return self._definition.name

    @property
    def image(self) -> str:
        """Image that agents change their own code in."""
        return self._definition.image

    def images(self) -> tuple[str, ...]:
        """Return every image that it takes."""
        return tuple(dict.fromkeys([self.image, *(self.language(task).image for task in self._ids)]))

    def task_images(self) -> tuple[str, ...]:
        """Return nothing: exercises are worked on in images of ours."""
        return ()

    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks, in the order of the stages.

        Raises:
            MalformedContentError: an exercise is not as it must be.
        """
        return tuple(exercise.task for exercise in self.exercises())

    def task(self, task: TaskId) -> Task:
        """Return one task.

        Raises:
            UnknownNameError: there is none of that name.
            MalformedContentError: it is not as it must be.
        """
        return self.exercise(task).task

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of evaluation; together they hold every task once."""
        return self._stages

    def known_tasks(self) -> tuple[KnownTask, ...]:
        """Return the tasks with their answers, for the rehearsal model."""
        return tuple(exercise.known for exercise in self.exercises())

    @property
    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """What a step may learn from beside a task that was not resolved."""
        return self._definition.evidence

    def hidden_tests(self, task: TaskId) -> str:
        """Return the files that a task is judged by, each under a line that names it; errors as those of `task`."""
        files = sorted(self.exercise(task).tests.items())
        text = "\n".join(f"# file: {path}\n{file.content.decode('utf-8', 'replace')}" for path, file in files)
        return text[:MAX_HIDDEN_TESTS_CHARS]

    def exercises(self) -> tuple[Exercise, ...]:
        """Return all that the host knows of the tasks, hidden tests included."""
        return tuple(self.exercise(task) for task in self._ids)

    def exercise(self, task: TaskId) -> Exercise:
        """Return all that the host knows of one task; errors as those of `task`."""
        if task not in self._ids:
            raise _unknown(task, self.name)
        if task not in self._read:
            self._read[task] = self._load(task)
        return self._read[task]

    def language(self, task: TaskId) -> Language:
        """Return how a task is judged."""
        return self._languages(self._definition.language_of(task))

    def observed_tests(self, task: TaskId, *, sandbox: Sandbox, session: SessionId) -> frozenset[str]:
        """Return the names of the tests that a task's reference passes, as its manifest is to have them.

        Raises:
            InfrastructureError: they could not be run.
            MalformedContentError: a test of the reference's did not pass.
        """
        exercise = replace(self.exercise(task), expected=frozenset())
        language = self.language(task)
        suite = language.suite(exercise, exercise.known.reference, chance=self._chance)
        report = reported(suite, image=language.image, sandbox=sandbox, session=session)
        if isinstance(report, str) or report.problem:
            said = report if isinstance(report, str) else " ".join(text for _, text in report.messages)
            why = safe_line(said, max_chars=_SHOWN_OF_A_FAILURE)
            raise MalformedContentError(f"Task {task}: the reference could not be run: {why or 'it does not say why'}.")
        real = {
            suite.own_names.get(name, name): outcome
            for name, outcome in report.outcomes.items()
            if name not in suite.must_fail
        }
        failed = sorted(name for name, outcome in real.items() if outcome != "passed")
        if failed:
            raise MalformedContentError(f"Task {task}: the reference does not pass {', '.join(failed)}.")
        return frozenset(real)

    def content_hash(self, task: TaskId) -> str:
        """Return what the manifest is to say of a task's files."""
        return content_hash(read_exercise_files(self._definition.place(task, self._checkout)))

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge `solution` in a fresh container.

        Raises:
            InfrastructureError: it could not be judged; never a verdict.
            UnknownNameError: there is no such task.
        """
        return grade(
            self.exercise(task),
            solution.after,
            language=self.language(task),
            sandbox=sandbox,
            session=session,
            chance=self._chance,
        )

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge the untouched workspace or the reference; errors as `grade`."""
        known = self.exercise(task).known
        base = known.task.solution_in(known.task.workspace)
        solution = Change(base, base if kind == "base" else known.reference)
        return self.grade(task, solution, sandbox=sandbox, session=session)

    def _load(self, task: TaskId) -> Exercise:
        definition, language = self._definition, self.language(task)
        frame = Frame(
            hides=language.hides,
            image=language.image,
            helper_paths=language.helper_paths if definition.helpers else "",
            tools="" if definition.language else language.tools,
            group="" if definition.language else language.name,
        )
        exercise = load_exercise(
            definition.place(task, self._checkout),
            task,
            frame=frame,
            has_signal=task not in definition.no_signal,
            expected=self._expected.get(task),
        )
        ours = definition.directory / _REFERENCES / task
        return _with_reference(exercise, read_exercise_files(ours)) if ours.is_dir() else exercise


def _with_reference(exercise: Exercise, ours: FileTree) -> Exercise:
    return replace(exercise, known=replace(exercise.known, reference={**exercise.known.reference, **ours}))


def _unknown(task: str, benchmark: str) -> UnknownNameError:
    return UnknownNameError(f"There is no task {task!r} in benchmark {benchmark}.")


def _only(stages: tuple[Stage, ...], tasks: Collection[TaskId]) -> tuple[Stage, ...]:
    wanted = frozenset(tasks)
    kept = (replace(stage, tasks=tuple(task for task in stage.tasks if task in wanted)) for stage in stages)
    return tuple(stage for stage in kept if stage.tasks)
