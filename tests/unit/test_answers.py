"""A diagnosis out of a model's answer."""

import json

import pytest

from dgm.boundary.answers import MAX_STARTS, parse_diagnosis
from dgm.core.errors import HostileBytesError

FIELDS = {
    "log_summarization": "It stopped.",
    "potential_improvements": ["retry", "check"],
    "improvement_proposal": "Retry.",
    "implementation_suggestion": "In chat.py.",
    "problem_description": "The agent stops too early.",
}


def test_plain_json_is_read() -> None:
    assert parse_diagnosis(json.dumps(FIELDS)).potential_improvements == ("retry", "check")


def test_json_in_a_fence_with_words_around_it_is_read() -> None:
    answer = f"Here is my {{thinking}}:\n```json\n{json.dumps(FIELDS)}\n```\nDone."
    assert parse_diagnosis(answer).improvement_proposal == "Retry."


def test_control_characters_are_removed() -> None:
    answer = json.dumps(FIELDS | {"problem_description": "a\x1b[31mred\u202e"})
    assert parse_diagnosis(answer).problem_description == "ared"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no json here",
        "{" * 10_000,
        "[" * 100_000 + "{",
        '{"a": ' * 100_000,
        '{"a": ' + "1" * 5_000 + "}",
        "{" * MAX_STARTS + json.dumps(FIELDS),
        json.dumps({"improvement_proposal": "alone"}),
        json.dumps(FIELDS | {"potential_improvements": "not a list"}),
        json.dumps(FIELDS | {"improvement_proposal": ""}),
        json.dumps(FIELDS | {"log_summarization": 7}),
        json.dumps(FIELDS | {"problem_description": "x" * 30_000}),
    ],
    ids=[
        *("empty", "prose", "braces", "brackets", "nested", "digits", "late", "one field", "text for list", "blank"),
        *("number", "too long"),
    ],
)
def test_anything_else_is_refused(answer: str) -> None:
    with pytest.raises(HostileBytesError):
        parse_diagnosis(answer)
