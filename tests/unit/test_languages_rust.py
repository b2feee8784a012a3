"""How Rust exercises are judged: their tests mixed with contradictions, their Cargo.toml, what a grading is made of."""

import os
import re
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.rust import RustLanguage, image_crates
from dgm.benchmarks.languages.rust_canaries import guarded
from dgm.benchmarks.manifest import Expected, read_manifest
from dgm.boundary.cargo import MAX_BYTES, MAX_FEATURES, grading_manifest
from dgm.core.errors import MalformedContentError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.tasks import Task

ANT_TRAIL, BEE_DANCE = TaskId("rust/ant-trail"), TaskId("rust/bee-dance")
SEEDS = range(20)
LANGUAGE = RustLanguage()
RANDOM_NAME = "test_[0-9a-f]{8}"
FILE = "use pond::*;\n\n#[test]\n#[ignore]\nfn pond_is_deep() {{\n{body}\n}}\n"
PATH = "tests/pond.rs"

# (a test's last statement, regular expression of its contradiction's)
DECIDABLE = [
    ("    assert_eq!(depth(), 7);", r"    assert_eq!\(depth\(\), [4-6]\);"),
    ("    assert_eq!(depth(), 0);", r"    assert_eq!\(depth\(\), [12]\);"),
    ("    assert_eq!(depth(), -2_0);", r"    assert_eq!\(depth\(\), -(?!20)[12]\d\);"),
    ("    assert_eq!(depth(), 0x0F);", r"    assert_eq!\(depth\(\), 0x0[cde]\);"),
    ("    assert_eq!(7, depth(3));", r"    assert_eq!\([4-6], depth\(3\)\);"),
    ('    assert_eq!(depth(), 7, "{} is 5", 9);', r"    assert_eq!\(depth\(\), [4-6], \"\{\} is 5\", 9\);"),
    ('    assert_eq!(name("a, b"), "e4");', r'    assert_eq!\(name\("a, b"\), "(?!e4)[a-z0-9]{2}"\);'),
    ('    assert_eq!(name(), "");', r'    assert_eq!\(name\(\), "[a-z]"\);'),
    ('    assert_eq!(name(), "a\\n");', r'    assert_eq!\(name\(\), "[b-z]\\n"\);'),
    ("    assert_eq!(name(), ' ');", r"    assert_eq!\(name\(\), '[a-z]'\);"),
    ('    assert_eq!(name(), Some("B".to_string()));', r'    assert_eq!\(name\(\), Some\("[AC-Z]"\.to_string\(\)\)\);'),
    ('    assert_eq!(all(), vec!["a", "a"])', r'    assert_eq!\(all\(\), vec!\["(?:[b-z]", "a|a", "[b-z])"\]\)'),
    ("    assert_eq!(all(), &[(1, true)]);", r"    assert_eq!\(all\(\), &\[\((?:[02], true|1, false)\)\]\);"),
    (
        "    assert_eq!(\n        all(),\n        [1]\n    );",
        r"    assert_eq!\(\n        all\(\),\n        \[[02]\]\n    \);",
    ),
    (
        '    let expected = "x";\n    assert_eq!(output, expected);',
        r'    let expected = "[a-wyz]";\n    assert_eq!\(output, expected\);',
    ),
    (
        "    let expected: Option<u8> = Some(3);\n    assert_eq!(output, &expected);",
        r"    let expected: Option<u8> = Some\(2\);\n    assert_eq!\(output, &expected\);",
    ),
    ("    assert!(depth() > 3);", r"    assert!\(!\(depth\(\) > 3\)\);"),
    ('    assert!(frozen(), "at {} m", 3);', r'    assert!\(!\(frozen\(\)\), "at \{\} m", 3\);'),
    (
        "    assert_eq!(f(), 1);\n    assert_eq!(f(), 3);",
        r"    assert_eq!\(f\(\), 1\);\n    assert_eq!\(f\(\), 2\);",
    ),
    (
        '    let expected = Some(Fish { name: "Ed", ..FISH });\n    assert_eq!(f(), expected);',
        r'    let expected = Some\(Fish \{ name: "(?!Ed)[A-Z][a-z]", ..FISH \}\);\n    assert_eq!\(f\(\), expected\);',
    ),
    (
        '    let expected = [("a", 2)].into_iter().collect::<HashMap<_, _>>();\n    assert_eq!(f(), expected);',
        r'    let expected = \[\("([b-z]", 2|a", 3)\)\].into_iter\(\).collect::<HashMap<_, _>>\(\);\n    assert_eq!.*',
    ),
]
# A test whose last assertion compares with nothing that is written out.
TURNED_AROUND = [
    ("    assert_eq!(depth(), other());", "    assert_ne!(depth(), other());"),
    ("    assert_ne!(depth(), 7);", "    assert_eq!(depth(), 7);"),
    ("    assert_eq!(depth(), 7.5);", "    assert_ne!(depth(), 7.5);"),
    ("    assert_eq!(depth(), 7u8);", "    assert_ne!(depth(), 7u8);"),
    ("    assert_eq!(all(), []);", "    assert_ne!(all(), []);"),
    ("    assert_eq!(name(), Pond(3));", "    assert_ne!(name(), Pond(3));"),
    ("    assert_eq!(name(), FISH[1]);", "    assert_ne!(name(), FISH[1]);"),
    ("    assert_eq!(is_deep(), A < 3);", "    assert_ne!(is_deep(), A < 3);"),
    (
        "    let expected = 3;\n    change(expected);\n    assert_eq!(depth(), expected);",
        "    let expected = 3;\n    change(expected);\n    assert_ne!(depth(), expected);",
    ),
    (
        "    let expected = other(3);\n    assert_eq!(depth(), expected);",
        "    let expected = other(3);\n    assert_ne!(depth(), expected);",
    ),
    # Which of the two 8s counts is not known.
    (
        "    let expected = [(8, 1), (8, 2)].into_iter().collect();\n    assert_eq!(f(), expected);",
        "    let expected = [(8, 1), (8, 2)].into_iter().collect();\n    assert_ne!(f(), expected);",
    ),
    (
        "    assert!(is_deep());\n    for n in 0..3 {\n        check(n);\n    }",
        "    assert!(!(is_deep()));\n    for n in 0..3 {\n        check(n);\n    }",
    ),
]
UNDECIDABLE = [
    "",
    "    check(3);",
    "    if is_dry() {\n        return;\n    }\n    assert_eq!(depth(), 7);",
    "    for n in 0..3 {\n        assert_eq!(depth(), 7);\n    }",
    "    assert_eq!(depth(), 7); // seven",
]
MODULES = """\
use pond::*;

#[test]
fn is_there() {
    assert_eq!(ponds(), 1);
}

pub mod outer {
    use super::*;

    mod inner {
        use pond::fish::*;

        #[test]
        #[ignore]
        fn is_there() {
            assert_eq!(ponds(), 2);
        }
    }

    #[test]
    #[should_panic]
    fn is_there() {
        assert_eq!(ponds(), 3);
    }

    #[test]
    fn is_there_with_a_name_that_does_not_fit_into_the_line_that_it_stands_in(
    ) {
        assert_eq!(ponds(), 4);
    }
}
"""
MODULE_TESTS = {
    "pond::is_there",
    "pond::outer::inner::is_there",
    "pond::outer::is_there",
    "pond::outer::is_there_with_a_name_that_does_not_fit_into_the_line_that_it_stands_in",
}
CRATES = ("rand", "num-traits")
PRISTINE = b'[package]\nname = "pond"\nversion = "1.0.0"\nedition = "2021"\n\n[features]\ndeep = []\n'


