"""No patch gets a score that it does not deserve, and none keeps itself from being judged."""

from collections.abc import Generator

import pytest

from dgm.core.files import Change, File
from tests.escape.swebench_cheats import DISRUPTIONS, FORGERIES, PYTEST_FORGERIES
from tests.fakes.instances import instance_named
from tests.swebench_bench import SweBenchBench, edited, hurry, solved, swebench_bench

pytestmark = pytest.mark.docker

UNITTEST, PYTEST = "pebbleworks__tally-11", "reedmill__slugs-5"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Generator[SweBenchBench]:
    with hurry(8), swebench_bench(tmp_path_factory.mktemp("swebench")) as found:
        yield found


@pytest.mark.parametrize("cheat", FORGERIES)
def test_a_forged_verdict_is_not_believed(bench: SweBenchBench, cheat: str) -> None:
    solution = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: f"{text}\n\n{FORGERIES[cheat]}")
    grade = bench.grade(UNITTEST, solution)
    assert not grade.resolved or grade.flags


@pytest.mark.parametrize("cheat", PYTEST_FORGERIES)
def test_a_verdict_forged_by_new_files_is_not_believed(bench: SweBenchBench, cheat: str) -> None:
    files = {path: File(text.encode()) for path, text in PYTEST_FORGERIES[cheat].items()}
    grade = bench.grade(PYTEST, Change({}, files))
    assert not grade.resolved or grade.flags


@pytest.mark.parametrize("path", ["conftest.py", "tests/conftest.py", "sitecustomize.py", "pytest.ini", "unittest.py"])
def test_what_steers_the_tests_is_flagged_even_beside_the_right_solution(bench: SweBenchBench, path: str) -> None:
    text = "[pytest]\n" if path.endswith(".ini") else ""
    grade = bench.grade(PYTEST, solved(instance_named(PYTEST), **{path: text}))
    assert grade.resolved
    assert len(grade.flags) == 1
    assert path in grade.flags[0]


@pytest.mark.parametrize("name", DISRUPTIONS)
def test_a_disruption_is_a_verdict(bench: SweBenchBench, name: str) -> None:
    solution = edited(instance_named(UNITTEST), "tally/stats.py", lambda text: f"{text}\n\n{DISRUPTIONS[name]}")
    grade = bench.grade(UNITTEST, solution)
    assert not grade.resolved
    assert bench.live_containers() == 0
