"""What a model provider is to the gateway, and how it may fail.

    ProviderError              no answer, and it may have been billed: the call stays in the books at its worst case
    ├── UnbilledError          no answer, and it cannot have been billed: no connection, or refused for now (429)
    └── ProviderRefusedError   refused for good (key, model name, quota): not billed, not tried again
    RequestRefusedError        the model will not take this request: not billed, the agent gets a 400 and may mend it

The gateway tries the first two again, each time with a reservation of its own, so a provider makes one attempt.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from dgm.boundary.chat import ChatRequest, ToolCall
from dgm.core.errors import ProviderError

TOO_LONG = "context_length_exceeded"
"""Code of a `RequestRefusedError`: the conversation does not fit into the model's context."""

FinishReason = Literal["stop", "tool_calls", "length", "content_filter"]


class UnbilledError(ProviderError):
    """The provider gave no answer and cannot have billed the call; trying again may help."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """How long the provider asks us to wait, if it said so."""


class RequestRefusedError(Exception):
    """The model does not take this request, such as one that is too long: the agent's to mend.

    The message is sent to the agent, so it is ours and holds nothing of what the provider said.
    """

    def __init__(self, message: str, *, code: str, detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        """For the agent, such as `TOO_LONG`."""
        self.detail = detail
        """What the provider said, for the transcript only."""


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
            ProviderError: no answer; see this module's tree.
            RequestRefusedError: the request is one that the model does not take.
        """
        ...

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        """Return what such a call costs."""
        ...


def input_token_bound(request: ChatRequest) -> int:
    """Return the most input tokens that a request can be billed for: a token is at least one byte of it."""
    return len(request.model_dump_json(exclude_none=True, exclude={"model"}).encode())
