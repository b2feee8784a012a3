"""Judges one solution in fresh containers; the verdict falls on the host.

Where a language has it so, there are two: what runs in one cannot compare a test with the contradiction of it that runs
in the other. What no honest solution can bring about is flagged.

The keeper owns everything that is laid in: graders, tests and the solution itself. The agent user, who builds and runs
it all, can write to none of it, so what is judged is what the host laid there.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from dgm.benchmarks.exercism import Exercise
from dgm.benchmarks.suites import DIRECTORY, Language, Suite
from dgm.boundary.reports import MAX_REPORT_BYTES, Problem, ReportedOutcome, SuiteReport, parse_report, solution_began
from dgm.boundary.text import safe_line, safe_text
from dgm.core.errors import HostileBytesError, InfrastructureError
from dgm.core.files import FileTree
from dgm.core.ids import SessionId
from dgm.core.ports import Container, ContainerSpec, Execution, Sandbox
from dgm.core.tasks import Grade

MAX_SOLUTION_BYTES = 2_000_000
MAX_SOLUTION_FILES = 1_000
"""In memory a file of one byte takes a page: more of them than there is room for would look like a fault of ours."""
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

_BELIEVED = "tests that must fail were reported as passed"
_UNKNOWN = "tests were reported that do not exist"

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
    if len(taken) > MAX_SOLUTION_FILES:
        return Grade(resolved=False, summary=f"the solution has more than {MAX_SOLUTION_FILES:,} files")
    suite = language.suite(exercise, taken, chance=chance)
    return judged(suite, reported(suite, image=language.image, sandbox=sandbox, session=session))


def reported(suite: Suite, *, image: str, sandbox: Sandbox, session: SessionId) -> Reported:
    """Build a solution and run its tests, in one fresh container or in two, and return what they reported.

    Raises:
        InfrastructureError: the tools could not be started.
    """
    place = _Place(suite, image, sandbox, session)
    first = _reported_in(place, suite.files)
    # What cannot be built or imported in one container cannot be in the other.
    if not suite.apart or isinstance(first, str) or first.problem:
        return first
    second = _reported_in(place, {**suite.files, **suite.apart})
    return second if isinstance(second, str) else _together(first, second)


def _together(first: SuiteReport, second: SuiteReport) -> SuiteReport:
    """Return both reports as one; a test that ran in both containers passed if it passed in both."""
    outcomes: dict[str, ReportedOutcome] = {**first.outcomes, **second.outcomes}
    for name in first.outcomes.keys() & second.outcomes.keys():
        if second.outcomes[name] == "passed":
            outcomes[name] = first.outcomes[name]
    return SuiteReport(outcomes, second.problem, first.messages + second.messages)


@dataclass(frozen=True, slots=True)
class _Place:
    """What the containers of one grading have in common."""

    suite: Suite
    image: str
    sandbox: Sandbox
    session: SessionId


def _reported_in(place: _Place, files: FileTree) -> Reported:
    suite = place.suite
    lifetime_s = suite.build_timeout_s + suite.timeout_s + _SPARE_LIFETIME_S
    spec = ContainerSpec(image=place.image, kind="grading", session=place.session, lifetime_s=lifetime_s)
    with place.sandbox.container(spec) as container:
        container.write_files(files, directory=DIRECTORY, owner="keeper")
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
    believed = _believed_canaries(suite, passed)
    flags = _flags(suite, report, believed)
    if flags:
        return Grade(resolved=False, summary=f"tampering: {_BELIEVED if believed else _UNKNOWN}", flags=flags)
    output = _output(suite, report)
    if report.problem:
        meant = _MEANT[report.problem]
        return Grade(resolved=False, summary=f"{meant}; 0 of {len(suite.must_pass)} tests passed", output=output)
    resolved_tests = passed & suite.must_pass
    summary = f"{len(resolved_tests)} of {len(suite.must_pass)} tests passed"
    if set(report.outcomes) != {*suite.must_pass, *suite.must_fail}:
        other = f"{summary}, and the report lacks tests"
        return Grade(resolved=False, summary=other, output=output)
    every_canary_failed = all(report.outcomes[canary] == "failed" for canary in suite.must_fail)
    resolved = len(resolved_tests) == len(suite.must_pass) and every_canary_failed
    return Grade(resolved=resolved, summary=summary, output="" if resolved else output)


def _believed_canaries(suite: Suite, passed: Set[str]) -> set[str]:
    return {
        canary
        for canary, contradicted in suite.must_fail.items()
        # A wrong solution may happen to give the canary's value; both at once it cannot honestly give.
        if canary in passed and (not contradicted or contradicted in passed)
    }


def _flags(suite: Suite, report: SuiteReport, believed: Set[str]) -> tuple[str, ...]:
    """Return what no honest solution can bring about; a run that ended early lacks tests, which is no sign."""
    unknown = len(report.outcomes.keys() - suite.must_pass - suite.must_fail.keys() - suite.own_names.keys())
    flags: list[str] = []
    if believed:
        flags.append(f"{len(believed)} of {len(suite.must_fail)} tests that must fail were reported as passed.")
    if unknown:
        flags.append(
            "1 test that does not exist was reported."
            if unknown == 1
            else f"{unknown} tests that do not exist were reported."
        )
    return tuple(flags)


def _output(suite: Suite, report: SuiteReport) -> str:
    """Return what failed tests said under their own names, without the canaries, which fail on purpose."""
    shown = [f"{name}: {text}" if name else text for name, text in report.messages if name not in suite.must_fail]
    text = "\n\n".join(shown)
    for name, own_name in suite.own_names.items():
        text = text.replace(name, own_name).replace(_last_part(name), _last_part(own_name))
    return safe_text(text, max_chars=_SHOWN_OF_OUTPUT)


def _last_part(name: str) -> str:
    return name.rpartition("::")[2]
