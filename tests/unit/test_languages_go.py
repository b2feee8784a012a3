"""How Go exercises are judged: their tests mixed with canaries, and what a grading is made of."""

import os
import re
from pathlib import Path
from random import Random

import pytest

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.go import GoLanguage
from dgm.benchmarks.languages.go_canaries import guarded
from dgm.benchmarks.manifest import Expected, read_manifest
from dgm.core.errors import MalformedContentError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.tasks import Task

ANT_TRAIL, BEE_DANCE = TaskId("go/ant-trail"), TaskId("go/bee-dance")
SEEDS = range(20)
LANGUAGE = GoLanguage()
RANDOM_NAME = "Test[0-9A-F]{8}"
POND = """\
package pond

import (
	"reflect"
	"testing"
)

// TestDepth has a comment of its own.
func TestDepth(t *testing.T) { // and another
	t.Run("of nothing", func(t *testing.T) {})
}

func TestFish(t *testing.T) {
	if !reflect.DeepEqual(Fish(), []string{"carp"}) {
		t.Error("no TestFish carp")
	}
}

func BenchmarkFish(b *testing.B) {}

func testing_nothing(t *testing.T) {}
"""
CASES = 'package pond\n\nvar depths = []string{"\\n\\nfunc TestDepth(t *testing.T) {"}\n'
NAMES = frozenset({"TestDepth", "TestDepth/of_nothing", "TestFish"})
FILES = {"pond_test.go": POND, "cases_test.go": CASES}


def test_tests_get_random_names_and_subtests_keep_theirs() -> None:
    tests = guarded(FILES, NAMES, Random(0))
    assert set(tests.names.values()) == NAMES
    own = {value: key for key, value in tests.names.items()}
    assert re.fullmatch(RANDOM_NAME, own["TestFish"])
    assert own["TestDepth/of_nothing"] == f"{own['TestDepth']}/of_nothing"
    assert f"func {own['TestDepth']}(t *testing.T) {{ // and another" in tests.sources["pond_test.go"]
    assert 't.Error("no TestFish carp")' in tests.sources["pond_test.go"]


def test_what_is_not_expected_keeps_its_name() -> None:
    tests = guarded(FILES, {"TestFish", "TestElsewhere"}, Random(0))
    assert "func TestDepth(t *testing.T)" in tests.sources["pond_test.go"]
    assert "TestElsewhere" in tests.names


@pytest.mark.parametrize("seed", SEEDS)
def test_canaries_stand_between_whole_functions(seed: int) -> None:
    tests = guarded(FILES, NAMES, Random(seed))
    source = tests.sources["pond_test.go"]
    for canary in tests.canaries:
        assert source.count(f"\n\nfunc {canary}(t *testing.T) {{\n\t") == 1
        source = re.sub(rf"\n\nfunc {canary}\(.*?\n}}", "", source, count=1, flags=re.DOTALL)
    for name, own in tests.names.items():
        source = source.replace(f"func {name}(", f"func {own}(")
    assert source == POND
    assert tests.sources["cases_test.go"] == CASES


def test_canaries_compare_with_what_is_imported() -> None:
    pond = POND.replace("!reflect.DeepEqual", "!someHow")
    with_reflect = guarded({"pond_test.go": pond}, NAMES, Random(0)).sources["pond_test.go"]
    without = guarded({"pond_test.go": pond.replace('\t"reflect"\n', "")}, NAMES, Random(0)).sources["pond_test.go"]
    assert with_reflect.count("reflect.DeepEqual") == 1
    assert without.count("reflect.DeepEqual") == 0


def test_canaries_have_names_of_the_same_form_and_differ_each_time() -> None:
    first, second = (guarded(FILES, NAMES, Random(seed)).canaries for seed in (1, 2))
    assert list(first.values()).count("") == 3
    assert all(re.fullmatch(RANDOM_NAME, name) for name in first)
    assert not set(first) & set(second)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_file_that_may_be_left_out_of_the_build_gets_no_canary(seed: int) -> None:
    bonus = '//go:build bonus\n\npackage pond\n\nimport "testing"\n\nfunc TestBonus(t *testing.T) {\n}\n'
    tests = guarded({**FILES, "bonus_test.go": bonus}, NAMES, Random(seed))
    assert tests.sources["bonus_test.go"] == bonus


def test_an_empty_test_file_gets_a_file_of_canaries_beside_it() -> None:
    tests = guarded({"pond_test.go": "package pond\n\n// none yet\n"}, [], Random(0))
    (new,) = set(tests.sources) - {"pond_test.go"}
    assert new.endswith("_test.go")
    assert tests.sources[new].startswith('package pond\n\nimport "testing"\n')
    assert all(f"func {canary}(t *testing.T)" in tests.sources[new] for canary in tests.canaries)


