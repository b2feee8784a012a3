"""Versions of Go tests that contradict each other: made where a right solution surely fails all but one, else not."""

import re
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.benchmarks.languages.go_canaries import guarded
from dgm.benchmarks.languages.go_tables import subtest_names
from dgm.benchmarks.languages.go_text import tokens_of
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.other_values import other_number, other_number_literal, other_text

SEEDS = range(20)
PATH, CASES_PATH = "pond_test.go", "cases_test.go"
HEAD = 'package pond\n\nimport (\n\t"reflect"\n\t"strings"\n\t"testing"\n)\n\n'
TABLE = """\
var cases = []struct {
	description string
	pond        string
	want        int
	isDry       bool
}{
	{description: "of two", pond: "big", want: 70},
	{description: "of one", pond: "small", want: 20},
	{description: "of none", pond: "dry", isDry: true},
}
"""
DEPTH = """\
func TestDepth(t *testing.T) {
	for _, test := range cases {
		t.Run(test.description, func(t *testing.T) {
			got, err := Depth(test.pond)
			switch {
			case test.isDry:
				if err == nil {
					t.Fatalf("Depth(%q) = %d", test.pond, got)
				}
			case err != nil:
				t.Fatalf("Depth(%q): %v", test.pond, err)
			case got != test.want:
				t.Fatalf("Depth(%q) = %d, want %d", test.pond, got, test.want)
			}
		})
	}
}
"""
NAMES = frozenset({"TestDepth", "TestDepth/of_two", "TestDepth/of_one", "TestDepth/of_none"})
RIGHT = {"of two": ("70", "false"), "of one": ("20", "false"), "of none": ("0", "true")}


def files(*, cases: str = TABLE, tests: str = DEPTH) -> dict[str, str]:
    """Return a package's test files."""
    return {PATH: HEAD + tests, CASES_PATH: "package pond\n\n" + cases}


def rows_of(tests: GuardedTests[dict[str, str]], function: str) -> dict[str, tuple[str, str]]:
    """Return what a version wants: description -> (want, isDry)."""
    text = tests.sources[PATH].split(f"func {function}(")[1].split("\n}\n")[0]
    rows = re.findall(r'\{description: "([^"]*)", pond: "\w+"(?:, want: (\d+))?(?:, isDry: (\w+))?\}', text)
    return {name: (want or "0", dry or "false") for name, want, dry in rows}


def functions_of(tests: GuardedTests[dict[str, str]]) -> list[str]:
    """Return the names of the versions, without plain canaries."""
    return sorted({name.partition("/")[0] for name in [*tests.names, *(c for c, of in tests.canaries.items() if of)]})


@pytest.mark.parametrize("seed", SEEDS)
def test_each_row_is_right_in_one_of_two_versions_and_wrong_in_the_other(seed: int) -> None:
    tests = guarded(files(), NAMES, Random(seed))
    versions = {function: rows_of(tests, function) for function in functions_of(tests)}
    assert len(versions) == 2
    for description, right in RIGHT.items():
        own = f"/{description.replace(' ', '_')}"
        (real,) = [name for name, own_name in tests.names.items() if own_name == f"TestDepth{own}"]
        (canary,) = [name for name, contradicted in tests.canaries.items() if contradicted == real]
        assert versions[real.removesuffix(own)][description] == right
        assert versions[canary.removesuffix(own)][description] != right


@pytest.mark.parametrize("seed", SEEDS)
def test_no_version_is_right_in_all_rows(seed: int) -> None:
    tests = guarded(files(), NAMES, Random(seed))
    one, other = functions_of(tests)
    assert tests.canaries[one] == other
    assert tests.canaries[other] == one
    assert "TestDepth" not in tests.names.values()


def test_which_version_is_right_in_a_row_is_by_chance() -> None:
    def first_is_right(seed: int) -> bool:
        tests = guarded(files(), NAMES, Random(seed))
        (real,) = [name for name, own in tests.names.items() if own == "TestDepth/of_two"]
        (canary,) = [name for name, contradicted in tests.canaries.items() if contradicted == real]
        return tests.sources[PATH].index(real.partition("/")[0]) < tests.sources[PATH].index(canary.partition("/")[0])

    assert {first_is_right(seed) for seed in SEEDS} == {True, False}


