"""What is known of exercises from their references: written, read, and found out anew."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from dgm.benchmarks.definition import read_definition
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.manifest import Expected, content_hash, manifest_json, read_manifest
from dgm.benchmarks.suites import Suite
from dgm.boundary.reports import Problem, ReportedOutcome
from dgm.core.errors import InfrastructureError, MalformedContentError
from dgm.core.files import File, FileTree
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Execution
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, ran

POND = TaskId("go/pond")
HASH = "0123456789abcdef" * 4
SESSION = SessionId("manifest.go-pond.0")
FILES = {
    ".docs/instructions.md": "Count the ducks.\n",
    ".meta/config.json": json.dumps(
        {"files": {"solution": ["pond.go"], "test": ["pond_test.go"], "example": [".meta/example.go"]}}
    ),
    ".meta/example.go": "package pond // solved\n",
    "pond.go": "package pond\n",
    "pond_test.go": "package pond\n",
}


@dataclass(frozen=True, slots=True)
class FakeLanguage:
    """Lays the solution and runs a command that a test supplies, beside one canary."""

    name: str = "go"
    image: str = "polyglot-go"
    tools: str = "They run offline."
    helper_paths: str = r"[a-z]+\.go"

    def hides(self, path: str) -> bool:
        """Return whether `path` is named like a test."""
        return path.endswith("_test.go")

    def suite(self, exercise: Exercise, solution: FileTree, *, chance: Random) -> Suite:
        """Return a suite of tests under random names."""
        del chance
        assert exercise.expected is not None
        return Suite(
            files={f"solution/{path}": file for path, file in solution.items()},
            argv=("test",),
            timeout_s=1.0,
            must_pass=exercise.expected,
            must_fail={"TestX9": ""},
            own_names={"TestX1": "TestDucks"},
        )


@pytest.fixture
def benchmark(tmp_path: Path) -> ExercisesBenchmark:
    """A benchmark of one exercise, without a manifest."""
    for path, text in FILES.items():
        target = tmp_path / "tasks" / POND / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    text = f'name = "fruit"\nimage = "python"\nhelpers = true\n[[stages]]\ntasks = ["{POND}"]\n'
    (tmp_path / "benchmark.toml").write_text(text, "utf-8")
    return ExercisesBenchmark(read_definition(tmp_path), languages=lambda _: FakeLanguage())


def observed(
    benchmark: ExercisesBenchmark, outcomes: Mapping[str, ReportedOutcome], problem: Problem = "", message: str = ""
) -> frozenset[str]:
    """Return the names that are found out where the reference's tests report this."""
    document = {"problem": problem, "outcomes": list(outcomes.items()), "messages": [["", message]]}

    def program(container: FakeContainer, call: Call) -> Execution:
        del call
        assert container.files["/task/solution/pond.go"].content == FILES[".meta/example.go"].encode()
        return ran(b"ready\n" + json.dumps(document).encode() + b"\n")

    return benchmark.observed_tests(POND, sandbox=FakeSandbox({("test",): program}), session=SESSION)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    known = {
        POND: Expected(HASH, frozenset({"TestDucks", "TestDucks/zwei_Gänse", 'a "quoted" name', "two\nlines"})),
        TaskId("rust/lake"): Expected(HASH[::-1], frozenset()),
    }
    (tmp_path / "manifest.json").write_text(manifest_json(known), "utf-8")
    assert read_manifest(tmp_path) == known


def test_the_file_has_a_line_per_exercise_in_order() -> None:
    entries = {TaskId(name): Expected(HASH, frozenset({"b", "a"})) for name in ("go/z", "go/a")}
    assert manifest_json(entries) == (
        "{\n"
        f'"go/a": {{"files": "{HASH}", "tests": ["a", "b"]}},\n'
        f'"go/z": {{"files": "{HASH}", "tests": ["a", "b"]}}\n'
        "}\n"
    )