def guarded_file(source: str, seed: int = 0) -> GuardedTests[dict[str, str]]:
    """Return the tests of a file with one."""
    return guarded({PATH: source}, {"pond::pond_is_deep"}, Random(seed))


def body_of(tests: GuardedTests[dict[str, str]], name: str) -> str:
    """Return what stands between the braces of a test."""
    return tests.sources[PATH].split(f"fn {name.rpartition('::')[2]}() {{\n")[1].split("\n}\n")[0]


@pytest.mark.parametrize(("body", "other"), DECIDABLE)
@pytest.mark.parametrize("seed", SEEDS)
def test_beside_a_test_stands_its_contradiction(body: str, other: str, seed: int) -> None:
    tests = guarded_file(FILE.format(body=body), seed)
    (real,) = tests.names
    (canary,) = [name for name, contradicted in tests.canaries.items() if contradicted]
    assert tests.canaries[canary] == real
    assert body_of(tests, real) == body
    contradiction = body_of(tests, canary)
    assert contradiction != body
    assert re.fullmatch(other, contradiction)


@pytest.mark.parametrize(("body", "other"), TURNED_AROUND)
def test_an_assertion_without_a_literal_is_turned_around(body: str, other: str) -> None:
    tests = guarded_file(FILE.format(body=body))
    (canary,) = [name for name, contradicted in tests.canaries.items() if contradicted]
    assert body_of(tests, canary) == other


