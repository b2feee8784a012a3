"""What thinks behind the fake of Anthropic's API: a script, or any provider of ours."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

from dgm.boundary.chat import ChatRequest, Function, FunctionCall, Message, Tool, ToolCall
from dgm.gateway.rehearsal import RehearsalProvider
from tests.fakes.anthropic_rules import Block


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: blocks as the API gives them, signatures apart, which the server adds."""

    content: tuple[Block, ...]
    stop_reason: str = ""
    """"tool_use" if there is a call and "end_turn" if not, unless given."""
    output_tokens: int | None = None
    """A quarter of the bytes unless given."""
    stop_details: Block | None = None

    @property
    def reason(self) -> str:
        """Why it stopped."""
        calls = any(block["type"] == "tool_use" for block in self.content)
        return self.stop_reason or ("tool_use" if calls else "end_turn")

    @property
    def tokens(self) -> int:
        """How many tokens it is billed with."""
        return len(json.dumps(self.content)) // 4 if self.output_tokens is None else self.output_tokens


Brain: TypeAlias = Callable[[ChatRequest], Said]


def text(words: str) -> Block:
    """Return a block of text."""
    return {"type": "text", "text": words}


def thinking(words: str) -> Block:
    """Return a block of thinking."""
    return {"type": "thinking", "thinking": words}


def redacted(data: str) -> Block:
    """Return a block of thinking that nobody can read."""
    return {"type": "redacted_thinking", "data": data}


def tool_use(id: str, name: str, arguments: Block | str) -> Block:  # noqa: A002 - the API's word
    """Return a call; arguments given as text are streamed as they are."""
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def scripted(answers: Iterable[Said]) -> Brain:
    """Return a brain that gives these answers in turn, the last for ever after."""
    left, lock = list(answers), threading.Lock()

    def answer(request: ChatRequest) -> Said:  # noqa: ARG001
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def rehearsing(provider: RehearsalProvider, *, seed: int, thoughts: str = "") -> Brain:
    """Return the rehearsal model as a brain; with thoughts, it thinks before each answer."""
    answers = count(1)  # its call ids are the same in every conversation, a vendor's never

    def answer(request: ChatRequest) -> Said:
        completion = provider.complete(request, output_tokens=request.max_tokens or 1, seed=seed)
        number = next(answers)
        reasons = {"length": "max_tokens", "content_filter": "refusal"}
        return Said(
            (
                *([thinking(thoughts)] if thoughts else []),
                *([text(completion.content)] if completion.content else []),
                *(
                    tool_use(f"toolu_{number}_{call.id}", call.function.name, call.function.arguments)
                    for call in completion.tool_calls
                ),
            ),
            reasons.get(completion.finish_reason, ""),
            completion.output_tokens,
        )

    return answer


def chat_request(body: Block) -> ChatRequest:
    """Return a request to Anthropic's API as one to OpenAI's."""
    messages = [Message(role="system", content=block["text"]) for block in body.get("system", [])]
    for turn in body["messages"]:
        messages += _of_user(turn["content"]) if turn["role"] == "user" else [_of_assistant(turn["content"])]
    tools = [
        Tool(
            function=Function(
                name=tool["name"], description=tool.get("description", ""), parameters=tool["input_schema"]
            )
        )
        for tool in body.get("tools", [])
    ]
    is_mute = body.get("tool_choice", {}).get("type") == "none"
    return ChatRequest(
        model=body["model"],
        messages=tuple(messages),
        tools=() if is_mute else tuple(tools),
        max_tokens=body["max_tokens"],
    )


def _of_user(content: list[Block]) -> list[Message]:
    return [
        Message(role="user", content=block["text"])
        if block["type"] == "text"
        else Message(role="tool", tool_call_id=block["tool_use_id"], content=block.get("content", ""))
        for block in content
    ]


def _of_assistant(content: list[Block]) -> Message:
    words = "".join(block["text"] for block in content if block["type"] == "text")
    calls = [
        ToolCall(id=block["id"], function=FunctionCall(name=block["name"], arguments=_arguments(block["input"])))
        for block in content
        if block["type"] == "tool_use"
    ]
    return Message(role="assistant", content=words or None, tool_calls=tuple(calls) or None)


def _arguments(given: dict[str, Any]) -> str:
    return json.dumps(given)
