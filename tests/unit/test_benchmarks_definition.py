"""The file that names a benchmark's tasks and stages, and how users choose among them."""

import re
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import benchmark_named, benchmark_names, definition_named, matching_tasks
from dgm.benchmarks.definition import Definition, read_definition
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.core.errors import MalformedContentError, UnknownNameError
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

KNOWN = (TaskId("pear"), TaskId("plum"), TaskId("fig"))
WHOLE = """
name = "fruit"
image = "python"
language = "python"
[[stages]]
tasks = ["pear"]
[[stages]]
above = 0.5
tasks = ["plum", "fig"]
"""
FOREIGN = """
name = "garden"
image = "python"
helpers = true
repository = "https://example.org/garden"
revision = "0123456789012345678901234567890123456789"
[[stages]]
tasks = ["go/pear"]
[[stages]]
above = 0.4
tasks = ["rust/fig", "go/plum"]
[[excluded]]
task = "java/kiwi"
why = "its tests need a greenhouse"
[[no_signal]]
task = "go/plum"
why = "a task to tidy up"
"""


@pytest.fixture
def fruit(tmp_path: Path) -> Path:
    """A benchmark with empty task directories."""
    for task in KNOWN:
        (tmp_path / "tasks" / task).mkdir(parents=True)
    (tmp_path / "benchmark.toml").write_text(WHOLE, "utf-8")
    return tmp_path


@pytest.fixture
def garden(tmp_path: Path) -> Path:
    """A benchmark whose tasks are from a repository."""
    (tmp_path / "benchmark.toml").write_text(FOREIGN, "utf-8")
    return tmp_path


def definition(*stages: Stage, excluded: dict[TaskId, str] | None = None) -> Definition:
    """Return the definition of a benchmark that needs no files."""
    return Definition(Path("fruit"), "fruit", "python", stages, excluded=excluded or {})


def test_stages_are_read_in_order(fruit: Path) -> None:
    assert read_definition(fruit).stages == (Stage(KNOWN[:1], 0.0), Stage(KNOWN[1:], 0.5))


def test_a_stage_may_be_for_the_best_alone(fruit: Path) -> None:
    (fruit / "benchmark.toml").write_text(WHOLE.replace("above = 0.5", "above = 0.5\ntop = 3"), "utf-8")
    assert read_definition(fruit).stages == (Stage(KNOWN[:1], 0.0), Stage(KNOWN[1:], 0.5, top=3))


@pytest.mark.parametrize("name", ["swebench", "polyglot"])
def test_the_third_stage_of_the_papers_benchmarks_is_for_the_best_two(name: str) -> None:
    assert [(stage.above, stage.top) for stage in definition_named(name).stages] == [(0.0, None), (0.4, None), (0.4, 2)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "fruit"', "name = 3", "wrong at name"),
        ('image = "python"', 'image = "../x"', "wrong at image"),
        ('image = "python"', "", "wrong at image"),
        ("above = 0.5", "above = 1.0", r"wrong at stages\.1\.above"),
        ("above = 0.5", "below = 0.5", r"wrong at stages\.1\.below"),
        ("above = 0.5", "top = 0", r"wrong at stages\.1\.top"),
        ('tasks = ["pear"]', "tasks = []", r"wrong at stages\.0\.tasks"),
        ('tasks = ["pear"]', 'tasks = "pear"', r"wrong at stages\.0\.tasks"),
        ('tasks = ["pear"]', 'tasks = ["pear', "cannot be read"),
        ('tasks = ["pear"]', 'tasks = ["pear", "fig"]', "task fig is named twice"),
        ('tasks = ["pear"]', 'tasks = ["pear", "kiwi"]', "task kiwi is named in a stage but has no directory"),
        ('"plum", ', "", r"task plum stands in tasks/ but in no stage"),
        ('"plum", ', '"Plum", ', r"wrong at stages\.1\.tasks\.0"),
        ('"plum", ', '"../plum", ', r"wrong at stages\.1\.tasks\.0"),
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


def test_a_benchmark_from_a_repository_needs_no_task_directories(garden: Path) -> None:
    read = read_definition(garden)
    assert (read.tasks, read.repository, read.revision) == (
        ("go/pear", "rust/fig", "go/plum"),
        "https://example.org/garden",
        "0123456789" * 4,
    )


def test_what_cannot_be_judged_and_what_tells_nothing_come_with_the_reason(garden: Path) -> None:
    read = read_definition(garden)
    assert (read.excluded, read.no_signal) == (
        {"java/kiwi": "its tests need a greenhouse"},
        {"go/plum": "a task to tidy up"},
    )


def test_the_language_of_a_task_stands_in_its_id_unless_it_is_that_of_all(fruit: Path, garden: Path) -> None:
    (fruit / "benchmark.toml").write_text(WHOLE, "utf-8")
    assert read_definition(fruit).language_of(TaskId("pear")) == "python"
    (garden / "benchmark.toml").write_text(FOREIGN, "utf-8")
    assert read_definition(garden).language_of(TaskId("rust/fig")) == "rust"


def test_a_task_of_a_checkout_stands_in_its_languages_track(garden: Path) -> None:
    place = read_definition(garden).place(TaskId("go/pear"), Path("checkout"))
    assert place == Path("checkout/go/exercises/practice/pear")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0123456789012345678901234567890123456789", "main", "wrong at revision"),
        ('revision = "0123456789012345678901234567890123456789"', "", "repository without a revision"),
        ('repository = "https://example.org/garden"', "", "revision without a repository"),
        ("https://example.org", "git@example.org:", "wrong at repository"),
        ("https://example.org", "ext::sh -c", "wrong at repository"),
        ('"go/pear"', '"pear"', "task pear does not name its language"),
        ('"go/pear"', '"java/kiwi"', "task java/kiwi is excluded and stands in a stage"),
        ('task = "go/plum"', 'task = "go/lime"', "task go/lime is named under no_signal but in no stage"),
        ("its tests need a greenhouse", "", r"wrong at excluded\.0\.why"),
        ("a task to tidy up", "", r"wrong at no_signal\.0\.why"),
    ],
)
def test_a_wrong_definition_of_a_strangers_tasks_is_named(garden: Path, old: str, new: str, message: str) -> None:
    (garden / "benchmark.toml").write_text(FOREIGN.replace(old, new), "utf-8")
    with pytest.raises(MalformedContentError, match=message):
        read_definition(garden)


