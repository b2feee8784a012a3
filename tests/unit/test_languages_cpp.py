"""How C++ exercises are judged: their tests mixed with contradictions, and what a grading is made of."""

import re
from random import Random

import pytest

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.cpp import CppLanguage
from dgm.benchmarks.languages.cpp_canaries import guarded
from dgm.benchmarks.languages.cpp_tokens import tokens_of
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.manifest import Expected
from dgm.core.errors import MalformedContentError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.tasks import Task

ANT_TRAIL, BEE_DANCE = TaskId("cpp/ant-trail"), TaskId("cpp/bee-dance")
SEEDS = range(20)
LANGUAGE = CppLanguage()

# (a test's body, regular expression of its contradiction's)
DECIDABLE = [
    ("REQUIRE(ponds() == 7);", r"REQUIRE\(ponds\(\) == ([4-689]|10)\);"),
    ("REQUIRE(0 == ponds());", r"REQUIRE\([1-3] == ponds\(\)\);"),
    ("REQUIRE(ponds() == 3000);", r"REQUIRE\(ponds\(\) == 299[789]\);"),
    ("CHECK(ponds() == -4u);", r"CHECK\(ponds\(\) == -[1-35-7]u\);"),
    ("REQUIRE(depth() == 2.50);", r"REQUIRE\(depth\(\) == [1345]\.50\);"),
    ('REQUIRE(name() == "e4");', r'REQUIRE\(name\(\) == "(?!e4)[a-z]\d"\);'),
    ('REQUIRE(name() == "");', r'REQUIRE\(name\(\) == "."\);'),
    ("REQUIRE(letter() == 'B');", r"REQUIRE\(letter\(\) == '[AC-Z]'\);"),
    ("REQUIRE(frozen() == true);", r"REQUIRE\(frozen\(\) == false\);"),
    ("const int two = 2;\nREQUIRE(two == ponds());", r"const int two = [1345];\nREQUIRE\(two == ponds\(\)\);"),
    (
        "std::set<int> all{3, 2};\nREQUIRE(fish() == all);",
        r"std::set<int> all\{([1456], 2|3, [145])\};\nREQUIRE\(fish\(\) == all\);",
    ),
    (
        "day expected{2013, month::may, 1};\nREQUIRE(expected == flood());",
        r"day expected\{(?!2013, month::may, 1\})\d+, month::may, \d+\};\nREQUIRE\(expected == flood\(\)\);",
    ),
    ("REQUIRE(fish().empty());", r"REQUIRE_FALSE\(fish\(\)\.empty\(\)\);"),
    ("CHECK_FALSE(frozen());", r"CHECK\(frozen\(\)\);"),
    ("REQUIRE(fish() == fish());", r"REQUIRE_FALSE\(fish\(\) == fish\(\)\);"),
    ("REQUIRE(max(fish(), 3) == max(2, 1));", r"REQUIRE_FALSE\(max\(fish\(\), 3\) == max\(2, 1\)\);"),
    ("REQUIRE(frozen() ? ponds() == 1 : true);", r"REQUIRE_FALSE\(frozen\(\) \? ponds\(\) == 1 : true\);"),
    ("REQUIRE_NOTHROW(freeze());", r"REQUIRE_THROWS\(freeze\(\)\);"),
    (
        "REQUIRE_THROWS_AS(freeze(1, 2), std::domain_error);",
        r"REQUIRE_THROWS_AS\(freeze\(1, 2\), std::(?!domain_error)[a-z]+_[a-z_]+\);",
    ),
    (
        "REQUIRE_THROWS_AS(freeze(), std::runtime_error);",
        r"REQUIRE_THROWS_AS\(freeze\(\), std::(domain_error|invalid_argument|length_error|out_of_range)\);",
    ),
    (
        "REQUIRE_THAT(depth(), Catch::Matchers::WithinAbs(2.0, 0.1));",
        r"REQUIRE_THAT\(depth\(\), Catch::Matchers::WithinAbs\([1345]\.0, 0\.1\)\);",
    ),
    ('SECTION("a") { REQUIRE(ponds() == 2); }', r'SECTION\("a"\) \{ REQUIRE\(ponds\(\) == [1345]\); \}'),
    ("for (int n : {1, 2}) { REQUIRE(n == n); }", r"for \(int n : \{1, 2\}\) \{ REQUIRE_FALSE\(n == n\); \}"),
    ("require_pond<int>(make(3), 2, false);", r"require_pond<int>\(make\(3\), [1345], false\);"),
]
UNDECIDABLE = [
    "",
    "if (frozen()) { REQUIRE(ponds() == 1); }",
    "REQUIRE_THROWS_AS(freeze(), std::exception);",
    "REQUIRE_THAT(depth(), fits(3));",
    "ponds(3);",
    "while (frozen())\n    REQUIRE(ponds() == 1);",
]
FILE = """
#include "pond.h"
template <typename T>
static void require_pond(T pond, int number, bool frozen) {{ REQUIRE(pond == T{{number, frozen}}); }}

TEST_CASE("a pond", "[3f]") {{
{body}
}}
"""
OTHERWISE_A_TEST = """
// TEST_CASE("in a comment") { REQUIRE(1 == 2); }
const char* text = "TEST_CASE(\\"in a string\\") {";
const char* raw = R"(TEST_CASE("in a raw string") { REQUIRE(1 == 2); })";
#define MY_TEST_CASE(name) TEST_CASE(name)
TEST_CASE("one" /* of two
lines */ " test", "[tag]") { REQUIRE(sum(1'000, '"') == 1); }
"""


