"""Verdicts: decided on the host from what a container printed, and from what the host knows."""

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest

from dgm.benchmarks.checking import CheckedTask, Control, check
from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.grading import MAX_SOLUTION_BYTES, MAX_SOLUTION_FILES, grade
from dgm.benchmarks.languages.python import PythonLanguage
from dgm.boundary.tarball import MAX_MEMBERS
from dgm.config import SandboxLimits
from dgm.core.errors import InfrastructureError, MalformedContentError, SandboxError
from dgm.core.files import File, FileTree
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Execution
from dgm.core.tasks import Grade, KnownTask, Task
from dgm.sandbox.policy import PAGE_BYTES, SCRATCH, scratch_bytes
from tests.fakes.benchmark import TINY_TASKS, FakeBenchmark
from tests.fakes.sandbox import FakeContainer, FakeSandbox, ran

TESTS = """
import unittest
from pond import ducks

class PondTest(unittest.TestCase):
    def test_none(self):
        self.assertEqual(ducks(""), 0)

    def test_some(self):
        self.assertEqual(ducks("d.d"), 2)

    def test_refuses(self):
        with self.assertRaises(TypeError):
            ducks(None)
"""
EXERCISE = Exercise(
    known=KnownTask(
        task=Task(
            id=TaskId("pond"),
            statement="Count.",
            workspace={"pond.py": File(b"stub"), "tool.py": File(b"tool")},
            solution_paths=("pond.py",),
        ),
        reference={"pond.py": File(b"reference")},
        naive={},
        must_see="",
    ),
    tests={"pond_test.py": File(TESTS.encode())},
    test_paths=("pond_test.py",),
    category="plain",
)
SOLUTION = {"pond.py": File(b"solution")}
Outcomes = dict[str, str]


class SteadyClock:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self.monotonic()

    def monotonic(self) -> float:
        self._now += 1.0
        return self._now


