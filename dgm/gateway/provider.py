"""What a model provider is to the gateway, and how it may fail.

    ProviderError              no answer, and it may have been billed: the call stays in the books at its worst case
    ├── UnbilledError          no answer, and it cannot have been billed: no connection, or refused for now
    │   └── OverloadedError    refused since too much was asked at a time (429, 529): ask less, not only later
    └── ProviderRefusedError   refused for good (key, model name, quota): not billed, not tried again
    RequestRefusedError        the model will not take this request: not billed, the agent gets a 400 and may mend it

The gateway tries the first two again, each time with a reservation of its own, so a provider makes one attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest, ToolCall
from dgm.config import Price
from dgm.core.errors import ProviderError

TOO_LONG = "context_length_exceeded"
"""Code of a `RequestRefusedError`: the conversation does not fit into the model's context."""
REFUSED_CONTENT = "content_filter"
"""Code of a `RequestRefusedError`: the provider does not answer such content."""
INVALID = "invalid_request"
"""Code of a `RequestRefusedError`: a field is not one that the model takes."""
FREE = Price(input_usd=0.0, output_usd=0.0)

FinishReason = Literal["stop", "tool_calls", "length", "content_filter"]


class UnbilledError(ProviderError):
    """The provider gave no answer and cannot have billed the call; trying again may help."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """How long the provider asks us to wait, if it said so."""


class OverloadedError(UnbilledError):
    """The provider refuses since too much is asked at a time, of it or by us."""


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


KeptTurns: TypeAlias = Mapping[str, JsonValue]
"""By the id of a tool call: what a provider wanted kept with the turn that made the call; see `Completion.kept`."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a model, with what it used."""

    content: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    input_tokens: int
    """All of them, also those that were read from a cache or written to one."""
    output_tokens: int
    """All of them, thinking included."""
    cache_read_tokens: int = 0
    """Of the input tokens: read from the provider's cache."""
    cache_write_tokens: int = 0
    """Of the input tokens: written to it."""
    thinking: str = ""
    """What the model thought, as far as the provider tells; for the transcript."""
    kept: JsonValue = None
    """What the provider wants back when the conversation goes on from this turn, and no agent needs to know of: signed
    thinking blocks and the like. The gateway gives it back with the ids of the turn's tool calls."""

    @property
    def is_empty(self) -> bool:
        """Whether the model said nothing at all."""
        return not self.tool_calls and not (self.content or "").strip()


class Provider(Protocol):
    """One model of one provider. Called from many threads at once; blocks until the answer is there."""

    @property
    def name(self) -> str:
        """What users and agents know it by, such as "openai:gpt-5" or "rehearsal"."""
        ...

    @property
    def price(self) -> Price:
        """What it costs; see `dgm.gateway.prices` for how a call's cost follows."""
        ...

    def check(self) -> None:
        """Return if the model can be asked. Costs nothing, and sends nothing where there is nothing to ask.

        Raises:
            ConfigError: its key is refused, or the provider has no such model.
            ProviderError: the provider cannot be reached.
        """
        ...

    def close(self) -> None:
        """Close connections that were kept for further calls; there will be none."""
        ...

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:
        """Return the most input tokens that `complete` can be billed for."""
        ...

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> Completion:
        """Return the model's answer.

        Args:
            request: what the agent sent; its `model` and token limits are not looked at.
            output_tokens: the most that the answer may have.
            seed: for providers that can be seeded.
            kept: what the provider wanted kept of this session's earlier turns.
        Raises:
            ProviderError: no answer; see this module's tree.
            RequestRefusedError: the request is one that the model does not take.
        """
        ...


@dataclass(frozen=True, slots=True)
class RoleModel:
    """A provider as one role uses it."""

    provider: Provider
    output_tokens: int
    """The most that one answer may have."""
    temperature: float | None = None
    """In place of what requests ask for."""


def byte_bound(request: ChatRequest) -> int:
    """Return how many bytes a request has. A token is at least one byte, so it has no more tokens than that."""
    return len(request.model_dump_json(exclude_none=True, exclude={"model"}).encode())
