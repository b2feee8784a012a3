"""What counts of what an agent left: its solution files and new source files, whatever else it wrote."""

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.languages.registry import language_named
from dgm.core.files import File, FileTree
from dgm.core.ids import TaskId
from dgm.core.tasks import Task

HELPERS = r"(src/)?(?!test_)[a-z_]+\.(go|py)"
# Few enough that files, directories and the workspace's names meet often.
PARTS = st.sampled_from(
    ["src", "pond", "pond.go", "tool.go", "test_pond.py", "helper.go", "lake.py", ".meta", "go.mod"]
)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.builds(File, st.binary(max_size=3)), max_size=8)
WORKSPACE = {"pond.go": File(b"stub"), "tool.go": File(b"tool"), "go.mod": File(b""), "src/lake.py": File(b"")}
TASK = Task(TaskId("go/pond"), "Count.", WORKSPACE, ("pond.go",), helper_paths=HELPERS)

POLYGLOT = definition_named("polyglot")
LANGUAGES = sorted({POLYGLOT.language_of(task) for task in POLYGLOT.tasks})
# Names of files in the six languages, as they are and with what a test's name has in it.
STEMS = [
    "pond",
    "Pond",
    "lib",
    "main",
    "mod",
    "helper",
    "test",
    "tests",
    "conftest",
    "catch",
    "build",
    "index",
    "cases",
]
MARKS = ["", "_test", "Test", ".spec", ".test", "Tests", "IT", "_tests", "test_", "-main"]
SUFFIXES = [
    ".go",
    ".py",
    ".rs",
    ".js",
    ".java",
    ".cpp",
    ".h",
    ".hpp",
    ".ts",
    ".mjs",
    ".toml",
    ".json",
    ".gradle",
    ".txt",
]
DIRECTORIES = ["", "src/", "tests/", "test/", "src/main/java/", "src/test/java/", "__tests__/", "benches/", "examples/"]
SPECIAL = [
    *("Cargo.toml", "Cargo.lock", "build.rs", ".cargo/config.toml", "go.mod", "go.sum", "package.json", ".npmrc"),
    *("babel.config.js", "jest.config.js", "jest.setup.js", "CMakeLists.txt", "build.gradle", "settings.gradle"),
    *("conftest.py", "pytest.ini", "setup.cfg", "module-info.java", "gradlew", "Makefile"),
    *("node_modules/x.js", "target/x.rs", "vendor/x/x.go", "META-INF/services/x", "src/main/resources/x"),
]


@st.composite
def file_names(draw: st.DrawFn) -> str:
    """Draw a path that somebody could give to a source file or a test."""
    pieces = (DIRECTORIES, STEMS, MARKS, SUFFIXES)
    directory, stem, mark, suffix = (draw(st.sampled_from(piece)) for piece in pieces)
    name = mark + stem if mark == "test_" else stem + mark
    return f"{directory}{name}{suffix}"


def parents(path: str) -> set[str]:
    """Return the directories that a path stands below."""
    return {str(parent) for parent in PurePosixPath(path).parents} - {"."}


@given(PATHS)
def test_what_is_taken_is_a_solution_file_or_a_new_one_of_the_pattern(path: str) -> None:
    is_new_source = path not in WORKSPACE and re.fullmatch(HELPERS, path) is not None
    assert not TASK.takes(path) or path in TASK.solution_paths or is_new_source


@given(PATHS, st.sets(PATHS, max_size=4))
def test_a_file_of_the_workspace_is_never_taken_as_a_helper(path: str, workspace: set[str]) -> None:
    task = Task(TaskId("x"), "", dict.fromkeys(workspace, File(b"")), (), helper_paths=".*")
    assert not (path in workspace and task.takes(path))


@given(PATHS)
def test_a_task_without_a_pattern_takes_its_solution_files_alone(path: str) -> None:
    plain = Task(TaskId("x"), "", WORKSPACE, ("pond.go",))
    assert plain.takes(path) is (path == "pond.go")


@given(TREES)
def test_a_solution_is_the_taken_part_of_the_tree(tree: FileTree) -> None:
    assert TASK.solution_in(tree) == {path: file for path, file in tree.items() if TASK.takes(path)}


@given(TREES)
def test_no_helper_needs_the_place_of_a_pristine_file(tree: FileTree) -> None:
    helpers = set(TASK.solution_in(tree)) - set(TASK.solution_paths)
    for helper in helpers:
        assert not parents(helper) & WORKSPACE.keys()
        assert not any(helper in parents(path) for path in WORKSPACE)


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("pond.go", True),
        ("helper.go", True),
        ("src/helper.go", True),
        ("tool.go", False),
        ("src/lake.py", False),
        ("test_pond.py", False),
        ("helper.go\n", False),
        ("x/helper.go", False),
        ("pond.go/helper.go", False),
        ("", False),
        ("./pond.go", False),
        ("POND.go", False),
    ],
)
def test_paths_are_taken_as_they_are_written(path: str, taken: bool) -> None:
    assert TASK.takes(path) is taken


@pytest.mark.parametrize("name", LANGUAGES)
@given(path=file_names())
def test_no_language_takes_a_test_as_a_helper(name: str, path: str) -> None:
    language = language_named(name)
    assert not (re.fullmatch(language.helper_paths, path) and language.hides(path))


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("path", SPECIAL)
def test_no_language_takes_configuration_as_a_helper(name: str, path: str) -> None:
    assert not re.fullmatch(language_named(name).helper_paths, path)
