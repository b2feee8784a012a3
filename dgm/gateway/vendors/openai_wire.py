"""What OpenAI's two protocols have in common: parameters of a request, the tools that are called, and what was used."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Protocol

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, JsonValue
from pydantic_core import to_json

from dgm.boundary.chat import MAX_TOOL_CALLS, ChatRequest, Function, FunctionCall, ToolCall
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, KeptTurns, byte_bound
from dgm.gateway.vendors.calls import kept_turn, name_to_tell

ADDED_TOKENS = 1_024
"""More than a chat template adds to a request, such as how tools are to be called. It also pays for the few output
tokens that the responses API gives beyond a limit below its least."""
_LONGEST_ID = 256
_MOST_TOKENS = 10**8
_NO_PARAMETERS: dict[str, JsonValue] = {"type": "object", "properties": {}}


class Dialect(Protocol):
    """One of the two protocols, for one model."""

    def body(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> dict[str, Any]:
        """Return the arguments of the SDK's method, built from parsed fields: what is not named there is not sent."""
        ...

    def completion(self, body: bytes, request: ChatRequest, *, most: "TokensUsed") -> Completion:
        """Return the answer in a response's body.

        Args:
            body: JSON.
            request: what it answers.
            most: stands for what the answer does not say.
        Raises:
            ValidationError: it is not of the protocol's form.
            UnreadableError: nor is it, or it tells of a failure.
        """
        ...


class UnreadableError(Exception):
    """An answer that is none; the message says where."""


@dataclass(frozen=True, slots=True)
class TokensUsed:
    """Tokens of one call, as in `Completion`."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What a model wants called, as it came."""

    id: str
    name: str
    arguments: str


def _as_text(value: object) -> object:
    return "" if value is None else value if isinstance(value, str) else to_json(value).decode()


JsonText = Annotated[str, BeforeValidator(_as_text)]
"""Arguments of a call; some servers give the object itself, or nothing."""
IdText = Annotated[str, BeforeValidator(lambda value: value or "")]
"""An id, "" where there is none."""
_Count = Annotated[int, Field(ge=0, le=_MOST_TOKENS)]


class _CacheUse(BaseModel):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class Used(BaseModel):
    """The `usage` of either protocol."""

    input_tokens: _Count | None = Field(default=None, validation_alias=AliasChoices("prompt_tokens", "input_tokens"))
    output_tokens: _Count | None = Field(
        default=None, validation_alias=AliasChoices("completion_tokens", "output_tokens")
    )
    total_tokens: _Count | None = None
    cache: _CacheUse | None = Field(
        default=None, validation_alias=AliasChoices("prompt_tokens_details", "input_tokens_details")
    )

    def tokens(self, *, most: TokensUsed) -> TokensUsed:
        """Return what was used; whoever does not say so is taken to have used the most."""
        read = most.input_tokens if self.input_tokens is None else self.input_tokens
        written = most.output_tokens if self.output_tokens is None else self.output_tokens
        if self.total_tokens is not None:  # some work-alikes count thinking there alone
            written = max(written, min(self.total_tokens - read, most.output_tokens))
        cache = self.cache or _CacheUse()
        from_cache = min(cache.cached_tokens or 0, read)
        to_cache = min(cache.cache_write_tokens or 0, read - from_cache)
        return TokensUsed(read, written, from_cache, to_cache)


UsedOrNothing = Annotated[Used, BeforeValidator(lambda value: value or {})]


def tool_use(request: ChatRequest, parameters: ModelParameters) -> dict[str, Any]:
    """Return how tools may be used; nothing where there are none."""
    chosen: dict[str, Any] = {}
    if request.tools and request.tool_choice is not None:
        chosen["tool_choice"] = request.tool_choice
    if request.tools and parameters.parallel_tool_calls and request.parallel_tool_calls is not None:
        chosen["parallel_tool_calls"] = request.parallel_tool_calls
    return chosen


def function_fields(function: Function) -> dict[str, Any]:
    """Return a tool's fields as both protocols want them."""
    fields = function.model_dump(exclude_none=True)
    return fields | {"parameters": function.parameters or _NO_PARAMETERS}


def input_token_bound(request: ChatRequest, kept: KeptTurns) -> int:
    """Return the most input tokens that a request can be billed for, with what is put back into it."""
    turns = [turn for message in request.messages if (turn := kept_turn(message, kept)) is not None]
    return byte_bound(request) + sum(_turn_bound(turn) for turn in turns) + ADDED_TOKENS


def _turn_bound(turn: JsonValue) -> int:
    """Return the most tokens of a kept turn: sealed thinking may have more of them than bytes, but not more than were
    billed as output when it was thought."""
    thought = turn.get("output_tokens") if isinstance(turn, dict) else None
    return len(to_json(turn)) + (thought if isinstance(thought, int) else 0)


def tool_calls(called: Sequence[ModelCall], request: ChatRequest, body: bytes) -> tuple[ToolCall, ...]:
    """Return calls as an agent can take and repeat them.

    An id that is missing, too long or not the only one in the conversation becomes a fresh one, made of the answer's
    bytes; a name that is too long becomes one that no tool has.
    """
    taken = {call.id for message in request.messages for call in message.tool_calls or ()}
    calls: list[ToolCall] = []
    for number, call in enumerate(called[:MAX_TOOL_CALLS]):
        usable = 0 < len(call.id) <= _LONGEST_ID and call.id not in taken
        id_ = call.id if usable else _fresh_id(f"{len(request.messages)}:{number}:".encode() + body)
        taken.add(id_)
        calls.append(ToolCall(id=id_, function=FunctionCall(name=name_to_tell(call.name), arguments=call.arguments)))
    return tuple(calls)


def _fresh_id(content: bytes) -> str:
    return sha256(content).hexdigest()[:9]  # servers of Mistral's models take ids of nine characters alone
