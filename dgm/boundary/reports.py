"""Test reports as a grading container prints them.

The tests run in one process with the solution, so every byte may be the solution's. What this module returns is
therefore only well-formed; whether it is believed is decided by comparing it with what the host knows.

    ready                                                     written before anything of the solution is loaded
    {"problem": "", "outcomes": [["Case::test_a", "passed"], ...], "messages": [["Case::test_b", "1 != 2"], ...]}

Building a solution and running the tests each print one such report.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.errors import HostileBytesError

READY = b"ready\n"
MAX_REPORT_BYTES = 1_500_000
"""More than any honest one has: a message's character takes up to 12 bytes as JSON."""
MAX_TESTS = 5_000
MAX_MESSAGES = 60
MAX_MESSAGE_CHARS = 2_000

ReportedOutcome = Literal["passed", "failed", "skipped"]
Problem = Literal["", "import", "build", "output"]
"""What kept the tests from running to their end: the solution cannot be imported, does not build, printed too much."""


_MESSAGES = b'"messages":'
"""Within a text a quotation mark has a backslash before it, so this stands nowhere else."""
# Whole pairs and other escapes are taken first, so that what is left in the group is half a pair.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """What the tests are said to have done."""

    outcomes: Mapping[str, ReportedOutcome]
    """By test, such as "BasketTest::test_empty"."""
    problem: Problem
    messages: tuple[tuple[str, str], ...]
    """(test, what it said) of failed tests, ("", what the compiler said) of a build; raw text."""


_Name = Annotated[str, Field(min_length=1, max_length=500)]
_NameOrNone = Annotated[str, Field(max_length=500)]
_Message = Annotated[str, Field(max_length=MAX_MESSAGE_CHARS)]


class _Report(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    problem: Problem
    outcomes: Annotated[list[tuple[_Name, ReportedOutcome]], Field(max_length=MAX_TESTS)]
    messages: Annotated[list[tuple[_NameOrNone, _Message]], Field(max_length=MAX_MESSAGES)]


def solution_began(stdout: bytes) -> bool:
    """Return whether the grader got as far as loading the solution; if not, what failed was ours."""
    return stdout.startswith(READY)


def parse_report(stdout: bytes, *, of: str = "the tests") -> SuiteReport:
    """Return the report in a grader's output.

    Args:
        stdout: whatever was printed.
        of: whose report it is, "the tests" or "the build", for the error's sentence.
    Raises:
        HostileBytesError: it is not exactly the line "ready" and one JSON document of that form on one line.
    """
    if not solution_began(stdout):
        raise HostileBytesError(f"the report of {of} does not begin as it must")
    document = stdout[len(READY) :]
    if not document:
        raise HostileBytesError(f"{of} ended without a report")
    if len(document) > MAX_REPORT_BYTES:
        raise HostileBytesError(f"the report of {of} has more than {MAX_REPORT_BYTES} bytes")
    if document.count(b"\n") != 1 or not document.endswith(b"\n"):
        # Two documents: one of them is forged, and there is no telling which.
        raise HostileBytesError(f"the report of {of} is not one line")
    try:
        report = _Report.model_validate_json(_with_whole_characters(document))
    except ValidationError as error:
        raise HostileBytesError(f"the report of {of} is not JSON of the form agreed on") from error
    outcomes = dict(report.outcomes)
    if len(outcomes) != len(report.outcomes):
        raise HostileBytesError(f"the report of {of} names a test twice")
    return SuiteReport(outcomes=outcomes, problem=report.problem, messages=tuple(report.messages))


def _with_whole_characters(document: bytes) -> bytes:
    """Return a report with U+FFFD for each half of a surrogate pair in its messages.

    Java and JavaScript cut texts between the two, and what a test said must not cost a solution its outcomes.
    """
    outcomes, key, messages = document.partition(_MESSAGES)
    return outcomes + key + _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], messages)
