"""Reading one exercise directory, and naming what is wrong with it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dgm.benchmarks.exercism import Exercise, load_exercise
from dgm.benchmarks.python import PythonLanguage
from dgm.core.errors import MalformedContentError
from dgm.core.files import File
from dgm.core.ids import TaskId

FILES: dict[str, object] = {
    "solution": ["pond.py"],
    "test": ["pond_test.py"],
    "example": [".meta/example.py"],
    "editor": ["tool.py"],
}
CONFIG: dict[str, object] = {"authors": [], "files": FILES, "blurb": "Count ducks."}


def write(directory: Path, path: str, text: str | bytes) -> None:
    """Write one file of an exercise."""
    target = directory / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode() if isinstance(text, str) else text)


def configure(directory: Path, **files: object) -> None:
    """Write a configuration whose file lists differ from the usual ones."""
    write(directory, ".meta/config.json", json.dumps({**CONFIG, "files": {**FILES, **files}}))


@pytest.fixture
def pond(tmp_path: Path) -> Path:
    """A small exercise that is as it must be."""
    directory = tmp_path / "pond"
    write(directory, ".docs/instructions.md", "# Pond\n\nCount the ducks.\n")
    write(directory, ".meta/config.json", json.dumps(CONFIG))
    write(directory, ".meta/example.py", "def ducks(pond):\n    return pond.count('d')\n")
    write(directory, "pond.py", "def ducks(pond):\n    raise NotImplementedError\n")
    write(directory, "pond_test.py", "import unittest\n")
    write(directory, "tool.py", "print('quack')\n")
    return directory


def load(directory: Path) -> Exercise:
    """Load an exercise as the Python benchmark does."""
    return load_exercise(directory, TaskId("pond"), hides=PythonLanguage().hides)


def test_the_workspace_holds_stub_and_editor_files_alone(pond: Path) -> None:
    assert set(load(pond).task.workspace) == {"pond.py", "tool.py"}


def test_tests_are_kept_for_grading(pond: Path) -> None:
    exercise = load(pond)
    assert (set(exercise.tests), exercise.test_paths) == ({"pond_test.py"}, ("pond_test.py",))


def test_the_reference_stands_at_the_solution_path(pond: Path) -> None:
    assert load(pond).known.reference == {"pond.py": File((pond / ".meta/example.py").read_bytes())}


@pytest.mark.parametrize("name", ["extra_test.py", "test_extra.py", "conftest.py", "deep/down/extra_test.py"])
def test_files_named_like_tests_are_hidden_though_unlisted(pond: Path, name: str) -> None:
    write(pond, name, "")
    exercise = load(pond)
    assert (name in exercise.task.workspace, name in exercise.tests) == (False, True)


def test_the_statement_joins_introduction_instructions_and_appendix(pond: Path) -> None:
    write(pond, ".docs/introduction.md", "A pond.\n")
    write(pond, ".docs/instructions.append.md", "Mind the geese.\n")
    assert load(pond).task.statement.startswith("A pond.\n\n# Pond\n\nCount the ducks.\n\nMind the geese.\n\n")


def test_the_statement_ends_with_the_files_to_change(pond: Path) -> None:
    assert "Change only: `pond.py`." in load(pond).task.statement.splitlines()[-1]


def test_what_tools_leave_behind_is_no_part_of_a_task(pond: Path) -> None:
    write(pond, "__pycache__/pond.cpython-311.pyc", b"\0")
    assert set(load(pond).task.workspace) == {"pond.py", "tool.py"}


def test_an_executable_file_stays_executable(pond: Path) -> None:
    (pond / "tool.py").chmod(0o755)
    assert load(pond).task.workspace["tool.py"].executable


def test_several_solution_files_have_one_example_each(pond: Path) -> None:
    configure(pond, solution=["pond.py", "sub/lake.py"], example=[".meta/example/sub/lake.py", ".meta/example/pond.py"])
    write(pond, "sub/lake.py", "stub")
    write(pond, ".meta/example/pond.py", "1")
    write(pond, ".meta/example/sub/lake.py", "2")
    assert load(pond).known.reference == {"pond.py": File(b"1"), "sub/lake.py": File(b"2")}


def test_naive_attempt_and_fact_are_read_for_the_rehearsal(pond: Path) -> None:
    write(pond, ".meta/naive.py", "naive")
    rehearsal = {"category": "noisy", "naive": {".meta/naive.py": "pond.py"}, "must_see": "7 ducks"}
    write(pond, ".meta/rehearsal.json", json.dumps(rehearsal))
    exercise = load(pond)
    found = (exercise.category, exercise.known.naive, exercise.known.must_see)
    assert found == ("noisy", {"pond.py": File(b"naive")}, "7 ducks")


def test_keys_that_exercism_has_and_we_do_not_read_are_fine(pond: Path) -> None:
    write(pond, ".meta/config.json", json.dumps({**CONFIG, "source": "a book", "contributors": ["ada"]}))
    assert load(pond).task.solution_paths == ("pond.py",)


BREAKAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no directory": (lambda pond: pond.rename(pond.with_name("lake")), "there is no such task directory"),
    "no configuration": (lambda pond: (pond / ".meta/config.json").unlink(), r"\.meta/config\.json is missing"),
    "no instructions": (lambda pond: (pond / ".docs/instructions.md").unlink(), r"\.docs/instructions\.md is missing"),
    "no stub": (lambda pond: (pond / "pond.py").unlink(), r"pond\.py is missing: .*solution file"),
    "no test": (lambda pond: (pond / "pond_test.py").unlink(), r"pond_test\.py is missing: .*test file"),
    "no example": (lambda pond: (pond / ".meta/example.py").unlink(), r"\.meta/example\.py is missing: .*example file"),
    "no editor file": (lambda pond: (pond / "tool.py").unlink(), r"tool\.py is missing: .*editor file"),
    "bad JSON": (lambda pond: write(pond, ".meta/config.json", "{"), r"\.meta/config\.json is not valid"),
    "JSON of another kind": (lambda pond: write(pond, ".meta/config.json", "[]"), r"\.meta/config\.json is not valid"),
    "not UTF-8": (lambda pond: write(pond, ".meta/config.json", b"\xff"), r"\.meta/config\.json is not UTF-8"),
    "instructions not UTF-8": (
        lambda pond: write(pond, ".docs/instructions.md", b"\xff"),
        "instructions.md is not UTF-8",
    ),
    "no file lists": (lambda pond: write(pond, ".meta/config.json", '{"blurb": "x"}'), "config.json is wrong at files"),
    "no solution": (lambda pond: configure(pond, solution=[]), r"wrong at files\.solution"),
    "no tests": (lambda pond: configure(pond, test=[]), r"wrong at files\.test"),
    "text for a list": (lambda pond: configure(pond, solution="pond.py"), r"wrong at files\.solution"),
    "number for a path": (lambda pond: configure(pond, editor=[3]), r"wrong at files\.editor\.0"),
    "path upwards": (lambda pond: configure(pond, solution=["../pond.py"]), "not a plain relative path"),
    "absolute path": (lambda pond: configure(pond, editor=["/etc/passwd"]), "not a plain relative path"),
    "empty path": (lambda pond: configure(pond, test=[""]), "not a plain relative path"),
    "path with a dot": (lambda pond: configure(pond, solution=["./pond.py"]), "not a plain relative path"),
    "path with a backslash": (lambda pond: configure(pond, solution=["a\\pond.py"]), "not a plain relative path"),
    "path with a control character": (lambda pond: configure(pond, editor=["tool\n.py"]), "not a plain relative path"),
    "a file twice": (lambda pond: configure(pond, solution=["pond.py", "pond.py"]), "a solution file twice"),
    "a test as solution": (lambda pond: configure(pond, solution=["pond_test.py"]), "agents do not see that file"),
    "the example as solution": (lambda pond: configure(pond, solution=[".meta/example.py"]), "agents do not see that"),
    "too few examples": (
        lambda pond: configure(pond, solution=["pond.py", "tool.py"], editor=[]),
        r"one example file \.meta/example/<path>",
    ),
    "symbolic link": (lambda pond: (pond / "link.py").symlink_to("/etc/passwd"), r"link\.py is a symbolic link"),
    "linked directory": (lambda pond: (pond / "sub").symlink_to(pond.parent), "sub is a symbolic link"),
    "special file": (lambda pond: os.mkfifo(pond / "pipe"), "pipe is neither a file nor a directory"),
    "giant file": (lambda pond: write(pond, "tool.py", b" " * 1_000_001), r"tool\.py is larger than"),
    "unknown rehearsal key": (
        lambda pond: write(pond, ".meta/rehearsal.json", '{"hint": "x"}'),
        r"rehearsal\.json is wrong at hint",
    ),
    "missing naive attempt": (
        lambda pond: write(pond, ".meta/rehearsal.json", '{"naive": {".meta/naive.py": "pond.py"}}'),
        r"\.meta/naive\.py is missing",
    ),
    "naive attempt at no solution": (
        lambda pond: write(pond, ".meta/rehearsal.json", '{"naive": {".meta/example.py": "tool.py"}}'),
        "'tool.py', which is not a solution file",
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_malformed_exercise_is_named_with_the_file(pond: Path, breakage: str) -> None:
    damage, message = BREAKAGES[breakage]
    damage(pond)
    with pytest.raises(MalformedContentError, match=message) as caught:
        load(pond)
    assert str(pond) in str(caught.value)
