"""What every benchmark must be: the embedded one and the one in memory."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from dgm.benchmarks.checking import check
from dgm.benchmarks.katas import KatasBenchmark
from dgm.core.errors import UnknownNameError
from dgm.core.files import only
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Benchmark, Sandbox
from dgm.wiring import SystemClock
from tests.docker_fixtures import docker_sandbox
from tests.fakes.benchmark import FakeBenchmark
from tests.fakes.sandbox import FakeSandbox

SESSION = SessionId("00001.1.grading")


@pytest.fixture(scope="module")
def katas() -> KatasBenchmark:
    return KatasBenchmark()


@pytest.fixture(params=["fake", "katas"])
def benchmark(request: pytest.FixtureRequest, katas: KatasBenchmark) -> Benchmark:
    return FakeBenchmark() if cast("str", request.param) == "fake" else katas


def test_tasks_have_different_ids(benchmark: Benchmark) -> None:
    ids = [task.id for task in benchmark.tasks()]
    assert len(set(ids)) == len(ids) > 0


def test_tasks_stay_the_same(benchmark: Benchmark) -> None:
    assert benchmark.tasks() == benchmark.tasks()


def test_each_task_is_found_by_its_id(benchmark: Benchmark) -> None:
    assert [benchmark.task(task.id) for task in benchmark.tasks()] == list(benchmark.tasks())


def test_an_unknown_task_is_named_in_the_error(benchmark: Benchmark) -> None:
    with pytest.raises(UnknownNameError, match="no-such-task"):
        benchmark.task(TaskId("no-such-task"))


def test_the_stages_hold_every_task_once_in_order(benchmark: Benchmark) -> None:
    staged = [task for stage in benchmark.stages() for task in stage.tasks]
    assert staged == [task.id for task in benchmark.tasks()]


def test_no_stage_is_empty(benchmark: Benchmark) -> None:
    assert all(stage.tasks for stage in benchmark.stages())


def test_every_task_has_known_answers(benchmark: Benchmark) -> None:
    assert [known.task for known in benchmark.known_tasks()] == list(benchmark.tasks())


def test_solution_files_stand_in_the_workspace(benchmark: Benchmark) -> None:
    missing = [
        (task.id, path) for task in benchmark.tasks() for path in task.solution_paths if path not in task.workspace
    ]
    assert missing == []


def test_references_are_made_of_solution_files_alone(benchmark: Benchmark) -> None:
    for known in benchmark.known_tasks():
        assert set(known.reference) == set(known.task.solution_paths)


def test_references_are_not_the_stubs(benchmark: Benchmark) -> None:
    for known in benchmark.known_tasks():
        assert known.reference != only(known.task.workspace, known.task.solution_paths)


def test_statements_name_the_files_to_change(benchmark: Benchmark) -> None:
    for task in benchmark.tasks():
        assert all(f"`{path}`" in task.statement for path in task.solution_paths)


def test_grading_an_unknown_task_is_an_error(benchmark: Benchmark) -> None:
    with pytest.raises(UnknownNameError, match="no-such-task"):
        benchmark.grade(TaskId("no-such-task"), {}, sandbox=FakeSandbox(), session=SESSION)


def test_the_fake_resolves_a_reference_and_no_stub() -> None:
    _assert_tells_reference_from_stub(FakeBenchmark(), FakeSandbox())


@pytest.mark.docker
def test_a_kata_resolves_a_reference_and_no_stub(katas: KatasBenchmark) -> None:
    with docker_sandbox() as sandbox:
        _assert_tells_reference_from_stub(katas, sandbox)


def _assert_tells_reference_from_stub(benchmark: Benchmark, sandbox: Sandbox) -> None:
    known = benchmark.known_tasks()[0]
    task = known.task
    reference = benchmark.grade(task.id, known.reference, sandbox=sandbox, session=SESSION)
    base = benchmark.grade(task.id, only(task.workspace, task.solution_paths), sandbox=sandbox, session=SESSION)
    assert (reference.resolved, base.resolved) == (True, False)


@pytest.mark.docker
@pytest.mark.slow
def test_every_kata_tells_its_reference_from_its_stub(katas: KatasBenchmark) -> None:
    with docker_sandbox() as sandbox:
        rows = list(check(katas, sandbox, clock=SystemClock(), workers=2))
    assert [row for row in rows if not row.sound] == []


@pytest.mark.docker
def test_no_naive_attempt_resolves_its_kata(katas: KatasBenchmark) -> None:
    naive = [(known.task.id, known.naive) for known in katas.known_tasks() if known.naive]
    with docker_sandbox() as sandbox, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(katas.grade, *item, sandbox=sandbox, session=SESSION) for item in naive]
        assert [grade for grade in waiting if grade.result().resolved] == []
