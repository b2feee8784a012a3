"""Test reports from a container: whatever the bytes, a well-formed report or a refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.boundary.reports import MAX_REPORT_BYTES, READY, parse_report, solution_began
from dgm.core.errors import HostileBytesError

OUTCOMES = st.dictionaries(
    st.text(min_size=1, max_size=20), st.sampled_from(["passed", "failed", "skipped"]), max_size=20
)


def written(outcomes: object, collection_errors: object = 0) -> bytes:
    """Return what a grader prints."""
    report = {"collection_errors": collection_errors, "outcomes": outcomes}
    return READY + json.dumps(report).encode() + b"\n"


@given(OUTCOMES, st.integers(0, 5))
def test_what_the_grader_writes_is_read_back(outcomes: dict[str, str], errors: int) -> None:
    report = parse_report(written(list(outcomes.items()), errors))
    assert (report.outcomes, report.collection_errors) == (outcomes, errors)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read_but_never_crash(stdout: bytes) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(stdout)


@given(st.binary(max_size=200))
def test_bytes_after_ready_are_refused_or_read_but_never_crash(stdout: bytes) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(READY + stdout)


@given(OUTCOMES, st.data())
def test_a_report_cut_short_is_refused(outcomes: dict[str, str], data: st.DataObject) -> None:
    whole = written(list(outcomes.items()))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(HostileBytesError):
        parse_report(cut)


@given(OUTCOMES)
def test_two_reports_are_refused(outcomes: dict[str, str]) -> None:
    one = written(list(outcomes.items()))
    with pytest.raises(HostileBytesError, match="not one line"):
        parse_report(one + one.removeprefix(READY))


@pytest.mark.parametrize(
    ("outcomes", "errors"),
    [
        ([["a", "passed"], ["a", "failed"]], 0),
        ([["a", "Passed"]], 0),
        ([["a", "passed", "x"]], 0),
        ([["", "passed"]], 0),
        ([["a" * 501, "passed"]], 0),
        ([["a", True]], 0),
        ({"a": "passed"}, 0),
        ([], -1),
        ([], "0"),
        ([], 0.0),
        ([], None),
    ],
)
def test_a_wrong_field_is_refused(outcomes: object, errors: object) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(written(outcomes, errors))


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(HostileBytesError):
        parse_report(READY + b'{"collection_errors": 0, "outcomes": [], "resolved": true}\n')


def test_a_deeply_nested_document_is_refused() -> None:
    with pytest.raises(HostileBytesError):
        parse_report(READY + b"[" * 100_000 + b"\n")


def test_a_giant_report_is_refused() -> None:
    with pytest.raises(HostileBytesError, match="more than"):
        parse_report(READY + b" " * MAX_REPORT_BYTES + b"{}\n")


def test_nothing_of_the_solution_began_without_the_ready_line() -> None:
    assert not solution_began(b"read")


def test_the_solution_began_with_the_ready_line() -> None:
    assert solution_began(READY + b"anything")