@pytest.mark.parametrize("body", UNDECIDABLE)
def test_what_is_not_understood_is_not_contradicted(body: str) -> None:
    tests = guarded_file(FILE.format(body=body))
    assert set(tests.canaries.values()) == {""}


def test_a_contradiction_stands_before_or_after_its_test() -> None:
    def canary_is_first(seed: int) -> bool:
        tests = guarded_file(FILE.format(body="    assert_eq!(depth(), 7);"), seed)
        (pair,) = [pair for pair in tests.canaries.items() if pair[1]]
        places = [tests.sources[PATH].index(name.rpartition("::")[2]) for name in pair]
        return places[0] < places[1]

    assert {canary_is_first(seed) for seed in SEEDS} == {True, False}


def test_tests_in_modules_keep_their_place_and_get_random_names() -> None:
    tests = guarded({PATH: MODULES}, MODULE_TESTS, Random(0))
    assert set(tests.names.values()) == MODULE_TESTS
    places = [name.rpartition("::")[::2] for name in [*tests.names, *tests.canaries]]
    assert {place for place, _ in places} == {"pond", "pond::outer", "pond::outer::inner"}
    assert all(re.fullmatch(RANDOM_NAME, function) for _, function in places)
    assert "is_there" not in tests.sources[PATH]


def test_beside_a_test_that_must_panic_stands_one_that_must_not() -> None:
    tests = guarded({PATH: MODULES}, MODULE_TESTS, Random(0))
    (real,) = [name for name, own in tests.names.items() if own == "pond::outer::is_there"]
    (canary,) = [name for name, contradicted in tests.canaries.items() if contradicted == real]
    of_real, of_canary = (
        f"fn {name.rpartition('::')[2]}() {{\n        assert_eq!(ponds(), 3);" for name in (real, canary)
    )
    assert f"#[test]\n    #[should_panic]\n    {of_real}" in tests.sources[PATH]
    assert f"#[test]\n    {of_canary}" in tests.sources[PATH]


HELPED = """\
fn swims(name: &str, expected: &[u8]) {{
    let fish = Fish::new(name);
{body}
}}

#[test]
fn pond_is_deep() {{
    swims("carp", &[3]);
}}
"""


def test_a_value_that_is_handed_to_a_function_of_the_tests_is_changed() -> None:
    tests = guarded_file(HELPED.format(body="    assert_eq!(fish.depths(), expected);"))
    (canary,) = [name for name, contradicted in tests.canaries.items() if contradicted]
    assert body_of(tests, canary) == '    swims("carp", &[2]);'


