"""How JavaScript exercises are made ready for grading."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.javascript import JavaScriptLanguage
from dgm.benchmarks.languages.javascript_canaries import guarded, names_of_both
from dgm.benchmarks.languages.javascript_tokens import closing, tokens_of
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


def test_solution_and_tests_stand_in_one_directory() -> None:
    files = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1)).files
    laid = {path: file.content for path, file in files.items() if re.fullmatch(r"solution/(?!.*spec).*", path)}
    assert laid == {"solution/pond.js": b"solution", "solution/frogs.js": b"helper", "solution/package.json": b"{}"}


def test_no_file_of_a_solution_takes_a_tests_place() -> None:
    (first, _) = specs(1)
    planted = {**SOLUTION, first: File(b"planted")}
    files = LANGUAGE.suite(EXERCISE, planted, chance=Random(1)).files
    assert b"planted" not in files[f"solution/{first}"].content


def test_exactly_the_expected_tests_have_to_pass_once() -> None:
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1))
    once = [*NAMES - {"shore > has frogs"}, "shore > has frogs", "shore > has frogs"]
    assert sorted(suite.own_names[name] for name in suite.must_pass) == sorted(once)


def test_every_test_that_ends_with_an_expectation_is_contradicted() -> None:
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1))
    assert {suite.own_names[real] for real in suite.must_fail.values()} == NAMES - {"shore > has frogs"}


def test_jest_is_told_both_files_in_an_order_that_says_nothing() -> None:
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1))
    assert list(suite.argv[4:]) == sorted(specs(1))


def test_the_tests_own_file_is_not_laid_out() -> None:
    assert "solution/pond.spec.js" not in LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(1)).files


def test_files_that_tests_need_are_laid_beside_them() -> None:
    with_data = replace(EXERCISE, tests={**EXERCISE.tests, "data/reeds.js": File(b"reeds")})
    assert LANGUAGE.suite(with_data, SOLUTION, chance=Random(1)).files["solution/data/reeds.js"] == File(b"reeds")


def test_without_a_manifest_entry_nothing_can_be_judged() -> None:
    with pytest.raises(MalformedContentError, match="Task pond has no manifest entry"):
        LANGUAGE.suite(replace(EXERCISE, expected=None), SOLUTION, chance=Random(1))


def test_a_test_file_that_is_not_text_is_named() -> None:
    broken = replace(EXERCISE, tests={"pond.spec.js": File(b"\xff")})
    with pytest.raises(MalformedContentError, match=r"pond\.spec\.js is not UTF-8"):
        LANGUAGE.suite(broken, SOLUTION, chance=Random(1))


# --- the two files ----------------------------------------------------------------------------------------------------


def specs(seed: int) -> dict[str, str]:
    """Return the test files of one grading, by the path that jest is told."""
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(seed))
    return {path: suite.files[f"solution/{path}"].content.decode() for path in suite.argv[4:]}


def titles(source: str) -> list[str]:
    """Return what the tests of a file are called, in their order."""
    return re.findall(r"case [0-9a-f]{10}", source)


@pytest.mark.parametrize("seed", range(10))
def test_each_file_has_every_test_once_and_in_its_groups(seed: int) -> None:
    for source in specs(seed).values():
        assert re.sub(r'"case [0-9a-f]{10}"|\d|', "", source) == re.sub(r"(?<=t\()'[^']*'|\d", "", SPEC)


def test_no_name_stands_in_both_files() -> None:
    found = [title for source in specs(1).values() for title in titles(source)]
    assert len(found) == len(set(found)) == 6


def test_either_file_may_have_the_right_expectation() -> None:
    gradings = [guarded({"a.spec.js": SPEC}, NAMES, Random(seed)) for seed in range(30)]
    right = {
        list(made.sources).index(path) for made in gradings for path in made.sources if "toBe(0)" in last(made, path)
    }
    assert right == {0, 1}


def last(made: GuardedTests[dict[str, str]], path: str) -> str:
    """Return the first test of a file."""
    return made.sources[path].split("xtest", maxsplit=1)[0]


def test_which_file_is_right_is_drawn_anew_for_each_test() -> None:
    both = [specs(seed).values() for seed in range(30)]
    assert {("toBe(0)" in source, "toBe(2)" in source) for pair in both for source in pair} == {
        *((True, True), (True, False), (False, True), (False, False))
    }


def test_a_canary_and_what_it_contradicts_stand_in_different_files_at_one_place() -> None:
    suite = LANGUAGE.suite(EXERCISE, SOLUTION, chance=Random(3))
    first, second = (titles(source) for source in specs(3).values())
    places = {title: place for found in (first, second) for place, title in enumerate(found)}
    for canary, real in suite.must_fail.items():
        pair = [name.rpartition(" > ")[2] for name in (canary, real)]
        assert places[pair[0]] == places[pair[1]]
        assert (pair[0] in first) != (pair[1] in first)


def test_the_same_chance_makes_the_same_files() -> None:
    assert specs(4) == specs(4)


def test_every_grading_has_other_names() -> None:
    assert not {*titles("".join(specs(1).values()))} & {*titles("".join(specs(2).values()))}


def test_tests_of_equal_names_are_told_apart_by_their_order() -> None:
    source = "test('a', () => { expect(f(1)).toBe(1); });\ntest('a', () => { expect(f(2)).toBe(2); });"
    made = guarded({"a.spec.js": source}, ["a", "a #2"], Random(1))
    order = [made.names[title] for text in made.sources.values() for title in titles(text) if title in made.names]
    assert sorted(order) == ["a", "a #2"]
    for text in made.sources.values():
        shown = [made.names.get(title) or made.names[made.canaries[title]] for title in titles(text)]
        assert shown == ["a", "a #2"]


def test_quotes_and_escapes_in_a_title_are_read() -> None:
    source = r"""test('don\'t \u0041 \\', () => { expect(f()).toBe(1); });"""
    made = guarded({"a.spec.js": source}, ["don't A \\"], Random(1))
    assert list(made.names.values()) == ["don't A \\"]


def test_tests_of_a_table_keep_their_names_and_run_in_both_files() -> None:
    table = replace(EXERCISE, expected=NAMES | {"pond > holds 1", "pond > holds 2", "pond > holds 2 #2"})
    suite = LANGUAGE.suite(table, SOLUTION, chance=Random(1))
    assert {name for name in suite.must_pass if "holds" in name} == {
        *("pond > holds 1", "pond > holds 1 #2"),
        *(f"pond > holds 2{number}" for number in ("", " #2", " #3", " #4")),
    }


def test_a_name_that_ends_like_a_numbered_one_is_not_taken_for_it() -> None:
    assert names_of_both(["rule #2"]) == {"rule #2", "rule #2 #2"}


def test_where_no_test_is_known_yet_the_file_stands_as_it_is_with_a_canary() -> None:
    suite = LANGUAGE.suite(replace(EXERCISE, expected=frozenset()), SOLUTION, chance=Random(1))
    source = suite.files["solution/pond.spec.js"].content.decode()
    assert source.startswith(SPEC)
    assert re.fullmatch(
        r'\ntest\("case \w+", \(\) => {\n  expect\((\d+)\)\.toEqual\((?!\1\))\d+\);\n}\);\n', source[len(SPEC) :]
    )
    assert (suite.must_pass, list(suite.must_fail.values())) == (frozenset(), [""])


@pytest.mark.parametrize(
    "source",
    [
        "test('a', (done) => { expect(f()).toBe(1); done(); });",
        "test('a', () => { [1, 2].forEach((n) => { expect(f(n)).toBe(1); }); });",
        "test('a', () => { if (f()) { expect(f()).toBe(1); } });",
        "test('a', () => { expect(f()).toBe(1); g(); });",
        "test('a', () => { g(); });",
        "test('a', () => { const met = expect(f()).toBe(1); });",
        "test('a', () => { expect(f()).toBe(1).then(g); });",
        "test('a', () => { expect.hasAssertions(); });",
        "test('a', body);",
        "test('a', () => {});",
    ],
)
def test_what_ends_with_no_expectation_of_its_own_gets_a_new_name_and_a_plain_canary(source: str) -> None:
    made = guarded({"a.spec.js": source}, ["a"], Random(1))
    assert (list(made.names.values()), list(made.canaries.values())) == (["a", "a"], [""])


@pytest.mark.parametrize(
    "source",
    [
        "/a/.test('a', () => { expect(f()).toBe(1); });",
        "// test('a', () => { expect(f()).toBe(1); });",
        "const text = `test('a', () => { expect(f()).toBe(1); });`;",
        "test(`a`, () => { expect(f()).toBe(1); });",
        "test('a' + b, () => { expect(f()).toBe(1); });",
        "test.each([1])('a', () => { expect(f()).toBe(1); });",
        "test('a');",
        "test('a', () => {",
    ],
)
def test_what_is_no_test_that_can_be_read_stays_as_it_is(source: str) -> None:
    made = guarded({"a.spec.js": source}, ["a"], Random(1))
    assert made.names == {}
    assert all(text.startswith(source) for text in made.sources.values())


# --- contradictions ---------------------------------------------------------------------------------------------------

# (a test's body, regular expression of its contradiction's)
CONTRADICTED = [
    ("expect(f()).toBe(7);", r"expect\(f\(\)\)\.toBe\((4|5|6|8|9|10)\);"),
    ("expect(f()).toEqual(-1);", r"expect\(f\(\)\)\.toEqual\(-[0234]\);"),
    ("expect(f()).toStrictEqual(45801);", r"expect\(f\(\)\)\.toStrictEqual\((4580[2-9]|45[1-79]01)\);"),
    ("expect(f()).toBe(2000000);", r"expect\(f\(\)\)\.toBe\([13-9]000000\);"),
    (
        "expect(f()).toBe(9007199254740993123n);",
        r"expect\(f\(\)\)\.toBe\(9007199254740[1-8]93123n\)|.*(?!993)\d{3}123n\);",
    ),
    ("expect(f()).toEqual(31.59);", r"expect\(f\(\)\)\.toEqual\(31\.(5[1-8]|[1-46-9]9)\);"),
    ("expect(f()).toBeCloseTo(0.5, 3);", r"expect\(f\(\)\)\.toBeCloseTo\([123]\.5, 3\);"),
    ("expect(f()).toHaveLength(0);", r"expect\(f\(\)\)\.toHaveLength\([123]\);"),
    ("expect(f()).toBe(true);", r"expect\(f\(\)\)\.toBe\(false\);"),
    ("expect(f()).toBe('e4');", r"expect\(f\(\)\)\.toBe\('([a-df-z]4|e[0-35-9])'\);"),
    ("expect(f()).toBe('');", r"expect\(f\(\)\)\.toBe\('[a-z]'\);"),
    (r"expect(f()).toBe('it\'s\n');", r"expect\(f\(\)\)\.toBe\('(?!it\\'s)[a-z]+\\'[a-z]\\n'\);"),
    ("expect(f()).toBe(`a 1`);", r"expect\(f\(\)\)\.toBe\(`([b-z] 1|a [02-9])`\);"),
    ("expect(f()).toEqual(new Set([1, 2]));", r"expect\(f\(\)\)\.toEqual\(new Set\(\[(1, [0345]|[345], 2|0, 2)\]\)\);"),
    (
        "expect(f()).toEqual(new Set([0, 1, 2, 3]));",
        r"expect\(f\(\)\)\.toEqual\(new Set\(\[(?=.*[4-6])[0-6](, [0-6]){3}\]\)\);",
    ),
    ("expect(f()).toEqual([true, true]);", r"expect\(f\(\)\)\.toEqual\(\[(false, true|true, false)\]\);"),
    ("expect(f()).toEqual({ a: [1], b });", r"expect\(f\(\)\)\.not\.toEqual\({ a: \[1\], b }\);"),
    ("expect(f()).toEqual({ 2: ['x'] });", r"expect\(f\(\)\)\.toEqual\({ 2: \['[a-wyz]'\] }\);"),
    ("expect(f()).toEqual(['a'].join('b'));", r"expect\(f\(\)\)\.toEqual\(\['[b-z]'\]\.join\('b'\)\);"),
    ("expect(f()).toEqual(new Date(2013, 4, 13));", r"expect\(f\(\)\)\.toEqual\(new Date\(2013, 4, 1[0-24-6]\)\);"),
    ("expect(f).toThrow(new Error('e4'));", r"expect\(f\)\.toThrow\(new Error\('(?!e4)[a-z]\d'\)\);"),
    ("expect(f).toThrow('e4');", r"expect\(f\)\.toThrow\('(?!e4)[a-z]\d'\);"),
    ("const seven = 7;\nexpect(f()).toBe(seven);", r"const seven = (?!7)\d+;\nexpect\(f\(\)\)\.toBe\(seven\);"),
    (
        "const all = { a: 7, b: 8 };\nexpect(f().a).toBe(all.a);",
        r"const all = { a: (?!7)\d+, b: 8 };\nexpect\(.*all\.a\);",
    ),
    ("const seven = [7];\nexpect(f()).toEqual({ seven: seven });", r"const seven = \[(?!7)\d+\];\nexpect\(.*"),
    (
        "expect(g(1)).toBe(1);\nexpect(f()).toBe(true);",
        r"expect\(g\(1\)\)\.toBe\(1\);\nexpect\(f\(\)\)\.toBe\(false\);",
    ),
    ("return expect(f()).resolves.toBe(true);", r"return expect\(f\(\)\)\.resolves\.toBe\(false\);"),
    ("await expect(f()).rejects.toBe(true);", r"await expect\(f\(\)\)\.rejects\.toBe\(false\);"),
    # What stands in the test anyway looks as right as what is.
    ("expect(f('kite', 'mole')).toBe('kite');", r"expect\(f\('kite', 'mole'\)\)\.toBe\('mole'\);"),
    # Where no other constant surely makes another value:
    ("expect(f()).toEqual([]);", r"expect\(f\(\)\)\.not\.toEqual\(\[\]\);"),
    ("expect(f()).toBe(g());", r"expect\(f\(\)\)\.not\.toBe\(g\(\)\);"),
    ("expect(f()).toEqual(new Fraction(7, 6));", r"expect\(f\(\)\)\.not\.toEqual\(new Fraction\(7, 6\)\);"),
    ("expect(f()).toEqual(new Date('never'));", r"expect\(f\(\)\)\.not\.toEqual\(new Date\('never'\)\);"),
    ("expect(f()).toEqual(new Date(2013, 4, 1.5));", r"expect\(f\(\)\)\.not\.toEqual\(new Date\(2013, 4, 1\.5\)\);"),
    ("expect(f()).toBe([1, 2].length);", r"expect\(f\(\)\)\.not\.toBe\(\[1, 2\]\.length\);"),
    ("expect(f()).toBe('ab'[0]);", r"expect\(f\(\)\)\.not\.toBe\('ab'\[0\]\);"),
    ("expect(f()).toBe(2 * 0);", r"expect\(f\(\)\)\.not\.toBe\(2 \* 0\);"),
    ("expect(f()).toBe(`a${1}`);", r"expect\(f\(\)\)\.not\.toBe\(`a\$\{1\}`\);"),
    ("expect(f()).toMatch(/a'b/);", r"expect\(f\(\)\)\.not\.toMatch\(/a'b/\);"),
    ("expect(f).toThrow();", r"expect\(f\)\.not\.toThrow\(\);"),
    ("expect(f).toThrow('');", r"expect\(f\)\.not\.toThrow\(''\);"),
    ("expect(f()).toContain('a');", r"expect\(f\(\)\)\.not\.toContain\('a'\);"),
    ("const n = 7;\nexpect(f(n)).toBe(n);", r"const n = 7;\nexpect\(f\(n\)\)\.not\.toBe\(n\);"),
    ("let n = 7;\nn += 1;\nexpect(f()).toBe(n);", r"let n = 7;\nn \+= 1;\nexpect\(f\(\)\)\.not\.toBe\(n\);"),
    # Opposites:
    ("expect(f()).not.toBe(7);", r"expect\(f\(\)\)\.toBe\(7\);"),
    ("expect(f()).resolves.not.toThrow();", r"expect\(f\(\)\)\.resolves\.toThrow\(\);"),
    ("expect(f()).toBeNull();", r"expect\(f\(\)\)\.toBeUndefined\(\);"),
    ("expect(f()).toBeTruthy();", r"expect\(f\(\)\)\.toBeFalsy\(\);"),
    ("expect(f()).toBeGreaterThan(7);", r"expect\(f\(\)\)\.toBeLessThanOrEqual\(7\);"),
]


def contradicted(body: str, seed: int, *, beside: str = "") -> str:
    """Return the body of a test's contradiction.

    Args:
        body: the test's.
        seed: chooses.
        beside: what else stands in its file.
    """
    made = guarded({"a.spec.js": f"{beside}\ntest('a', async () => {{\n{body}\n}});"}, ["a"], Random(seed))
    ((canary, _),) = made.canaries.items()
    (text,) = [text for text in made.sources.values() if canary in text]
    return text[text.index("=> {\n", text.index(canary)) + 5 : text.rindex("\n});")]


@pytest.mark.parametrize(("body", "contradiction"), CONTRADICTED)
def test_a_contradiction_differs_in_what_is_expected_last(body: str, contradiction: str) -> None:
    for seed in range(20):
        assert re.fullmatch(contradiction, contradicted(body, seed))


def test_a_test_that_is_one_expression_is_contradicted() -> None:
    made = guarded({"a.spec.js": "test('a', () => expect(f()).toBe(true));"}, ["a"], Random(1))
    assert {re.sub(r'"case \w+"', "", text) for text in made.sources.values()} == {
        "test(, () => expect(f()).toBe(true));",
        "test(, () => expect(f()).toBe(false));",
    }


def test_a_test_with_a_time_limit_is_contradicted() -> None:
    made = guarded({"a.spec.js": "test('a', () => { expect(f()).toBe(true); }, 8 * 1000);"}, ["a"], Random(1))
    assert len(made.canaries) == 1


OTHERS = """
test('b', () => { expect(f()).toBe('amber'); });
test('c', () => { expect(f()).toBe('amber'); });
test('d', () => { expect(f()).toBe('cobalt'); });
test('e', () => { expect(f()).toBe('cobalt'); });
"""


def in_a_file(source: str, name: str, seed: int) -> str:
    """Return the line of a test's contradiction, in a file whose other tests are contradicted too."""
    made = guarded({"a.spec.js": source}, re.findall(r"test\('(\w+)'", source), Random(seed))
    (canary,) = [canary for canary, real in made.canaries.items() if made.names[real] == name]
    return next(line for text in made.sources.values() for line in text.splitlines() if canary in line)