def test_a_row_that_cannot_be_another_stands_in_one_version() -> None:
    cases = TABLE.replace(", isDry: true", "")
    tests = guarded(files(cases=cases.replace('pond: "dry"', "pond: dry")), NAMES, Random(0))
    (real,) = [name for name, own in tests.names.items() if own == "TestDepth/of_none"]
    assert real not in tests.canaries.values()
    assert tests.sources[PATH].count('description: "of none"') == 1


def test_no_right_values_are_left_where_they_stood() -> None:
    cases = guarded(files(), NAMES, Random(0)).sources[CASES_PATH]
    assert cases == "package pond\n\n" + TABLE[: TABLE.index("}{\n")] + "}{}\n"


def test_a_table_that_another_test_needs_stays() -> None:
    other = "\nfunc TestOther(t *testing.T) {\n\tcheck(t, cases)\n}\n"
    tests = guarded(files(tests=DEPTH + other), NAMES | {"TestOther"}, Random(0))
    assert tests.sources[CASES_PATH] == "package pond\n\n" + TABLE


def test_a_table_that_nothing_but_a_benchmark_needs_does_not_stay() -> None:
    other = "\nfunc BenchmarkOther(b *testing.B) {\n\tfor _, test := range cases {\n\t\tDepth(test.pond)\n\t}\n}\n"
    tests = guarded(files(tests=DEPTH + other), NAMES, Random(0))
    assert "want: 70" not in tests.sources[CASES_PATH]


def test_subtests_of_one_name_are_told_apart_as_go_does() -> None:
    assert subtest_names(["a b", "", "a b", "é\t", ""]) == ["a_b", "#00", "a_b#01", "é_", "#01"]


@pytest.mark.parametrize("name", ["a#01", "\x00", "a\u200bb"])
def test_names_that_go_writes_otherwise_are_not_guessed(name: str) -> None:
    assert subtest_names([name]) is None


def test_names_that_are_not_expected_are_not_given_versions() -> None:
    tests = guarded(files(), NAMES | {"TestDepth/of_three"}, Random(0))
    assert set(tests.names.values()) == NAMES | {"TestDepth/of_three"}


def one_test(body: str, *, more: str = "") -> dict[str, str]:
    """Return a package with one test."""
    return {PATH: f"{HEAD}func TestPond(t *testing.T) {{\n{body}\n}}\n{more}"}


def bodies(sources: Mapping[str, str], seed: int = 0) -> tuple[str, list[str]]:
    """Return the test's own body and those that contradict it."""
    tests = guarded(sources, {"TestPond"}, Random(seed))
    (real,) = tests.names
    canaries = [name for name, contradicted in tests.canaries.items() if contradicted == real]
    own, *others = (
        tests.sources[PATH].split(f"func {name}(t *testing.T) {{\n")[1].split("\n}\n")[0] for name in [real, *canaries]
    )
    return own, others


# (a test's body, regular expression of what contradicts it, how many do)
DECIDABLE = [
    ('\tif depth() != 7 {\n\t\tt.Error("x")\n\t}', r'\tif depth\(\) != [456] \{\n\t\tt.Error\("x"\)\n\t\}', 2),
    ('\tif 7 != depth() {\n\t\tt.Error("x")\n\t}', r'\tif [456] != depth\(\) \{\n\t\tt.Error\("x"\)\n\t\}', 2),
    (
        '\tif got := depth(); got != -20 {\n\t\tt.Fatalf("%d", got)\n\t}',
        r'\tif got := depth\(\); got != -(?!20)[12]\d \{\n\t\tt.Fatalf\("%d", got\)\n\t\}',
        2,
    ),
    (
        '\twant := []string{"ab"}\n\tgot := all()\n\tif !reflect.DeepEqual(got, want) {\n\t\tt.Fatal(got)\n\t}',
        r'\twant := \[\]string\{"(?!ab)[a-z]{2}"\}\n\tgot := all\(\)\n\tif !reflect.DeepEqual\(got, want\) .*',
        2,
    ),
    (
        '\tif got, err := depth(); err != nil || got != 7 {\n\t\tt.Error("x")\n\t}',
        r"\tif got, err := depth\(\); err != nil \|\| got != [456] .*",
        2,
    ),
    (
        "\tif got := depth(); got != other() {\n\t\tt.Fatalf(got)\n\t}",
        r"\tif got := depth\(\); !\(got != other\(\)\) \{\n\t\tt.Fatalf\(got\)\n\t\}",
        1,
    ),
    (
        '\tfor name, err := range map[string]error{"a": f()} {\n\t\tif err == nil {\n\t\t\tt.Error(name)\n\t\t}\n\t}',
        r'\tfor name, err := range map\[string\]error\{"a": f\(\)\} \{\n\t\tif !\(err == nil\) .*',
        1,
    ),
]
UNDECIDABLE = [
    "\tdepth()",
    "\tcheck(t, depth())",
    # It may not get there.
    '\tif isDry() {\n\t\treturn\n\t}\n\tif depth() != 7 {\n\t\tt.Error("x")\n\t}',
    '\tif isDry() {\n\t\tt.Skip()\n\t}\n\tif depth() != 7 {\n\t\tt.Error("x")\n\t}',
    '\tfor _, pond := range ponds() {\n\t\tif depth(pond) != 7 {\n\t\t\tt.Error("x")\n\t\t}\n\t}',
    '\tfor n := 0; n < count(); n++ {\n\t\tif depth(n) != 7 {\n\t\t\tt.Error("x")\n\t\t}\n\t}',
    # What is said was meant for an error, and there is none.
    "\tif err := fill(); err != nil {\n\t\tt.Fatal(err.Error())\n\t}",
    "\tif got := all(); len(got) != len(ponds()) {\n\t\tt.Fatal(got[0])\n\t}",
    # Nobody knows what is done with it.
    '\tgo func() {\n\t\tif depth() != 7 {\n\t\t\tt.Error("x")\n\t\t}\n\t}()',
    '\tswitch depth() {\n\tcase 7:\n\tdefault:\n\t\tt.Error("x")\n\t}',
    "\tdefer func() {\n\t\tif recover() == nil {\n\t\t\tt.Fatal()\n\t\t}\n\t}()\n\tdepth()",
]