FRUIT = definition(Stage(KNOWN[:1], 0.0), Stage(KNOWN[1:], 0.5), excluded={TaskId("lime"): "it is sour"})


def test_tasks_are_chosen_by_pattern_in_the_benchmarks_order() -> None:
    assert matching_tasks(["fig", "p*"], FRUIT) == KNOWN


def test_a_task_chosen_twice_stands_once() -> None:
    assert matching_tasks(["pear", "p?ar", "stage:1"], FRUIT) == KNOWN[:1]


def test_tasks_are_chosen_by_stage() -> None:
    assert (matching_tasks(["stage:1"], FRUIT), matching_tasks(["stage:2"], FRUIT)) == (KNOWN[:1], KNOWN[1:])


def test_spaces_around_a_pattern_do_not_matter() -> None:
    assert matching_tasks([" pear", "stage:2 "], FRUIT) == KNOWN


@pytest.mark.parametrize("stage", ["stage:3", "stage:99"])
def test_a_stage_that_there_is_not_is_named(stage: str) -> None:
    with pytest.raises(UnknownNameError, match=f"no {stage} in benchmark fruit: it has 2 stages"):
        matching_tasks([stage], FRUIT)


@pytest.mark.parametrize("pattern", ["kiwi*", "stage:0", "stage:-1", "stage:1x", "stage:", "stage:\u0661", ""])
def test_a_pattern_that_fits_no_task_is_named(pattern: str) -> None:
    with pytest.raises(UnknownNameError, match=re.escape(f"{pattern!r} in benchmark fruit")):
        matching_tasks(["pear", pattern], FRUIT)


def test_a_task_that_cannot_be_judged_is_named_with_the_reason() -> None:
    with pytest.raises(UnknownNameError, match="Task lime of benchmark fruit cannot be judged: it is sour"):
        matching_tasks(["lime"], FRUIT)


def test_every_benchmark_that_comes_with_dgm_has_a_sound_definition() -> None:
    assert [definition_named(name).name for name in benchmark_names()] == list(benchmark_names())


def test_an_unknown_benchmark_is_named() -> None:
    with pytest.raises(UnknownNameError, match="'fruit'; known: katas"):
        benchmark_named("fruit")


def test_a_filter_leaves_a_stage_for_the_best_one_for_them() -> None:
    definition = definition_named("polyglot")
    benchmark = ExercisesBenchmark(definition, tasks=[TaskId("java/house")])
    assert benchmark.stages() == (Stage((TaskId("java/house"),), 0.4, top=2),)


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
        ExercisesBenchmark(definition_named("katas"), tasks=[TaskId("kiwi")])
