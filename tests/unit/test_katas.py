"""The embedded tasks are what they claim to be: by numbers, without a container."""

import ast
import difflib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import exercises_named
from dgm.benchmarks.exercism import Exercise
from dgm.content import benchmarks_directory
from dgm.core.files import File, FileTree

SPREAD = {"plain": 10, "naive": 5, "noisy": 3, "multi": 4, "rewrite": 3, "deep": 3}
FIRST_STAGE = {"plain": 3, "naive": 1, "noisy": 1, "multi": 1, "rewrite": 1, "deep": 1}
KATAS = exercises_named("katas")
EXERCISES = {exercise.task.id: exercise for exercise in KATAS.exercises()}

# Runs every naive task's examples with the naive attempt and with the reference, all trusted and ours.
DOCTESTS = """
import doctest, json, sys
counts = []
for source, examples in json.load(sys.stdin):
    space = {}
    exec(source, space)
    test = doctest.DocTestParser().get_doctest(examples, space, "examples", None, 0)
    result = doctest.DocTestRunner().run(test, out=lambda text: None)
    counts.append([result.attempted, result.failed])
json.dump(counts, sys.stdout)
"""


def of(category: str) -> list[Exercise]:
    """Return the tasks of one category."""
    return [exercise for exercise in EXERCISES.values() if exercise.category == category]


def named(exercise: Exercise) -> str:
    """Return a task's id, to name a test after."""
    return exercise.task.id


def text(file: File) -> str:
    """Return a file's text."""
    return file.content.decode()


def lines(file: File) -> int:
    """Return how many lines a file has."""
    return len(text(file).splitlines())


def stubs(exercise: Exercise) -> FileTree:
    """Return a task's untouched solution files."""
    return {path: exercise.task.workspace[path] for path in exercise.task.solution_paths}


def only_file(tree: FileTree) -> File:
    """Return the one file of a tree."""
    (file,) = tree.values()
    return file


def changes(before: File, after: File) -> list[tuple[int, int]]:
    """Return for each changed place its offset in characters in `before` and its size in lines."""
    old = text(before).splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, old, text(after).splitlines(), autojunk=False)
    matcher.set_seq1([line.rstrip("\n") for line in old])
    return [
        (sum(map(len, old[:start])), max(end - start, new_end - new_start))
        for kind, start, end, new_start, new_end in matcher.get_opcodes()
        if kind != "equal"
    ]


def hidden_tests(exercise: Exercise) -> list[ast.FunctionDef]:
    """Return the hidden test methods."""
    return [
        node
        for path in exercise.test_paths
        for node in ast.walk(ast.parse(text(exercise.tests[path])))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def test_the_spread_is_as_planned() -> None:
    assert Counter(exercise.category for exercise in EXERCISES.values()) == SPREAD


def test_the_first_stage_is_a_fair_sample() -> None:
    first = KATAS.stages()[0]
    assert Counter(EXERCISES[task].category for task in first.tasks) == FIRST_STAGE


def test_the_second_stage_takes_more_than_two_fifths() -> None:
    assert [(len(stage.tasks), stage.above) for stage in KATAS.stages()] == [(8, 0.0), (20, 0.4)]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=named)
def test_a_task_has_between_5_and_12_tests(exercise: Exercise) -> None:
    assert 5 <= len(hidden_tests(exercise)) <= 12


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=named)
def test_an_agent_sees_no_test_and_no_answer(exercise: Exercise) -> None:
    seen = "\n".join([exercise.task.statement, *(text(file) for file in exercise.task.workspace.values())])
    assert not [test.name for test in hidden_tests(exercise) if test.name in seen]
    assert not [path for path in exercise.task.workspace if path.startswith(".") or path.endswith("_test.py")]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=named)
def test_stub_reference_and_naive_attempt_are_python(exercise: Exercise) -> None:
    for tree in (stubs(exercise), exercise.known.reference, exercise.known.naive):
        for path, file in tree.items():
            compile(text(file), path, "exec")


@pytest.mark.parametrize("exercise", [*of("plain"), *of("naive"), *of("noisy")], ids=named)
def test_a_short_task_has_one_short_file(exercise: Exercise) -> None:
    assert 10 <= lines(only_file(exercise.known.reference)) <= 60
    assert lines(only_file(stubs(exercise))) <= 60


@pytest.mark.parametrize("exercise", of("multi"), ids=named)
def test_a_multi_task_has_places_in_several_files_or_far_apart(exercise: Exercise) -> None:
    before = stubs(exercise)
    found = {path: changes(file, exercise.known.reference[path]) for path, file in before.items()}
    assert all(found.values())
    assert 2 <= len(found) <= 4 or sum(map(len, found.values())) >= 3
    assert all(lines(file) < 120 for tree in (before, exercise.known.reference) for file in tree.values())