def test_nothing_is_known_without_a_file(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"go/pond": {"files": "abc", "tests": []}}',
        f'{{"go/pond": {{"files": "{HASH}"}}}}',
        f'{{"go/pond": {{"files": "{HASH}", "tests": [1]}}}}',
        f'{{"go/pond": {{"files": "{HASH}", "tests": [], "more": 1}}}}',
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(MalformedContentError, match=r"manifest\.json cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        {"pond.go": File(b"package lake")},
        {"lake.go": File(b"package pond")},
        {"pond.go": File(b"package pond"), "lake.go": File(b"")},
        {},
    ],
)
def test_other_files_have_another_hash(other: FileTree) -> None:
    assert content_hash(other) != content_hash({"pond.go": File(b"package pond")})


def test_the_hash_of_a_task_is_that_of_its_files_hidden_ones_too(benchmark: ExercisesBenchmark) -> None:
    assert benchmark.content_hash(POND) == content_hash({path: File(text.encode()) for path, text in FILES.items()})


def test_the_tests_that_the_reference_passes_are_found_without_canaries(benchmark: ExercisesBenchmark) -> None:
    outcomes: Mapping[str, ReportedOutcome] = {"TestX1": "passed", "TestGeese": "passed", "TestX9": "failed"}
    assert observed(benchmark, outcomes) == {"TestDucks", "TestGeese"}


def test_a_reference_without_tests_has_none(benchmark: ExercisesBenchmark) -> None:
    assert observed(benchmark, {"TestX9": "failed"}) == frozenset()


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_a_reference_that_fails_a_test_tells_nothing(benchmark: ExercisesBenchmark, outcome: ReportedOutcome) -> None:
    with pytest.raises(MalformedContentError, match=r"^Task go/pond: the reference does not pass TestGeese\.$"):
        observed(benchmark, {"TestX1": "passed", "TestGeese": outcome, "TestX9": "failed"})


def test_a_reference_that_does_not_build_is_told_with_what_the_compiler_said(benchmark: ExercisesBenchmark) -> None:
    with pytest.raises(MalformedContentError, match=r"could not be run: pond\.go:1: no such package\.$"):
        observed(benchmark, {}, problem="build", message="pond.go:1:\n\x1b[31mno such package\x1b[0m")


def test_tools_that_do_not_start_are_a_fault_of_ours(benchmark: ExercisesBenchmark) -> None:
    with pytest.raises(InfrastructureError, match="could not be started"):
        benchmark.observed_tests(POND, sandbox=FakeSandbox(), session=SESSION)


def test_helpers_count_where_the_benchmark_says_so(benchmark: ExercisesBenchmark, tmp_path: Path) -> None:
    strict = (tmp_path / "benchmark.toml").read_text("utf-8").replace("helpers = true", "helpers = false")
    (tmp_path / "benchmark.toml").write_text(strict, "utf-8")
    other = ExercisesBenchmark(read_definition(tmp_path), languages=lambda _: FakeLanguage())
    taken = [found.task(POND).takes("duck.go") for found in (benchmark, other)]
    assert taken == [True, False]


def test_a_benchmark_takes_the_images_of_its_tasks_and_that_of_agents_own_code(benchmark: ExercisesBenchmark) -> None:
    assert benchmark.images() == ("python", "polyglot-go")


def test_what_the_manifest_says_is_compared_with_the_files(tmp_path: Path, benchmark: ExercisesBenchmark) -> None:
    known = {POND: Expected(benchmark.content_hash(POND), frozenset({"TestDucks"}))}
    (tmp_path / "manifest.json").write_text(manifest_json(known), "utf-8")
    again = ExercisesBenchmark(read_definition(tmp_path), languages=lambda _: FakeLanguage())
    assert again.exercise(POND).expected == {"TestDucks"}
    (tmp_path / "tasks" / POND / "pond_test.go").write_text("package lake\n", "utf-8")
    changed = ExercisesBenchmark(read_definition(tmp_path), languages=lambda _: FakeLanguage())
    with pytest.raises(MalformedContentError, match="task go/pond is not what it was when it was checked"):
        changed.tasks()