@pytest.mark.parametrize(("body", "other", "count"), DECIDABLE)
@pytest.mark.parametrize("seed", range(5))
def test_a_test_without_subtests_stands_beside_others_with_another_value(
    body: str, other: str, count: int, seed: int
) -> None:
    own, others = bodies(one_test(body), seed)
    assert own == body
    assert 1 <= len(set(others)) == len(others) <= count
    assert all(re.fullmatch(other, found, re.DOTALL) and found != own for found in others)


@pytest.mark.parametrize("body", UNDECIDABLE)
def test_what_is_not_sure_to_fail_is_not_a_contradiction(body: str) -> None:
    assert bodies(one_test(body)) == (body, [])


# A value that does more than be compared: the changed test would do something else before it compares.
USED_BEFORE = [
    "\twant := 7\n\tfill(want)\n\tif depth() != want {\n\t\tt.Error(want)\n\t}",
    "\twant := 7\n\tif got := depth(want); got != want {\n\t\tt.Error(want)\n\t}",
    "\twant := 7\n\tif want > 3 {\n\t\tfill()\n\t}\n\tif depth() != want {\n\t\tt.Error(want)\n\t}",
    "\twant := 7\n\twant = change(want)\n\tif depth() != want {\n\t\tt.Error(want)\n\t}",
]


@pytest.mark.parametrize("body", USED_BEFORE)
def test_a_value_that_is_used_before_is_not_changed(body: str) -> None:
    assert all("want := 7\n" in other for other in bodies(one_test(body))[1])


def test_both_literals_that_are_compared_with_one_result_can_be_changed_and_no_other() -> None:
    body = '\tif got := depth(5); got != 7 {\n\t\tt.Errorf("6", got, 8)\n\t}'
    for seed in SEEDS:
        for other in bodies(one_test(body), seed)[1]:
            assert re.fullmatch(r'\tif got := depth\(5\); got != [456] \{\n\t\tt.Errorf\("6", got, 8\)\n\t\}', other)


CHECK = """
func check(t *testing.T, got, want int, text string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %d, want %d", text, got, want)
	}
}
"""


def test_a_value_that_is_handed_to_a_function_of_the_tests_is_changed() -> None:
    own, others = bodies(
        one_test('\tcheck(t, depth(), 7, "7")', more=CHECK.replace("got, want int", "got int, want int"))
    )
    assert own == '\tcheck(t, depth(), 7, "7")'
    assert others
    assert all(re.fullmatch(r'\tcheck\(t, depth\(\), [456], "7"\)', other) for other in others)


ERRORS = """\
func TestPond(t *testing.T) {
	for _, test := range []struct {
		pond    string
		wantErr bool
	}{
		{"big", false},
	} {
		err := fill(test.pond)
		if test.wantErr && err == nil {
			t.Errorf("fill(%q): no error", test.pond)
		}
MORE
	}
}
"""