@pytest.mark.parametrize("exercise", of("rewrite"), ids=named)
def test_a_rewrite_task_is_long_and_can_still_be_read_whole(exercise: Exercise) -> None:
    for file in (only_file(stubs(exercise)), only_file(exercise.known.reference)):
        assert 190 <= lines(file) <= 280
        assert len(text(file)) < 9_500


@pytest.mark.parametrize("exercise", of("rewrite"), ids=named)
def test_a_rewrite_task_needs_a_small_change(exercise: Exercise) -> None:
    found = changes(only_file(stubs(exercise)), only_file(exercise.known.reference))
    assert sum(size for _, size in found) <= 8


@pytest.mark.parametrize("exercise", of("deep"), ids=named)
def test_a_deep_task_is_too_long_to_be_shown_at_once(exercise: Exercise) -> None:
    for file in (only_file(stubs(exercise)), only_file(exercise.known.reference)):
        assert 300 <= lines(file) <= 450
        assert len(text(file)) > 13_000


@pytest.mark.parametrize("exercise", of("deep"), ids=named)
def test_a_deep_task_is_changed_far_from_the_start(exercise: Exercise) -> None:
    found = changes(only_file(stubs(exercise)), only_file(exercise.known.reference))
    assert min(offset for offset, _ in found) > 11_000
    assert sum(size for _, size in found) <= 20


@pytest.fixture(scope="module")
def example_counts() -> dict[str, tuple[list[int], list[int]]]:
    """For each naive task: examples tried and failed, with the naive attempt and with the reference."""
    exercises = of("naive")
    runs = [
        [text(only_file(tree)), _examples(exercise)]
        for exercise in exercises
        for tree in (exercise.known.naive, exercise.known.reference)
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", DOCTESTS], input=json.dumps(runs).encode(), capture_output=True, check=True
    )
    counts: list[list[int]] = json.loads(done.stdout)
    return {exercise.task.id: (counts[2 * number], counts[2 * number + 1]) for number, exercise in enumerate(exercises)}


def _examples(exercise: Exercise) -> str:
    return exercise.task.statement.split("```python\n")[1].split("```")[0]


@pytest.mark.parametrize("exercise", of("naive"), ids=named)
def test_examples_catch_the_naive_attempt(
    exercise: Exercise, example_counts: dict[str, tuple[list[int], list[int]]]
) -> None:
    attempted, failed = example_counts[exercise.task.id][0]
    assert attempted >= 3
    assert 0 < failed < attempted


@pytest.mark.parametrize("exercise", of("naive"), ids=named)
def test_examples_hold_for_the_reference(
    exercise: Exercise, example_counts: dict[str, tuple[list[int], list[int]]]
) -> None:
    assert example_counts[exercise.task.id][1][1] == 0


@pytest.fixture(scope="module", params=of("noisy"), ids=named)
def noisy(request: pytest.FixtureRequest) -> tuple[Exercise, str, str]:
    """A noisy task, its script's source, and what the script prints."""
    exercise: Exercise = request.param
    (script,) = [path for path in exercise.task.workspace if path.startswith("tools/")]
    assert f"python3 {script}" in exercise.task.statement
    path: Path = benchmarks_directory() / "katas" / "tasks" / exercise.task.id / script
    done = subprocess.run([sys.executable, "-I", str(path)], capture_output=True, check=True, timeout=10)
    return exercise, text(exercise.task.workspace[script]), done.stdout.decode()


def test_a_noisy_script_prints_a_lot(noisy: tuple[Exercise, str, str]) -> None:
    assert 20_000 <= len(noisy[2]) <= 40_000


def test_the_fact_stands_at_the_end_of_the_noise_alone(noisy: tuple[Exercise, str, str]) -> None:
    exercise, _, printed = noisy
    fact = exercise.known.must_see
    assert fact
    assert (printed.count(fact), fact in printed[-1_000:]) == (1, True)


def test_the_fact_cannot_be_read_in_the_source(noisy: tuple[Exercise, str, str]) -> None:
    exercise, source, _ = noisy
    fact = exercise.known.must_see
    assert fact not in source
    assert exercise.known.naive


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=named)
def test_only_naive_and_noisy_tasks_have_an_attempt_or_a_fact(exercise: Exercise) -> None:
    has_attempt = exercise.category in {"naive", "noisy"}
    assert (bool(exercise.known.naive), bool(exercise.known.must_see)) == (has_attempt, exercise.category == "noisy")
