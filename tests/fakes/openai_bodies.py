"""Bodies of OpenAI's two protocols: read as a `ChatRequest`, and written of a `Completion`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from dgm.boundary.chat import ChatRequest
from dgm.gateway.provider import Completion
from tests.fakes.openai_rules import FakeModel, Json


@dataclass(frozen=True)
class Bill:
    """What one call used."""

    input_tokens: int
    cached_tokens: int
    written_tokens: int
    output_tokens: int
    cost_usd: Decimal


def status_fields(said: Completion) -> Json:
    if said.finish_reason in {"stop", "tool_calls"}:
        return {"status": "completed", "incomplete_details": None}
    reason = "max_output_tokens" if said.finish_reason == "length" else "content_filter"
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def thinking_fields(thinking: str, model: FakeModel, number: int) -> tuple[Json, Json]:
    """Return what a work-alike tells of thinking, in the message and in each call."""
    if not thinking:
        return {}, {}
    match model.style:
        case "openai":
            return {}, {}
        case "reasoning_content":
            return {"reasoning_content": thinking}, {}
        case "reasoning_details":
            detail = {"type": "reasoning.text", "text": thinking, "signature": f"signed-{number}", "index": 0}
            return {"reasoning": thinking, "reasoning_details": [detail]}, {}
        case "extra_content":
            return {}, {"extra_content": {"google": {"thought_signature": f"signed-{number}"}}}


def call_item(id_: str, name: str, arguments: str) -> Json:
    call = {"call_id": id_, "name": name, "arguments": arguments}
    return {"id": f"fc_{id_}", "type": "function_call", "status": "completed", **call}


def text_item(text: str, number: int) -> Json:
    part: Json = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message: Json = {"id": f"msg_{number}", "status": "completed", "role": "assistant", "content": [part]}
    return {"type": "message", **message}


def usage_fields(bill: Bill, *, is_chat: bool) -> Json:
    names = ("prompt", "completion") if is_chat else ("input", "output")
    cache = {"cached_tokens": bill.cached_tokens, "cache_write_tokens": bill.written_tokens}
    return {
        f"{names[0]}_tokens": bill.input_tokens,
        f"{names[0]}_tokens_details": cache,
        f"{names[1]}_tokens": bill.output_tokens,
        "total_tokens": bill.input_tokens + bill.output_tokens,
    }


def chat_request(body: Json) -> ChatRequest:
    """Return the request without what only the vendor knows."""
    known = {name: value for name, value in body.items() if name in ChatRequest.model_fields}
    messages = [
        {name: value for name, value in message.items() if name in {"role", "content", "tool_call_id", "name"}}
        | ({"tool_calls": [_bare_call(call) for call in message["tool_calls"]]} if "tool_calls" in message else {})
        for message in body["messages"]
    ]
    return ChatRequest.model_validate(known | {"messages": messages})


def _bare_call(call: Json) -> Json:
    return {name: call[name] for name in ("id", "type", "function")}


def as_chat(body: Json) -> Json:
    """Return a body of the responses API as one of chat completions."""
    messages: list[Json] = []
    for item in body["input"]:
        match item["type"]:
            case "message":
                messages.append({"role": item["role"], "content": _plain(item["content"])})
            case "function_call":
                if not messages or messages[-1]["role"] != "assistant":
                    messages.append({"role": "assistant"})
                function = {"name": item["name"], "arguments": item["arguments"]}
                call = {"id": item["call_id"], "type": "function", "function": function}
                messages[-1].setdefault("tool_calls", []).append(call)
            case "function_call_output":
                messages.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
            case _:
                pass
    tools = [
        {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}
        for tool in body.get("tools", [])
    ]
    return body | {"messages": messages, "tools": tools}


def _plain(content: str | Sequence[Json]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
