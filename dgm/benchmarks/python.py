"""How Python exercises are judged: pytest, cut off from everything that a solution could configure."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.canaries import guarded
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.suites import Suite
from dgm.content import benchmarks_directory
from dgm.core.errors import MalformedContentError
from dgm.core.files import File

_TEST_FILES = ("*_test.py", "test_*.py", "conftest.py")
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class PythonLanguage:
    """Python exercises: unittest classes, run by `benchmarks/graders/python.py`."""

    image: str = "python"
    timeout_s: float = _TIMEOUT_S

    def hides(self, path: str) -> bool:
        """Return whether `path` is named like a test."""
        name = PurePosixPath(path).name
        return any(fnmatchcase(name, pattern) for pattern in _TEST_FILES)

    def suite(self, exercise: Exercise, *, solution_directory: str, chance: Random) -> Suite:
        """Return the hidden tests under random names, with their contradictions mixed in.

        Raises:
            MalformedContentError: a test file is not Python or holds no test.
        """
        files = {f"tests/{path}": file for path, file in exercise.tests.items()}
        files["grader.py"] = File((benchmarks_directory() / "graders" / "python.py").read_bytes())
        must_pass: set[str] = set()
        must_fail: dict[str, str] = {}
        for path in exercise.test_paths:
            try:
                tests = guarded(exercise.tests[path].content.decode(), chance)
            except (SyntaxError, UnicodeDecodeError) as error:
                raise MalformedContentError(f"Task {exercise.task.id}: {path} is not Python: {error}.") from error
            if not tests.names:
                raise MalformedContentError(f"Task {exercise.task.id}: {path} holds no test.")
            files[f"tests/{path}"] = File(tests.source.encode())
            must_pass.update(tests.names)
            must_fail.update(tests.canaries)
        return Suite(
            files=files,
            argv=(
                "python3",
                "-I",
                "/task/grader.py",
                solution_directory,
                *(f"/task/tests/{path}" for path in exercise.test_paths),
            ),
            timeout_s=self.timeout_s,
            must_pass=frozenset(must_pass),
            must_fail=must_fail,
        )