def test_a_value_that_several_tests_expect_is_contradicted_by_another_such_value() -> None:
    for seed in range(20):
        assert "toBe('cobalt')" in in_a_file(OTHERS, "b", seed)


def test_a_sentence_is_contradicted_by_one_of_words_that_the_tests_expect() -> None:
    source = f"{OTHERS}test('s', () => {{ expect(f()).toBe('she likes umber'); }});"
    words = {"amber", "cobalt", "she", "likes", "umber"}
    for seed in range(20):
        (said,) = re.findall(r"toBe\('(.*)'\)", in_a_file(source, "s", seed))
        assert set(said.split(" ")) <= words


def test_nothing_is_expected_instead_of_what_several_tests_expect_if_others_expect_nothing() -> None:
    source = f"{OTHERS}test('n', () => {{ expect(f()).toBe(null); }});"
    nothing = [in_a_file(source, "b", seed) for seed in range(40)]
    assert {"toBe(null)" in line for line in nothing} == {True, False}
    assert all(re.search(r"toBe\('(amber|cobalt)'\)", in_a_file(source, "n", seed)) for seed in range(20))


def test_an_empty_list_is_contradicted_by_a_list_of_another_test_and_sometimes_the_other_way_round() -> None:
    source = "test('e', () => { expect(f()).toEqual([]); });\ntest('l', () => { expect(f()).toEqual([1, 'a']); });"
    assert all("toEqual([1, 'a'])" in in_a_file(source, "e", seed) for seed in range(20))
    assert {"toEqual([])" in in_a_file(source, "l", seed) for seed in range(40)} == {True, False}


