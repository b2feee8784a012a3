"""Requests from agents: what is valid comes through field by field, everything else is one sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dgm.boundary.chat import parse_chat_request
from dgm.core.errors import HostileBytesError

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
_FIELDS = [
    "model",
    "messages",
    "tools",
    "tool_choice",
    "temperature",
    "stop",
    "max_tokens",
    "stream",
    "role",
    "content",
]
_near_misses = st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=6)


def _body(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}).encode()


def _error_of(body: bytes) -> str:
    try:
        parse_chat_request(body)
    except HostileBytesError as error:
        return str(error)
    return ""


@given(st.binary(max_size=200) | (_json | _near_misses).map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_request_or_one_error_that_can_be_sent_back(body: bytes) -> None:
    assert len(_error_of(body).encode()) < 2_500


@given(st.text(max_size=50), st.floats(0, 2), st.integers(1, 10**6))
def test_a_valid_request_keeps_its_values(text: str, temperature: float, max_tokens: int) -> None:
    messages = [{"role": "user", "content": text}]
    request = parse_chat_request(_body(messages=messages, temperature=temperature, max_tokens=max_tokens))
    assert (request.messages[0].content, request.temperature, request.max_tokens) == (text, temperature, max_tokens)


@given(st.lists(st.text(max_size=10), max_size=5))
def test_text_parts_are_joined(texts: list[str]) -> None:
    parts = [{"type": "text", "text": text} for text in texts]
    request = parse_chat_request(_body(messages=[{"role": "user", "content": parts}]))
    assert request.messages[0].content == "".join(texts)


def _call(identity: str) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": "bash", "arguments": "{}"}}


USER = {"role": "user", "content": "hi"}
CALLS = {"role": "assistant", "content": None, "tool_calls": [_call("a"), _call("b")]}
RESULT_A = {"role": "tool", "tool_call_id": "a", "content": "1"}
RESULT_B = {"role": "tool", "tool_call_id": "b", "content": "2"}


@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [{"role": "system", "content": "s"}, USER, {"role": "assistant", "content": "a"}, USER],
        [USER, CALLS, RESULT_B, RESULT_A],
        [USER, CALLS, RESULT_A, RESULT_B, USER],
        [USER, {"role": "assistant", "content": "", "tool_calls": []}, USER],
    ],
)
def test_a_conversation_that_a_provider_takes_is_taken(messages: list[dict[str, Any]]) -> None:
    assert len(parse_chat_request(_body(messages=messages)).messages) == len(messages)


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([USER, RESULT_A], "messages.1"),
        ([USER, CALLS, RESULT_A], "messages"),
        ([USER, CALLS, RESULT_A, USER], "messages.3"),
        ([USER, CALLS, RESULT_A, RESULT_A], "messages.3"),
        ([{**USER, "tool_calls": [_call("a")]}, RESULT_A], "messages.0.tool_calls"),
        ([{**USER, "tool_call_id": "a"}], "messages.0.tool_call_id"),
        ([{"role": "user"}], "messages.0.content"),
        ([{"role": "assistant"}], "messages.0.content"),
        ([USER, {**CALLS, "tool_calls": [_call("x" * 300)]}], "messages.1.tool_calls.0.id"),
    ],
)
def test_a_conversation_that_a_provider_refuses_is_refused_with_its_place(
    messages: list[dict[str, Any]], where: str
) -> None:
    with pytest.raises(HostileBytesError, match=rf"^{where}: "):
        parse_chat_request(_body(messages=messages))


def test_another_model_than_the_sessions_is_refused() -> None:
    with pytest.raises(HostileBytesError, match=r"^model: it must be 'other'"):
        parse_chat_request(_body(), model="other")


def test_the_last_of_two_equal_fields_counts_alone() -> None:
    body = b'{"model": "a", "model": "b", "messages": [{"role": "user", "content": "hi"}]}'
    assert parse_chat_request(body, model="b").model == "b"


MANY_WRONG_ITEMS: list[dict[str, Any]] = [
    {"messages": [{}] * 5_000},
    {"messages": [{"role": "assistant", "tool_calls": [{}] * 128}] * 50},
    {"messages": [{"tool_calls": [{}] * 5_000}]},
    {"tools": [{}] * 5_000},
    {"stop": [1] * 5_000},
]


@pytest.mark.parametrize(
    "wrong",
    MANY_WRONG_ITEMS,
    ids=["messages", "calls of messages", "calls", "tools", "stops"],
)
def test_a_million_wrong_items_are_not_a_million_errors(wrong: dict[str, Any]) -> None:
    with pytest.raises(HostileBytesError) as caught:
        parse_chat_request(_body(**wrong))
    assert isinstance(caught.value.__cause__, ValidationError)
    assert caught.value.__cause__.error_count() <= 10
