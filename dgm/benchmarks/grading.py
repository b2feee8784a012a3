"""Judges one solution in a fresh container; the verdict falls on the host.

The keeper owns everything that is laid in: graders, tests and the solution itself. The agent user, who builds and runs
it all, can write to none of it, so what is judged is what the host laid there.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TypeAlias

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.suites import DIRECTORY, Language, Suite
from dgm.boundary.reports import MAX_REPORT_BYTES, Problem, SuiteReport, parse_report, solution_began
from dgm.boundary.text import safe_line, safe_text
from dgm.core.errors import HostileBytesError, InfrastructureError
from dgm.core.files import FileTree
from dgm.core.ids import SessionId
from dgm.core.ports import Container, ContainerSpec, Execution, Sandbox
from dgm.core.tasks import Grade

MAX_SOLUTION_BYTES = 2_000_000
_SPARE_LIFETIME_S = 60.0
_OUTPUT_BYTES = MAX_REPORT_BYTES + 100_000
_REMOVAL_TIMEOUT_S = 20.0
_SHOWN_OF_STDERR = 300
_SHOWN_OF_OUTPUT = 10_000
_MEANT: Mapping[Problem, str] = {
    "import": "error at import",
    "build": "it does not build",
    "output": "it printed too much",
}

Reported: TypeAlias = SuiteReport | str
"""What a grader reported, or why there is no report that could be believed."""


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
        solution: only what the task takes is looked at; a solution path that is absent stays absent.
        chance: names canaries, so that a solution cannot know them.
    Raises:
        InfrastructureError: it could not be judged.
    """
    taken = exercise.task.solution_in(solution)
    if sum(len(file.content) for file in taken.values()) > MAX_SOLUTION_BYTES:
        return Grade(resolved=False, summary=f"the solution is larger than {MAX_SOLUTION_BYTES} bytes")
    suite = language.suite(exercise, taken, chance=chance)
    return judged(suite, reported(suite, image=language.image, sandbox=sandbox, session=session))


def reported(suite: Suite, *, image: str, sandbox: Sandbox, session: SessionId) -> Reported:
    """Build a solution and run its tests in a fresh container, and return what they reported.

    Raises:
        InfrastructureError: the tools could not be started.
    """
    lifetime_s = suite.build_timeout_s + suite.timeout_s + _SPARE_LIFETIME_S
    spec = ContainerSpec(image=image, kind="grading", session=session, lifetime_s=lifetime_s)
    with sandbox.container(spec) as container:
        container.write_files(suite.files, directory=DIRECTORY, owner="keeper")
        if suite.build:
            built = container.execute(
                suite.build, timeout_s=suite.build_timeout_s, output_bytes=_OUTPUT_BYTES, user="agent"
            )
            report = _report(built, "the build")
            if isinstance(report, str) or report.problem:
                return report
            _remove(suite.removed, container)
        run = container.execute(suite.argv, timeout_s=suite.timeout_s, output_bytes=_OUTPUT_BYTES, user="agent")
    return _report(run, "the tests")


def _remove(paths: Sequence[str], container: Container) -> None:
    if paths and container.execute(("rm", "-rf", *paths), timeout_s=_REMOVAL_TIMEOUT_S, user="keeper").exit_code != 0:
        raise InfrastructureError("In the grading container the tests' sources could not be removed.")


def _report(run: Execution, what: str) -> Reported:
    if not solution_began(run.stdout):
        said = safe_line(run.stderr.decode("utf-8", "replace").strip()[-_SHOWN_OF_STDERR:])
        raise InfrastructureError(f"In the grading container {what} could not be started: {said or 'no output'}.")
    if run.timed_out:
        return f"{what} timed out"
    if run.truncated:
        return f"the report of {what} is too long"
    try:
        return parse_report(run.stdout, of=what)
    except HostileBytesError as error:
        return str(error)


def judged(suite: Suite, report: Reported) -> Grade:
    """Return the verdict on what the tests reported."""
    if isinstance(report, str):
        return Grade(resolved=False, summary=report)
    passed = {name for name, outcome in report.outcomes.items() if outcome == "passed"}
    believed_canaries = {
        canary
        for canary, contradicted in suite.must_fail.items()
        # A wrong solution may happen to give the canary's value; both at once it cannot honestly give.
        if canary in passed and (not contradicted or contradicted in passed)
    }
    if believed_canaries:
        return Grade(resolved=False, summary="tampering: tests that must fail were reported as passed")
    output = _output(suite, report)
    if report.problem:
        meant = _MEANT[report.problem]
        return Grade(resolved=False, summary=f"{meant}; 0 of {len(suite.must_pass)} tests passed", output=output)
    resolved_tests = passed & suite.must_pass
    summary = f"{len(resolved_tests)} of {len(suite.must_pass)} tests passed"
    if set(report.outcomes) != {*suite.must_pass, *suite.must_fail}:
        other = f"{summary}, and the report names other tests than there are"
        return Grade(resolved=False, summary=other, output=output)
    every_canary_failed = all(report.outcomes[canary] == "failed" for canary in suite.must_fail)
    resolved = len(resolved_tests) == len(suite.must_pass) and every_canary_failed
    return Grade(resolved=resolved, summary=summary, output="" if resolved else output)


def _output(suite: Suite, report: SuiteReport) -> str:
    """Return what failed tests said under their own names, without the canaries, which fail on purpose."""
    shown = [f"{name}: {text}" if name else text for name, text in report.messages if name not in suite.must_fail]
    text = "\n\n".join(shown)
    for name, own_name in suite.own_names.items():
        text = text.replace(name, own_name).replace(_last_part(name), _last_part(own_name))
    return safe_text(text, max_chars=_SHOWN_OF_OUTPUT)


def _last_part(name: str) -> str:
    return name.rpartition("::")[2]