def test_a_constant_of_the_file_that_one_test_needs_is_changed_where_it_is_declared() -> None:
    beside = "const SEVEN = 7;"
    made = guarded({"a.spec.js": f"{beside}\ntest('a', () => {{ expect(f()).toBe(SEVEN); }});"}, ["a"], Random(1))
    assert sorted("const SEVEN = 7;" in text for text in made.sources.values()) == [False, True]


FILE = """
const a = { one: 1 };
const b = { one: 2 };
const same = { 'one': 1 };
const rare = { one: 5 };
g(a, b, same);
"""


def test_of_constants_that_several_tests_need_another_one_takes_the_place() -> None:
    beside = f"{FILE}h(a, b, same); i(rare);"
    assert {contradicted("expect(f()).toEqual(a);", seed, beside=beside) for seed in range(20)} == {
        "expect(f()).toEqual(b);"
    }


FAITHFUL = "function label({ value, unit }) { return `${value} ${unit}`; }"


def test_an_argument_of_a_function_that_puts_its_arguments_together_is_changed() -> None:
    body = "expect(f()).toBe(label({ value: 33, unit: 'm' }));"
    for seed in range(20):
        assert re.fullmatch(
            r"expect\(f\(\)\)\.toBe\(label\({ value: (?!33, unit: 'm')\d+, unit: '[a-z]' }\)\);",
            contradicted(body, seed, beside=FAITHFUL),
        )


