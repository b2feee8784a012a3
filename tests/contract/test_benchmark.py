"""What every benchmark must be: the embedded ones and the one in memory."""

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from dgm.benchmarks.catalogue import exercises_named
from dgm.benchmarks.checking import check
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.core.errors import UnknownNameError
from dgm.core.files import Change
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Benchmark, Sandbox
from dgm.sandbox.images import ensure_image
from dgm.wiring import SystemClock
from tests.docker_fixtures import docker_sandbox
from tests.fakes.benchmark import FakeBenchmark
from tests.fakes.sandbox import FakeSandbox

SESSION = SessionId("00001.1.grading")


@pytest.fixture(scope="module")
def katas() -> ExercisesBenchmark:
    return exercises_named("katas")


@pytest.fixture(scope="module")
def mini() -> ExercisesBenchmark:
    return exercises_named("polyglot-mini")


@pytest.fixture(params=["fake", "katas", "polyglot-mini"])
def benchmark(request: pytest.FixtureRequest) -> Benchmark:
    match cast("str", request.param):
        case "fake":
            return FakeBenchmark()
        case "katas":
            return cast("ExercisesBenchmark", request.getfixturevalue("katas"))
        case _:
            return cast("ExercisesBenchmark", request.getfixturevalue("mini"))


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


def test_references_have_every_solution_file_and_nothing_that_is_not_taken(benchmark: Benchmark) -> None:
    for known in benchmark.known_tasks():
        assert set(known.task.solution_paths) <= set(known.reference)
        assert known.task.solution_in(known.reference) == known.reference


def test_naive_attempts_are_made_of_files_that_are_taken(benchmark: Benchmark) -> None:
    for known in benchmark.known_tasks():
        assert known.task.solution_in(known.naive) == known.naive


def test_references_are_not_the_stubs(benchmark: Benchmark) -> None:
    for known in benchmark.known_tasks():
        assert known.reference != known.task.solution_in(known.task.workspace)


def test_every_image_is_one_that_the_benchmark_names(benchmark: Benchmark) -> None:
    assert {benchmark.image, *(task.image for task in benchmark.tasks())} == set(benchmark.images())


def test_statements_name_the_files_to_change(benchmark: Benchmark) -> None:
    for task in benchmark.tasks():
        assert all(f"`{path}`" in task.statement for path in task.solution_paths)


def test_grading_an_unknown_task_is_an_error(benchmark: Benchmark) -> None:
    with pytest.raises(UnknownNameError, match="no-such-task"):
        benchmark.grade(TaskId("no-such-task"), Change({}, {}), sandbox=FakeSandbox(), session=SESSION)


def test_the_fake_resolves_a_reference_and_no_stub() -> None:
    _assert_tells_reference_from_stub(FakeBenchmark(), FakeSandbox())


@pytest.mark.docker
def test_a_kata_resolves_a_reference_and_no_stub(katas: ExercisesBenchmark) -> None:
    with docker_sandbox() as sandbox:
        _assert_tells_reference_from_stub(katas, sandbox)


def _assert_tells_reference_from_stub(benchmark: Benchmark, sandbox: Sandbox) -> None:
    known = benchmark.known_tasks()[0]
    task = known.task
    untouched = task.solution_in(task.workspace)
    reference = benchmark.grade(task.id, Change(untouched, known.reference), sandbox=sandbox, session=SESSION)
    base = benchmark.grade(task.id, Change(untouched, untouched), sandbox=sandbox, session=SESSION)
    assert (reference.resolved, base.resolved) == (True, False)


@pytest.mark.docker
@pytest.mark.slow
def test_every_kata_tells_its_reference_from_its_stub(katas: ExercisesBenchmark) -> None:
    with docker_sandbox() as sandbox:
        rows = list(check(katas, sandbox, clock=SystemClock(), workers=2))
    assert [row for row in rows if not row.sound] == []


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("language", ["cpp", "go", "java", "javascript", "python", "rust"])
def test_every_small_exercise_tells_its_reference_from_its_stub(language: str) -> None:
    benchmark = exercises_named("polyglot-mini", [f"{language}/*"])
    with docker_sandbox() as sandbox:
        for image in benchmark.images():
            ensure_image(sandbox.engine, image, say=print)
        rows = list(check(benchmark, sandbox, clock=SystemClock(), workers=2))
    assert [row for row in rows if not row.sound] == []


@pytest.mark.docker
def test_no_naive_attempt_resolves_its_kata(katas: ExercisesBenchmark) -> None:
    naive = [(known.task.id, Change({}, known.naive)) for known in katas.known_tasks() if known.naive]
    with docker_sandbox() as sandbox, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(katas.grade, *item, sandbox=sandbox, session=SESSION) for item in naive]
        assert [grade for grade in waiting if grade.result().resolved] == []