def test_tests_without_a_package_are_an_error() -> None:
    with pytest.raises(ValueError, match="package"):
        guarded({"pond_test.go": ""}, [], Random(0))


def exercise(task: TaskId, expected: frozenset[str] | None) -> Exercise:
    """Return an exercise of our own that is expected to have these tests."""
    known = {} if expected is None else {task: Expected(_benchmark({}).content_hash(task), expected)}
    return _benchmark(known).exercise(task)


def _benchmark(expected: dict[TaskId, Expected]) -> ExercisesBenchmark:
    return ExercisesBenchmark(definition_named("polyglot-mini"), tasks=[ANT_TRAIL, BEE_DANCE], expected=expected)


def test_the_manifest_knows_the_exercises_as_they_are() -> None:
    known = read_manifest(definition_named("polyglot-mini").directory)
    for task in (ANT_TRAIL, BEE_DANCE):
        assert known[task].files == _benchmark({}).content_hash(task)


def test_a_grading_expects_what_the_manifest_names() -> None:
    known = exercise(ANT_TRAIL, frozenset({"TestEnd", "TestEnd/one_step"}))
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    assert sorted(suite.own_names[name] for name in suite.must_pass) == ["TestEnd", "TestEnd/one_step"]


def test_a_test_of_subtests_that_has_two_versions_is_not_expected_to_pass() -> None:
    known = read_manifest(definition_named("polyglot-mini").directory)[ANT_TRAIL].tests
    suite = LANGUAGE.suite(exercise(ANT_TRAIL, known), {}, chance=Random(0))
    assert sorted(set(known) - {suite.own_names[name] for name in suite.must_pass}) == ["TestEnd", "TestWayHome"]
    assert {suite.must_fail[name] in {*suite.must_pass, *suite.must_fail} for name in suite.must_fail} == {True, False}


def test_the_hidden_tests_are_laid_beside_the_solution_and_removed_once_built() -> None:
    known = exercise(BEE_DANCE, frozenset({"TestRead"}))
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    assert set(suite.files) == {
        "graders/go.py",
        "graders/report.py",
        "solution/bee_dance.go",
        "solution/dance.go",
        "solution/go.mod",
        "tests/bee_dance_test.go",
        "tests/cases_test.go",
    }
    assert list(suite.build[3:]) == ["build", "bee-dance", "/task/solution", "/task/tests"]
    assert list(suite.removed) == ["/task/tests"]
    assert list(suite.argv[3:]) == ["run", "bee-dance"]


def test_an_exercise_without_a_manifest_entry_is_not_graded() -> None:
    known = exercise(ANT_TRAIL, None)
    with pytest.raises(MalformedContentError, match="has no manifest entry"):
        LANGUAGE.suite(known, {}, chance=Random(0))


def test_agents_see_the_exercises_own_files_and_no_test() -> None:
    assert set(exercise(BEE_DANCE, frozenset()).task.workspace) == {"bee_dance.go", "dance.go", "go.mod"}


@pytest.mark.parametrize("path", ["waggle.go", "wag_gle2.go", "test.go", "main.go"])
def test_source_files_may_be_added(path: str) -> None:
    assert task_with_helpers().takes(path)


@pytest.mark.parametrize(
    "path",
    [
        *("waggle_test.go", "_test.go", ".go", "_waggle.go", "go.mod", "go.sum", "go.work", "vendor/modules.txt"),
        *("vendor/testing/testing.go", "waggle/waggle.go", "waggle.s", "waggle.c", "waggle.h", "waggle.syso"),
        *("waggle.go\n", "../waggle.go", "testdata/waggle.go", "Makefile", "go.env"),
    ],
)
def test_nothing_else_may_be_added(path: str) -> None:
    assert not task_with_helpers().takes(path)


def task_with_helpers() -> Task:
    """Return an exercise as agents see it."""
    workspace = {"ant_trail.go": File(b""), "go.mod": File(b"")}
    return Task(ANT_TRAIL, "", workspace, ("ant_trail.go",), helper_paths=LANGUAGE.helper_paths)


def test_every_upstream_exercise_can_be_guarded() -> None:
    checkout = os.environ.get("DGM_POLYGLOT_DIR")
    if not checkout:
        pytest.skip("DGM_POLYGLOT_DIR does not name a checkout of the upstream exercises")
    definition = definition_named("polyglot")
    tasks = [task for task in definition.tasks if definition.language_of(task) == "go"]
    benchmark = ExercisesBenchmark(definition, tasks=tasks, checkout=Path(checkout))
    for known in benchmark.exercises():
        suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
        missing = (known.expected or frozenset()) - set(suite.own_names.values())
        # Those whose subtests are expected, each in one of two versions.
        assert all(any(own.startswith(f"{name}/") for own in suite.own_names.values()) for name in missing)
        assert all(re.match(RANDOM_NAME, name) for name in suite.must_pass)
