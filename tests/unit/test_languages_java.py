"""How Java exercises are judged: their tests mixed with contradictions, and what a grading is made of."""

import os
import re
from pathlib import Path
from random import Random

import pytest

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.java import JavaLanguage
from dgm.benchmarks.languages.java_canaries import Copies, guarded
from dgm.benchmarks.manifest import Expected, read_manifest
from dgm.core.errors import MalformedContentError
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.tasks import Task

ANT_TRAIL, BEE_DANCE = TaskId("java/ant-trail"), TaskId("java/bee-dance")
SEEDS = range(20)
LANGUAGE = JavaLanguage()
RANDOM_NAME = r"test_\d{4}_[0-9a-f]{8}"
FILE = """
import static org.assertj.core.api.Assertions.assertThat;

public class PondTest {{
    private Pond pond = new Pond();

    @Disabled("not yet")
    @Test
    public void holdsWater() throws Exception {{
        {body}
    }}
}}
"""

# (a test's body, regular expression of its contradiction's)
DECIDABLE = [
    ("assertThat(pond.fish()).isEqualTo(7);", r"assertThat\(pond\.fish\(\)\)\.isEqualTo\([0-6]\);"),
    ("assertThat(fish).isEqualTo(2147483647);", r"assertThat\(fish\)\.isEqualTo\(214748364[0-6]\);"),
    ("assertThat(fish).isEqualTo(-40L);", r"assertThat\(fish\)\.isEqualTo\(-4[1-7]L\);"),
    ("assertThat(deep).isEqualTo(2.5);", r"assertThat\(deep\)\.isEqualTo\(([013-7]\.5|2\.[0-467])\);"),
    ('assertThat(name).isEqualTo("e4");', r'assertThat\(name\)\.isEqualTo\("(?!e4)[a-z]\d"\);'),
    ('assertThat(name).isEqualTo("");', r'assertThat\(name\)\.isEqualTo\("[aeiou]"\);'),
    ('assertThat(name).isEqualTo("\\n\\u0041)");', r'assertThat\(name\)\.isEqualTo\("\\n\\u0041\)[aeiou]"\);'),
    ('assertThat(name).isEqualTo("a" + "\\n;b");', r'assertThat\(name\)\.isEqualTo\("(?!a.*b)[a-z]" \+ "\\n;[a-z]"\);'),
    ("assertThat(letter).isEqualTo('B');", r"assertThat\(letter\)\.isEqualTo\('[AC-Z]'\);"),
    ("assertThat(frozen).isEqualTo(true);", r"assertThat\(frozen\)\.isEqualTo\(false\);"),
    (
        "assertThat(all)\n            .containsExactly(1, 1);",
        r"assertThat\(all\)\n            \.containsExactly\(([02-7], 1|1, [02-7])\);",
    ),
    (
        "assertThat(all).isEqualTo(Arrays.asList(new int[] {1}));",
        r"assertThat\(all\)\.isEqualTo\(Arrays\.asList\(new int\[\] \{[02-7]\}\)\);",
    ),
    (
        'String dry = "yes"; // "a note"\n        assertThat(pond.dry()).isEqualTo(dry);',
        r'String dry = "(?!yes)[a-z]{3}"; // "a note"\n        assertThat\(pond\.dry\(\)\)\.isEqualTo\(dry\);',
    ),
    (
        'assertThatExceptionOfType(Ice.class).isThrownBy(() -> { pond.swim(3); }).withMessage("no");',
        r'assertThatExceptionOfType\(Ice\.class\)\.isThrownBy\(.*swim\(3\); \}\)\.withMessage\("(?!no)[a-z]{2}"\);',
    ),
    ("assertThat(frozen).isTrue();", r"assertThat\(frozen\)\.isFalse\(\);"),
    ("assertThat(fish).isEmpty();", r"assertThat\(fish\)\.isNotEmpty\(\);"),
    ("if (dry) { swim(); }\n        assertThat(fish).isZero();", r"if .*\n        assertThat\(fish\)\.isNotZero\(\);"),
    ("assertThat(pond).isEqualTo(Pond.of(1, 2));", r"assertThat\(pond\)\.isEqualTo\(new Object\(\)\);"),
    ("assertThat(fish).containsExactly(pike);", r"assertThat\(fish\)\.isEqualTo\(new Object\(\)\);"),
    ('assertThat(fish).as("all").hasFins(2, 3);', r'assertThat\(fish\)\.as\("all"\)\.isEqualTo\(new Object\(\)\);'),
    ("assertThat(fish).hasSize(0);", r"assertThat\(fish\)\.hasSize\([1-7]\);"),
    ("assertThat(deep).isCloseTo(8.25, offset(0.1));", r"assertThat\(deep\)\.isCloseTo\([0-7]\.25, offset\(0\.1\)\);"),
    (
        "double near = 0.005;\n        assertThat(deep).isCloseTo(8.25, Assertions.within(near));",
        r".*isCloseTo\([0-7]\.25, Assertions\.within\(near\)\);",
    ),
    ("assertThat(deep).isCloseTo(8.25, offset(far));", r"assertThat\(deep\)\.isEqualTo\(new Object\(\)\);"),
    (
        "swim(Fish.EEL);\n        assertThat(fish).containsExactly(Fish.PIKE);",
        r"swim\(Fish\.EEL\);\n        assertThat\(fish\)\.containsExactly\(Fish\.EEL\);",
    ),
    (
        "assertThatExceptionOfType(Ice.class).isThrownBy(() -> pond.swim());",
        r"org\.assertj\.core\.api\.Assertions\.assertThatNoException\(\)\.isThrownBy\(\(\) -> pond\.swim\(\)\);",
    ),
    (
        "int two = 2;\n        swim(two);\n        assertThat(fish).isEqualTo(two);",
        r"int two = 2;\n        swim\(two\);\n        assertThat\(fish\)\.isEqualTo\(new Object\(\)\);",
    ),
]
UNDECIDABLE = [
    "",
    "assertThat(fish).usingRecursiveComparison().isEqualTo(other);",
    "assertThatThrownBy(() -> pond.swim()).isInstanceOf(Ice.class);",
    "for (int fish : all) { assertThat(fish).isEqualTo(2); }",
    "for (int fish : all) assertThat(fish).isEqualTo(2);",
    "assertPond(2);",
    "assertThat(fish)",
]
STRANGE = """
/* @Test void inAComment() { assertThat(1).isEqualTo(2); } */
public class PondTest {
    String text = "@Test void inAText() { ";
    char brace = '{';
    String block = \"\"\"
        @Test void inABlock() { " }
        \"\"\";

    @Test
    void aTest() {
        assertThat(1).isEqualTo(1);
    }

    @BeforeEach
    void setUp() {
    }

    @TestFactory
    void makesTests() {
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void manyTimes(int times) {
    }

    @Nested
    class Inner {
        @Test
        void deepInside() {
        }
    }

    @Disabled @org.junit.jupiter.api.Test @DisplayName("another (one")
    protected void anotherTest() {
    }
}
"""


