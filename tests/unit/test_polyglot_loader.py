"""Polyglot's exercises as they are loaded: nothing hidden is seen, and every answer is one that would be taken.

The definition is checked everywhere, and so are the small exercises of our own. What needs the upstream exercises,
which do not come with dgm, runs where DGM_POLYGLOT_DIR names a checkout of them.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import definition_named, exercises_named, matching_tasks
from dgm.benchmarks.checkouts import require_checkout
from dgm.benchmarks.exercise_files import read_exercise_files
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.manifest import Expected, content_hash, read_manifest
from dgm.core.errors import ConfigError
from dgm.core.ids import TaskId
from dgm.core.stages import Stage

CHECKOUT = os.environ.get("DGM_POLYGLOT_DIR", "")
NEEDS_CHECKOUT = pytest.mark.skipif(not CHECKOUT, reason="DGM_POLYGLOT_DIR names no checkout of the exercises")
POLYGLOT = definition_named("polyglot")
MINI = definition_named("polyglot-mini")
LANGUAGES = ("cpp", "go", "java", "javascript", "python", "rust")
# Of a text that stands in several places by chance, such as an empty file or "module ant".
SHORT_CHARS = 60


def languages(tasks: tuple[TaskId, ...]) -> dict[str, int]:
    """Return how many tasks there are of each language."""
    return Counter(POLYGLOT.language_of(task) for task in tasks)


# --- the definition --------------------------------------------------------------------------------------------------


def test_the_first_stage_is_the_papers_ten() -> None:
    assert POLYGLOT.stages[0] == Stage(
        tasks=(
            TaskId("go/dominoes"),
            TaskId("cpp/all-your-base"),
            TaskId("python/dominoes"),
            TaskId("java/sgf-parsing"),
            TaskId("javascript/robot-name"),
            TaskId("rust/variable-length-quantity"),
            TaskId("python/beer-song"),
            TaskId("go/book-store"),
            TaskId("javascript/bottle-song"),
            TaskId("rust/bowling"),
        ),
        above=0.0,
    )


def test_the_second_stage_is_the_papers_fifty_with_the_one_counted_once_that_stands_in_both() -> None:
    tasks = POLYGLOT.stages[1].tasks
    assert (len(tasks), POLYGLOT.stages[1].above, TaskId("python/dominoes") in tasks) == (49, 0.4, False)
    assert languages(tasks) == {"cpp": 4, "go": 8, "java": 11, "javascript": 8, "python": 9, "rust": 9}


def test_the_stages_hold_all_225_but_the_one_that_cannot_be_judged() -> None:
    assert languages(POLYGLOT.tasks) == {"cpp": 26, "go": 39, "java": 46, "javascript": 49, "python": 34, "rust": 30}
    assert list(POLYGLOT.excluded) == ["java/hangman"]


def test_a_language_a_stage_and_a_task_can_be_asked_for() -> None:
    assert len(matching_tasks(["rust/*"], POLYGLOT)) == 30
    assert matching_tasks(["stage:1"], POLYGLOT) == POLYGLOT.stages[0].tasks
    assert matching_tasks(["go/ledger"], POLYGLOT) == ("go/ledger",)


@pytest.mark.parametrize("name", ["polyglot", "polyglot-mini"])
def test_of_every_task_it_is_known_which_tests_it_has(name: str) -> None:
    definition = definition_named(name)
    known = read_manifest(definition.directory)
    assert (set(definition.tasks) - set(known), set(known) - set(definition.tasks)) == (set(), set())


# --- what is true of our own exercises and of upstream's -------------------------------------------------------------


def whole_polyglot() -> ExercisesBenchmark:
    """Return all 225, that which cannot be judged too."""
    excluded = Stage(tuple(POLYGLOT.excluded), 0.4)
    everything = replace(POLYGLOT, stages=(*POLYGLOT.stages, excluded), excluded={})
    return ExercisesBenchmark(everything, checkout=Path(CHECKOUT))


@pytest.fixture(
    scope="module", params=["polyglot-mini", pytest.param("polyglot", marks=NEEDS_CHECKOUT)], ids=lambda name: name
)
def benchmark(request: pytest.FixtureRequest) -> ExercisesBenchmark:
    """Exercises in all six languages."""
    return whole_polyglot() if request.param == "polyglot" else exercises_named("polyglot-mini")


@pytest.fixture(scope="module")
def exercises(benchmark: ExercisesBenchmark) -> tuple[Exercise, ...]:
    """All that is known of each."""
    return benchmark.exercises()


def private_texts(benchmark: ExercisesBenchmark, exercise: Exercise) -> Iterator[tuple[str, bytes]]:
    """Yield what an agent must not see of an exercise: tests, and all that stands in private directories."""
    task = exercise.task.id
    place = MINI.place(task) if benchmark.name == MINI.name else POLYGLOT.place(task, Path(CHECKOUT))
    for path, file in read_exercise_files(place).items():
        is_private = path.startswith(".") and "/" in path and not path.startswith(".docs/ins")
        is_introduction = path.startswith(".docs/introduction")
        if (path in exercise.tests or is_private) and not is_introduction:
            yield path, file.content.strip()


def test_no_workspace_has_a_hidden_path(exercises: tuple[Exercise, ...]) -> None:
    seen = [
        (exercise.task.id, path)
        for exercise in exercises
        for path in exercise.task.workspace
        if path in exercise.tests
        or any(part in {".meta", ".docs", ".approaches", ".articles"} for part in path.split("/"))
    ]
    assert seen == []


def test_no_workspace_has_a_path_that_is_named_like_a_test(exercises: tuple[Exercise, ...]) -> None:
    words = ("_test.", "test.", ".spec.", "tests/", "test/", "tests.java", "conftest")
    seen = [
        (exercise.task.id, path)
        for exercise in exercises
        for path in exercise.task.workspace
        if any(word in path.lower() for word in words)
    ]
    assert seen == []


def test_every_listed_test_is_kept_for_grading(exercises: tuple[Exercise, ...]) -> None:
    assert [
        each.task.id for each in exercises if not each.test_paths or not set(each.test_paths) <= set(each.tests)
    ] == []


def test_no_workspace_and_no_statement_holds_a_hidden_text(
    benchmark: ExercisesBenchmark, exercises: tuple[Exercise, ...]
) -> None:
    seen = [
        (exercise.task.id, path)
        for exercise in exercises
        for path, text in private_texts(benchmark, exercise)
        if len(text) > SHORT_CHARS and holds(exercise, text)
    ]
    assert seen == []


def holds(exercise: Exercise, text: bytes) -> bool:
    """Return whether an agent is shown a text, other than as a file that a reference leaves as everybody finds it."""
    shown = [exercise.task.statement.encode(), *(file.content for file in exercise.task.workspace.values())]
    return any(text in content and text != content.strip() for content in shown)


def test_no_test_can_be_brought_by_a_solution(exercises: tuple[Exercise, ...]) -> None:
    assert [(each.task.id, path) for each in exercises for path in each.tests if each.task.takes(path)] == []


def test_every_solution_file_stands_in_the_workspace(exercises: tuple[Exercise, ...]) -> None:
    assert [each.task.id for each in exercises if not set(each.task.solution_paths) <= set(each.task.workspace)] == []


def test_every_file_of_a_reference_would_be_taken(exercises: tuple[Exercise, ...]) -> None:
    taken = [(each.task.id, path) for each in exercises for path in each.known.reference if not each.task.takes(path)]
    assert taken == []


def test_every_reference_is_another_than_the_stub(exercises: tuple[Exercise, ...]) -> None:
    alike = [each.task.id for each in exercises if each.known.reference == each.task.solution_in(each.task.workspace)]
    assert alike == []


def test_a_task_belongs_to_its_language_and_is_worked_on_in_its_image(exercises: tuple[Exercise, ...]) -> None:
    images = {name: f"polyglot-{name}" for name in LANGUAGES}
    wrong = [
        (task.id, task.group, task.image)
        for task in (exercise.task for exercise in exercises)
        if task.group != task.id.partition("/")[0] or task.image not in {images[task.group], "python"}
    ]
    assert wrong == []


def test_statements_name_the_files_to_change_and_the_tools(
    benchmark: ExercisesBenchmark, exercises: tuple[Exercise, ...]
) -> None:
    for exercise in exercises:
        task = exercise.task
        orders = task.statement.rpartition("\n\nChange")[2]
        assert all(f"`{path}`" in orders for path in task.solution_paths), task.id
        assert benchmark.language(task.id).tools in orders, task.id


def test_statements_are_texts_without_leftovers(exercises: tuple[Exercise, ...]) -> None:
    odd = [
        each.task.id
        for each in exercises
        if "nstructions append" in each.task.statement
        or "\r" in each.task.statement
        or "\n\n\n\n" in each.task.statement
    ]
    assert odd == []


def test_workspaces_are_small(exercises: tuple[Exercise, ...]) -> None:
    sizes = {each.task.id: sum(len(file.content) for file in each.task.workspace.values()) for each in exercises}
    assert {task: size for task, size in sizes.items() if size > 200_000} == {}


# --- upstream alone --------------------------------------------------------------------------------------------------


@NEEDS_CHECKOUT
def test_every_task_of_the_three_stages_loads_with_its_tests_names() -> None:
    benchmark = exercises_named("polyglot", checkout=Path(CHECKOUT))
    assert [len(stage.tasks) for stage in benchmark.stages()] == [10, 49, 165]
    assert [each.task.id for each in benchmark.exercises() if each.expected is None] == []


@NEEDS_CHECKOUT
def test_the_tasks_that_tell_nothing_are_marked() -> None:
    benchmark = exercises_named("polyglot", checkout=Path(CHECKOUT))
    assert [task.id for task in benchmark.tasks() if not task.has_signal] == [
        "java/ledger",
        "go/counter",
        "go/markdown",
        "go/ledger",
        "java/tree-building",
        "javascript/ledger",
    ]


@NEEDS_CHECKOUT
def test_another_revision_is_told_before_any_task_is_read() -> None:
    task = TaskId("go/ledger")
    files = read_exercise_files(POLYGLOT.place(task, Path(CHECKOUT)))
    known = {task: Expected(content_hash({**files, "new.go": files["go.mod"]}), frozenset())}
    with pytest.raises(ConfigError, match="go/exercises/practice/ledger differs"):
        require_checkout(POLYGLOT, Path(CHECKOUT), expected=known)
