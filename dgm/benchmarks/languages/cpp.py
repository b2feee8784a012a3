"""How C++ exercises are judged: built by their own CMakeLists.txt, run with the image's Catch2.

Upstream exercises bring the sources of Catch along, which take 8 s to compile each time. Their CMakeLists.txt knows
the switch EXERCISM_TEST_SUITE too, for a Catch that is there already; the tests are the same.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.cpp_canaries import guarded
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.suites import GRADERS, SOLUTION, TESTS, Suite, expected_tests, laid_out
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree

_TIMEOUT_S = 120.0
_BUILD_TIMEOUT_S = 300.0
_HEADERS = frozenset({".h", ".hpp"})


@dataclass(frozen=True, slots=True)
class CppLanguage:
    """C++ exercises: Catch tests, built and run by `benchmarks/graders/cpp.py`."""

    timeout_s: float = _TIMEOUT_S
    build_timeout_s: float = _BUILD_TIMEOUT_S
    name: str = "cpp"
    image: str = "polyglot-cpp"
    tools: str = (
        "They are compiled with g++ 14 as C++17, where every warning of -Wall -Wextra -Wpedantic is an error, and run "
        "with Catch2, offline; beside the standard library there are Boost's headers with date_time, and TBB. "
        "Of added files, headers (`.h`, `.hpp`) alone are taken."
    )
    helper_paths: str = r"[^/]+(?<!_test)\.(h|hpp)"

    def hides(self, path: str) -> bool:
        """Return whether `path` is named like a test, or stands among the sources of a test framework."""
        return path.startswith("test/") or PurePosixPath(path).stem.endswith("_test")

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return the hidden tests under random names, with their contradictions mixed in.

        Raises:
            MalformedContentError: the tests are not those that the manifest names, or there is no manifest entry.
        """
        path = _test_file(exercise)
        found = _guarded(exercise, path, chance)
        first, second = (File(source.encode()) for source in found.sources)
        solution_paths = exercise.task.solution_paths
        return Suite(
            files=laid_out(
                exercise,
                solution,
                tests={**exercise.tests, path: first},
                graders=["report.py", "cpp.py"],
            ),
            apart={f"tests/{path}": second},
            removed=(TESTS,),
            build=_command("build", exercise, SOLUTION, TESTS, *(path for path in solution_paths if _is_header(path))),
            build_timeout_s=self.build_timeout_s,
            argv=_command("run", exercise),
            timeout_s=self.timeout_s,
            must_pass=frozenset(random for random, own in found.names.items() if own in expected_tests(exercise)),
            must_fail=found.canaries,
            own_names=found.names,
        )


def _is_header(path: str) -> bool:
    return PurePosixPath(path).suffix in _HEADERS


def _command(what: str, exercise: Exercise, *arguments: str) -> tuple[str, ...]:
    # CMakeLists.txt calls the program, and finds its sources, by the name of the directory that it stands in.
    return ("python3", "-I", f"{GRADERS}/cpp.py", what, exercise.name, *arguments)


def _test_file(exercise: Exercise) -> str:
    if len(exercise.test_paths) != 1:
        raise MalformedContentError(f"Task {exercise.task.id}: C++ tests stand in one file.")
    return exercise.test_paths[0]


def _guarded(exercise: Exercise, path: str, chance: Random) -> GuardedTests[tuple[str, str]]:
    task, expected = exercise.task.id, expected_tests(exercise)
    try:
        found = guarded(exercise.tests[path].content.decode(), expected, chance)
    except UnicodeDecodeError as error:
        raise MalformedContentError(f"Task {task}: {path} is not UTF-8 text: {error}.") from error
    missing = sorted(expected - set(found.names.values()))
    if missing:
        raise MalformedContentError(
            f"Task {task}: the manifest names the test {missing[0]!r}, which {path} does not hold."
        )
    return found