def honest(container: FakeContainer) -> Outcomes:
    """Return what honest tests of a right solution report: what contradicts it fails."""
    source = container.files["/task/tests/pond_test.py"].content.decode()
    return {
        f"PondTest::{node.name}": "passed" if _holds(node) else "failed"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


def _holds(test: ast.FunctionDef) -> bool:
    text = ast.unparse(test)
    if "assertRaises" in text:
        return "ducks(None)" in text
    return any(right in text for right in ("ducks(''), 0)", "ducks('d.d'), 2)"))


def report(outcomes: Mapping[str, str], *, problem: str = "", messages: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return what the grader prints."""
    document = {"problem": problem, "outcomes": list(outcomes.items()), "messages": messages}
    return b"ready\n" + json.dumps(document).encode() + b"\n"


def graded(
    program: Callable[[FakeContainer], Execution],
    solution: FileTree = SOLUTION,
    *,
    sandbox: FakeSandbox | None = None,
    exercise: Exercise = EXERCISE,
) -> Grade:
    """Grade with a grader of the test's own."""
    sandbox = sandbox or FakeSandbox()
    sandbox.programs = {("python3",): lambda container, _: program(container)}
    return grade(
        exercise,
        solution,
        language=PythonLanguage(),
        sandbox=sandbox,
        session=SessionId("00001.1.grading"),
        chance=Random(7),
    )


def reported(change: Callable[[Outcomes], object]) -> Grade:
    """Grade on an honest report after `change` tampered with it."""

    def program(container: FakeContainer) -> Execution:
        outcomes = honest(container)
        change(outcomes)
        return ran(report(outcomes))

    return graded(program)


def reported_once(change: Callable[[Outcomes], object]) -> Grade:
    """Grade on honest reports, of which `change` tampered with the first in which a test passed."""
    changed: list[FakeContainer] = []

    def program(container: FakeContainer) -> Execution:
        outcomes = honest(container)
        if not changed and "passed" in outcomes.values():
            changed.append(container)
            change(outcomes)
        return ran(report(outcomes))

    return graded(program)


def laid(solution: FileTree) -> FakeContainer:
    """Return the container in which a solution was graded."""
    sandbox = FakeSandbox()
    graded(lambda container: ran(report(honest(container))), solution, sandbox=sandbox)
    return sandbox.containers[0]


def test_an_honest_report_of_a_right_solution_resolves() -> None:
    assert reported(dict[str, str].copy) == Grade(resolved=True, summary="3 of 3 tests passed")


def test_one_failed_test_is_enough() -> None:
    def fail_one(outcomes: Outcomes) -> None:
        outcomes[next(name for name, outcome in outcomes.items() if outcome == "passed")] = "failed"

    assert reported_once(fail_one) == Grade(resolved=False, summary="2 of 3 tests passed")


def test_a_skipped_test_has_not_passed() -> None:
    def skip_one(outcomes: Outcomes) -> None:
        outcomes[next(name for name, outcome in outcomes.items() if outcome == "passed")] = "skipped"

    assert reported_once(skip_one) == Grade(resolved=False, summary="2 of 3 tests passed")


def test_all_tests_passed_is_tampering() -> None:
    def pass_all(outcomes: Outcomes) -> None:
        outcomes.update(dict.fromkeys(outcomes, "passed"))

    assert reported(pass_all) == Grade(
        resolved=False,
        summary="tampering: tests that must fail were reported as passed",
        flags=("3 of 3 tests that must fail were reported as passed.",),
    )


def test_a_wrong_solution_that_happens_to_give_the_canarys_value_is_only_wrong() -> None:
    def swap(outcomes: Outcomes) -> None:
        outcomes.update({name: "failed" if outcome == "passed" else "passed" for name, outcome in outcomes.items()})

    assert reported(swap) == Grade(resolved=False, summary="0 of 3 tests passed")


def test_a_skipped_canary_is_no_failed_one() -> None:
    def skip_canaries(outcomes: Outcomes) -> None:
        outcomes.update({name: "skipped" for name, outcome in outcomes.items() if outcome == "failed"})

    assert not reported(skip_canaries).resolved


def test_a_missing_canary_does_not_resolve() -> None:
    def drop_failures(outcomes: Outcomes) -> None:
        for name in [name for name, outcome in outcomes.items() if outcome == "failed"]:
            del outcomes[name]

    assert not reported(drop_failures).resolved


def test_a_test_that_nobody_wrote_does_not_resolve() -> None:
    found = reported(lambda outcomes: outcomes.update({"PondTest::test_more": "failed"}))
    assert found == Grade(
        resolved=False,
        summary="tampering: tests were reported that do not exist",
        flags=("1 test that does not exist was reported.",),
    )


def test_the_tests_own_names_are_not_the_expected_ones() -> None:
    names = ["PondTest::test_none", "PondTest::test_some", "PondTest::test_refuses"]
    assert not graded(lambda _: ran(report(dict.fromkeys(names, "passed")))).resolved


def test_an_error_at_import_is_told() -> None:
    found = graded(lambda _: ran(report({}, problem="import")))
    assert found == Grade(resolved=False, summary="error at import; 0 of 3 tests passed")


def test_tests_that_ran_out_of_time_are_told() -> None:
    found = graded(lambda _: ran(b"ready\n", exit_code=None, timed_out=True))
    assert found == Grade(resolved=False, summary="the tests timed out")


def test_too_much_output_is_the_solutions_doing() -> None:
    assert not graded(lambda _: ran(b"ready\n" + b"x" * 2_000_000)).resolved


def test_a_process_that_ended_without_a_report_is_the_solutions_doing() -> None:
    found = graded(lambda _: ran(b"ready\n", exit_code=0))
    assert found == Grade(resolved=False, summary="the tests ended without a report")


def test_a_forged_report_before_the_real_one_does_not_resolve() -> None:
    found = graded(lambda container: ran(report(honest(container)) + report(honest(container))[6:]))
    assert not found.resolved


def test_a_grader_that_did_not_come_to_the_solution_is_a_fault_of_ours() -> None:
    with pytest.raises(InfrastructureError, match="No module named pytest"):
        graded(lambda _: ran(exit_code=1, stderr=b"No module named pytest\n"))


def test_a_fault_of_the_sandbox_is_no_verdict() -> None:
    with pytest.raises(SandboxError):
        graded(lambda _: ran(), sandbox=FakeSandbox(faults=[SandboxError("no container")]))


def test_only_solution_paths_are_taken() -> None:
    container = laid({**SOLUTION, "conftest.py": File(b"cheat"), "tool.py": File(b"cheat")})
    below = {path.removeprefix("/task/solution/"): file.content for path, file in container.files.items()}
    assert (below["pond.py"], below["tool.py"], "conftest.py" in below) == (b"solution", b"tool", False)


def test_a_deleted_solution_file_stays_deleted() -> None:
    assert "/task/solution/pond.py" not in laid({}).files


def test_the_agent_user_owns_nothing_that_is_graded() -> None:
    assert set(laid(SOLUTION).owners.values()) == {"keeper"}


def test_the_agent_user_runs_the_tests() -> None:
    (call,) = laid(SOLUTION).calls  # of the first container
    assert (call.user, call.argv[:3]) == ("agent", ("python3", "-I", "/task/graders/python.py"))


def test_a_grading_container_has_no_gateway() -> None:
    spec = laid(SOLUTION).spec
    assert (spec.kind, spec.gateway_directory) == ("grading", None)


def test_a_giant_solution_is_refused_without_a_container() -> None:
    sandbox = FakeSandbox()
    found = graded(lambda _: ran(), {"pond.py": File(b" " * (MAX_SOLUTION_BYTES + 1))}, sandbox=sandbox)
    assert (found.resolved, sandbox.containers) == (False, [])


def test_a_solution_of_thousands_of_files_is_refused_without_a_container() -> None:
    task = replace(EXERCISE.task, helper_paths=PythonLanguage().helper_paths)
    taking = replace(EXERCISE, known=replace(EXERCISE.known, task=task))
    sandbox = FakeSandbox()
    helpers = {f"helper_{number}.py": File(b"\n") for number in range(MAX_SOLUTION_FILES)}
    found = graded(lambda _: ran(), {**SOLUTION, **helpers}, sandbox=sandbox, exercise=taking)
    assert (found, sandbox.containers) == (Grade(resolved=False, summary="the solution has more than 1,000 files"), [])


def test_a_solution_of_as_much_as_is_taken_fits_where_it_is_graded_also_with_the_least_memory() -> None:
    place = next(place for place in SCRATCH if place.path == "/task")
    pages = scratch_bytes(SandboxLimits(memory_bytes=256 * 2**20), place) // PAGE_BYTES
    of_tests_and_graders = 256
    assert MAX_SOLUTION_BYTES // PAGE_BYTES + MAX_SOLUTION_FILES + of_tests_and_graders <= pages
    assert MAX_MEMBERS + of_tests_and_graders <= place.inodes


@pytest.mark.parametrize("source", [b"class :", b"\xff", b"import unittest\n"])
def test_hidden_tests_that_hold_no_test_are_named(source: bytes) -> None:
    broken = Exercise(EXERCISE.known, {"pond_test.py": File(source)}, ("pond_test.py",), "plain")
    with pytest.raises(MalformedContentError, match=r"^Task pond"):
        PythonLanguage().suite(broken, SOLUTION, chance=Random(1))


def test_a_check_grades_base_and_reference_of_every_task() -> None:
    rows = check(FakeBenchmark(), FakeSandbox(), clock=SteadyClock(), workers=1)
    assert {(row.task, row.base.resolved, row.reference.resolved) for row in rows} == {
        (known.task.id, False, True) for known in TINY_TASKS
    }


@pytest.mark.parametrize(
    ("base", "reference", "sound"),
    [(False, True, True), (True, True, False), (False, False, False), (True, False, False)],
)
def test_a_task_is_sound_if_it_tells_a_solution_from_none(base: bool, reference: bool, sound: bool) -> None:
    row = CheckedTask(TaskId("pond"), Control(base, "", 1.0), Control(reference, "", 1.0))
    assert row.sound is sound


def test_a_task_without_signal_is_sound_though_its_stub_resolves_it() -> None:
    done = Control(resolved=True, summary="", seconds=1.0)
    assert CheckedTask(TaskId("pond"), done, done, has_signal=False).sound


def test_a_task_that_cannot_be_judged_does_not_keep_others_from_it() -> None:
    benchmark = FakeBenchmark(faults=[SandboxError("The engine is gone.")])
    rows = {row.task: row for row in check(benchmark, FakeSandbox(), clock=SteadyClock(), workers=1)}
    first = rows.pop(TINY_TASKS[0].task.id)
    assert (first.judged, first.base.resolved, first.base.summary) == (False, None, "The engine is gone.")
    assert [row.sound for row in rows.values()] == [True] * 3


def test_each_grading_has_names_of_its_own() -> None:
    suites = [PythonLanguage().suite(EXERCISE, SOLUTION, chance=Random(seed)) for seed in (1, 2)]
    assert suites[0].must_pass.isdisjoint(suites[1].must_pass)


def containers_of(program: Callable[[FakeContainer], Execution]) -> tuple[list[FakeContainer], Grade]:
    """Return the containers that a grading took, and its verdict."""
    sandbox = FakeSandbox()
    found = graded(program, sandbox=sandbox)
    return sandbox.containers, found


def test_no_container_has_a_test_and_its_contradiction() -> None:
    containers, _ = containers_of(lambda container: ran(report(honest(container))))
    tests = [container.files["/task/tests/pond_test.py"].content.decode() for container in containers]
    assert [[text.count(f"test_{number:04d}_") for number in range(3)] for text in tests] == [[1, 1, 1], [1, 1, 1]]
    assert len({*honest(containers[0]), *honest(containers[1])}) == 6


def test_a_solution_that_fails_in_the_second_container_alone_does_not_resolve() -> None:
    seen: list[FakeContainer] = []

    def program(container: FakeContainer) -> Execution:
        seen.append(container)
        return ran(report(honest(container)) if len(seen) == 1 else report({}, problem="import"))

    containers, found = containers_of(program)
    assert (len(containers), found) == (2, Grade(resolved=False, summary="error at import; 0 of 3 tests passed"))


@pytest.mark.parametrize(
    "run",
    [ran(report({}, problem="import")), ran(b"ready\n"), ran(b"ready\n", exit_code=None, timed_out=True)],
)
def test_what_cannot_be_run_in_one_container_is_not_tried_in_another(run: Execution) -> None:
    containers, found = containers_of(lambda _: run)
    assert (len(containers), found.resolved, found.flags) == (1, False, ())


def test_a_run_that_ended_early_is_no_sign_of_tampering() -> None:
    def drop_all_but_one(outcomes: Outcomes) -> None:
        for name in list(outcomes)[1:]:
            del outcomes[name]

    found = reported(drop_all_but_one)
    assert (found.resolved, found.summary.endswith("the report lacks tests"), found.flags) == (False, True, ())
