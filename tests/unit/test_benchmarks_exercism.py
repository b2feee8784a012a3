"""Reading one exercise directory, and naming what is wrong with it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dgm.benchmarks.exercise_files import read_exercise_files
from dgm.benchmarks.exercism import Exercise, Frame, load_exercise
from dgm.benchmarks.languages.python import PythonLanguage
from dgm.benchmarks.manifest import Expected, content_hash
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


KATAS = Frame(hides=PythonLanguage().hides)
FOREIGN = Frame(
    hides=lambda path: "test" in path,
    image="polyglot-go",
    helper_paths=r"(src/main/java/)?[a-z]+\.(go|java|rs|h)",
    tools="They run offline.",
    group="go",
)


def load(directory: Path, frame: Frame = KATAS) -> Exercise:
    """Load an exercise, as the katas do unless told otherwise."""
    return load_exercise(directory, TaskId("pond"), frame=frame)


def load_checked(directory: Path, expected: Expected) -> Exercise:
    """Load an exercise that is known."""
    return load_exercise(directory, TaskId("pond"), frame=KATAS, expected=expected)


def rearrange(directory: Path, *, solution: dict[str, str], example: dict[str, str]) -> None:
    """Give an exercise other solution files and examples, by path and content."""
    for path, text in {**solution, **example}.items():
        write(directory, path, text)
    configure(directory, solution=list(solution), example=list(example), editor=[])


def reference(directory: Path) -> dict[str, str]:
    """Return the reference of an exercise to whose solutions files may be added."""
    return {path: file.content.decode() for path, file in load(directory, FOREIGN).known.reference.items()}


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


def test_the_statement_of_the_katas_stays_as_it_is(pond: Path) -> None:
    assert load(pond).task.statement == (
        "# Pond\n\nCount the ducks.\n\n"
        "Change only: `pond.py`. Hidden tests judge the result; other files are not taken.\n"
    )


def test_the_statement_of_a_strangers_exercise_says_what_counts(pond: Path) -> None:
    assert load(pond, FOREIGN).task.statement == (
        "# Pond\n\nCount the ducks.\n\n"
        "# What counts\n\n"
        "Change: `pond.py`. You may add source files beside it; no other change is taken.\n\n"
        "Hidden tests judge the result; none of them is in the workspace, even where the text above names one. "
        "They use the names and signatures that the files have, so keep those. They run offline.\n"
    )


def test_the_statement_names_all_files_of_a_solution(pond: Path) -> None:
    rearrange(pond, solution={"pond.cpp": "", "pond.h": ""}, example={".meta/example.h": ""})
    statement = load(pond, FOREIGN).task.statement
    assert "Change: `pond.cpp`, `pond.h`. You may add source files beside them; no other" in statement


def test_the_statement_does_not_invite_files_that_are_not_taken(pond: Path) -> None:
    statement = load(pond, Frame(hides=KATAS.hides, tools="They run offline.")).task.statement
    assert "Change only: `pond.py`. Other files are not taken.\n" in statement
    assert statement.count("Hidden tests") == 1


@pytest.mark.parametrize("heading", ["# Instructions append", "# Instructions.append", "\n# instructions append  "])
def test_an_appendix_goes_on_without_a_heading(pond: Path, heading: str) -> None:
    write(pond, ".docs/instructions.append.md", f"{heading}\n\n## Geese\n\nMind them.\n")
    assert "Count the ducks.\n\n## Geese\n\nMind them.\n\n" in load(pond).task.statement


def test_an_appendix_keeps_a_heading_that_says_something(pond: Path) -> None:
    write(pond, ".docs/instructions.append.md", "# Implementation\n\nMind the geese.\n")
    assert "\n\n# Implementation\n\nMind the geese.\n\n" in load(pond).task.statement


def test_hints_and_other_texts_stay_hidden(pond: Path) -> None:
    write(pond, ".docs/hints.md", "Use count.\n")
    exercise = load(pond)
    assert "Use count" not in exercise.task.statement
    assert set(exercise.task.workspace) == {"pond.py", "tool.py"}


@pytest.mark.parametrize(
    "path", [".approaches/loop/content.md", ".articles/snippet.md", ".git/config", "sub/.meta/x.py", ".x/pond_test.py"]
)
def test_nothing_of_a_private_directory_is_seen_or_run(pond: Path, path: str) -> None:
    write(pond, path, "the solution")
    exercise = load(pond)
    assert path not in {**exercise.task.workspace, **exercise.tests}


def test_a_file_with_a_dot_before_its_name_is_part_of_the_workspace(pond: Path) -> None:
    write(pond, ".eslintrc", "{}")
    assert ".eslintrc" in load(pond).task.workspace


def test_build_files_that_no_list_names_are_seen_and_not_taken(pond: Path) -> None:
    write(pond, "build.gradle", "")
    task = load(pond, FOREIGN).task
    assert ("build.gradle" in task.workspace, task.takes("build.gradle")) == (True, False)


def test_a_task_tells_its_image_its_group_and_what_it_is_worth(pond: Path) -> None:
    task = load_exercise(pond, TaskId("pond"), frame=FOREIGN, has_signal=False).task
    assert (task.image, task.group, task.has_signal) == ("polyglot-go", "go", False)


def test_a_kata_belongs_to_no_group_and_takes_no_helpers(pond: Path) -> None:
    task = load(pond).task
    assert (task.image, task.group, task.has_signal, task.takes("helper.py")) == ("python", "", True, False)


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


def test_java_references_are_told_apart_by_path_and_may_have_more_files(pond: Path) -> None:
    rearrange(
        pond,
        solution={"src/main/java/pond.java": "stub"},
        example={
            ".meta/src/reference/java/pond.java": "reference",
            ".meta/src/reference/java/duck.java": "helper",
        },
    )
    assert reference(pond) == {"src/main/java/pond.java": "reference", "src/main/java/duck.java": "helper"}


def test_an_example_of_a_file_that_everybody_finds_there_is_not_needed(pond: Path) -> None:
    write(pond, "src/main/java/duck.java", "as it is")
    rearrange(
        pond,
        solution={"src/main/java/pond.java": "stub"},
        example={
            ".meta/src/reference/java/pond.java": "reference",
            ".meta/src/reference/java/duck.java": "as upstream wrote it",
        },
    )
    assert reference(pond) == {"src/main/java/pond.java": "reference"}


def test_cpp_references_are_told_apart_by_suffix(pond: Path) -> None:
    rearrange(
        pond,
        solution={"pond.cpp": "stub", "pond.h": "stub"},
        example={".meta/example.h": "declared", ".meta/example.cpp": "defined"},
    )
    assert reference(pond) == {"pond.cpp": "defined", "pond.h": "declared"}


def test_a_reference_of_a_header_alone_keeps_the_other_stub(pond: Path) -> None:
    rearrange(pond, solution={"pond.cpp": "stub", "pond.h": "stub"}, example={".meta/example.h": "declared"})
    assert reference(pond) == {"pond.cpp": "stub", "pond.h": "declared"}


def test_a_rust_reference_keeps_the_stubs_dependencies(pond: Path) -> None:
    rearrange(pond, solution={"src/lib.rs": "stub", "Cargo.toml": "stub"}, example={".meta/example.rs": "reference"})
    assert reference(pond) == {"src/lib.rs": "reference", "Cargo.toml": "stub"}


def test_a_rust_reference_may_have_dependencies_of_its_own(pond: Path) -> None:
    rearrange(pond, solution={"src/lib.rs": "stub", "Cargo.toml": "stub"}, example={".meta/example.rs": "reference"})
    write(pond, ".meta/Cargo-example.toml", "with crates")
    assert reference(pond) == {"src/lib.rs": "reference", "Cargo.toml": "with crates"}


def test_a_known_exercise_brings_the_names_of_its_tests(pond: Path) -> None:
    known = Expected(content_hash(read_exercise_files(pond)), frozenset({"test_none"}))
    assert (load_checked(pond, known).expected, load(pond).expected) == ({"test_none"}, None)


@pytest.mark.parametrize("path", ["pond.py", "pond_test.py", ".meta/example.py", ".docs/instructions.md", "new.py"])
def test_an_exercise_that_is_not_what_it_was_is_named(pond: Path, path: str) -> None:
    known = Expected(content_hash(read_exercise_files(pond)), frozenset())
    write(pond, path, "changed")
    with pytest.raises(MalformedContentError, match="task pond is not what it was when it was checked") as caught:
        load_checked(pond, known)
    assert str(pond) in str(caught.value)


def test_modes_do_not_make_an_exercise_another_one(pond: Path) -> None:
    known = Expected(content_hash(read_exercise_files(pond)), frozenset())
    (pond / "pond.py").chmod(0o755)
    assert load_checked(pond, known).expected == frozenset()


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
    "test in a private directory": (
        lambda pond: (write(pond, ".x/a_test.py", ""), configure(pond, test=[".x/a_test.py"])),
        "nothing is run from a private directory",
    ),
    "too few examples": (
        lambda pond: configure(pond, solution=["pond.py", "tool.py"], editor=[]),
        r"names the example file \.meta/example\.py, and it cannot be told what it stands for",
    ),
    "two examples for one file": (
        lambda pond: (write(pond, ".meta/b.py", ""), configure(pond, example=[".meta/example.py", ".meta/b.py"])),
        r"names the example file \.meta/example\.py, and it cannot be told what it stands for",
    ),
    "example of a file that there is not": (
        lambda pond: (write(pond, ".meta/example/b.py", ""), configure(pond, example=[".meta/example/b.py"])),
        r"names the example file \.meta/example/b\.py for b\.py, which no solution may bring",
    ),
    "a name that is none": (lambda pond: write(pond, "a\nb.py", ""), r"'a\\nb\.py' is a name that no file"),
    "a name that is no text": (lambda pond: write(pond, os.fsdecode(b"\xff.py"), ""), "is a name that no file"),
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


def test_a_hidden_test_that_a_solution_could_bring_is_an_error(pond: Path) -> None:
    write(pond, "geese.go", "listed as a test, and named like a helper")
    configure(pond, test=["pond_test.py", "geese.go"])
    with pytest.raises(MalformedContentError, match=r"geese\.go is a hidden test, and a solution could bring"):
        load(pond, FOREIGN)