@pytest.mark.parametrize(
    "body",
    [
        "    if fish.is_dead() {\n        return;\n    }\n    assert_eq!(fish.depths(), expected);",
        "    fish.tell(expected);\n    assert_eq!(fish.depths(), expected);",
        "    assert!(fish.is_deep(expected));",
    ],
)
def test_a_function_that_may_do_more_than_compare_is_not_understood(body: str) -> None:
    assert set(guarded_file(HELPED.format(body=body)).canaries.values()) == {""}


def test_what_is_not_expected_keeps_its_name() -> None:
    tests = guarded({PATH: MODULES}, {"pond::is_there", "pond::gone"}, Random(0))
    assert tests.sources[PATH].count("fn is_there()") == 2
    assert tests.names["pond::gone"] == "pond::gone"


def test_macros_of_a_solution_do_not_replace_those_of_the_tests() -> None:
    source = guarded({PATH: MODULES}, MODULE_TESTS, Random(0)).sources[PATH]
    for line in source.splitlines():
        if "::*;" in line:
            assert ("use std::{assert, assert_eq," in line) is ("use pond::" in line)


def test_macros_are_named_once_in_each_block() -> None:
    inner = "\n    use pond::*;\n\n    use pond::fish::*;\n"
    source = f"use pond::*;\nuse pond::fish::*;\n\nmod one {{{inner}}}\n\nmod two {{{inner}}}\n"
    lines = guarded({PATH: source}, set(), Random(0)).sources[PATH].splitlines()
    assert ["use std::{assert," in line for line in lines if "::*;" in line] == [True, False] * 3


def test_each_file_has_plain_canaries_too() -> None:
    tests = guarded({"tests/a.rs": "", "tests/b.rs": FILE.format(body="")}, set(), Random(0))
    assert [name.partition("::")[0] for name in tests.canaries] == ["a"] * 3 + ["b"] * 3
    assert tests.sources["tests/b.rs"].count("#[test]") == 4


def grading(theirs: str | bytes, pristine: bytes = PRISTINE) -> dict[str, object]:
    """Return the Cargo.toml that is built, parsed."""
    raw = theirs.encode() if isinstance(theirs, str) else theirs
    return tomllib.loads(grading_manifest(pristine, raw, crates=CRATES).decode())


UNCHANGED = grading("")


def test_the_package_is_the_exercises_and_builds_its_library_alone() -> None:
    assert UNCHANGED == {
        "package": {
            "name": "pond",
            "version": "1.0.0",
            "edition": "2021",
            "build": False,
            "autobins": False,
            "autobenches": False,
            "autoexamples": False,
        },
        "features": {"deep": []},
        "dependencies": {},
    }


@pytest.mark.parametrize(
    ("dependency", "taken"),
    [
        ('rand = "0.9"', {"rand": {"version": "*"}}),
        ('rand = { version = "9", features = ["a-b", "c_d"] }', {"rand": {"features": ["a-b", "c_d"], "version": "*"}}),
        ("rand = { default-features = false }", {"rand": {"default-features": False, "version": "*"}}),
        ('num-traits = { path = "src", git = "https://x", registry = "x" }', {"num-traits": {"version": "*"}}),
        ('rand = { package = "cheat", workspace = true, optional = true }', {"rand": {"version": "*"}}),
        ('rand = { features = ["", "a b", 3, "x/y", "x\\u0000"] }', {"rand": {"features": [], "version": "*"}}),
        ('rand = { features = "a", default-features = "no" }', {"rand": {"version": "*"}}),
        ("rand = 3", {"rand": {"version": "*"}}),
        ("rand = []", {"rand": {"version": "*"}}),
        ('libc = "0.2"', {}),
        ('"../rand" = "1"', {}),
        ('"" = "1"', {}),
    ],
)
def test_only_known_crates_and_their_features_are_taken(dependency: str, taken: dict[str, object]) -> None:
    assert grading(f"[dependencies]\n{dependency}\n")["dependencies"] == taken


