"""Test reports from a container: whatever the bytes, a well-formed report or a refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.boundary.reports import (
    MAX_MESSAGE_CHARS,
    MAX_MESSAGES,
    MAX_REPORT_BYTES,
    READY,
    parse_report,
    solution_began,
)
from dgm.core.errors import HostileBytesError

OUTCOMES = st.dictionaries(
    st.text(min_size=1, max_size=20), st.sampled_from(["passed", "failed", "skipped"]), max_size=20
)


MESSAGES = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=50)), max_size=MAX_MESSAGES)
PROBLEMS = st.sampled_from(["", "import", "build", "output"])


def written(outcomes: object, messages: object = (), problem: object = "") -> bytes:
    """Return what a grader prints."""
    report = {"problem": problem, "outcomes": outcomes, "messages": messages}
    return READY + json.dumps(report).encode() + b"\n"


@given(OUTCOMES, MESSAGES, PROBLEMS)
def test_what_the_grader_writes_is_read_back(
    outcomes: dict[str, str], messages: list[tuple[str, str]], problem: str
) -> None:
    report = parse_report(written(list(outcomes.items()), messages, problem))
    assert (report.outcomes, report.messages, report.problem) == (outcomes, tuple(messages), problem)


def test_the_longest_messages_of_the_widest_characters_still_fit() -> None:
    messages = [["PondTest::test_ducks", "\N{DUCK}" * MAX_MESSAGE_CHARS]] * MAX_MESSAGES
    assert len(parse_report(written([], messages)).messages) == MAX_MESSAGES


HALVES = st.integers(0xD800, 0xDFFF).map(chr)
CUT = st.text('\\ud8\N{DUCK}"', max_size=6)


@given(CUT, HALVES, CUT)
def test_half_a_character_in_a_message_costs_no_outcome(before: str, half: str, after: str) -> None:
    report = parse_report(written([["a", "passed"]], [["b", before + half + after]]))
    assert (report.outcomes, report.messages) == ({"a": "passed"}, (("b", f"{before}\ufffd{after}"),))


@given(CUT)
def test_nothing_else_of_a_message_is_changed(text: str) -> None:
    assert parse_report(written([], [["b", text]])).messages == (("b", text),)


@given(HALVES)
def test_half_a_character_in_a_tests_name_is_refused(half: str) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(written([[f"a{half}", "passed"]]))


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
    "outcomes",
    [
        [["a", "passed"], ["a", "failed"]],
        [["a", "Passed"]],
        [["a", "passed", "x"]],
        [["", "passed"]],
        [["a" * 501, "passed"]],
        [["a", True]],
        {"a": "passed"},
        None,
        [[f"test_{number}", "passed"] for number in range(5_001)],
    ],
)
def test_wrong_outcomes_are_refused(outcomes: object) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(written(outcomes))


@pytest.mark.parametrize("problem", ["Build", "tests", "ready", 0, None, ["build"]])
def test_a_problem_that_is_none_of_ours_is_refused(problem: object) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(written([], problem=problem))


@pytest.mark.parametrize(
    "messages",
    [
        [["a", "x"]] * (MAX_MESSAGES + 1),
        [["a", "x" * (MAX_MESSAGE_CHARS + 1)]],
        [["a" * 501, "x"]],
        [["a"]],
        [["a", 1]],
        {"a": "x"},
        "x",
        None,
    ],
)
def test_wrong_messages_are_refused(messages: object) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(written([], messages))


@pytest.mark.parametrize(
    "report",
    [
        b'{"problem": "", "outcomes": [], "messages": [], "resolved": true}',
        b'{"problem": "", "outcomes": []}',
        b'{"outcomes": [], "messages": []}',
        b"[]",
    ],
)
def test_other_keys_are_refused(report: bytes) -> None:
    with pytest.raises(HostileBytesError):
        parse_report(READY + report + b"\n")


def test_the_sentence_says_whose_report_it_is() -> None:
    with pytest.raises(HostileBytesError, match=r"^the build ended without a report$"):
        parse_report(READY, of="the build")


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
