"""Reads an answer of Anthropic's messages API."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from dgm.boundary.chat import MAX_TOOL_CALLS, FunctionCall, ToolCall
from dgm.gateway.provider import Completion, FinishReason
from dgm.gateway.vendors.anthropic_messages import THINKING, KeptTurn
from dgm.gateway.vendors.calls import name_to_tell

_REASONS: Mapping[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    # Only tools that run at the vendor's, of which none are offered, pause a turn. It has not ended, so not "stop".
    "pause_turn": "length",
}


class _Block(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str
    text: str = ""
    thinking: str = ""


class _ToolUse(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=256)]
    name: Annotated[str, Field(min_length=1)]
    input: dict[str, JsonValue]


_Count = Annotated[int, BeforeValidator(lambda value: value or 0), Field(ge=0, le=10**8)]


class _Usage(BaseModel):
    input_tokens: Annotated[int, Field(ge=0, le=10**8)]
    """Those that were neither read from the cache nor written to it."""
    output_tokens: Annotated[int, Field(ge=0, le=10**8)]
    cache_read_input_tokens: _Count = 0
    cache_creation_input_tokens: _Count = 0


class _StopDetails(BaseModel):
    explanation: str | None = None


class _Message(BaseModel):
    content: list[_Block]
    stop_reason: str
    stop_details: _StopDetails | None = None
    usage: _Usage
    arguments: dict[int, str] = {}


def completion_of(message: Mapping[str, Any], *, arguments: Mapping[int, str], prefix: str) -> Completion:
    """Return the answer in a message.

    Args:
        message: as its events were put together.
        arguments: of calls, by the block's place in the message: JSON as the model wrote it, which ends early if the
            message does.
        prefix: digest of what was asked.
    Raises:
        ValueError: it is no JSON, such as for half a character, or (ValidationError) not of the protocol's form.
    """
    # By way of JSON: what it cannot say, such as NaN, could not be put back either.
    read = _Message.model_validate_json(json.dumps({**message, "arguments": dict(arguments)}, allow_nan=False))
    is_refused = read.stop_reason == "refusal"
    text = "".join(block.text for block in read.content if block.type == "text")
    # What a refused answer began is not meant to be carried out.
    calls = () if is_refused else _tool_calls(read)
    explanation = read.stop_details.explanation if is_refused and read.stop_details else None
    usage = read.usage
    cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return Completion(
        content=text or explanation,
        tool_calls=calls,
        finish_reason=_REASONS.get(read.stop_reason, "tool_calls" if calls else "stop"),
        input_tokens=usage.input_tokens + cached,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
        thinking="\n\n".join(block.thinking for block in read.content if block.thinking.strip()),
        kept=_kept(read, prefix),
    )


def _tool_calls(message: _Message) -> tuple[ToolCall, ...]:
    """Return the calls as an agent can take and repeat them: no more than so many, and under no name that is too long.

    Agents can have a model say either, so neither may be a fault.
    """
    calls: list[ToolCall] = []
    for place, block in enumerate(message.content):
        if block.type == "tool_use":
            use = _ToolUse.model_validate(block.model_dump())
            text = message.arguments.get(place) or json.dumps(use.input)
            calls.append(ToolCall(id=use.id, function=FunctionCall(name=name_to_tell(use.name), arguments=text)))
    return tuple(calls[:MAX_TOOL_CALLS])


def _kept(message: _Message, prefix: str) -> JsonValue:
    if not any(block.type in THINKING for block in message.content):
        return None
    content = [
        {name: value for name, value in block.model_dump(exclude_unset=True).items() if value is not None}
        for block in message.content
    ]
    return KeptTurn(prefix=prefix, content=content).model_dump()