def contradiction(tests: GuardedTests[tuple[str, str]]) -> str:
    """Return the text of the first canary."""
    canary = next(iter(tests.canaries))
    return body_of(canary, "".join(tests.sources))


def body_of(name: str, source: str) -> str:
    """Return what stands in a test's braces."""
    return source.split(f'TEST_CASE("{name}") {{\n')[1].split("\n}", maxsplit=1)[0]


@pytest.mark.parametrize(("body", "other"), DECIDABLE)
@pytest.mark.parametrize("seed", SEEDS)
def test_beside_a_test_stands_its_contradiction(body: str, other: str, seed: int) -> None:
    tests = guarded(FILE.format(body=body), ["a pond"], Random(seed))
    (real,) = tests.names
    assert list(tests.canaries.values()) == [real]
    assert sorted(real in source for source in tests.sources) == [False, True]
    assert f'TEST_CASE("{real}") {{\n{body}\n}}' in "".join(tests.sources)
    assert re.fullmatch(other, contradiction(tests))


@pytest.mark.parametrize("body", UNDECIDABLE)
def test_a_test_without_a_contradiction_gets_a_plain_canary(body: str) -> None:
    tests = guarded(FILE.format(body=body), ["a pond"], Random(0))
    assert list(tests.canaries.values()) == ["", ""]
    assert [canary in source for canary, source in zip(tests.canaries, tests.sources, strict=True)] == [True, True]
    low, high = re.findall(r"\d+", contradiction(tests))
    assert low != high


def test_a_test_that_is_not_run_is_not_contradicted() -> None:
    tests = guarded(FILE.format(body="REQUIRE(ponds() == 2);"), [], Random(0))
    assert list(tests.canaries.values()) == ["", ""]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_has_no_contradiction_is_built_in_both_containers_and_run_in_one(seed: int) -> None:
    tests = guarded(FILE.format(body="ponds(3);"), ["a pond"], Random(seed))
    (real,) = tests.names
    assert sorted(source.count("ponds(3);") for source in tests.sources) == [1, 1]
    assert sorted(f'"{real}") {{' in source for source in tests.sources) == [False, True]
    assert sorted(', "[.]") {' in source for source in tests.sources) == [False, True]


def test_what_expects_a_value_is_contradicted_by_what_expects_an_exception_too() -> None:
    others = 'TEST_CASE("ice") { REQUIRE_THROWS_AS(freeze(1), std::domain_error); }'
    others += 'TEST_CASE("snow") { REQUIRE(9 == drops(1)); }'
    file, names = FILE.format(body="REQUIRE(2 == ponds(1));") + others, ["a pond", "ice", "snow"]
    found = {contradiction(guarded(file, names, Random(seed))) for seed in range(40)}
    assert found == {
        "REQUIRE_THROWS_AS(ponds(1), std::domain_error);",
        *(f"REQUIRE({number} == ponds(1));" for number in (1, 3, 4, 5)),
    }


