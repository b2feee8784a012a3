"""Talks to a provider as a session does: gives back what was kept, and holds each bill against what was set aside."""

from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest, FunctionCall, ToolCall
from dgm.core.outcomes import Usage
from dgm.gateway.prices import usage_of, worst_case
from dgm.gateway.provider import Completion, Provider

BASH: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "bash",
        "description": "Run a command.",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
    },
}


class Dialogue:
    """One agent's conversation."""

    def __init__(self, provider: Provider, *, output_tokens: int = 1_000, **fields: Any) -> None:
        self.provider = provider
        self.output_tokens = output_tokens
        self.fields: dict[str, Any] = {"tools": [BASH], **fields}
        self.messages: list[dict[str, Any]] = []
        self.kept: dict[str, JsonValue] = {}
        self.usage = Usage()

    def say(self, text: str, *, role: str = "user") -> Completion:
        """Return the answer to a message."""
        self.messages.append({"role": role, "content": text})
        return self.ask()

    def results(self, *outputs: str) -> Completion:
        """Return the answer to what the calls of the last turn gave, in their order."""
        calls: Sequence[dict[str, Any]] = self.messages[-1]["tool_calls"]
        self.messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": output}
            for call, output in zip(calls, outputs, strict=True)
        ]
        return self.ask()

    def request(self) -> ChatRequest:
        """Return the conversation as it is."""
        return ChatRequest.model_validate({"model": "any", "messages": self.messages, **self.fields})

    def ask(self) -> Completion:
        """Return the answer to the conversation as it is, and go on from it."""
        request, price = self.request(), self.provider.price
        bound = self.provider.input_token_bound(request, self.kept)
        answer = self.provider.complete(request, output_tokens=self.output_tokens, seed=7, kept=self.kept)
        used = usage_of(answer, price)
        assert used.cost_usd <= worst_case(price, input_tokens=bound, output_tokens=self.output_tokens).cost_usd
        self.usage += used
        self.kept.update((call.id, answer.kept) for call in answer.tool_calls if answer.kept)
        said: dict[str, Any] = {"role": "assistant", "content": answer.content}
        if answer.tool_calls:
            said["tool_calls"] = [call.model_dump() for call in answer.tool_calls]
        self.messages.append(said)
        return answer


def calls(*commands: str, first_id: int = 0, content: str | None = None, thinking: str = "") -> Completion:
    """Return an answer that runs commands."""
    functions = [FunctionCall(name="bash", arguments=f'{{"command":"{command}"}}') for command in commands]
    called = [ToolCall(id=f"call_{number}", function=one) for number, one in enumerate(functions, first_id)]
    return Completion(content, tuple(called), "tool_calls", 0, 0, thinking=thinking)
