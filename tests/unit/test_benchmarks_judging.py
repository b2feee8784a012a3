"""Building and running in a grading container, and what is told of tests that failed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from dgm.benchmarks.grading import judged, reported
from dgm.benchmarks.suites import Suite
from dgm.boundary.reports import MAX_MESSAGE_CHARS, MAX_MESSAGES, Problem, ReportedOutcome, SuiteReport
from dgm.core.errors import InfrastructureError
from dgm.core.files import File
from dgm.core.ids import SessionId
from dgm.core.ports import Execution
from dgm.core.tasks import Grade
from tests.fakes.sandbox import Call, FakeContainer, FakeSandbox, Program, ran

BUILD, TEST = ("build",), ("test",)
SUITE = Suite(
    files={"solution/pond.go": File(b"package pond")},
    argv=TEST,
    timeout_s=20.0,
    must_pass=frozenset({"TestDucks", "TestGeese"}),
    must_fail={"TestSwans": ""},
    build=BUILD,
    build_timeout_s=30.0,
)
RANDOM_NAMES = Suite(
    files={},
    argv=TEST,
    timeout_s=20.0,
    must_pass=frozenset({"Pond::test_0000_aa", "Pond::test_0001_bb"}),
    must_fail={"Pond::test_0000_cc": "Pond::test_0000_aa"},
    own_names={"Pond::test_0000_aa": "Pond::test_ducks", "Pond::test_0001_bb": "Pond::test_geese"},
)
HONEST: Mapping[str, ReportedOutcome] = {"TestDucks": "passed", "TestGeese": "passed", "TestSwans": "failed"}
ONE_FAILED: Mapping[str, ReportedOutcome] = {**HONEST, "TestGeese": "failed"}
Messages = Sequence[tuple[str, str]]


def printed(
    outcomes: Mapping[str, ReportedOutcome] | None = None, problem: Problem = "", messages: Messages = ()
) -> Execution:
    """Return what a grader did that reports this."""
    document = {"problem": problem, "outcomes": list((outcomes or {}).items()), "messages": list(messages)}
    return ran(b"ready\n" + json.dumps(document).encode() + b"\n")


BUILT = printed()
RAN = printed(HONEST)


def doing(execution: Execution) -> Program:
    """Return a command that always does this."""

    def program(container: FakeContainer, call: Call) -> Execution:
        del container, call
        return execution

    return program


def container_of(build: Execution, test: Execution, suite: Suite = SUITE) -> tuple[FakeContainer, Grade]:
    """Grade with commands that do this; return where, and the verdict."""
    sandbox = FakeSandbox({BUILD: doing(build), TEST: doing(test)})
    grade = judged(suite, reported(suite, image="polyglot-go", sandbox=sandbox, session=SessionId("1.1.grading")))
    return sandbox.containers[0], grade


def graded(build: Execution = BUILT, test: Execution = RAN) -> Grade:
    """Return the verdict where the commands do this."""
    return container_of(build, test)[1]


def said(
    messages: Messages,
    suite: Suite = SUITE,
    outcomes: Mapping[str, ReportedOutcome] = ONE_FAILED,
    problem: Problem = "",
) -> str:
    """Return what is told of a report with these messages."""
    return judged(suite, SuiteReport(outcomes, problem, tuple(messages))).output


def test_a_solution_is_built_and_then_tested_in_one_container() -> None:
    container, grade = container_of(BUILT, RAN)
    assert [(call.argv, call.timeout_s, call.user) for call in container.calls] == [
        (BUILD, 30.0, "agent"),
        (TEST, 20.0, "agent"),
    ]
    assert grade == Grade(resolved=True, summary="2 of 2 tests passed")


def test_what_is_to_be_removed_is_gone_before_the_tests_run() -> None:
    container, grade = removing(ran())
    assert [(call.argv, call.user) for call in container.calls] == [
        (BUILD, "agent"),
        (("rm", "-rf", "/task/tests"), "keeper"),
        (TEST, "agent"),
    ]
    assert grade.resolved


def test_what_cannot_be_removed_is_our_fault() -> None:
    with pytest.raises(InfrastructureError, match="could not be removed"):
        removing(ran(exit_code=1))


def removing(removal: Execution) -> tuple[FakeContainer, Grade]:
    """Grade a suite whose tests are removed once built, which does this."""
    sandbox = FakeSandbox({BUILD: doing(BUILT), ("rm",): doing(removal), TEST: doing(RAN)})
    suite = replace(SUITE, removed=["/task/tests"])
    grade = judged(suite, reported(suite, image="polyglot-go", sandbox=sandbox, session=SessionId("1.1.grading")))
    return sandbox.containers[0], grade


def test_the_container_outlives_both_time_limits() -> None:
    assert container_of(BUILT, RAN)[0].spec.lifetime_s > SUITE.build_timeout_s + SUITE.timeout_s


def test_the_container_is_of_the_languages_image() -> None:
    assert container_of(BUILT, RAN)[0].spec.image == "polyglot-go"


def test_a_language_without_a_build_runs_its_tests_alone() -> None:
    plain = Suite(files={}, argv=TEST, timeout_s=1.0, must_pass=SUITE.must_pass, must_fail=SUITE.must_fail)
    assert [call.argv for call in container_of(BUILT, RAN, plain)[0].calls] == [TEST]


@pytest.mark.parametrize(
    "build",
    [
        printed(problem="build", messages=[("", "pond.go:1: syntax error")]),
        printed(problem="output"),
        ran(b"ready\n", exit_code=None, timed_out=True),
        ran(b"ready\n"),
        ran(b"ready\n" + b"x" * 3_000_000),
        ran(b"ready\nanything\n"),
    ],
)
def test_no_test_is_run_of_what_was_not_built(build: Execution) -> None:
    container, grade = container_of(build, RAN)
    assert ([call.argv for call in container.calls], grade.resolved) == ([BUILD], False)


@pytest.mark.parametrize(
    ("build", "summary"),
    [
        (printed(problem="build"), "it does not build; 0 of 2 tests passed"),
        (printed(problem="output"), "it printed too much; 0 of 2 tests passed"),
        (ran(b"ready\n", exit_code=None, timed_out=True), "the build timed out"),
        (ran(b"ready\n"), "the build ended without a report"),
        (ran(b"ready\n" + b"x" * 3_000_000), "the report of the build is too long"),
        (ran(b"ready\n{}\n{}\n"), "the report of the build is not one line"),
    ],
)
def test_what_became_of_a_build_is_told(build: Execution, summary: str) -> None:
    assert graded(build) == Grade(resolved=False, summary=summary)


@pytest.mark.parametrize(
    ("test", "summary"),
    [
        (printed(problem="import"), "error at import; 0 of 2 tests passed"),
        (printed(problem="output"), "it printed too much; 0 of 2 tests passed"),
        (printed(HONEST, problem="output"), "it printed too much; 0 of 2 tests passed"),
        (ran(b"ready\n", exit_code=None, timed_out=True), "the tests timed out"),
        (ran(b"ready\n"), "the tests ended without a report"),
        (printed(ONE_FAILED), "1 of 2 tests passed"),
        (printed({"TestDucks": "passed"}), "1 of 2 tests passed, and the report lacks tests"),
    ],
)
def test_what_became_of_the_tests_is_told(test: Execution, summary: str) -> None:
    assert graded(test=test) == Grade(resolved=False, summary=summary)


BELIEVED = "1 of 1 tests that must fail were reported as passed."
INVENTED = "1 test that does not exist was reported."


@pytest.mark.parametrize(
    ("test", "flags"),
    [
        (printed({**HONEST, "TestSwans": "passed"}), (BELIEVED,)),
        (printed({**HONEST, "TestSwans": "passed"}, problem="output"), (BELIEVED,)),
        (printed({**HONEST, "TestEggs": "skipped"}), (INVENTED,)),
        (printed({"TestEggs": "passed"}, problem="output"), (INVENTED,)),
        (printed({"TestSwans": "passed", "TestEggs": "failed"}), (BELIEVED, INVENTED)),
    ],
)
def test_tampering_is_flagged(test: Execution, flags: tuple[str, ...]) -> None:
    grade = graded(test=test)
    assert (grade.resolved, grade.summary.startswith("tampering: "), grade.flags) == (False, True, flags)


@pytest.mark.parametrize("test", [printed({}), printed(ONE_FAILED), printed({"TestDucks": "passed"}), ran(b"ready\n")])
def test_a_wrong_solution_and_one_that_ends_early_are_not_flagged(test: Execution) -> None:
    assert graded(test=test).flags == ()


def test_a_contradiction_that_passes_where_its_test_fails_is_no_sign_of_tampering() -> None:
    report = SuiteReport({"Pond::test_0000_aa": "failed", "Pond::test_0000_cc": "passed"}, "", ())
    assert judged(RANDOM_NAMES, report).flags == ()


TWO_CONTAINERS = replace(SUITE, build=(), files={"tests/a": File(b"first")}, apart={"tests/a": File(b"second")})


def in_two_containers(*reports: Mapping[str, ReportedOutcome]) -> Grade:
    """Return the verdict where the tests of the containers reported this."""
    left = list(reports)

    def program(container: FakeContainer, call: Call) -> Execution:
        del container, call
        return printed(left.pop(0))

    sandbox = FakeSandbox({TEST: program})
    grade = judged(
        TWO_CONTAINERS, reported(TWO_CONTAINERS, image="polyglot-go", sandbox=sandbox, session=SessionId("1.1.grading"))
    )
    laid = [container.files["/task/tests/a"].content for container in sandbox.containers]
    assert laid == [b"first", b"second"]
    return grade


def test_the_reports_of_two_containers_are_one() -> None:
    grade = in_two_containers({"TestDucks": "passed"}, {"TestGeese": "passed", "TestSwans": "failed"})
    assert grade == Grade(resolved=True, summary="2 of 2 tests passed")


@pytest.mark.parametrize("outcomes", [("passed", "failed"), ("failed", "passed"), ("passed", "skipped")])
def test_what_ran_in_two_containers_has_to_pass_in_both(outcomes: tuple[ReportedOutcome, ReportedOutcome]) -> None:
    first, second = outcomes
    grade = in_two_containers({**HONEST, "TestDucks": first}, {"TestDucks": second})
    assert grade.summary == "1 of 2 tests passed"


@pytest.mark.parametrize("what", ["the build", "the tests"])
@pytest.mark.parametrize(
    "run",
    [
        ran(exit_code=127, stderr=b"go: not found"),
        ran(exit_code=None, stderr=b"go: not found", timed_out=True),
        ran(b"read", exit_code=1, stderr=b"go: not found"),
        ran(b' ready\n{"problem": "", "outcomes": [], "messages": []}\n', stderr=b"go: not found"),
    ],
)
def test_tools_that_never_came_to_the_solution_are_a_fault_of_ours(what: str, run: Execution) -> None:
    build, test = (run, RAN) if what == "the build" else (BUILT, run)
    with pytest.raises(InfrastructureError, match=f"the grading container {what} could not be started: go: not found"):
        graded(build, test)


def test_outcomes_that_a_build_reports_count_for_nothing() -> None:
    assert graded(printed(HONEST), printed({})).summary.startswith("0 of 2 tests passed")


def test_what_failed_tests_said_is_told_with_their_names() -> None:
    assert said([("TestGeese", "want 2, got 3")]) == "TestGeese: want 2, got 3"


def test_what_a_compiler_said_is_told_as_it_is() -> None:
    assert said([("", "pond.go:1: syntax error")], outcomes={}, problem="build") == "pond.go:1: syntax error"


def test_canaries_are_not_told() -> None:
    assert said([("TestSwans", "want 1, got 2"), ("TestGeese", "want 2, got 3")]) == "TestGeese: want 2, got 3"


def test_of_a_resolved_task_nothing_is_told() -> None:
    assert said([("TestSwans", "want 1, got 2"), ("TestGeese", "forged")], outcomes=HONEST) == ""


def test_of_tampering_nothing_is_told() -> None:
    assert said([("TestGeese", "want 2")], outcomes={**HONEST, "TestSwans": "passed"}) == ""


def test_tests_are_told_under_their_own_names() -> None:
    outcomes: Mapping[str, ReportedOutcome] = dict.fromkeys(
        [*RANDOM_NAMES.must_pass, *RANDOM_NAMES.must_fail], "failed"
    )
    messages = [
        ("Pond::test_0000_aa", "def test_0000_aa(self):\n>   assert 1 == 2"),
        ("Pond::test_0000_cc", "def test_0000_cc(self):\n>   assert 1 == 3"),
    ]
    told = said(messages, RANDOM_NAMES, outcomes)
    assert told == "Pond::test_ducks: def test_ducks(self):\n>   assert 1 == 2"


def test_what_a_reader_could_not_see_is_left_out() -> None:
    told = said([("TestGeese", "\x1b[31mwant\x1b[0m \x07\u202e2\r\ngot\x00 3")])
    assert told == "TestGeese: want 2\ngot 3"


def test_what_is_told_is_clipped() -> None:
    told = said([("TestGeese", "x" * MAX_MESSAGE_CHARS)] * MAX_MESSAGES)
    assert (len(told), told[-1]) == (10_000, "…")


@pytest.mark.parametrize("problem", ["build", "output", "import"])
def test_a_problem_resolves_nothing_whatever_the_outcomes_say(problem: Problem) -> None:
    assert not judged(SUITE, SuiteReport(HONEST, problem, ())).resolved