@pytest.mark.parametrize(("values", "refused"), [(1, 0), (2, 1), (3, 2), (4, 2), (7, 4)])
def test_chance_chooses_which_values_are_contradicted_by_an_exception_and_not_whether_any_are(
    values: int, refused: int
) -> None:
    names = [f"pond {number}" for number in range(values)]
    source = "".join(f'TEST_CASE("{name}") {{ REQUIRE(ponds() == 2); }}\n' for name in names)
    source += 'TEST_CASE("ice") { REQUIRE_THROWS_AS(freeze(1), std::domain_error); }'
    for seed in range(100):
        tests = guarded(source, [*names, "ice"], Random(seed))
        assert "".join(tests.sources).count("REQUIRE_THROWS_AS(ponds(), std::domain_error)") == refused


@pytest.mark.parametrize(
    "body",
    [
        "REQUIRE(ponds(std::pair{1, 2}) == 2);",
        "REQUIRE(expected == ponds());",
        "REQUIRE(ponds() == nullptr);",
        "REQUIRE(size == 2);",
        "REQUIRE(ponds().empty());",
    ],
)
def test_what_would_not_compile_is_not_expected_to_throw(body: str) -> None:
    other = 'TEST_CASE("ice") { REQUIRE_THROWS_AS(freeze(1), std::domain_error); }'
    for seed in SEEDS:
        tests = guarded(FILE.format(body=body) + other, ["a pond", "ice"], Random(seed))
        assert "THROWS" not in contradiction(tests)


def test_no_name_and_no_tag_tells_a_test_from_its_contradiction() -> None:
    tests = guarded(FILE.format(body="REQUIRE(ponds() == 2);"), ["a pond"], Random(0))
    assert not any("[3f]" in source or "a pond" in source for source in tests.sources)
    for name in [*tests.names, *tests.canaries]:
        assert re.fullmatch(r"case [0-9a-f]{10}", name)


def test_either_container_may_have_the_contradiction() -> None:
    def canary_is_in_the_first(seed: int) -> bool:
        tests = guarded(FILE.format(body="REQUIRE(ponds() == 2);"), ["a pond"], Random(seed))
        (canary,), (real,) = tests.canaries, tests.names
        assert [canary in source for source in tests.sources] != [real in source for source in tests.sources]
        return canary in tests.sources[0]

    assert {canary_is_in_the_first(seed) for seed in SEEDS} == {True, False}


def test_only_what_is_a_test_counts_as_one() -> None:
    tests = guarded(OTHERWISE_A_TEST, ["one test"], Random(0))
    assert list(tests.names.values()) == ["one test"]
    assert list(tests.canaries.values()) == list(tests.names)


def test_an_assertion_that_is_not_finished_is_no_fault_of_ours() -> None:
    source = 'TEST_CASE("a") { REQUIRE_THROWS_AS(f(), std::domain_error); REQUIRE(1 ==); }'
    assert list(guarded(source, ["a"], Random(0)).names.values()) == ["a"]


def test_equal_names_are_numbered_in_their_order() -> None:
    tests = guarded('TEST_CASE("a") {}\nTEST_CASE("a") {}\nTEST_CASE("b \\"c\\"") {}', [], Random(0))
    assert list(tests.names.values()) == ["a", "a #2", 'b "c"']


@pytest.mark.parametrize(
    "source",
    [
        'TEST_CASE("a" { ) TEST_CASE("b") { ( } TEST_CASE() {} }}} "',
        "REQUIRE_THROWS_AS() REQUIRE_THROWS_AS(a, )",
        "f(REQUIRE_THROWS_AS) REQUIRE_THROWS_AS;",
    ],
)
def test_text_that_is_not_cpp_is_left_alone(source: str) -> None:
    tests = guarded(source, ["a", "b"], Random(0))
    assert all(text.startswith(source) for text in tests.sources)
    assert not tests.names


def test_tokens_know_their_places() -> None:
    source = 'int a{0x1F, 1\'000, .5e-3}; // "no"\nauto b = u8"x\\"y" \'\\\'\';'
    tokens = tokens_of(source)
    assert [token.text for token in tokens] == [
        *("int", "a", "{", "0x1F", ",", "1'000", ",", ".5e-3", "}", ";"),
        *("auto", "b", "=", "u8", '"x\\"y"', "'\\''", ";"),
    ]
    assert all(source[token.start : token.end] == token.text for token in tokens)


