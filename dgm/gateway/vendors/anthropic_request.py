"""Makes the request that Anthropic's messages API gets of an agent's."""

from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest, Message, Tool
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import KeptTurns
from dgm.gateway.vendors.anthropic_messages import (
    THINKING,
    Block,
    Conversation,
    Prefix,
    Turn,
    json_bytes,
    text_blocks,
)
from dgm.gateway.vendors.calls import name_to_send, sampling

VERSION = "2026-10-21"
"""Of the API, which these modules speak. It knows no sampling parameters."""
SAMPLING_VERSION = "2023-06-01"
"""The last that knows them."""
LEAST_THINKING_TOKENS = 1_024
"""The smallest budget for thinking that the API takes."""
ADDED_TOKENS = 2_000
"""More than the API adds to what it is sent, such as how tools are to be called."""
_UNIONS = frozenset({"oneOf", "anyOf", "allOf"})
_BREAKPOINT: Block = {"cache_control": {"type": "ephemeral"}}


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """What is sent."""

    body: Block
    version: str
    """Of the API."""
    prefix: str
    """Digest of all that stands before the answer."""


def upstream_request(
    request: ChatRequest, kept: KeptTurns, *, model: str, output_tokens: int, parameters: ModelParameters
) -> UpstreamRequest:
    """Return what is sent for a request.

    Args:
        request: what the agent sent.
        kept: what the API said in the turns that the request quotes.
        model: the API's name for it.
        output_tokens: the most that the answer may have.
        parameters: what the model takes.
    """
    limit = min(output_tokens, parameters.most_output_tokens or output_tokens)
    thinking = _thinking(parameters, limit)
    if thinking is None and isinstance(parameters.thinking, int):
        kept = {}  # nor does the API take thinking back from whoever may not think
    first = _first_after_system(request.messages)
    system = [block for message in request.messages[:first] for block in text_blocks(message.content)]
    tools = _tools(request)
    prefix = Prefix()
    prefix.add([cast("JsonValue", tools), cast("JsonValue", system)])
    conversation = Conversation(prefix, kept, is_bound=not isinstance(parameters.thinking, int))
    conversation.add(request.messages[first:])
    turns = conversation.closed()
    if thinking is not None and isinstance(parameters.thinking, int) and not _may_think(turns):
        forbidden = replace(parameters, thinking="default")
        return upstream_request(request, {}, model=model, output_tokens=output_tokens, parameters=forbidden)
    if parameters.cache and (tools or len(turns) > 1):  # else it is one question, and nobody reads what it writes
        _mark(tools, system, turns)
    sampled = _sampling(request, parameters)
    body: Block = {
        "model": model,
        "max_tokens": limit,
        "tools": cast("JsonValue", tools),
        "system": cast("JsonValue", system),
        "messages": [{"role": turn.role, "content": cast("JsonValue", turn.content)} for turn in turns],
        "tool_choice": _tool_choice(request, parameters) if tools else None,
        "stop_sequences": _stop_sequences(request) if parameters.stop else None,
        "thinking": thinking,
        "output_config": {"effort": parameters.effort} if parameters.effort else None,
        **sampled,
    }
    said = {name: value for name, value in body.items() if value not in (None, [])}
    return UpstreamRequest(said | dict(parameters.extra), SAMPLING_VERSION if sampled else VERSION, prefix.digest())


def input_token_bound(request: UpstreamRequest) -> int:
    """Return the most input tokens that a request can be billed for: a token is at least one byte of it."""
    return len(json_bytes(request.body)) + ADDED_TOKENS


def _first_after_system(messages: tuple[Message, ...]) -> int:
    return next((number for number, message in enumerate(messages) if message.role != "system"), len(messages))


def _tools(request: ChatRequest) -> list[Block]:
    """Return the tools on offer, or else those that were called before: the API wants calls to be of declared tools."""
    if request.tools:
        return list({tool.function.name: _tool(tool) for tool in request.tools}.values())
    called = [name_to_send(call.function.name) for message in request.messages for call in message.tool_calls or ()]
    return [{"name": name, "input_schema": {"type": "object"}} for name in dict.fromkeys(called)]


def _tool(tool: Tool) -> Block:
    function = tool.function
    description = {"description": function.description} if function.description.strip() else {}
    return {"name": function.name, **description, "input_schema": _schema(function.parameters)}


def _schema(parameters: dict[str, Any]) -> Block:
    """Return a schema of arguments as the API takes it: of an object, and not a union of several."""
    return {name: value for name, value in parameters.items() if name not in _UNIONS} | {"type": "object"}


def _tool_choice(request: ChatRequest, parameters: ModelParameters) -> Block | None:
    if not request.tools or request.tool_choice == "none":
        return {"type": "none"}
    # Whoever thinks cannot be made to call a tool. Models that take a temperature think only when they are told to, the
    # others mostly of themselves.
    never_thinks = parameters.thinking == "disabled" or (parameters.thinking == "default" and parameters.temperature)
    choice = "any" if request.tool_choice == "required" and never_thinks else "auto"
    if request.parallel_tool_calls is False and parameters.parallel_tool_calls:
        return {"type": choice, "disable_parallel_tool_use": True}
    return {"type": "any"} if choice == "any" else None


def _stop_sequences(request: ChatRequest) -> list[JsonValue]:
    stops = (request.stop,) if isinstance(request.stop, str) else request.stop or ()
    return [stop for stop in stops if stop.strip()]


def _thinking(parameters: ModelParameters, limit: int) -> Block | None:
    """Return how the model is to think: within half of its output at most, and not at all where that is too little."""
    match parameters.thinking:
        case "default":
            return None
        case "disabled":
            return {"type": "disabled"}
        case "adaptive":
            return {"type": "adaptive", "display": "summarized"}  # else newer models do not tell what they thought
        case budget:
            tokens = min(budget, limit // 2)
            return {"type": "enabled", "budget_tokens": tokens} if tokens >= LEAST_THINKING_TOKENS else None


def _may_think(turns: list[Turn]) -> bool:
    """Return whether the API lets a model with a budget think: not after calls that it did not think before.

    Such calls are an agent's, who has made them up or given them other ids, and must not be able to stop a run so.
    """
    asked = [number for number, turn in enumerate(turns) if turn.role == "user" and not _has(turn, {"tool_result"})]
    began = turns[asked[-1] + 1 :][:1]
    return all(turn.content[0]["type"] in THINKING or not _has(turn, {"tool_use"}) for turn in began)


def _has(turn: Turn, types: set[str]) -> bool:
    return any(block["type"] in types for block in turn.content)


def _sampling(request: ChatRequest, parameters: ModelParameters) -> Block:
    if parameters.thinking not in {"default", "disabled"}:
        return {}
    chosen = sampling(request, parameters)
    return {name: min(value, 1.0) for name, value in chosen.items()}  # where OpenAI's protocol goes up to 2


def _mark(tools: list[Block], system: list[Block], turns: list[Turn]) -> None:
    """Set the breakpoints up to which the API caches a request: what never changes, and the last two turns of the user.

    The last but one is where the request before ended, so that this request reads what that one wrote, however many
    blocks lie between: of itself the API looks back over 20 only.
    """
    users = [turn.content for turn in turns if turn.role == "user"]
    for blocks in (system or tools, *users[-2:]):
        if blocks:
            blocks[-1] = blocks[-1] | _BREAKPOINT