@pytest.mark.parametrize(
    "function",
    [
        "function label({ value }) { return `${value}`; }\nfunction unit() { return 1; }",
        "function label(all) { return Math.round(all.value); }",
        "function label(all) { return all.value % 2; }",
        "function label(all) { return all.value ? 1 : 2; }",
        "const label = imported;",
    ],
)
def test_of_what_another_function_makes_of_its_arguments_nothing_is_believed(function: str) -> None:
    beside = function.replace("{ value }", "{ value, unit }")
    assert ".not.toBe(" in contradicted("expect(f()).toBe(label({ value: 33, unit: 'm' }));", 1, beside=beside)


def test_messages_are_made_of_what_other_messages_say_and_values_are_not() -> None:
    source = (
        "test('m', () => { expect(f).toThrow(new Error('no such road here')); });\n"
        "test('v', () => { expect(f()).toBe('go to the mill'); });"
    )
    for seed in range(20):
        assert re.search(r"Error\('((no|such|road|here) ?){4}'\)", in_a_file(source, "m", seed))
        assert re.search(r"toBe\('((go|to|the|mill) ?){4}'\)", in_a_file(source, "v", seed))


NUMBERS = st.integers(0, 10**17)
WORDS = st.text("abAB01 -.", max_size=12)


@given(st.lists(NUMBERS | WORDS, min_size=1, max_size=4), st.integers(0, 1000))
def test_another_value_is_expected_whatever_the_right_one_is(values: Sequence[int | str], seed: int) -> None:
    right = f"expect(f()).toEqual([{', '.join(map(repr, values))}]);"
    other = contradicted(right, seed)
    if other == right.replace(".toEqual", ".not.toEqual"):
        return
    found = re.findall(r"'[^']*'|\d+", other.partition("toEqual")[2])
    assert len(found) == len(values)
    assert Counter(found) != Counter(map(repr, values))
    assert [float(text) if text.isdigit() else text for text in found] != [
        float(value) if isinstance(value, int) else repr(value) for value in values
    ]


