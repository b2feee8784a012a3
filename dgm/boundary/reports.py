"""Test reports as a grading container prints them.

The tests run in one process with the solution, so every byte may be the solution's. What this module returns is
therefore only well-formed; whether it is believed is decided by comparing it with what the host knows.

    ready                                                     written before anything of the solution is imported
    {"collection_errors": 0, "outcomes": [["Case::test_a", "passed"], ...]}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.errors import HostileBytesError

READY = b"ready\n"
MAX_REPORT_BYTES = 500_000
MAX_TESTS = 5_000

ReportedOutcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """What the tests are said to have done."""

    outcomes: Mapping[str, ReportedOutcome]
    """By test, such as "BasketTest::test_empty"."""
    collection_errors: int
    """How many test files could not be imported."""


class _Report(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    collection_errors: Annotated[int, Field(ge=0, le=MAX_TESTS)]
    outcomes: Annotated[
        list[tuple[Annotated[str, Field(min_length=1, max_length=500)], ReportedOutcome]], Field(max_length=MAX_TESTS)
    ]


def solution_began(stdout: bytes) -> bool:
    """Return whether the grader got as far as importing the solution; if not, what failed was ours."""
    return stdout.startswith(READY)


def parse_report(stdout: bytes) -> SuiteReport:
    """Return the report in a grader's output.

    Raises:
        HostileBytesError: it is not exactly the line "ready" and one JSON document of that form on one line.
    """
    if not solution_began(stdout):
        raise HostileBytesError("the tests' report does not begin as it must")
    document = stdout[len(READY) :]
    if not document:
        raise HostileBytesError("the tests ended without a report")
    if len(document) > MAX_REPORT_BYTES:
        raise HostileBytesError(f"the tests' report has more than {MAX_REPORT_BYTES} bytes")
    if document.count(b"\n") != 1 or not document.endswith(b"\n"):
        # Two documents: one of them is forged, and there is no telling which.
        raise HostileBytesError("the tests' report is not one line")
    try:
        report = _Report.model_validate_json(document)
    except ValidationError as error:
        raise HostileBytesError("the tests' report is not JSON of the form agreed on") from error
    outcomes = dict(report.outcomes)
    if len(outcomes) != len(report.outcomes):
        raise HostileBytesError("the tests' report names a test twice")
    return SuiteReport(outcomes=outcomes, collection_errors=report.collection_errors)
