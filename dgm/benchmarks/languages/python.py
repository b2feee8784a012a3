"""How Python exercises are judged: pytest, cut off from everything that a solution could configure."""

from collections.abc import Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.python_canaries import guarded
from dgm.benchmarks.suites import GRADERS, SOLUTION, TESTS, Suite, laid_out
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TEST_FILES = ("*_test.py", "test_*.py", "conftest.py")
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class PythonLanguage:
    """Python exercises: unittest classes, run by `benchmarks/graders/python.py`."""

    timeout_s: float = _TIMEOUT_S
    name: str = "python"
    image: str = "python"
    tools: str = "They run with pytest and Python 3.13, offline, with the standard library alone."
    helper_paths: str = r"(?!test_|conftest\.)[^/]+(?<!_test)\.py"

    def hides(self, path: str) -> bool:
        """Return whether `path` is named like a test."""
        name = PurePosixPath(path).name
        return any(fnmatchcase(name, pattern) for pattern in _TEST_FILES)

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return the hidden tests under random names, with their contradictions mixed in.

        Raises:
            MalformedContentError: a test file is not Python, or they hold no test or others than expected.
        """
        tests = dict(exercise.tests)
        apart: dict[str, File] = {}
        own_names: dict[str, str] = {}
        must_fail: dict[str, str] = {}
        run: list[str] = []
        for path in exercise.test_paths:
            if not path.endswith(".py"):
                continue  # what the tests read
            found = _guarded(exercise, path, chance)
            tests[path], apart[f"tests/{path}"] = (File(source.encode()) for source in found.sources)
            own_names |= found.names
            must_fail |= found.canaries
            if found.names:
                run.append(f"{TESTS}/{path}")
        _require_expected(exercise, set(own_names.values()))
        return Suite(
            files=laid_out(exercise, solution, tests=tests, graders=["report.py", "python.py"]),
            apart=apart,
            argv=("python3", "-I", f"{GRADERS}/python.py", SOLUTION, *run),
            timeout_s=self.timeout_s,
            must_pass=frozenset(own_names),
            must_fail=must_fail,
            own_names=own_names,
        )


def _guarded(exercise: Exercise, path: str, chance: Random) -> GuardedTests[tuple[str, str]]:
    try:
        return guarded(exercise.tests[path].content.decode(), chance)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise MalformedContentError(f"Task {exercise.task.id}: {path} is not Python: {error}.") from error


def _require_expected(exercise: Exercise, found: Set[str]) -> None:
    if not found:
        raise MalformedContentError(f"Task {exercise.task.id} holds no test.")
    # Empty where the names are about to be observed for the first time.
    if exercise.expected and exercise.expected != found:
        wrong = ", ".join(sorted(exercise.expected ^ found))
        raise MalformedContentError(f"Task {exercise.task.id}: manifest and test files differ in {wrong}.")
