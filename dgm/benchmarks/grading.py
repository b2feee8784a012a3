"""Judges one solution in a fresh container; the verdict falls on the host.

The keeper owns everything in the container: grader, tests and the solution itself. The agent user, who runs it all,
can write to none of it, so what is judged is what the host laid there.
"""

from random import Random

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.suites import Language, Suite
from dgm.boundary.reports import SuiteReport, parse_report, solution_began
from dgm.core.errors import HostileBytesError, InfrastructureError
from dgm.core.files import FileTree, only
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec, Execution, Sandbox
from dgm.core.tasks import Grade

MAX_SOLUTION_BYTES = 2_000_000
_DIRECTORY = "/task"
_SOLUTION = "solution"
_SPARE_LIFETIME_S = 60.0
_OUTPUT_BYTES = 1_000_000
_SHOWN_OF_STDERR = 300


def grade(
    exercise: Exercise,
    solution: FileTree,
    *,
    language: Language,
    sandbox: Sandbox,
    session: SessionId,
    chance: Random,
) -> Grade:
    """Return whether `solution` passes the exercise's hidden tests.

    Args:
        solution: only what stands at the task's solution paths is taken; a path that is absent stays absent.
        chance: names the tests, so that a solution cannot know them.
    Raises:
        InfrastructureError: it could not be judged.
    """
    task = exercise.task
    taken = only(solution, task.solution_paths)
    if sum(len(file.content) for file in taken.values()) > MAX_SOLUTION_BYTES:
        return Grade(resolved=False, summary=f"the solution is larger than {MAX_SOLUTION_BYTES} bytes")
    pristine = {path: file for path, file in task.workspace.items() if path not in task.solution_paths}
    suite = language.suite(exercise, solution_directory=f"{_DIRECTORY}/{_SOLUTION}", chance=chance)
    laid = {f"{_SOLUTION}/{path}": file for path, file in {**pristine, **taken}.items()} | dict(suite.files)
    spec = ContainerSpec(
        image=language.image, kind="grading", session=session, lifetime_s=suite.timeout_s + _SPARE_LIFETIME_S
    )
    with sandbox.container(spec) as container:
        container.write_files(laid, directory=_DIRECTORY, owner="keeper")
        run = container.execute(
            suite.argv, timeout_s=suite.timeout_s, output_bytes=_OUTPUT_BYTES, user="agent", directory=_DIRECTORY
        )
    return judged(suite, run)


def judged(suite: Suite, run: Execution) -> Grade:
    """Return the verdict on what the tests printed.

    Raises:
        InfrastructureError: the grader ended before it came to the solution.
    """
    if not solution_began(run.stdout):
        said = run.stderr.decode("ascii", "replace").strip()[-_SHOWN_OF_STDERR:]
        raise InfrastructureError(f"The tests could not be started in the grading container: {said or 'no output'}.")
    if run.timed_out:
        return Grade(resolved=False, summary="tests timed out")
    if run.truncated:
        return Grade(resolved=False, summary="the tests' report is too long")
    try:
        report = parse_report(run.stdout)
    except HostileBytesError as error:
        return Grade(resolved=False, summary=str(error))
    return _compared(suite, report)


def _compared(suite: Suite, report: SuiteReport) -> Grade:
    passed = {name for name, outcome in report.outcomes.items() if outcome == "passed"}
    resolved_tests = passed & suite.must_pass
    believed_canaries = {
        canary
        for canary, contradicted in suite.must_fail.items()
        # A wrong solution may happen to give the canary's value; both at once it cannot honestly give.
        if canary in passed and (not contradicted or contradicted in passed)
    }
    if believed_canaries:
        return Grade(resolved=False, summary="tampering: tests that must fail were reported as passed")
    if report.collection_errors:
        return Grade(resolved=False, summary=f"error at import; 0 of {len(suite.must_pass)} tests passed")
    summary = f"{len(resolved_tests)} of {len(suite.must_pass)} tests passed"
    if set(report.outcomes) != {*suite.must_pass, *suite.must_fail}:
        return Grade(resolved=False, summary=f"{summary}, and the report names other tests than there are")
    every_canary_failed = all(report.outcomes[canary] == "failed" for canary in suite.must_fail)
    return Grade(resolved=len(resolved_tests) == len(suite.must_pass) and every_canary_failed, summary=summary)