@pytest.mark.parametrize(
    "theirs",
    [
        *("[package", "dependencies = 3", "[[dependencies]]\nrand = 1", "\x00", "a = " + "[" * 5_000),
        *("a = " + "9" * 5_000, "# " + "x" * MAX_BYTES, b"\xff\xfe"),
        *(
            '[package]\nname = "x"\nbuild = "b.rs"\nautotests = false',
            '[[test]]\nname = "x"',
            "[lib]\nproc-macro = true",
        ),
        *('[patch.crates-io]\nrand = { path = "x" }', '[workspace]\nmembers = ["x"]', '[profile.dev]\npanic = "abort"'),
        *('[target."cfg(unix)".dependencies]\nrand = "1"', '[build-dependencies]\nrand = "1"', "[features]\ndeep = 3"),
        *('[replace]\n"rand:1.0.0" = { path = "x" }', '[dev-dependencies]\nrand = "1"', 'cargo-features = ["x"]'),
    ],
)
def test_everything_else_is_left_out(theirs: str | bytes) -> None:
    assert grading(theirs) == UNCHANGED


def test_the_number_of_features_is_limited() -> None:
    found = grading(f"[dependencies]\nrand = {{ features = {['x'] * 99} }}\n")["dependencies"]
    assert found == {"rand": {"features": ["x"] * MAX_FEATURES, "version": "*"}}


def test_the_exercises_own_dependencies_stay() -> None:
    pristine = PRISTINE + b'\n[dependencies]\nrand = "0.1"\nlibc = "0.2"\n'
    assert grading("", pristine)["dependencies"] == {"rand": {"version": "*"}, "libc": "0.2"}


@pytest.mark.parametrize("pristine", [b"[package", b'[package]\nname = "x"\n[package]\n', b"", b"package = 3"])
def test_an_exercise_without_a_package_is_an_error(pristine: bytes) -> None:
    with pytest.raises(MalformedContentError, match=r"Cargo\.toml"):
        grading_manifest(pristine, b"", crates=CRATES)


@given(st.binary(max_size=300) | st.text(alphabet='[]{}"=.,#a1\n dependencies', max_size=300).map(str.encode))
def test_whatever_an_agent_writes_the_package_stays_the_same(theirs: bytes) -> None:
    assert {**grading(theirs), "dependencies": {}} == UNCHANGED


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
    known = exercise(ANT_TRAIL, frozenset({"ant-trail::end_of_one_step"}))
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    (expected,) = suite.must_pass
    assert suite.own_names[expected] == "ant-trail::end_of_one_step"
    assert expected in suite.must_fail.values()


def test_hidden_tests_unlisted_ones_too_are_built_and_then_removed() -> None:
    known = exercise(BEE_DANCE, frozenset())
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    assert set(suite.files) == {
        "graders/report.py",
        "graders/rust.py",
        "solution/Cargo.toml",
        "solution/src/lib.rs",
        "solution/src/waggle.rs",
        "tests/tests/bee-dance.rs",
        "tests/tests/meadow/mod.rs",
        "tests/tests/waggle.rs",
    }
    files = ["tests/bee-dance.rs", "tests/waggle.rs"]
    assert list(suite.build[3:]) == ["build", "bee-dance", "/task/solution", "/task/tests", *files]
    assert list(suite.removed) == ["/task/tests"]
    assert list(suite.argv[3:]) == ["run", "bee-dance", *files]


def test_the_solutions_cargo_toml_is_not_the_one_that_is_built() -> None:
    known = exercise(BEE_DANCE, frozenset())
    theirs = File(b'[package]\nname = "cheat"\n[dependencies]\nitertools = { path = "src" }\n')
    suite = LANGUAGE.suite(known, {**known.known.reference, "Cargo.toml": theirs}, chance=Random(0))
    built = tomllib.loads(suite.files["solution/Cargo.toml"].content.decode())
    assert (built["package"]["name"], built["dependencies"]) == ("bee-dance", {"itertools": {"version": "*"}})