def test_an_expected_error_is_not_expected_where_nothing_relies_on_it() -> None:
    tests = guarded({PATH: HEAD + ERRORS.replace("MORE", "")}, {"TestPond"}, Random(0))
    assert tests.sources[PATH].count('{"big", true},') == 0  # whether there was an error is not known
    more = '\t\tif !test.wantErr && err != nil {\n\t\t\tt.Error("error")\n\t\t}'
    tests = guarded({PATH: HEAD + ERRORS.replace("MORE", more)}, {"TestPond"}, Random(0))
    assert tests.sources[PATH].count('{"big", true},') == 0  # the test goes on: what follows may need an error
    more = more.replace("t.Error", "t.Fatal")
    fatal = ERRORS.replace("t.Errorf", "t.Fatalf").replace("MORE", more)
    tests = guarded({PATH: HEAD + fatal}, {"TestPond"}, Random(0))
    assert tests.sources[PATH].count('{"big", true},') == 1


@given(st.text())
def test_tokens_stand_where_they_say(source: str) -> None:
    for token in tokens_of(source):
        assert source[token.start : token.end] == token.text or token.text == ";"


@given(
    st.lists(st.sampled_from(["if", "for", "switch", "{", "}", "(", ")", "x", ":=", "1", ";", "\n", "case", ":", "!="]))
)
def test_nonsense_keeps_its_text(words: list[str]) -> None:
    body = " ".join(words)
    tests = guarded(one_test(body), {"TestPond"}, Random(0))
    assert list(tests.names.values()) == ["TestPond"]
    (real,) = tests.names
    assert f"func {real}(t *testing.T) {{\n{body}\n}}" in tests.sources[PATH]


@given(st.integers(min_value=0, max_value=2**64 - 1), st.randoms(use_true_random=False))
def test_another_number_fits_wherever_a_number_fits(value: int, chance: Random) -> None:
    other = other_number(value, chance)
    assert other != value
    assert other >= 0
    assert other <= 2 or other < value or other.bit_length() == value.bit_length()


@pytest.mark.parametrize("least", [2**7, 2**15, 2**31, 2**63])
def test_another_number_than_the_least_of_a_type_is_none_that_is_less(least: int) -> None:
    assert all(other_number(least, Random(seed)) < least for seed in SEEDS)


def test_another_number_is_as_often_larger() -> None:
    larger = sum(other_number(1000, Random(seed)) > 1000 for seed in range(400))
    assert 150 < larger < 250


@pytest.mark.parametrize(
    ("literal", "form"),
    [
        ("0x7f", r"0x[4-7][0-9a-f]"),
        ("0b101", r"0b1[01]{2}"),
        ("1_000", r"\d{3,4}"),
        ("7", r"[456]"),
        ("0x0f", r"0x0[c-e]"),
    ],
)
def test_another_number_is_written_alike(literal: str, form: str) -> None:
    for seed in SEEDS:
        other = other_number_literal(literal, Random(seed))
        assert re.fullmatch(form, other)
        assert other != literal


@given(st.text(), st.randoms(use_true_random=False), st.booleans())
def test_another_text_differs_by_more_than_case_and_not_in_length(text: str, chance: Random, escapes: bool) -> None:
    other = other_text(text, chance, escapes=escapes)
    if other is not None:
        assert len(other) == len(text)
        assert other.casefold() != text.casefold()


def test_escapes_stay_as_they_are() -> None:
    assert {other_text(r"\x41\n", Random(seed), escapes=True) for seed in SEEDS} == {None}


@pytest.mark.parametrize("before", ["\tpond := New()\n", "\tvar pond Pond\n"])
def test_rows_that_see_what_others_left_are_not_mixed(before: str) -> None:
    shared = DEPTH.replace("\tfor _,", f"{before}\tfor _,").replace("Depth(test.pond)", "pond.Depth(test.pond)")
    tests = guarded(files(tests=shared), NAMES, Random(0))
    assert set(tests.names.values()) == NAMES


@pytest.mark.parametrize("compare", ["almostEqual", "isNearlyEqual", "strings.EqualFold", "ApproxEqual"])
def test_a_value_that_need_not_be_met_exactly_is_not_changed(compare: str) -> None:
    own, others = bodies(one_test(f"\tif got := depth(); !{compare}(got, 1000) {{\n\t\tt.Error(got)\n\t}}"))
    assert all("(got, 1000)" in body for body in [own, *others])