def made_ready(body: str, seed: int) -> tuple[GuardedTests[Copies], str]:
    """Return a file with one test of that body, and its texts for both containers one after the other."""
    made = guarded({"PondTest.java": FILE.format(body=body)}, Random(seed))
    return made, "".join(texts["PondTest.java"] for texts in made.sources)


def body_of(name: str, source: str) -> str:
    """Return what stands in a test's braces."""
    found = re.search(rf"void {name.rpartition('.')[2]}\(\)[^{{]*{{\n        (.*?)\n    }}", source, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("body", "other"), DECIDABLE)
@pytest.mark.parametrize("seed", SEEDS)
def test_beside_a_test_stands_its_contradiction(body: str, other: str, seed: int) -> None:
    tests, source = made_ready(body, seed)
    (real,), (canary,) = tests.names, tests.canaries
    assert tests.canaries == {canary: real}
    assert body_of(real, source) == body
    assert body_of(canary, source) != body
    assert re.fullmatch(other, body_of(canary, source), re.DOTALL)


@pytest.mark.parametrize("body", UNDECIDABLE)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_test_without_a_contradiction_gets_a_plain_canary(body: str, seed: int) -> None:
    tests, source = made_ready(body, seed)
    assert list(tests.canaries.values()) == ["", ""]
    for canary, texts in zip(tests.canaries, tests.sources, strict=True):
        low, high = re.findall(r"\((\d+)\)", body_of(canary, texts["PondTest.java"]))
        assert low != high
    assert "holdsWater" not in source


