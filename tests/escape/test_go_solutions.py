"""What an agent could leave in a Go exercise, each graded in a real container: only the right solution scores."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.languages.go import GoLanguage
from dgm.core.ids import TaskId
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.images import ensure_image
from tests.escape.go_cheats import (
    BELIEVED_TWICE,
    BENCHMARK,
    BOMBS,
    BROKEN,
    CHATTY,
    ENDS,
    EXTRAS,
    FORGERIES,
    GIGABYTES,
    GUESSES,
    HARMLESS,
    NOT_BUILT,
    PATCHES,
    READS_ANSWERS,
    RIGHT,
    SHORT_S,
    SOLUTION,
    TAMPERING,
    TASK,
    TASK_OF_SEVERAL_FILES,
    WRONG,
    benchmark,
)
from tests.escape.solutions import Changes, judged, reference, verdict

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def grades(sandbox: DockerSandbox) -> Generator[Mapping[str, Future[Grade]]]:
    """The grade of every solution, two at a time; each test waits for its own."""
    ensure_image(sandbox.engine, GoLanguage().image, say=print)
    solutions: dict[str, Changes] = {
        "reference": RIGHT,
        "untouched": {},
        "wrong": {SOLUTION: WRONG},
        "chatty": CHATTY,
        "reads the tests": READS_ANSWERS,
        "wrong with extras": {SOLUTION: WRONG, **EXTRAS},
        "reference with extras": {**RIGHT, **EXTRAS, **HARMLESS},
        **ENDS,
        **FORGERIES,
        **PATCHES,
        **GUESSES,
        **BELIEVED_TWICE,
        **BROKEN,
        **GIGABYTES,
    }
    with ThreadPoolExecutor(2) as pool:
        hasty = benchmark(timeout_s=SHORT_S)

        def grade(known: ExercisesBenchmark, changes: Changes, task: TaskId = TASK) -> Future[Grade]:
            return pool.submit(judged, known, task, changes, sandbox=sandbox)

        yield {
            **{name: grade(BENCHMARK, changes) for name, changes in solutions.items()},
            **{name: grade(hasty, changes) for name, changes in BOMBS.items()},
            "several files": grade(BENCHMARK, reference(BENCHMARK, TASK_OF_SEVERAL_FILES), TASK_OF_SEVERAL_FILES),
            "several files, untouched": grade(BENCHMARK, {}, TASK_OF_SEVERAL_FILES),
        }


@pytest.mark.parametrize("name", ["reference", "chatty", "reference with extras"])
def test_a_right_solution_scores(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[name].result() == Grade(resolved=True, summary="9 of 9 tests passed")


def test_a_right_solution_beside_the_exercises_own_files_scores(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["several files"].result() == Grade(resolved=True, summary="9 of 9 tests passed")


@pytest.mark.parametrize("name", ["untouched", "several files, untouched"])
def test_no_change_does_not_score(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert not grades[name].result().resolved
    assert "Please implement the" in grades[name].result().output


@pytest.mark.parametrize("name", ["wrong", "wrong with extras"])
def test_a_wrong_solution_does_not_score(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert verdict(grades[name]) == (False, "0 of 9 tests passed")


def test_what_failed_tests_said_is_told_under_their_own_names_and_without_canaries(
    grades: Mapping[str, Future[Grade]],
) -> None:
    output = grades["wrong"].result().output
    assert "TestWayHome/nothing_to_walk:     ant_trail_test.go:" in output
    assert 'WayHome("NESW") = "wrong"' in output
    assert "got" not in output


def test_what_the_compiler_said_is_told(grades: Mapping[str, Future[Grade]]) -> None:
    assert "./ant_trail.go" in grades["syntax error"].result().output


def test_the_tests_are_gone_before_they_run(grades: Mapping[str, Future[Grade]]) -> None:
    assert not grades["reads the tests"].result().resolved
    assert grades["reads the tests"].result().output == ""


@pytest.mark.parametrize("cheat", [*ENDS, *FORGERIES, *GUESSES])
def test_ending_or_forging_does_not_score(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert not grades[cheat].result().resolved


@pytest.mark.parametrize("cheat", [*PATCHES, *BELIEVED_TWICE, "forges on the standard output and exits"])
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
    assert verdict(grades[where]) == (False, "it printed too much; 0 of 9 tests passed")
