"""How Go exercises are judged: `go test`'s own program, built from the pristine module and run once.

What is not caught: a solution that knows or guesses well which of two values is right, by reading both in its own
program, and gives or forges no more than that; and one that reads there which of two conditions was turned around,
where a test has no value that could be another (`go_contradictions`).
"""

from dataclasses import dataclass
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.go_canaries import guarded
from dgm.benchmarks.suites import GRADERS, SOLUTION, TESTS, Suite, expected_tests, laid_out
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TIMEOUT_S = 240.0
"""Twice what a solution would have for the tests alone: most stand there twice."""
_BUILD_TIMEOUT_S = 300.0
_TEST_FILE = "_test.go"


@dataclass(frozen=True, slots=True)
class GoLanguage:
    """Go exercises: one package with its tests, run by `benchmarks/graders/go.py`."""

    timeout_s: float = _TIMEOUT_S
    name: str = "go"
    image: str = "polyglot-go"
    tools: str = (
        "They run with Go 1.24, offline, with the standard library alone and without cgo; `go.mod` says which version "
        "of the language, and counts as it is."
    )
    helper_paths: str = r"[A-Za-z0-9][A-Za-z0-9_-]*(?<!_test)\.go"
    """Files of the same package. Another package's directory could be `vendor`, which configures the build."""

    def hides(self, path: str) -> bool:
        """Return whether `path` is named like a test."""
        return path.endswith(_TEST_FILE)

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return the hidden tests under random names, in versions that contradict each other, canaries among them.

        A test of subtests of which there are two versions is in neither of them expected to pass: its subtests are.

        Raises:
            MalformedContentError: there is no manifest entry, or a test file is not text.
        """
        task = exercise.task.id
        expected = expected_tests(exercise)
        sources = {path: file for path, file in exercise.tests.items() if self.hides(path)}
        try:
            found = guarded({path: file.content.decode() for path, file in sources.items()}, expected, chance)
        except ValueError as error:
            raise MalformedContentError(f"Task {task}: its tests cannot be read: {error}.") from error
        tests = {**exercise.tests, **{path: File(text.encode()) for path, text in found.sources.items()}}
        grader = ("python3", "-I", f"{GRADERS}/go.py")
        return Suite(
            files=laid_out(exercise, solution, tests=tests, graders=["report.py", "go.py"]),
            build=(*grader, "build", exercise.name, SOLUTION, TESTS),
            build_timeout_s=_BUILD_TIMEOUT_S,
            removed=(TESTS,),
            argv=(*grader, "run", exercise.name),
            timeout_s=self.timeout_s,
            must_pass=frozenset(found.names),
            must_fail=found.canaries,
            own_names=found.names,
        )