def test_no_name_tells_a_test_from_its_contradiction() -> None:
    tests, source = made_ready("assertThat(fish).isEqualTo(7);", 1)
    assert "holdsWater" not in source
    assert list(tests.names.values()) == ["PondTest.holdsWater"]
    for name in [*tests.names, *tests.canaries]:
        assert re.fullmatch(rf"PondTest\.{RANDOM_NAME}", name)


def test_names_are_other_ones_each_time() -> None:
    assert (
        made_ready("assertThat(fish).isEqualTo(7);", 1)[0].names
        != made_ready("assertThat(fish).isEqualTo(7);", 2)[0].names
    )


def test_either_container_may_have_the_contradiction() -> None:
    def canary_is_in_the_first(seed: int) -> bool:
        tests = made_ready("assertThat(fish).isEqualTo(7);", seed)[0]
        (canary,), (real,) = ([name.rpartition(".")[2] for name in names] for names in (tests.canaries, tests.names))
        texts = [texts["PondTest.java"] for texts in tests.sources]
        assert [canary in text for text in texts] != [real in text for text in texts]
        return canary in texts[0]

    assert {canary_is_in_the_first(seed) for seed in SEEDS} == {True, False}


def test_only_what_is_a_test_of_the_outermost_class_gets_another_name() -> None:
    tests = guarded({"PondTest.java": STRANGE}, Random(0))
    assert list(tests.names.values()) == ["PondTest.aTest", "PondTest.anotherTest"]
    assert list(tests.canaries.values()) == [next(iter(tests.names))]


def test_files_without_tests_stay_as_they_are() -> None:
    extension = "public class Frost implements Extension {\n}\n"
    tests = guarded({"Frost.java": extension, "PondTest.java": STRANGE}, Random(0))
    assert [texts["Frost.java"] for texts in tests.sources] == [extension, extension]


def test_a_plain_canary_stands_where_only_tests_are_that_keep_their_names() -> None:
    source = "public class PondTest {\n    @ParameterizedTest\n    void manyTimes(int times) {\n    }\n}\n"
    tests = guarded({"PondTest.java": source}, Random(0))
    for canary, texts in zip(tests.canaries, tests.sources, strict=True):
        assert canary.startswith("PondTest.")
        assert "isEqualTo" in body_of(canary, texts["PondTest.java"])
        assert "manyTimes" in texts["PondTest.java"]


def exercise(task: TaskId, expected: frozenset[str] | None) -> Exercise:
    """Return an exercise of our own that is expected to have these tests."""
    known = {} if expected is None else {task: Expected(benchmark({}).content_hash(task), expected)}
    return benchmark(known).exercise(task)


def benchmark(expected: dict[TaskId, Expected] | None = None) -> ExercisesBenchmark:
    """Return our two exercises; as the manifest knows them unless given."""
    return ExercisesBenchmark(definition_named("polyglot-mini"), tasks=[ANT_TRAIL, BEE_DANCE], expected=expected)


@pytest.mark.parametrize(("task", "tests"), [(ANT_TRAIL, 9), (BEE_DANCE, 13)])
def test_the_manifest_knows_our_exercises(task: TaskId, tests: int) -> None:
    assert len(benchmark().exercise(task).expected or ()) == tests


def test_a_grading_expects_what_the_manifest_names() -> None:
    known = exercise(
        BEE_DANCE, frozenset({"BeeDanceTest.oneRunIsUnclear", "BeeDanceTest.flowersAreSoFarFromTheSun[1]"})
    )
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    (renamed,) = suite.must_pass - {"BeeDanceTest.flowersAreSoFarFromTheSun[1]"}
    assert suite.own_names[renamed] == "BeeDanceTest.oneRunIsUnclear"
    assert renamed in suite.must_fail.values()


def test_the_tests_are_gone_before_they_run_and_differ_in_the_second_container() -> None:
    suite = LANGUAGE.suite(exercise(ANT_TRAIL, frozenset()), {}, chance=Random(0))
    assert suite.removed == ("/task/tests",)
    assert set(suite.apart) == {"tests/src/test/java/AntTrailTest.java"}
    assert all(suite.files[path] != other for path, other in suite.apart.items())


