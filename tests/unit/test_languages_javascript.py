"""How JavaScript exercises are made ready for grading."""

import re
from dataclasses import replace
from random import Random

import pytest

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.javascript import JavaScriptLanguage, canary_name, with_canary
from dgm.core.errors import MalformedContentError
from dgm.core.files import File, FileTree
from dgm.core.ids import TaskId
from dgm.core.tasks import KnownTask, Task

SPEC = """import { ducks } from './pond';

describe('pond', () => {
  test('no duck is none', () => {
    expect(ducks('')).toBe(0);
  });

  xtest('every duck counts', () => {
    expect(ducks('d.d')).toBe(2);
  });
});

describe('shore', () => {
  xit('has frogs', () => {});
});
"""
NAMES = frozenset({"pond > no duck is none", "pond > every duck counts", "shore > has frogs"})
EXERCISE = Exercise(
    known=KnownTask(
        task=Task(
            id=TaskId("pond"),
            statement="Count.",
            workspace={"pond.js": File(b"stub"), "package.json": File(b"{}")},
            solution_paths=("pond.js",),
        ),
        reference={"pond.js": File(b"reference")},
        naive={},
        must_see="",
    ),
    tests={"pond.spec.js": File(SPEC.encode())},
    test_paths=("pond.spec.js",),
    category="",
    expected=NAMES,
)
SOLUTION: FileTree = {"pond.js": File(b"solution"), "frogs.js": File(b"helper")}
LANGUAGE = JavaScriptLanguage()


def spec_file(seed: int) -> tuple[str, str]:
    """Return (canary, test file) of one grading."""
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(seed))
    (canary,) = suite.must_fail
    return canary, suite.files["solution/pond.spec.js"].content.decode()


def test_solution_and_tests_stand_in_one_directory() -> None:
    files = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1)).files
    laid = {path: file.content for path, file in files.items() if path.startswith("solution/")}
    del laid["solution/pond.spec.js"]
    assert laid == {"solution/pond.js": b"solution", "solution/frogs.js": b"helper", "solution/package.json": b"{}"}


def test_no_file_of_a_solution_takes_a_tests_place() -> None:
    planted = {**SOLUTION, "pond.spec.js": File(b"planted")}
    files = LANGUAGE.suite(EXERCISE, planted, chance=Random(1)).files
    assert b"planted" not in files["solution/pond.spec.js"].content


def test_exactly_the_expected_tests_have_to_pass() -> None:
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1))
    assert (suite.must_pass, list(suite.must_fail.values())) == (NAMES, [""])


def test_without_a_manifest_entry_nothing_can_be_judged() -> None:
    with pytest.raises(MalformedContentError, match="Task pond has no manifest entry"):
        LANGUAGE.suite(replace(EXERCISE, expected=None), SOLUTION, chance=Random(1))


def test_a_test_file_that_is_not_text_is_named() -> None:
    broken = replace(EXERCISE, tests={"pond.spec.js": File(b"\xff")})
    with pytest.raises(MalformedContentError, match=r"pond\.spec\.js is not UTF-8"):
        LANGUAGE.suite(broken, SOLUTION, chance=Random(1))


@pytest.mark.parametrize("seed", range(20))
def test_a_canary_is_added_and_nothing_else_changed(seed: int) -> None:
    _, source = spec_file(seed)
    (added,) = [line for line in source.splitlines() if line not in SPEC.splitlines()]
    assert source.replace(f"\n{added}\n", "", 1) == SPEC
    found = re.search(r"expect\((\d+)\)\.toEqual\((\d+)\)", added)
    assert found is not None
    assert found[1] != found[2]


@pytest.mark.parametrize("seed", range(20))
def test_a_canary_is_named_like_the_tests_around_it(seed: int) -> None:
    canary, source = spec_file(seed)
    group, _, title = canary.partition(" > ")
    assert canary not in NAMES
    assert group in {"pond", "shore"}
    assert f'describe("{group}", () => {{ test("{title}"' in source


def test_canaries_differ_in_name_and_place() -> None:
    gradings = [spec_file(seed) for seed in range(30)]
    assert len({canary for canary, _ in gradings}) > 3
    assert len({source.index("expect(", source.index('test("')) for _, source in gradings}) > 2


def test_a_canary_is_never_one_of_the_tests() -> None:
    names = ["a > one two", "a > one three", "b"]
    assert not {canary_name(names, Random(seed)) for seed in range(50)} & set(names)


@pytest.mark.parametrize("names", [[], ["pond"], ["pond > same", "lake > same"]])
def test_a_canary_has_a_name_where_no_other_can_be_made(names: list[str]) -> None:
    assert canary_name(names, Random(1)) not in {"", *names}


def test_a_canary_in_several_groups_stands_in_all_of_them() -> None:
    source = with_canary("", 'a > b "c" > d', Random(1))
    assert source.strip().startswith('describe("a", () => { describe("b \\"c\\"", () => { test("d", () => { expect(')


@pytest.mark.parametrize(
    "path",
    ["ant.spec.js", "ant.test.js", "lib/ant.spec.cjs", "ant-spec.js", "__tests__/ant.js", "__snapshots__/ant.snap"],
)
def test_what_is_named_like_a_test_is_hidden(path: str) -> None:
    assert LANGUAGE.hides(path)


@pytest.mark.parametrize("path", ["ant.js", "spec.js", "test.js", "contest.js", "data/iliad.txt", "package.json"])
def test_what_is_not_named_like_a_test_is_seen(path: str) -> None:
    assert not LANGUAGE.hides(path)


@pytest.mark.parametrize("path", ["steps.js", "Steps2.js", "steps.cjs", "way_home.js", "way-home.js", "a.b.js"])
def test_source_files_may_be_added(path: str) -> None:
    assert EXERCISE_WITH_HELPERS.takes(path)


@pytest.mark.parametrize(
    "path",
    [
        *("package.json", "jest.config.js", "babel.config.js", "babel.config.cjs", ".babelrc.js", ".eslintrc.js"),
        *("x.spec.js", "x.test.js", "jest.setup.js", "setup-jest.mjs", "x.json", "x.node", ".npmrc"),
        *("__mocks__/fs.js", "node_modules/expect/index.js", "../x.js", "/x.js", "lib/x.js", "-x.js", "x.js\n"),
    ],
)
def test_configuration_tests_and_files_elsewhere_may_not_be_added(path: str) -> None:
    assert not EXERCISE_WITH_HELPERS.takes(path)


EXERCISE_WITH_HELPERS = replace(EXERCISE.task, helper_paths=LANGUAGE.helper_paths)
