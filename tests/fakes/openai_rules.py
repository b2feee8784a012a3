"""What OpenAI refuses, in its words and codes: written from its documentation, apart from the code under test."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]
Style = Literal["openai", "reasoning_content", "reasoning_details", "extra_content"]

# fmt: off
_CHAT_FIELDS = frozenset({
    "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata",
    "model", "n", "parallel_tool_calls", "presence_penalty", "prompt_cache_key", "reasoning_effort",
    "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "temperature",
    "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity"
})
_RESPONSES_FIELDS = frozenset({
    "background", "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model",
    "parallel_tool_calls", "previous_response_id", "prompt_cache_key", "reasoning", "safety_identifier",
    "service_tier", "store", "stream", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
    "truncation", "user"
})
# fmt: on
_MESSAGE_FIELDS = {
    "system": {"content", "name"},
    "developer": {"content", "name"},
    "user": {"content", "name"},
    "assistant": {"content", "name", "refusal", "tool_calls"},
    "tool": {"content", "tool_call_id"},
}
_ITEM_FIELDS = {
    "message": {"id", "role", "content", "status", "phase"},
    "reasoning": {"id", "summary", "content", "encrypted_content", "status"},
    "function_call": {"id", "call_id", "name", "arguments", "status"},
    "function_call_output": {"id", "call_id", "output", "status"},
}
_TOOL_FIELDS = {"type", "name", "description", "parameters", "strict"}
_THINKING_FIELDS: dict[Style, set[str]] = {
    "openai": set(),
    "reasoning_content": {"reasoning_content"},
    "reasoning_details": {"reasoning", "reasoning_details"},
    "extra_content": set(),
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class FakeModel:
    """What one model takes."""

    reasons: bool = False
    style: Style = "openai"
    """Under which names chat completions tell of thinking; all but OpenAI's are wanted back with tool calls."""
    thinks_before_each_call: bool = False
    """Whether each call of a turn has reasoning of its own."""
    takes_parallel_tool_calls: bool = True
    writes_cache: bool = False
    """Whether what is put into the cache is told and billed apart."""
    context_tokens: int = 400_000


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - the vendor's word
    """An error as OpenAI words it."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    metadata: Json | None = None

    @property
    def body(self) -> Json:
        error: Json = {
            "message": self.message,
            "type": "invalid_request_error" if self.status < 500 else "server_error",
            "param": self.param,
            "code": self.code,
        }
        return {"error": error | ({"metadata": self.metadata} if self.metadata else {})}


@dataclass
class Issued:
    """What the server gave and wants back as it was."""

    thinking: dict[str, str] = field(default_factory=dict[str, str])
    """By the sealed text: what it holds."""
    thoughts: list[list[Json]] = field(default_factory=list[list[Json]])
    """Of turns of the responses API that have calls: each reasoning item with the items that followed it."""
    fields: dict[str, tuple[Json, Json]] = field(default_factory=dict[str, tuple[Json, Json]])
    """By the id of a call in chat completions: fields of its message and of itself."""


def check_chat(body: Json, model: FakeModel, issued: Issued) -> None:
    """Raise what chat completions refuse in a request."""
    _check_known(body, _CHAT_FIELDS)
    _check_sampling(body, model)
    if "max_tokens" in body and "max_completion_tokens" in body:
        raise Refusal(400, "Setting 'max_tokens' and 'max_completion_tokens' is not supported.", param="max_tokens")
    if model.reasons and "max_tokens" in body:
        message = "Unsupported parameter: 'max_tokens' is not supported with this model."
        raise Refusal(400, message, "unsupported_parameter", "max_tokens")
    if not model.reasons and "reasoning_effort" in body:
        raise Refusal(400, "Unrecognized request argument supplied: reasoning_effort", param="reasoning_effort")
    if model.reasons and body.get("tools") and body.get("reasoning_effort") != "none":
        message = "Function tools with reasoning_effort are not supported in /v1/chat/completions. Use /v1/responses."
        raise Refusal(400, message, param="reasoning_effort")
    _check_tools(body, [tool["function"] for tool in body.get("tools", [])], "function.")
    _check_messages(body["messages"], model, issued)


def check_responses(body: Json, model: FakeModel, issued: Issued) -> None:
    """Raise what the responses API refuses in a request."""
    _check_known(body, _RESPONSES_FIELDS)
    _check_sampling(body, model)
    if body.get("max_output_tokens", 16) < 16:
        message = "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."
        raise Refusal(400, message, "integer_below_min_value", "max_output_tokens")
    if not model.reasons and "reasoning.encrypted_content" in body.get("include", []):
        raise Refusal(400, "Encrypted content is not supported with this model.", param="include")
    for number, tool in enumerate(body.get("tools", [])):
        if not {"type", "name", "parameters", "strict"} <= set(tool) <= _TOOL_FIELDS:
            raise Refusal(400, f"Missing required parameter: 'tools[{number}].name'.", param=f"tools[{number}]")
    _check_tools(body, body.get("tools", []), "")
    _check_items(body["input"])
    _check_reasoning(body["input"], issued)


def _check_known(body: Json, fields: Collection[str], where: str = "") -> None:
    for name in body:
        if name not in fields:
            raise Refusal(400, f"Unknown parameter: '{where}{name}'.", "unknown_parameter", f"{where}{name}")


def _check_sampling(body: Json, model: FakeModel) -> None:
    if not model.takes_parallel_tool_calls and "parallel_tool_calls" in body:
        message = "Unsupported parameter: 'parallel_tool_calls' is not supported with this model."
        raise Refusal(400, message, "unsupported_parameter", "parallel_tool_calls")
    if not model.reasons:
        return
    for name in ("temperature", "top_p"):
        if body.get(name, 1) != 1:
            message = f"Unsupported value: '{name}' does not support {body[name]} with this model."
            raise Refusal(400, message, "unsupported_value", name)
    if "stop" in body:
        message = "Unsupported parameter: 'stop' is not supported with this model."
        raise Refusal(400, message, "unsupported_parameter", "stop")


def _check_tools(body: Json, functions: Sequence[Json], prefix: str) -> None:
    if "tools" in body and not functions:
        raise Refusal(400, "Invalid 'tools': empty array.", "empty_array", "tools")
    if not functions and {"tool_choice", "parallel_tool_calls"}.intersection(body):
        raise Refusal(400, "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
    for number, function in enumerate(functions):
        where = f"tools[{number}].{prefix}"
        _check_known(function, _TOOL_FIELDS, where)
        if not _NAME.fullmatch(function["name"]):
            raise Refusal(400, f"Invalid '{where}name': string does not match pattern.", "invalid_value", where)
        if function.get("parameters", {"type": "object"}).get("type") != "object":
            message = f"Invalid schema for function '{function['name']}': schema must be of 'type: \"object\"'."
            raise Refusal(400, message, "invalid_function_parameters", f"{where}parameters")


def _check_messages(messages: Sequence[Json], model: FakeModel, issued: Issued) -> None:
    waiting: list[str] = []
    for number, message in enumerate(messages):
        where, role = f"messages.[{number}]", message.get("role")
        if role not in _MESSAGE_FIELDS:
            raise Refusal(400, f"Invalid value: '{role}'.", "invalid_value", f"{where}.role")
        more = _THINKING_FIELDS[model.style] if role == "assistant" else set[str]()
        _check_known(message, {"role", *_MESSAGE_FIELDS[role], *more}, f"{where}.")
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise Refusal(400, text, param=f"{where}.role")
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            raise Refusal(400, "An assistant message with 'tool_calls' must be followed by tool messages.", None, where)
        if "tool_calls" in message:
            waiting = _checked_calls(message, where, model, issued)
        elif message.get("content") is None:
            raise Refusal(400, f"Invalid value for 'content': expected a string, got null. ({where})", None, where)
    if waiting:
        text = "An assistant message with 'tool_calls' must be followed by tool messages."
        raise Refusal(400, text, None, f"messages.[{len(messages)}].role")


def _checked_calls(message: Json, where: str, model: FakeModel, issued: Issued) -> list[str]:
    calls, ids = message["tool_calls"], [call["id"] for call in message["tool_calls"]]
    if not calls:
        raise Refusal(400, f"Invalid '{where}.tool_calls': empty array.", "empty_array", f"{where}.tool_calls")
    if len(set(ids)) < len(ids):
        raise Refusal(400, f"Duplicate value for 'tool_call_id' in {where}.", None, f"{where}.tool_calls")
    for call in calls:
        more = {"extra_content"} if model.style == "extra_content" else set[str]()
        _check_known(call, {"id", "type", "function", *more}, f"{where}.tool_calls.")
        if not _NAME.fullmatch(call["function"]["name"]):
            raise Refusal(400, f"Invalid '{where}.tool_calls.function.name'.", "invalid_value", where)
        in_message, in_call = issued.fields.get(call["id"], ({}, {}))
        if not (in_message.items() <= message.items() and in_call.items() <= call.items()):
            raise Refusal(400, f"Thinking must be passed back at {where}.", None, where)
    return ids


def _check_items(items: Sequence[Json]) -> None:
    called: list[str] = []
    answered: list[str] = []
    for number, item in enumerate(items):
        where, kind = f"input[{number}]", item.get("type", "message")
        if kind not in _ITEM_FIELDS:
            raise Refusal(400, f"Invalid value: '{kind}'.", "invalid_value", where)
        _check_known(item, {"type", *_ITEM_FIELDS[kind]}, f"{where}.")
        if kind == "function_call":
            if item["call_id"] in called:
                raise Refusal(400, f"Duplicate item found with call_id {item['call_id']}.", None, "input")
            if not _NAME.fullmatch(item["name"]):
                raise Refusal(400, f"Invalid '{where}.name'.", "invalid_value", f"{where}.name")
            called.append(item["call_id"])
        if kind == "function_call_output":
            if item["call_id"] not in called or item["call_id"] in answered:
                text = f"No tool call found for function call output with call_id {item['call_id']}."
                raise Refusal(400, text, None, "input")
            answered.append(item["call_id"])
    for id_ in called:
        if id_ not in answered:
            raise Refusal(400, f"No tool output found for function call {id_}.", None, "input")


def _check_reasoning(items: Sequence[Json], issued: Issued) -> None:
    """Refuse reasoning without its follower, altered reasoning, and reasoning that was left out for no reason."""
    followers = {thought[0]["id"]: _essence(thought[1]) for thought in issued.thoughts}
    for item, after in zip(items, [*items[1:], {}], strict=True):
        if item.get("type") != "reasoning":
            continue
        sealed = str(item.get("encrypted_content"))
        if sealed not in issued.thinking or not sealed.endswith(item["id"]):
            text = f"The encrypted content {sealed[:4]}... could not be verified."
            raise Refusal(400, text, "invalid_encrypted_content")
        if item["id"] in followers and _essence(after) != followers[item["id"]]:
            text = f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
            raise Refusal(400, text, None, "input")
    given = {_essence(item) for item in items}
    there = {item.get("id") for item in items}
    for reasoning, *after in issued.thoughts:
        asks_for_it = any(item["id"] in there for item in after) or all(_essence(item) in given for item in after)
        if reasoning["id"] not in there and asks_for_it:
            text = f"Item was provided without its required 'reasoning' item: '{reasoning['id']}'."
            raise Refusal(400, text, None, "input")


def _essence(item: Json) -> str:
    """Return what makes two items the same."""
    match item.get("type"):
        case "function_call":
            return json.dumps([item["call_id"], item["name"], item["arguments"]])
        case "message" if item["role"] == "assistant":
            content = item["content"]
            return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
        case _:
            return json.dumps(item)
