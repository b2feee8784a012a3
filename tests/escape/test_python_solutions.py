"""What an agent could leave in a Python exercise of Polyglot's layout, graded in real containers.

Cheats inside a solution stand in `test_scoring.py`; here is what that layout adds to them: files beside the solution
are taken, and hidden tests share modules of their own.
"""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.languages.python import PythonLanguage
from dgm.core.ids import TaskId
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from tests.escape.solutions import Changes, judged, reference

pytestmark = [pytest.mark.docker, pytest.mark.slow]

TASK = TaskId("python/bee-dance")
PLAIN_TASK = TaskId("python/ant-trail")
SOLUTION = "bee_dance.py"
SHORT_TIMEOUT_S = 8.0


def benchmark(timeout_s: float) -> ExercisesBenchmark:
    """Return the exercises, whose tests may take that long."""
    return ExercisesBenchmark(
        definition_named("polyglot-mini"),
        tasks=[TASK, PLAIN_TASK],
        languages=lambda _: PythonLanguage(timeout_s=timeout_s),
    )


BENCHMARK = benchmark(60.0)
HASTY_BENCHMARK = benchmark(SHORT_TIMEOUT_S)
RIGHT = reference(BENCHMARK, TASK)[SOLUTION]
WRONG = """
def dances(path):
    return ["wrong"]

class Hive:
    def __init__(self, path):
        pass

    def nearest(self):
        return "wrong"

    def within(self, metres):
        return "wrong"
"""
ALL_RIGHT = Grade(resolved=True, summary="8 of 8 tests passed")
NOTHING_RIGHT = "0 of 8 tests passed"
EXIT = "import os\nos._exit(0)\n"
FINE = "import unittest\nclass DancesTest(unittest.TestCase):\n    def test_fine(self): pass\n"

EXTRAS: Mapping[str, Changes] = {
    "pytest's configuration": {
        "conftest.py": EXIT,
        "pytest.ini": "[pytest]\naddopts = --collect-only\n",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--collect-only'\n",
        "setup.cfg": "[tool:pytest]\naddopts = --collect-only\n",
        "tox.ini": "[pytest]\naddopts = --collect-only\n",
    },
    "start-up modules": {"sitecustomize.py": EXIT, "usercustomize.py": EXIT, "__init__.py": EXIT, "__main__.py": EXIT},
    "standard modules": {f"{name}.py": EXIT for name in ("unittest", "json", "re", "ast", "tempfile", "contextlib")},
    "pytest and what it looks for": {
        f"{name}.py": EXIT
        for name in ("pytest", "_pytest", "pluggy", "argcomplete", "pygments", "attr", "exceptiongroup", "colorama")
    },
    "the grader's modules": {"report.py": EXIT, "python.py": EXIT, "grader.py": EXIT},
    "the tests replaced": {"bee_dance_test.py": FINE, "test_meadow.py": EXIT},
    "other tests": {"other_test.py": FINE, "test_other.py": FINE, "tests/test_other.py": FINE},
    "the tests' data replaced": {"morning.txt": ""},
    "plugins of an installation": {
        "fine.pth": "import os; os._exit(0)",
        "fine.egg-info/entry_points.txt": "[pytest11]",
    },
}
CHEATS = {
    "exits at load": EXIT,
    "exits while tests run": "import os\ndef dances(path):\n    os._exit(0)\nHive = dances",
    "stands in for a module of the tests": "import contextlib, sys, types\nfine = types.ModuleType('test_meadow')\n"
    "fine.noted = lambda *_: contextlib.suppress(Exception)\nsys.modules['test_meadow'] = fine" + WRONG,
    "equals everything": "class Any(set):\n    def __eq__(self, other): return True\n"
    "    __ne__ = lambda self, other: False\n    __hash__ = None\n    def difference(self, other): return set()\n"
    "def dances(path): return Any()\nclass Hive:\n    def __init__(self, path): pass\n"
    "    def nearest(self): return Any()\n    def within(self, metres): return Any()",
}
BROKEN: Mapping[str, Changes] = {
    "deleted": {SOLUTION: None},
    "random bytes": {SOLUTION: bytes(range(256)) * 20},
    "a syntax error": {SOLUTION: "def dances(:\n"},
    "elsewhere": {SOLUTION: None, "lib/bee_dance.py": RIGHT},
}
BOMBS = {
    "endless at load": "while True:\n    pass",
    "endless in a test": "def dances(path):\n    while True:\n        pass\nHive = dances",
}
FLOODS = {
    "a gigabyte of output": "import sys\nfor _ in range(1000):\n    sys.stdout.write('x' * 1_000_000)" + WRONG,
}
HELPED: Mapping[str, Changes] = {
    "a helper module": {SOLUTION: "from waggling import Hive, dances\n", "waggling.py": RIGHT},
    "the reference with everything planted": {
        SOLUTION: RIGHT,
        **{path: text for planted in EXTRAS.values() for path, text in planted.items()},
    },
}


@pytest.fixture(scope="module")
def grades(sandbox: DockerSandbox) -> Generator[Mapping[str, Future[Grade]]]:
    """The grade of every solution, two at a time; each test waits for its own."""
    changes: dict[str, Changes] = {
        "reference": {SOLUTION: RIGHT},
        "no change": {},
        **{name: {SOLUTION: source} for name, source in {**CHEATS, **FLOODS, **BOMBS}.items()},
        **{name: {SOLUTION: WRONG, **planted} for name, planted in EXTRAS.items()},
        **BROKEN,
        **HELPED,
    }

    def graded(name: str) -> Grade:
        chosen = HASTY_BENCHMARK if name in BOMBS else BENCHMARK
        return judged(chosen, TASK, changes[name], sandbox=sandbox)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(graded, name) for name in changes}


@pytest.mark.parametrize("solution", ["reference", *HELPED])
def test_the_right_solution_scores(grades: Mapping[str, Future[Grade]], solution: str) -> None:
    assert grades[solution].result() == ALL_RIGHT


def test_the_reference_of_a_plain_exercise_scores(sandbox: DockerSandbox) -> None:
    right = reference(BENCHMARK, PLAIN_TASK)
    assert judged(BENCHMARK, PLAIN_TASK, right, sandbox=sandbox) == ALL_RIGHT


def test_no_change_does_not_score(grades: Mapping[str, Future[Grade]]) -> None:
    assert not grades["no change"].result().resolved


@pytest.mark.parametrize("planted", EXTRAS)
def test_files_beside_the_solution_change_nothing(grades: Mapping[str, Future[Grade]], planted: str) -> None:
    grade = grades[planted].result()
    assert (grade.resolved, grade.summary) == (False, NOTHING_RIGHT)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_solution_does_not_score(grades: Mapping[str, Future[Grade]], broken: str) -> None:
    grade = grades[broken].result()
    assert (grade.resolved, grade.summary) == (False, f"error at import; {NOTHING_RIGHT}")


@pytest.mark.parametrize("cheat", [*CHEATS, *FLOODS])
def test_a_cheat_does_not_score(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert not grades[cheat].result().resolved


def test_a_value_that_equals_everything_is_called_tampering(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["equals everything"].result().summary.startswith("tampering: ")


@pytest.mark.parametrize("bomb", BOMBS)
def test_running_out_of_time_is_told(grades: Mapping[str, Future[Grade]], bomb: str) -> None:
    assert grades[bomb].result() == Grade(resolved=False, summary="the tests timed out")
