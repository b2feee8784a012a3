"""How JavaScript exercises are judged: jest, configured by `benchmarks/graders/javascript.py` alone.

The solution runs in jest's process, and can read what is tested, patch jest and forge its report. What it cannot do is
tell a test from its contradiction (`javascript_canaries`), and one of each pair has to pass and the other to fail.

Not caught: who reasons which of two contradicting expectations is right, for each test. That is easiest where nothing
constant is compared with, so that one of the two expectations has a `not`.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.javascript_canaries import guarded, names_of_both
from dgm.benchmarks.suites import GRADERS, SOLUTION, Suite, expected_tests, laid_out
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TEST_FILE = re.compile(r".*[.-](spec|test)\.[cm]?js", re.DOTALL)
_TEST_DIRECTORIES = frozenset({"__tests__", "__snapshots__"})
_TIMEOUT_S = 240.0
"""For two runs of the tests: of a slow solution each may take its time."""
_GRADER_FILES = ("report.py", "javascript.py", "javascript.js", "javascript_setup.js")


@dataclass(frozen=True, slots=True)
class JavaScriptLanguage:
    """JavaScript exercises: jest's `describe` and `test`, with what is skipped run too."""

    timeout_s: float = _TIMEOUT_S
    name: str = "javascript"
    image: str = "polyglot-javascript"
    tools: str = (
        "They run with jest 29 (Babel's preset-env) and Node.js 20, offline, with Node's own modules alone; "
        "`npx jest` works in the workspace."
    )
    helper_paths: str = r"(?!.*[.-](?:spec|test|config|setup)\.)[A-Za-z0-9_][\w.-]*\.c?js"

    def hides(self, path: str) -> bool:
        """Return whether `path` is named like a test."""
        parts = PurePosixPath(path).parts
        return _TEST_FILE.fullmatch(parts[-1]) is not None or not _TEST_DIRECTORIES.isdisjoint(parts)

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return the hidden tests and their contradictions in two files, laid into the solution's own directory.

        Raises:
            MalformedContentError: a test file is not text, or it is not known which tests there are.
        """
        expected = expected_tests(exercise)
        found = guarded({path: _text(exercise, path) for path in exercise.test_paths}, expected, chance)
        beside = {path: file for path, file in exercise.tests.items() if path not in exercise.test_paths}
        tests = {path: File(source.encode()) for path, source in found.sources.items()}
        as_they_stand = names_of_both(expected - set(found.names.values()))
        return Suite(
            # Tests import the solution from beside them. Last, so that no file of a solution takes a test's place.
            files=laid_out(exercise, {**solution, **beside, **tests}, tests={}, graders=_GRADER_FILES),
            argv=("python3", "-I", f"{GRADERS}/javascript.py", SOLUTION, *sorted(tests)),
            timeout_s=self.timeout_s,
            must_pass=as_they_stand.union(found.names),
            must_fail=found.canaries,
            own_names=found.names,
        )


def _text(exercise: Exercise, path: str) -> str:
    try:
        return exercise.tests[path].content.decode()
    except UnicodeDecodeError as error:
        raise MalformedContentError(f"Task {exercise.task.id}: {path} is not UTF-8 text: {error}.") from error
