"""What an agent could leave in a Java exercise, each graded in a real container: only the right solution scores."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dgm.benchmarks.languages.java import JavaLanguage
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.images import ensure_image
from tests.escape.java_cheats import (
    ALL_RIGHT,
    BENCHMARK,
    BOMBS,
    BROKEN,
    ENDS,
    FORGERIES,
    HASTY_BENCHMARK,
    HELPED_TASK,
    HELPERS,
    MAIN,
    NEUTRAL,
    PATCHES,
    PLANTED,
    REASONING,
    RIGHT,
    SOLUTION,
    TASK,
    loading,
    wrong,
)
from tests.escape.solutions import Changes, judged, reference

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(scope="module")
def grades(sandbox: DockerSandbox) -> Generator[Mapping[str, Future[Grade]]]:
    """The grade of everything, two at a time; each test waits for its own."""
    ensure_image(sandbox.engine, JavaLanguage().image, say=print)
    nothing_right = wrong()
    solutions: dict[str, Changes] = {
        "right": {SOLUTION: RIGHT},
        "unchanged": {},
        "wrong": {SOLUTION: nothing_right},
        "planted beside right": {SOLUTION: RIGHT, **PLANTED},
        "planted beside wrong": {SOLUTION: nothing_right, **PLANTED},
        **{name: {SOLUTION: source} for name, source in {**ENDS, **FORGERIES, **PATCHES, **REASONING, **BOMBS}.items()},
        **{name: {SOLUTION: neutral(actions)} for name, actions in NEUTRAL.items()},
        **BROKEN,
        **{f"{name} beside right": {SOLUTION: RIGHT, **added} for name, added in HELPERS.items()},
        "all helpers beside wrong": {
            SOLUTION: nothing_right,
            **HELPERS["JUnit's annotation"],
            **HELPERS["AssertJ's assertions"],
            **HELPERS["an extension"],
        },
    }

    def graded(name: str) -> Grade:
        suite = HASTY_BENCHMARK if name in BOMBS else BENCHMARK
        return judged(suite, TASK, solutions[name], sandbox=sandbox)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(graded, name) for name in solutions}


def neutral(actions: str) -> str:
    """Return the right solution, which does that when it is loaded."""
    imports = "import java.io.*;\nimport java.nio.file.*;\n"
    return imports + RIGHT.replace("class AntTrail {", "class AntTrail {\n" + loading(actions))


def test_the_reference_resolves(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["right"].result() == ALL_RIGHT


@pytest.mark.parametrize("name", ["unchanged", "wrong"])
def test_a_solution_that_solves_nothing_does_not(grades: Mapping[str, Future[Grade]], name: str) -> None:
    grade = grades[name].result()
    assert (grade.resolved, grade.summary) == (False, "0 of 9 tests passed")


def test_files_of_their_own_may_hold_part_of_a_solution(sandbox: DockerSandbox) -> None:
    ensure_image(sandbox.engine, JavaLanguage().image, say=print)
    changes = reference(BENCHMARK, HELPED_TASK)
    assert len(changes) == 2
    grade = judged(BENCHMARK, HELPED_TASK, changes, sandbox=sandbox)
    assert grade == Grade(resolved=True, summary="13 of 13 tests passed")


def test_files_that_agents_find_there_cannot_be_changed(sandbox: DockerSandbox) -> None:
    ensure_image(sandbox.engine, JavaLanguage().image, say=print)
    changes = reference(BENCHMARK, HELPED_TASK) | {f"{MAIN}/UnclearDanceException.java": "class Unclear {}"}
    assert judged(BENCHMARK, HELPED_TASK, changes, sandbox=sandbox).resolved


@pytest.mark.parametrize("name", [*ENDS, *FORGERIES, *REASONING])
def test_ending_or_forging_does_not_score(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert not grades[name].result().resolved


@pytest.mark.parametrize("name", PATCHES)
def test_making_every_test_pass_is_called_tampering(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[name].result().summary.startswith("tampering: ")
    assert grades[name].result().flags


@pytest.mark.parametrize("name", NEUTRAL)
def test_what_a_solution_does_at_load_changes_nothing(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[name].result() == ALL_RIGHT


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_build_does_not_score(grades: Mapping[str, Future[Grade]], name: str) -> None:
    grade = grades[name].result()
    assert (grade.resolved, grade.summary) == (False, "it does not build; 0 of 9 tests passed")


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_a_verdict(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert not grades[name].result().resolved


@pytest.mark.parametrize("name", ["endless load", "endless test"])
def test_running_out_of_time_is_told(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[name].result().summary == "the tests timed out"


def test_printing_too_much_is_told(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["a gigabyte of output"].result().summary == "it printed too much; 0 of 9 tests passed"


@pytest.mark.parametrize("path", PLANTED)
def test_a_planted_file_is_not_taken(path: str) -> None:
    assert not BENCHMARK.task(TASK).takes(path)


def test_planted_files_change_nothing(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["planted beside right"].result() == ALL_RIGHT
    assert grades["planted beside wrong"].result().summary == "0 of 9 tests passed"


@pytest.mark.parametrize("name", HELPERS)
def test_a_class_that_stands_in_for_another_is_inert(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[f"{name} beside right"].result() == ALL_RIGHT


def test_classes_that_stand_in_for_others_pass_no_test(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["all helpers beside wrong"].result().summary == "0 of 9 tests passed"


def test_what_is_wrong_is_said_under_the_tests_own_names(grades: Mapping[str, Future[Grade]]) -> None:
    output = grades["wrong"].result().output
    assert "AntTrailTest.stepsAddUp: " in output
    assert "77" in output


def test_what_the_compiler_says_is_kept(grades: Mapping[str, Future[Grade]]) -> None:
    assert "src/main/java/AntTrail.java:" in grades["does not compile"].result().output
