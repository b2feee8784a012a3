"""Whatever an agent says, and however it changes what was said, Anthropic's API takes what is made of it."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest, Message, parse_chat_request
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.vendors.anthropic_answer import completion_of
from dgm.gateway.vendors.anthropic_messages import NUDGE
from dgm.gateway.vendors.anthropic_request import input_token_bound, upstream_request
from tests.fakes.anthropic_brains import chat_request
from tests.fakes.anthropic_rules import Block, Rules, Signed, whole_prefix

_texts = st.text(max_size=8) | st.sampled_from(["", " \n", "word"])
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_texts, inner, max_size=2), max_leaves=4
)
_arguments = _texts | _json.map(json.dumps) | st.sampled_from(['{"a": 1e999}', '{"a": NaN}', '{"a": "\\ud800"}'])
_ids = st.sampled_from(["a", "b", "call_0", "call.0", ""]) | st.text(max_size=8)
_names = st.text(max_size=8) | st.just("bash")
_schemas = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["object", "string", None]),
        "properties": st.dictionaries(_texts, st.just({"type": "string"}), max_size=2),
        "anyOf": st.just([{"required": ["a"]}]),
        "required": st.lists(_texts, max_size=2),
        "additionalProperties": st.booleans(),
    },
)


def _tool(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


_tool_names = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True) | st.just("bash")
_tools = st.lists(st.builds(_tool, _tool_names, _texts, _schemas), max_size=3)


def _message(role: str, content: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": content}]


def _exchange(content: str | None, calls: list[tuple[str, str, str]], results: list[str]) -> list[dict[str, Any]]:
    """Return a message with calls, and a result for each of their ids."""
    told = [
        {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}
        for identity, name, arguments in calls
    ]
    answered = dict.fromkeys(identity for identity, _, _ in calls)
    given = [
        {"role": "tool", "tool_call_id": identity, "content": results[number % len(results)]}
        for number, identity in enumerate(answered)
    ]
    return [{"role": "assistant", "content": content, "tool_calls": told}, *given]


_steps = st.builds(_message, st.sampled_from(["system", "user", "assistant"]), _texts) | st.builds(
    _exchange,
    st.none() | _texts,
    st.lists(st.tuples(_ids, _names, _arguments), min_size=1, max_size=3),
    st.lists(_texts, min_size=1, max_size=3),
)
_settings = st.fixed_dictionaries(
    {},
    optional={
        "tools": _tools,
        "tool_choice": st.sampled_from(["auto", "none", "required"]),
        "parallel_tool_calls": st.booleans(),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0.01, 1),
        "stop": _texts | st.lists(_texts, max_size=4),
    },
)
_parameters = st.builds(
    ModelParameters,
    temperature=st.booleans(),
    top_p=st.booleans(),
    thinking=st.sampled_from(["adaptive", "disabled", "default", 1_024, 8_000]),
    effort=st.none() | st.just("high"),
    cache=st.booleans(),
)


def _request(steps: list[list[dict[str, Any]]], settings: dict[str, Any]) -> ChatRequest:
    messages = [message for step in steps for message in step]
    return parse_chat_request(json.dumps({"model": "m", "messages": messages, **settings}).encode())


@given(st.lists(_steps, min_size=1, max_size=6), _settings, _parameters, st.sampled_from([10, 2_048, 30_000]))
def test_any_valid_conversation_is_taken(
    steps: list[list[dict[str, Any]]], settings: dict[str, Any], parameters: ModelParameters, output_tokens: int
) -> None:
    request = _request(steps, settings)
    upstream = upstream_request(request, {}, model="m", output_tokens=output_tokens, parameters=parameters)
    body: Block = json.loads(json.dumps(upstream.body, allow_nan=False))
    Rules(thinks_by_itself=not parameters.temperature).check(body, version=upstream.version, signed={})
    assert input_token_bound(upstream) > len(json.dumps(body, ensure_ascii=False).encode())


@given(st.lists(_steps, min_size=1, max_size=6))
def test_nothing_that_was_said_is_lost(steps: list[list[dict[str, Any]]]) -> None:
    request = _request(steps, {})
    upstream = upstream_request(request, {}, model="m", output_tokens=10, parameters=ModelParameters())
    heard = [message for message in chat_request(upstream.body).messages if message.content != NUDGE]
    assert [_gist(message) for message in heard if _gist(message)] == _gists(request.messages)


def _gists(messages: Sequence[Message]) -> list[tuple[str, str, int]]:
    """Return what is to be heard of messages: system messages in the midst of them as the user's."""
    first = next((number for number, message in enumerate(messages) if message.role != "system"), len(messages))
    later = [one.model_copy(update={"role": "user"}) if one.role == "system" else one for one in messages[first:]]
    return [gist for message in (*messages[:first], *later) if (gist := _gist(message))]


