"""What an agent could leave in a C++ exercise, each graded in a real container: only the right solution scores."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.languages.cpp import CppLanguage
from dgm.core.ids import TaskId
from dgm.core.tasks import Grade
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.images import ensure_image
from tests.escape.cpp_cheats import (
    BOMBS,
    BROKEN,
    ENDS,
    EXPLODING,
    EXTRAS,
    FORGERIES,
    GIGABYTES,
    HEADER,
    MORE_PATCHES,
    PATCHES,
    REASONING,
    RIGHT,
    SHADOWING,
    SOURCE,
    TASK,
    WRONG,
)
from tests.escape.solutions import Changes, judged, reference, verdict

pytestmark = [pytest.mark.docker, pytest.mark.slow]

HEADER_ONLY_TASK = TaskId("cpp/bee-dance")
SHORT_S = 10.0
SHORT_BUILD_S = 20.0


def benchmark(*, timeout_s: float = 120.0, build_timeout_s: float = 300.0) -> ExercisesBenchmark:
    """Return the exercises, whose tests and build may take that long."""
    return ExercisesBenchmark(
        definition_named("polyglot-mini"),
        tasks=[TASK, HEADER_ONLY_TASK],
        languages=lambda _: CppLanguage(timeout_s=timeout_s, build_timeout_s=build_timeout_s),
    )


BENCHMARK = benchmark()
ALL_RIGHT = Grade(resolved=True, summary="9 of 9 tests passed")
NOTHING_RIGHT = "0 of 9 tests passed"
NOT_BUILT = "it does not build; 0 of 9 tests passed"


@pytest.fixture(scope="module")
def grades(sandbox: DockerSandbox) -> Generator[Mapping[str, Future[Grade]]]:
    """The grade of every solution, two at a time; each test waits for its own."""
    ensure_image(sandbox.engine, CppLanguage().image, say=print)
    solutions: dict[str, Changes] = {
        "reference": RIGHT,
        "untouched": {},
        "wrong": {SOURCE: WRONG},
        "all in the header": {
            HEADER: RIGHT[HEADER] + RIGHT[SOURCE].replace('#include "ant_trail.h"', ""),
            SOURCE: None,
        },
        **{name: {SOURCE: source} for name, source in (ENDS | FORGERIES | GIGABYTES).items()},
        **PATCHES,
        **MORE_PATCHES,
        **REASONING,
        **BROKEN,
        "wrong with extras": {SOURCE: WRONG, **EXTRAS},
        "reference with extras": {**RIGHT, **EXTRAS, **SHADOWING},
    }
    with ThreadPoolExecutor(2) as pool:
        hasty = benchmark(timeout_s=SHORT_S)

        def grade(known: ExercisesBenchmark, changes: Changes, task: TaskId = TASK) -> Future[Grade]:
            return pool.submit(judged, known, task, changes, sandbox=sandbox)

        yield {
            **{name: grade(BENCHMARK, changes) for name, changes in solutions.items()},
            **{name: grade(hasty, changes) for name, changes in BOMBS.items()},
            "exploding templates": grade(benchmark(build_timeout_s=SHORT_BUILD_S), {SOURCE: EXPLODING + WRONG}),
            "header only": grade(BENCHMARK, reference(BENCHMARK, HEADER_ONLY_TASK), HEADER_ONLY_TASK),
            "header only, untouched": grade(BENCHMARK, {}, HEADER_ONLY_TASK),
        }


@pytest.mark.parametrize("name", ["reference", "all in the header", "reference with extras"])
def test_a_right_solution_scores(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert grades[name].result() == ALL_RIGHT


def test_a_header_with_a_helper_scores(grades: Mapping[str, Future[Grade]]) -> None:
    assert grades["header only"].result() == Grade(resolved=True, summary="8 of 8 tests passed")


def test_no_change_does_not_score(grades: Mapping[str, Future[Grade]]) -> None:
    assert verdict(grades["untouched"]) == (False, "2 of 9 tests passed")
    assert verdict(grades["header only, untouched"]) == (False, "it does not build; 0 of 8 tests passed")


@pytest.mark.parametrize("name", ["wrong", "wrong with extras"])
def test_a_wrong_solution_does_not_score(grades: Mapping[str, Future[Grade]], name: str) -> None:
    assert verdict(grades[name]) == (False, NOTHING_RIGHT)


def test_what_failed_tests_said_is_told_under_their_own_names_and_without_contradictions(
    grades: Mapping[str, Future[Grade]],
) -> None:
    output = grades["wrong"].result().output
    assert "the busiest square is any square: " in output
    assert '"WWWSSS" == "wrong"' in output
    assert "case " not in output


def test_what_the_compiler_said_is_told(grades: Mapping[str, Future[Grade]]) -> None:
    assert "unused" in grades["a warning"].result().output


@pytest.mark.parametrize("cheat", [*ENDS, *FORGERIES, *PATCHES, *MORE_PATCHES, *REASONING])
def test_a_cheat_does_not_score(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert not grades[cheat].result().resolved
    assert grades[cheat].result().summary != NOT_BUILT, "the cheat has to be tried"


@pytest.mark.parametrize(
    "cheat",
    ["forges the report's file", "forges the report's file at the end", "forges in a program of its own", *PATCHES],
)
def test_making_every_test_pass_is_called_tampering(grades: Mapping[str, Future[Grade]], cheat: str) -> None:
    assert verdict(grades[cheat]) == (False, "tampering: tests that must fail were reported as passed")
    assert grades[cheat].result().flags


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_solution_does_not_build(grades: Mapping[str, Future[Grade]], broken: str) -> None:
    assert verdict(grades[broken]) == (False, NOT_BUILT)


@pytest.mark.parametrize("bomb", BOMBS)
def test_tests_that_never_end_time_out(grades: Mapping[str, Future[Grade]], bomb: str) -> None:
    assert verdict(grades[bomb]) == (False, "the tests timed out")


def test_a_build_that_never_ends_does_not_score(grades: Mapping[str, Future[Grade]]) -> None:
    assert not grades["exploding templates"].result().resolved


@pytest.mark.parametrize("where", GIGABYTES)
def test_a_gigabyte_does_not_score(grades: Mapping[str, Future[Grade]], where: str) -> None:
    assert not grades[where].result().resolved
