"""How JavaScript exercises are judged: jest, configured by `benchmarks/graders/javascript.py` alone.

One canary is mixed into the tests: it catches whoever makes every test pass. It does not catch values that claim to
equal everything (an `asymmetricMatch` of the solution's own), nor a solution that was written against this canary's
text and patches jest, which runs in the same process: that takes contradictions of the tests, as Python's have.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.suites import GRADERS, SOLUTION, Suite, expected_tests, laid_out
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TEST_FILE = re.compile(r".*[.-](spec|test)\.[cm]?js", re.DOTALL)
_TEST_DIRECTORIES = frozenset({"__tests__", "__snapshots__"})
_TOP_LEVEL = re.compile(r"^[fx]?(?:describe|test|it)\b", re.MULTILINE)
"""Where a statement of the test file's own begins; Prettier leaves nothing else of that form at a line's start."""
_SEPARATOR = " > "
_ATTEMPTS = 50
_TIMEOUT_S = 120.0
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
        """Return the hidden tests with a canary among them, laid into the solution's own directory.

        Raises:
            MalformedContentError: a test file is not text, or it is not known which tests there are.
        """
        expected = expected_tests(exercise)
        path = chance.choice(exercise.test_paths)
        canary = canary_name(sorted(expected), chance)
        try:
            source = with_canary(exercise.tests[path].content.decode(), canary, chance)
        except UnicodeDecodeError as error:
            raise MalformedContentError(f"Task {exercise.task.id}: {path} is not UTF-8 text: {error}.") from error
        tests = {**exercise.tests, path: File(source.encode())}
        return Suite(
            # Tests import the solution from beside them. Last, so that no file of a solution takes a test's place.
            files=laid_out(exercise, {**solution, **tests}, tests={}, graders=_GRADER_FILES),
            argv=("python3", "-I", f"{GRADERS}/javascript.py", SOLUTION, *exercise.test_paths),
            timeout_s=self.timeout_s,
            must_pass=expected,
            must_fail={canary: ""},
        )


def canary_name(names: Sequence[str], chance: Random) -> str:
    """Return a name like `names` that is none of them: the beginning of one and the end of another."""
    for _ in range(_ATTEMPTS if names else 0):
        groups, _, start = chance.choice(names).rpartition(_SEPARATOR)
        end = chance.choice(names).rpartition(_SEPARATOR)[2]
        title = " ".join([*_half(start.split(), 0), *_half(end.split(), 1)])
        name = f"{groups}{_SEPARATOR}{title}" if groups else title
        if name not in names:
            return name
    return f"gives the same answer {chance.randrange(10**6)} times"


def _half(words: Sequence[str], which: int) -> Sequence[str]:
    middle = (len(words) + 1) // 2
    return (words[:middle], words[middle:])[which]


def with_canary(source: str, name: str, chance: Random) -> str:
    """Return a test file with one more test, `name`, that fails by itself, at a random place between the others."""
    *groups, title = name.split(_SEPARATOR)
    low = chance.randrange(100)
    test = f"test({json.dumps(title)}, () => {{ expect({low}).toEqual({low + chance.randrange(1, 100)}); }});"
    for group in reversed(groups):
        test = f"describe({json.dumps(group)}, () => {{ {test} }});"
    places = [found.start() for found in _TOP_LEVEL.finditer(source)]
    place = chance.choice([*places, len(source)])
    return f"{source[:place]}\n{test}\n{source[place:]}"