def _gist(message: Message) -> tuple[str, str, int] | None:
    """Return who says what and calls how often, None for results and for nothing."""
    text, calls = message.content or "", len(message.tool_calls or ())
    return (
        None
        if message.role == "tool" or not (text.strip() or calls)
        else (message.role, text if text.strip() else "", calls)
    )


def _thinking(words: str) -> Block:
    return {"type": "thinking", "thinking": words, "signature": f"signed {words}"}


def _redacted(data: str) -> Block:
    return {"type": "redacted_thinking", "data": data}


def _words(words: str) -> Block:
    return {"type": "text", "text": words}


def _call(arguments: dict[str, Any]) -> Block:
    return {"type": "tool_use", "name": "bash", "input": arguments}


_thoughts = st.builds(_thinking, _texts) | st.builds(_redacted, _texts)
_blocks = _thoughts | st.builds(_words, _texts) | st.builds(_call, st.dictionaries(_texts, _scalars, max_size=2))
_edits = st.sampled_from(
    ["none", "drop text", "change arguments", "reverse calls", "clip", "forget the first", "repeat", "change tools"]
)


@given(st.data())
def test_thinking_is_put_back_as_the_api_wants_it_whatever_the_agent_does(data: st.DataObject) -> None:
    parameters: ModelParameters = data.draw(_parameters)
    rules = Rules(thinks_by_itself=not parameters.temperature)
    settings: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "bash"}}]}
    steps = [_message("system", "s"), _message("user", "u")]
    signed: dict[str, Signed] = {}
    kept: dict[str, JsonValue] = {}
    for number in range(data.draw(st.integers(1, 5))):
        upstream = upstream_request(
            _request(steps, settings), kept, model="m", output_tokens=20_000, parameters=parameters
        )
        rules.check(upstream.body, version=upstream.version, signed=signed)
        content = _answer(data, number)
        signed |= {
            block["id"]: Signed(whole_prefix(upstream.body), content)
            for block in content
            if block["type"] == "tool_use" and any("thinking" in block["type"] for block in content)
        }
        usage = {"input_tokens": 1, "output_tokens": 1}
        told = {"content": content, "stop_reason": "tool_use", "usage": usage}
        answer = completion_of(told, arguments={}, prefix=upstream.prefix)
        kept |= {call.id: answer.kept for call in answer.tool_calls if answer.kept}
        calls = [(call.id, call.function.name, call.function.arguments) for call in answer.tool_calls]
        step = _exchange(answer.content, calls, ["out"]) if calls else _message("assistant", answer.content or "")
        _edit(data.draw(_edits), steps, step, settings)


def _answer(data: st.DataObject, number: int) -> list[Block]:
    """Return what the API might say: thinking first, and anything after it."""
    thoughts: list[Block] = data.draw(st.lists(_thoughts, min_size=1, max_size=2))
    rest: list[Block] = data.draw(st.lists(_blocks, max_size=5))
    return [
        block | ({"id": f"toolu_{number}_{place}"} if block["type"] == "tool_use" else {})
        for place, block in enumerate([*thoughts, *rest])
    ]


def _edit(edit: str, steps: list[list[dict[str, Any]]], step: list[dict[str, Any]], settings: dict[str, Any]) -> None:
    """Let the agent go on with an answer, as it is or not."""
    said, *results = step
    match edit:
        case "drop text" if results:
            steps.append([said | {"content": None}, *results])
        case "change arguments" if results:
            changed = [call | {"function": {"name": "bash", "arguments": "{"}} for call in said["tool_calls"]]
            steps.append([said | {"tool_calls": changed}, *results])
        case "reverse calls" if results:
            steps.append([said | {"tool_calls": said["tool_calls"][::-1]}, *results])
        case "clip":
            steps[-1] = [one | {"content": "[clipped]"} if one["role"] == "tool" else one for one in steps[-1]]
            steps.append(step)
        case "forget the first":
            steps.pop(0)
            steps.append(step)
        case "repeat":
            steps += [step, step]
        case "change tools":
            settings["tools"] = []
            steps.append(step)
        case _:
            steps.append(step)
