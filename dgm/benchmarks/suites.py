"""What a language's grading is made of: the one seam between a benchmark and how its tests are run.

A grading container is laid out by the keeper, and the agent user can change none of it:

    /task/solution/     the pristine workspace with the solution's files in it
    /task/tests/        the hidden tests as they stand in the exercise, made ready for this grading
    /task/graders/      `benchmarks/graders/`: what builds and runs them and prints a report (`dgm.boundary.reports`)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from dgm.benchmarks.exercism import Exercise
from dgm.content import benchmarks_directory
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

DIRECTORY = "/task"
SOLUTION = f"{DIRECTORY}/solution"
TESTS = f"{DIRECTORY}/tests"
GRADERS = f"{DIRECTORY}/graders"


@dataclass(frozen=True, slots=True)
class Suite:
    """One exercise's tests and one solution, made ready for one grading."""

    files: FileTree
    """Laid at `/task` by the keeper; see `laid_out`."""
    argv: Sequence[str]
    """Runs the tests; prints a report. The time limit starts with it."""
    timeout_s: float
    must_pass: frozenset[str]
    """The names that have to be reported as passed."""
    must_fail: Mapping[str, str]
    """Canary -> the test that it contradicts, or "" for none. A canary that passes was tampered with."""
    build: Sequence[str] = ()
    """Run before `argv`; prints a report without outcomes. Empty where nothing is built."""
    build_timeout_s: float = 0.0
    apart: FileTree = field(default_factory=dict[str, File])
    """Laid over `files` in a second container, whose report is added to the first's; empty where one runs all tests.

    There stands the contradiction of each test that `files` has, and the test of each contradiction.
    """
    removed: Sequence[str] = ()
    """Paths that are gone once it is built: a solution could read there what its tests expect, and which must fail."""
    own_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name in the report -> the test's own name, where the report has random ones."""


class Language(Protocol):
    """How exercises of one language are judged."""

    @property
    def name(self) -> str:
        """Such as "go"."""
        ...

    @property
    def image(self) -> str:
        """Image that agents work in and solutions are graded in, as in `ContainerSpec.image`."""
        ...

    @property
    def tools(self) -> str:
        """One sentence for the statement: what solutions are built and run with, such as "Graded with Go 1.24."."""
        ...

    @property
    def helper_paths(self) -> str:
        """Regular expression of the files that a solution may add: source code only, never configuration or tests."""
        ...

    def hides(self, path: str) -> bool:
        """Return whether agents must not see `path` even where no test list names it."""
        ...

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return what one grading takes, with canaries that nobody can tell in advance.

        Args:
            exercise: whose tests to run.
            solution: only what the task takes; a solution path that is absent was deleted.
            chance: makes the canaries' names.
        Raises:
            MalformedContentError: the exercise's tests cannot be read.
        """
        ...


def expected_tests(exercise: Exercise) -> frozenset[str]:
    """Return the names of an exercise's tests as the manifest has them.

    Raises:
        MalformedContentError: it has no entry.
    """
    if exercise.expected is None:
        raise MalformedContentError(f"Task {exercise.task.id} has no manifest entry, so its tests are not known.")
    return exercise.expected


def laid_out(exercise: Exercise, solution: FileTree, *, tests: FileTree, graders: Sequence[str]) -> dict[str, File]:
    """Return the files of a grading container, as `Suite.files` wants them.

    Args:
        exercise: its pristine workspace is laid, without its solution files.
        solution: laid over that.
        tests: laid in a directory of their own.
        graders: names of files in `benchmarks/graders/`.
    """
    task = exercise.task
    pristine = {path: file for path, file in task.workspace.items() if path not in task.solution_paths}
    return (
        {f"solution/{path}": file for path, file in {**pristine, **solution}.items()}
        | {f"tests/{path}": file for path, file in tests.items()}
        | {f"graders/{name}": File(_grader(name).read_bytes()) for name in graders}
    )


def _grader(name: str) -> Path:
    return benchmarks_directory() / "graders" / name
