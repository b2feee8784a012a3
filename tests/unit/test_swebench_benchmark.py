"""SWE-bench as a benchmark: what agents are told of an instance, what they may change, and what judges it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import (
    benchmark_named,
    benchmark_of,
    definition_named,
    outline_named,
    whole_benchmark_of,
    with_records,
)
from dgm.benchmarks.swebench.benchmark import InstancesBenchmark, usual_image
from dgm.benchmarks.swebench.datasets import dataset_instances
from dgm.benchmarks.swebench.records import Instance, read_record
from dgm.benchmarks.swebench.tasks import task_of
from dgm.config import RunConfig, SweBench
from dgm.core.errors import ConfigError, MalformedContentError, UnknownNameError, UsageError
from dgm.core.files import Change, File
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Sandbox
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, Repository
from tests.fakes.records import BASE_COMMIT, GOLD_PATCH, TEST_PATCH, record, write_records
from tests.fakes.sandbox import FakeSandbox

SAMPLE = Path(__file__).parents[3] / "shared" / "spec" / "swebench" / "verified_sample.jsonl"
POND, LAKE = TaskId("pond__pond-1"), TaskId("lake__lake-2")
SESSION = SessionId("00001.1.grading")


@dataclass
class RememberingJudge:
    """Finds whatever contains "right" right."""

    judged: list[tuple[TaskId, object]] = field(default_factory=list[tuple[TaskId, object]])

    def grade(self, instance: Instance, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        del sandbox, session
        self.judged.append((instance.id, solution))
        return Grade(resolved=True, summary="fine")

    def grade_patch(self, instance: Instance, patch: str, *, sandbox: Sandbox, session: SessionId) -> Grade:
        del sandbox, session
        self.judged.append((instance.id, patch))
        return Grade(resolved=patch == instance.patch, summary="fine")


def instances() -> list[Instance]:
    return [read_record(record(name), number=1, source="x") for name in (POND, LAKE)]


def benchmark(judge: RememberingJudge | None = None) -> InstancesBenchmark:
    return InstancesBenchmark(
        definition_named("swebench"), [Stage((POND, LAKE), 0.0)], instances(), judge=judge or RememberingJudge()
    )


# --- tasks -------------------------------------------------------------------------------------------------------


def test_an_instance_is_worked_on_in_its_own_image_and_repository() -> None:
    task = benchmark().task(POND)
    assert (task.image, task.repository) == ("example/pond__pond-1:1", Repository("/testbed", BASE_COMMIT))
    assert (task.workspace, task.solution_paths, task.timeout_s, task.group) == ({}, (), 3600.0, "pond/pond")


def test_every_file_may_be_changed_but_those_of_the_hidden_tests() -> None:
    task = benchmark().task(POND)
    assert task.test_paths == ("tests/test_pond.py",)
    assert [task.takes(path) for path in ("pond.py", "new.py", "tests/test_pond.py")] == [True, True, False]


def test_an_agent_is_told_the_issue_and_what_counts_and_no_more() -> None:
    statement = benchmark().task(POND).statement
    for told in ("The pond is deeper than it says.", "pond/pond", "`/testbed`", "Hidden tests", "no network"):
        assert told in statement
    for hidden in ("Look at depth()", "test_pond", "test_depth", "return 2", BASE_COMMIT):
        assert hidden not in statement


def test_hints_are_told_where_they_are_wanted() -> None:
    assert "before it was resolved\n\nLook at depth().\n" in task_of(instances()[0], hints=True).statement
    silent = read_record(record(hints_text=" \n"), number=1, source="x")
    assert task_of(silent, hints=True) == task_of(silent, hints=False)


def test_hidden_tests_that_are_no_patch_are_told_with_their_instance() -> None:
    broken = read_record(record(test_patch="diff --git a/x b/x\n@@ what @@\n"), number=1, source="x")
    with pytest.raises(MalformedContentError, match=r"Instance pond__pond-1: test_patch cannot be read: "):
        task_of(broken, hints=False)
    assert task_of(read_record(record(test_patch=""), number=1, source="x"), hints=False).test_paths == ()


def test_a_gold_patch_that_cannot_be_read_is_told_before_anything_is_measured() -> None:
    mailed = read_record(record(patch=f"From 1234 Mon Sep 17 00:00:00 2001\n\n{GOLD_PATCH}"), number=1, source="x")
    with pytest.raises(MalformedContentError, match=r"^Instance pond__pond-1: patch cannot be read: "):
        task_of(mailed, hints=False)


def test_the_rehearsal_model_knows_the_gold_patch() -> None:
    known = benchmark().known_tasks()[0]
    assert (known.task, known.patch) == (benchmark().task(POND), GOLD_PATCH)
    assert (known.reference, known.naive, known.must_see) == ({}, {}, "")


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"{SAMPLE} is not there")
def test_published_instances_are_tasks() -> None:
    for instance in dataset_instances(SweBench(dataset=str(SAMPLE))):
        task = task_of(instance, hints=False)
        assert task.test_paths
        assert not any(task.takes(path) for path in task.test_paths)
        assert instance.problem_statement.strip() in task.statement
        assert instance.image == usual_image(instance.id)


# --- the benchmark -----------------------------------------------------------------------------------------------


def test_it_takes_the_image_of_every_task_and_one_for_agents_themselves() -> None:
    assert benchmark().images() == ("python",)
    assert benchmark().task_images() == ("example/pond__pond-1:1", "example/lake__lake-2:1")


def test_what_is_not_chosen_is_not_known() -> None:
    one = InstancesBenchmark(definition_named("swebench"), [Stage((POND,), 0.0)], instances(), judge=RememberingJudge())
    assert [task.id for task in one.tasks()] == [POND]
    with pytest.raises(UnknownNameError, match="no task 'lake__lake-2' in benchmark swebench"):
        one.task(LAKE)


def test_a_solution_is_judged_as_it_is() -> None:
    judge, change = RememberingJudge(), Change({}, {"pond.py": File(b"")})
    benchmark(judge).grade(POND, change, sandbox=FakeSandbox(), session=SESSION)
    assert judge.judged == [(POND, change)]


def test_the_gold_patch_and_a_useless_one_are_its_controls() -> None:
    judge = RememberingJudge()
    base = benchmark(judge).control(POND, "base", sandbox=FakeSandbox(), session=SESSION)
    reference = benchmark(judge).control(POND, "reference", sandbox=FakeSandbox(), session=SESSION)
    assert (base.resolved, reference.resolved) == (False, True)
    assert "new file mode 100644\n--- /dev/null\n+++ b/.dgm-control" in str(judge.judged[0][1])
    assert judge.judged[1] == (POND, GOLD_PATCH)


# --- by name -----------------------------------------------------------------------------------------------------


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    return write_records(tmp_path / "waters.jsonl", [record(POND), record(LAKE)])


def config(dataset: str, **swebench: object) -> RunConfig:
    return RunConfig(benchmark="swebench", swebench=SweBench.model_validate({"dataset": dataset, **swebench}))


def test_a_local_dataset_is_a_benchmark_of_one_stage(dataset: str) -> None:
    assert benchmark_of(config(dataset)).stages() == (Stage((POND, LAKE), 0.0),)
    assert [task.id for task in benchmark_of(config(dataset)).tasks()] == [POND, LAKE]


def test_a_run_that_measures_some_tasks_has_a_model_that_knows_them_all(dataset: str) -> None:
    some = config(dataset).model_copy(update={"tasks": (POND,)})
    assert [task.id for task in benchmark_of(some).tasks()] == [POND]
    assert [known.task.id for known in whole_benchmark_of(some).known_tasks()] == [POND, LAKE]


def test_an_outline_of_the_default_dataset_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("dgm.benchmarks.swebench.extra.find_spec", not_found)
    outline = outline_named("swebench", ["small"])
    assert [len(stage.tasks) for stage in outline.stages()] == [10]
    assert outline.task_images()[0] == "swebench/sweb.eval.x86_64.django_1776_django-10973:latest"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="which is not installed"):
        outline_named("swebench", ["repo:django/django"])


def not_found(_: str) -> None:
    """Find no module."""


def test_without_the_harness_nothing_is_begun(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgm.benchmarks.swebench.extra.find_spec", not_found)
    with pytest.raises(UsageError, match=r"pip install 'dgm\[swebench\]'"):
        benchmark_of(config(dataset))
    assert len(benchmark_named("katas").tasks()) == 28


def test_a_run_is_measured_with_the_records_that_it_was_made_with(dataset: str) -> None:
    made = with_records(config(dataset), benchmark_of(config(dataset)))
    assert len(made.swebench.records_hash) == 64
    assert benchmark_of(made).tasks() == benchmark_of(config(dataset)).tasks()
    write_records(Path(dataset), [record(POND), record(LAKE, eval_script="true\n")])
    with pytest.raises(ConfigError, match=r"does not hold the records that this run was measured with.*--swebench-dat"):
        benchmark_of(made)


def test_records_that_a_run_does_not_use_may_change(dataset: str) -> None:
    some = config(dataset).model_copy(update={"tasks": (POND,)})
    made = with_records(some, benchmark_of(some))
    write_records(Path(dataset), [record(LAKE, eval_script="true\n"), record(POND), record("sea__sea-3")])
    assert [task.id for task in benchmark_of(made).tasks()] == [POND]


def test_other_benchmarks_have_no_records() -> None:
    katas = RunConfig()
    assert with_records(katas, benchmark_of(katas)) == katas


def test_the_patch_of_the_hidden_tests_is_not_part_of_any_task(dataset: str) -> None:
    for task in benchmark_of(config(dataset, hints=True)).tasks():
        assert TEST_PATCH not in repr(task)
        assert GOLD_PATCH not in repr(task)