def exercise(task: TaskId, expected: frozenset[str] | None) -> Exercise:
    """Return an exercise of our own that is expected to have these tests."""
    known = {} if expected is None else {task: Expected(_benchmark({}).content_hash(task), expected)}
    return _benchmark(known).exercise(task)


def _benchmark(expected: dict[TaskId, Expected]) -> ExercisesBenchmark:
    return ExercisesBenchmark(definition_named("polyglot-mini"), tasks=[ANT_TRAIL, BEE_DANCE], expected=expected)


def test_a_grading_expects_what_the_manifest_names() -> None:
    known = exercise(ANT_TRAIL, frozenset({"steps add up"}))
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    (expected,) = suite.must_pass
    assert suite.own_names[expected] == "steps add up"
    assert list(suite.must_fail.values()) == [expected]


def test_the_tests_are_gone_before_the_program_runs_and_differ_in_the_second_container() -> None:
    known = exercise(ANT_TRAIL, frozenset({"steps add up"}))
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    assert suite.removed == ("/task/tests",)
    assert set(suite.apart) == {"tests/ant_trail_test.cpp"}
    assert suite.apart["tests/ant_trail_test.cpp"] != suite.files["tests/ant_trail_test.cpp"]


def test_the_hidden_tests_are_laid_beside_the_solution_and_never_into_it() -> None:
    known = exercise(BEE_DANCE, frozenset())
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    assert set(suite.files) == {
        "graders/cpp.py",
        "graders/report.py",
        "solution/CMakeLists.txt",
        "solution/bee_dance.cpp",
        "solution/bee_dance.h",
        "solution/waggle.h",
        "tests/bee_dance_test.cpp",
        "tests/test/meadow.h",
    }


def test_the_build_is_told_the_directory_and_the_headers_that_may_be_gone() -> None:
    known = exercise(ANT_TRAIL, frozenset())
    suite = LANGUAGE.suite(known, {}, chance=Random(0))
    assert list(suite.build[3:]) == ["build", "ant-trail", "/task/solution", "/task/tests", "ant_trail.h"]
    assert list(suite.argv[3:]) == ["run", "ant-trail"]


def test_an_exercise_without_a_manifest_entry_is_not_graded() -> None:
    known = exercise(ANT_TRAIL, None)
    with pytest.raises(MalformedContentError, match="has no manifest entry"):
        LANGUAGE.suite(known, {}, chance=Random(0))


def test_a_manifest_that_names_other_tests_is_an_error() -> None:
    known = exercise(ANT_TRAIL, frozenset({"steps add up", "ants fly"}))
    with pytest.raises(MalformedContentError, match="'ants fly'"):
        LANGUAGE.suite(known, {}, chance=Random(0))


def test_agents_see_no_test_and_no_file_of_the_test_framework() -> None:
    assert set(exercise(BEE_DANCE, frozenset()).task.workspace) == {"CMakeLists.txt", "bee_dance.cpp", "bee_dance.h"}
    for path in ("test/catch.hpp", "test/tests-main.cpp", "ant_test.cpp", "ant_test.h"):
        assert LANGUAGE.hides(path)
    for path in ("ant.cpp", "ant.h", "CMakeLists.txt", "testing.h"):
        assert not LANGUAGE.hides(path)


@pytest.mark.parametrize("path", ["waggle.h", "wag-gle.hpp"])
def test_headers_may_be_added(path: str) -> None:
    assert task_with_helpers().takes(path)


@pytest.mark.parametrize(
    "path",
    [
        *("waggle.cpp", "CMakeLists.txt", "CMakePresets.json", "CMakeUserPresets.json", "toolchain.cmake", "Makefile"),
        *("waggle_test.h", "ant_trail_test.cpp", "catch2/catch.hpp", "test/catch.hpp", "build/CMakeCache.txt"),
        *("waggle.h.gch", "waggle.h\n", ".h/x.cmake", "../waggle.h", "specs", "waggle.inc"),
    ],
)
def test_nothing_else_may_be_added(path: str) -> None:
    assert not task_with_helpers().takes(path)


def task_with_helpers() -> Task:
    """Return an exercise as agents see it."""
    workspace = {"ant_trail.h": File(b""), "CMakeLists.txt": File(b"")}
    return Task(ANT_TRAIL, "", workspace, ("ant_trail.h",), helper_paths=LANGUAGE.helper_paths)