# --- tokens -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a / b / c", ["a", "/", "b", "/", "c"]),
        ('a = /[/"]\\//g;', ["a", "=", '/[/"]\\//g', ";"]),
        ("return /'/;", ["return", "/'/", ";"]),
        ("f(1) / 2 // 'x\n/* 'y */ + 3", ["f", "(", "1", ")", "/", "2", "+", "3"]),
        ("`a ${b + `c ${'}'}`} d` + `\\``", ["`a ${b + `c ${'}'}`} d`", "+", "`\\``"]),
        ("'it\\'s' \"a'b\"", ["'it\\'s'", '"a\'b"']),
        ("1.5e-3 .5 0xff 10n 1_000", ["1.5e-3", ".5", "0xff", "10n", "1_000"]),
        ("a?.b ?? (...c) => $d !== e", ["a", "?.", "b", "??", "(", "...", "c", ")", "=>", "$d", "!==", "e"]),
        ("`never ends", ["`never ends"]),
        ("`never ends ${", ["`never ends ${"]),
    ],
)
def test_a_text_is_split_as_javascript_is(source: str, expected: list[str]) -> None:
    assert [token.text for token in tokens_of(source)] == expected


@given(st.text("(){}[]`'\"$/\\ ab1.;\n", max_size=40))
def test_tokens_stand_where_they_say_in_any_text(source: str) -> None:
    tokens = tokens_of(source)
    assert all(source[token.start : token.end] == token.text for token in tokens)
    assert all(first.end <= second.start for first, second in pairwise(tokens))


def test_a_bracket_in_a_text_closes_nothing() -> None:
    assert closing(tokens_of("( ')' [ ] ) )"), 0) == 4


# --- paths ------------------------------------------------------------------------------------------------------------


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
