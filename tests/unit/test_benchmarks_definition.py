"""The file that names a benchmark's tasks and stages, and how users choose among them."""

from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import benchmark_named, matching_tasks
from dgm.benchmarks.definition import read_definition
from dgm.benchmarks.katas import KatasBenchmark
from dgm.core.errors import MalformedContentError, UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

KNOWN = (TaskId("pear"), TaskId("plum"), TaskId("fig"))
WHOLE = """
name = "fruit"
image = "python"
[[stages]]
tasks = ["pear"]
[[stages]]
above = 0.5
tasks = ["plum", "fig"]
"""


@pytest.fixture
def fruit(tmp_path: Path) -> Path:
    """A benchmark with empty task directories."""
    for task in KNOWN:
        (tmp_path / "tasks" / task).mkdir(parents=True)
    (tmp_path / "benchmark.toml").write_text(WHOLE, "utf-8")
    return tmp_path


def test_stages_are_read_in_order(fruit: Path) -> None:
    assert read_definition(fruit).stages == (Stage(KNOWN[:1], 0.0), Stage(KNOWN[1:], 0.5))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "fruit"', "name = 3", "wrong at name"),
        ('image = "python"', 'image = "../x"', "wrong at image"),
        ('image = "python"', "", "wrong at image"),
        ("above = 0.5", "above = 1.0", r"wrong at stages\.1\.above"),
        ("above = 0.5", "below = 0.5", r"wrong at stages\.1\.below"),
        ('tasks = ["pear"]', "tasks = []", r"wrong at stages\.0\.tasks"),
        ('tasks = ["pear"]', 'tasks = "pear"', r"wrong at stages\.0\.tasks"),
        ('tasks = ["pear"]', 'tasks = ["pear', "cannot be read"),
        ('tasks = ["pear"]', 'tasks = ["pear", "fig"]', "task fig is named twice"),
        ('tasks = ["pear"]', 'tasks = ["pear", "kiwi"]', "task kiwi is named in a stage but has no directory"),
        ('"plum", ', "", r"task plum stands in tasks/ but in no stage"),
    ],
)
def test_a_wrong_definition_is_named(fruit: Path, old: str, new: str, message: str) -> None:
    (fruit / "benchmark.toml").write_text(WHOLE.replace(old, new), "utf-8")
    with pytest.raises(MalformedContentError, match=message) as caught:
        read_definition(fruit)
    assert f"{fruit}: benchmark.toml" in str(caught.value)


def test_a_missing_definition_is_named(fruit: Path) -> None:
    (fruit / "benchmark.toml").unlink()
    with pytest.raises(MalformedContentError, match=r"benchmark\.toml cannot be read"):
        read_definition(fruit)


def test_tasks_are_chosen_by_pattern_in_the_benchmarks_order() -> None:
    assert matching_tasks(["fig", "p*"], KNOWN, benchmark="fruit") == KNOWN


def test_a_task_chosen_twice_stands_once() -> None:
    assert matching_tasks(["pear", "p?ar"], KNOWN, benchmark="fruit") == KNOWN[:1]


def test_a_pattern_that_fits_no_task_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"'kiwi\*' in benchmark fruit"):
        matching_tasks(["pear", "kiwi*"], KNOWN, benchmark="fruit")


def test_an_unknown_benchmark_is_named() -> None:
    with pytest.raises(UnknownNameError, match="'fruit'; known: katas"):
        benchmark_named("fruit")


def test_a_filter_leaves_no_empty_stage() -> None:
    benchmark = benchmark_named("katas", ["moss-wall"])
    assert benchmark.stages() == (Stage((TaskId("moss-wall"),), 0.4),)


def test_a_filter_keeps_the_order_of_the_stages() -> None:
    benchmark = benchmark_named("katas", ["moss-wall", "ferry-*"])
    assert [task.id for task in benchmark.tasks()] == ["ferry-lanes", "moss-wall"]


def test_a_filtered_task_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match="moss-wall"):
        benchmark_named("katas", ["ferry-*"]).task(TaskId("moss-wall"))


def test_ids_that_no_task_has_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="kiwi"):
        KatasBenchmark(tasks=[TaskId("kiwi")])
