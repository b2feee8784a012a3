"""What a model provider is to the gateway."""

from dataclasses import dataclass
from typing import Literal, Protocol

from dgm.boundary.chat import ChatRequest, ToolCall

FinishReason = Literal["stop", "tool_calls", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model, with what it used."""

    content: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    input_tokens: int
    output_tokens: int


class Provider(Protocol):
    """One model of one provider. Called from many threads at once; blocks until the answer is there."""

    @property
    def name(self) -> str:
        """What users and agents know it by, such as "openai:gpt-5" or "rehearsal"."""
        ...

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int) -> Completion:
        """Return the model's answer.

        Args:
            request: what the agent sent; its `model` and token limits are not looked at.
            output_tokens: the most that the answer may have.
            seed: for providers that can be seeded.
        Raises:
            ProviderError: no answer after retries; `ProviderRefusedError` when trying again cannot help.
        """
        ...

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        """Return what such a call costs."""
        ...