def test_the_hidden_tests_are_laid_beside_the_solution_and_never_into_it() -> None:
    known = exercise(BEE_DANCE, frozenset())
    suite = LANGUAGE.suite(known, known.known.reference, chance=Random(0))
    assert set(suite.files) == {
        "graders/java.py",
        "graders/report.py",
        "solution/build.gradle",
        "solution/src/main/java/BeeDance.java",
        "solution/src/main/java/UnclearDanceException.java",
        "solution/src/main/java/Waggle.java",
        "tests/src/test/java/BeeDanceTest.java",
    }


def test_the_build_stands_in_a_directory_of_the_exercises_name() -> None:
    known = exercise(ANT_TRAIL, frozenset())
    suite = LANGUAGE.suite(known, {}, chance=Random(0))
    assert list(suite.build[3:]) == ["build", "/task/solution", "/task/tests", "/workspace/ant-trail"]
    assert list(suite.argv[3:]) == ["run", "/task/solution", "/task/tests", "/workspace/ant-trail"]


def test_an_exercise_without_a_manifest_entry_is_not_graded() -> None:
    with pytest.raises(MalformedContentError, match="has no manifest entry"):
        LANGUAGE.suite(exercise(ANT_TRAIL, None), {}, chance=Random(0))


def test_agents_see_no_test() -> None:
    assert set(exercise(BEE_DANCE, frozenset()).task.workspace) == {
        "build.gradle",
        "src/main/java/BeeDance.java",
        "src/main/java/UnclearDanceException.java",
    }


@pytest.mark.parametrize("path", ["src/main/java/Waggle.java", "src/main/java/Contest.java", "src/main/java/test.java"])
def test_classes_may_be_added(path: str) -> None:
    assert task_with_helpers().takes(path)


@pytest.mark.parametrize(
    "path",
    [
        *("build.gradle", "settings.gradle", "gradle.properties", "init.gradle", "gradlew", "pom.xml"),
        *("gradle/wrapper/gradle-wrapper.properties", "buildSrc/src/main/java/Task.java", ".mvn/jvm.config"),
        *("src/test/java/BeeDanceTest.java", "src/test/java/Fine.java", "src/test/resources/junit-platform.properties"),
        *("src/main/resources/junit-platform.properties", "src/main/java/junit-platform.properties"),
        "src/main/resources/META-INF/services/org.junit.platform.engine.TestEngine",
        "src/main/java/META-INF/services/javax.annotation.processing.Processor",
        *("src/main/java/module-info.java", "src/main/java/package-info.java", "src/main/java/org/junit/Test.java"),
        *("src/main/java/BeeDanceTest.java", "src/main/java/BeeTests.java", "src/main/java/Waggle.class"),
        *(
            "src/main/java/Waggle.java\n",
            "src/main/java/../Waggle.java",
            "Waggle.java",
            ".hotspotrc",
            "JDK_JAVA_OPTIONS",
        ),
        "src/main/java/UnclearDanceException.java",
    ],
)
def test_nothing_else_may_be_added(path: str) -> None:
    assert not task_with_helpers().takes(path)


def task_with_helpers() -> Task:
    """Return an exercise as agents see it."""
    stub, found_there = "src/main/java/BeeDance.java", "src/main/java/UnclearDanceException.java"
    workspace = {stub: File(b""), found_there: File(b"")}
    return Task(BEE_DANCE, "", workspace, (stub,), helper_paths=LANGUAGE.helper_paths)


def test_every_test_of_the_upstream_exercises_is_expected_and_found() -> None:
    checkout = os.environ.get("DGM_POLYGLOT_DIR")
    if not checkout:
        pytest.skip("DGM_POLYGLOT_DIR does not name a checkout of the upstream exercises")
    definition = definition_named("polyglot")
    entries = {task: entry for task, entry in read_manifest(definition.directory).items() if task.startswith("java/")}
    assert len(entries) == 46
    for task, entry in entries.items():
        place = definition.place(task, Path(checkout))
        sources = {str(path): path.read_text("utf-8") for path in place.glob("src/test/**/*.java")}
        marks = sum(len(re.findall(r"^\s*@Test\b", source, re.MULTILINE)) for source in sources.values())
        assert len(entry.tests) == marks
        assert set(guarded(sources, Random(0)).names.values()) == entry.tests
    assert sum(len(entry.tests) for entry in entries.values()) == 781
