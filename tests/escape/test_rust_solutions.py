"""What an agent could leave in a Rust exercise, each graded in a real container: only the right solution scores."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.languages.rust import RustLanguage
from dgm.core.ids import TaskId
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.images import ensure_image
from tests.escape.rust_cheats import (
    ALL_RIGHT,
    BELIEVED_TWICE,
    BENCHMARK,
    BOMBS,
    BROKEN,
    CARGO,
    CHATTY,
    CHEAT,
    CLUMSY_FORGERIES,
    ENDS,
    EQUALS_EVERYTHING,
    EXTRAS,
    FORGERIES,
    GIGABYTES,
    HARMLESS,
    INTERPOSED,
    MANIFESTS,
    NOT_BUILT,
    OTHER_PROGRAM,
    OWN_MACROS,
    READS_ANSWERS,
    RIGHT,
    RIGHT_WITH_A_CRATE,
    SAME_TEXTS,
    SHORT_S,
    SOLUTION,
    TAMPERING,
    TASK,
    TASK_WITH_A_CRATE,
    WITH_EVERY_CRATE,
    WITH_UNIT_TESTS,
    WRONG,
    benchmark,
)
from tests.escape.solutions import Changes, judged, verdict

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def grades(sandbox: DockerSandbox) -> Generator[Mapping[str, Future[Grade]]]:
    """The grade of every solution, two at a time; each test waits for its own."""
    ensure_image(sandbox.engine, RustLanguage().image, say=print)
    solutions: dict[str, Changes] = {
        "reference": RIGHT,
        "untouched": {},
        "plug-in": {SOLUTION: '#![crate_type = "proc-macro"]\n' + RIGHT[SOLUTION]},
        "wrong": {SOLUTION: WRONG},
        "same texts": {SOLUTION: WRONG + SAME_TEXTS},
        "a value that equals everything": {SOLUTION: EQUALS_EVERYTHING},
        "own macros": {SOLUTION: WRONG + OWN_MACROS},
        "chatty": CHATTY,
        "with unit tests": WITH_UNIT_TESTS,
        "with every crate": WITH_EVERY_CRATE,
        "reads the tests": READS_ANSWERS,
        "wrong with extras": {SOLUTION: WRONG, **EXTRAS},
        "reference with extras": {**RIGHT, **EXTRAS, **HARMLESS},
        **ENDS,
        **FORGERIES,
        **CLUMSY_FORGERIES,
        **BELIEVED_TWICE,
        **INTERPOSED,
        **BROKEN,
        **{
            f"manifest: {name}": {SOLUTION: WRONG, CARGO: text, CHEAT: "fn main() {}\n"}
            for name, text in MANIFESTS.items()
        },
        **GIGABYTES,
    }
    with ThreadPoolExecutor(2) as pool:
        hasty = benchmark(timeout_s=SHORT_S)

        def grade(known: ExercisesBenchmark, changes: Changes, task: TaskId = TASK) -> Future[Grade]:
            return pool.submit(judged, known, task, changes, sandbox=sandbox)

        yield {
            **{name: grade(BENCHMARK, changes) for name, changes in solutions.items()},
            **{name: grade(hasty, changes) for name, changes in BOMBS.items()},
            "with a crate": grade(BENCHMARK, RIGHT_WITH_A_CRATE, TASK_WITH_A_CRATE),
            "with a crate, untouched": grade(BENCHMARK, {}, TASK_WITH_A_CRATE),
            "another program in the second's place": grade(BENCHMARK, OTHER_PROGRAM, TASK_WITH_A_CRATE),
        }


@pytest.mark.parametrize(
    "name", ["reference", "chatty", "plug-in", "with unit tests", "with every crate", "reference with extras"]
)
def test_a_right_solution_scores(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[name].result() == ALL_RIGHT


def test_a_right_solution_with_a_crate_and_a_second_file_scores(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["with a crate"].result() == Grade(resolved=True, summary="5 of 5 tests passed")


def test_no_change_does_not_score(grades: Mapping[str, Future[Grade]]) -> None:
    assert verdict(grades["untouched"]) == (False, "0 of 8 tests passed")
    assert verdict(grades["with a crate, untouched"]) == (False, "0 of 5 tests passed")


@pytest.mark.parametrize("name", ["wrong", "wrong with extras", "own macros"])
def test_a_wrong_solution_does_not_score(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert verdict(grades[name]) == (False, "0 of 8 tests passed")


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_of_its_own_changes_nothing(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert verdict(grades[f"manifest: {name}"]) == (False, "0 of 8 tests passed")


def test_what_failed_tests_said_is_told_under_their_own_names_and_without_canaries(
    grades: Mapping[str, Future[Grade]],
) -> None:
    output = grades["wrong"].result().output
    assert "ant-trail::busiest_square::is_the_nest: " in output
    assert "left: Ok(99)" in output
    assert "test_" not in output


def test_what_the_compiler_said_is_told(grades: Mapping[str, Future[Grade]]) -> None:
    assert "--> src/lib.rs:" in grades["syntax error"].result().output


def test_the_tests_are_gone_before_they_run(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["reads the tests"].result().output == ""
    assert not grades["reads the tests"].result().resolved


@pytest.mark.parametrize(
    "cheat", [*ENDS, *FORGERIES, *CLUMSY_FORGERIES, *INTERPOSED, "same texts", "another program in the second's place"]
)
def test_ending_or_forging_does_not_score(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert not grades[cheat].result().resolved


@pytest.mark.parametrize("cheat", [*FORGERIES, *BELIEVED_TWICE, "a value that equals everything"])
def test_making_every_test_pass_is_called_tampering(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert verdict(grades[cheat]) == TAMPERING


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_solution_does_not_build(grades: Mapping[str, Future[Grade]], broken: str) -> None:
    assert verdict(grades[broken]) == NOT_BUILT


@pytest.mark.parametrize("bomb", BOMBS)
def test_tests_that_never_end_time_out(grades: Mapping[str, Future[Grade]], bomb: str) -> None:
    assert verdict(grades[bomb]) == (False, "the tests timed out")


@pytest.mark.parametrize("where", GIGABYTES)
def test_a_gigabyte_is_cut_off(grades: Mapping[str, Future[Grade]], where: str) -> None:
    assert verdict(grades[where]) == (False, "it printed too much; 0 of 8 tests passed")