def test_a_deleted_cargo_toml_is_the_exercises_own() -> None:
    known = exercise(ANT_TRAIL, frozenset())
    assert "solution/Cargo.toml" in LANGUAGE.suite(known, {}, chance=Random(0)).files


def test_an_exercise_without_a_manifest_entry_is_not_graded() -> None:
    known = exercise(ANT_TRAIL, None)
    with pytest.raises(MalformedContentError, match="has no manifest entry"):
        LANGUAGE.suite(known, {}, chance=Random(0))


def test_the_statement_names_the_crates_that_there_are() -> None:
    assert image_crates()["itertools"] == "0.13"
    assert "itertools 0.13, num-bigint 0.4" in LANGUAGE.tools
    assert LANGUAGE.tools in exercise(BEE_DANCE, frozenset()).task.statement


def test_agents_see_no_test() -> None:
    workspace = exercise(BEE_DANCE, frozenset()).task.workspace
    assert set(workspace) == {"Cargo.toml", "src/lib.rs", "src/waggle.rs"}


def test_a_reference_of_ours_takes_the_place_of_one_that_cannot_be_built(tmp_path: Path) -> None:
    definition = definition_named("polyglot-mini")
    shutil.copytree(definition.place(BEE_DANCE), tmp_path / "tasks" / BEE_DANCE)
    ours = tmp_path / "references" / BEE_DANCE / "src" / "lib.rs"
    ours.parent.mkdir(parents=True)
    ours.write_bytes(b"// ours")
    benchmark = ExercisesBenchmark(replace(definition, directory=tmp_path), tasks=[BEE_DANCE], expected={})
    theirs = _benchmark({}).exercise(BEE_DANCE).known.reference
    assert benchmark.exercise(BEE_DANCE).known.reference == {**theirs, "src/lib.rs": File(b"// ours")}


@pytest.mark.parametrize("path", ["src/ants.rs", "src/ants/mod.rs", "src/main.rs", "src/tests.rs"])
def test_modules_may_be_added(path: str) -> None:
    assert task_with_helpers().takes(path)


@pytest.mark.parametrize(
    "path",
    [
        *("build.rs", "ants.rs", "tests/ants.rs", "tests/ant-trail.rs", "benches/b.rs", "examples/e.rs", "Cargo.lock"),
        *(".cargo/config.toml", "src/.cargo/config.toml", "src/Cargo.toml", "src/ants.txt", "src/.rs", "src//a.rs"),
        *("src/../build.rs", "src/ants.rs\n", "rust-toolchain.toml", "target/debug/ants.rs", "src/ants"),
    ],
)
def test_nothing_else_may_be_added(path: str) -> None:
    assert not task_with_helpers().takes(path)


def task_with_helpers() -> Task:
    """Return an exercise as agents see it."""
    workspace = {"src/lib.rs": File(b""), "Cargo.toml": File(b"")}
    return Task(ANT_TRAIL, "", workspace, ("src/lib.rs", "Cargo.toml"), helper_paths=LANGUAGE.helper_paths)


def test_every_upstream_exercise_can_be_guarded() -> None:
    checkout = os.environ.get("DGM_POLYGLOT_DIR")
    if not checkout:
        pytest.skip("DGM_POLYGLOT_DIR does not name a checkout of the upstream exercises")
    definition = definition_named("polyglot")
    tasks = [task for task in definition.tasks if definition.language_of(task) == "rust"]
    benchmark = ExercisesBenchmark(definition, tasks=tasks, checkout=Path(checkout))
    contradicted = 0
    for known in benchmark.exercises():
        suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
        assert set(suite.own_names.values()) == known.expected
        contradicted += sum(1 for test in suite.must_fail.values() if test)
    assert contradicted > 250
