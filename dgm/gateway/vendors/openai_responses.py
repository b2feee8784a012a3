"""OpenAI's responses API, in which its reasoning models use tools. Nothing is stored there: each request has it all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, JsonValue

from dgm.boundary.chat import ChatRequest, Message
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, FinishReason, KeptTurns
from dgm.gateway.vendors.calls import kept_turn, sampling
from dgm.gateway.vendors.openai_turns import Item, KeptTurn, items_of_turn
from dgm.gateway.vendors.openai_wire import (
    IdText,
    JsonText,
    ModelCall,
    TokensUsed,
    UnreadableError,
    Used,
    UsedOrNothing,
    function_fields,
    tool_calls,
    tool_use,
)

LEAST_OUTPUT_TOKENS = 16
"""Smaller limits are refused; see `dgm.gateway.vendors.openai_wire.ADDED_TOKENS` for who pays."""
POLICY_CODES = frozenset({"invalid_prompt", "bio_policy", "cyber_policy", "misalignment_policy_violation"})
"""Of failures that mean that the content is refused."""


@dataclass(frozen=True, slots=True)
class ResponsesDialect:
    """Responses of one model; implements `dgm.gateway.vendors.openai_wire.Dialect`."""

    model: str
    parameters: ModelParameters

    def body(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> dict[str, Any]:  # noqa: ARG002 - the protocol's signature
        """Return the request's body."""
        body: dict[str, Any] = {
            "model": self.model,
            "input": [item for message in request.messages for item in _items(message, kept)],
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "max_output_tokens": max(output_tokens, LEAST_OUTPUT_TOKENS),
            **sampling(request, self.parameters),
            **tool_use(request, self.parameters),
        }
        if request.tools:
            # Without strict, the vendor's default would rewrite schemas that are not strict ones.
            body["tools"] = [
                {"type": "function", "strict": False, **function_fields(tool.function)} for tool in request.tools
            ]
        if self.parameters.effort is not None:
            body["reasoning"] = {"effort": self.parameters.effort}
        return body

    def completion(self, body: bytes, request: ChatRequest, *, most: TokensUsed) -> Completion:
        """Return the answer in a response's body; see `Dialect`."""
        answer = _Answer.model_validate_json(body)
        refused = answer.error is not None and answer.error.code in POLICY_CODES
        if answer.status == "failed" and not refused:
            raise UnreadableError(f"error.{answer.error.code if answer.error else 'unknown'}")
        output = [kind.model_validate(item) for item in answer.output if (kind := _KINDS.get(item.get("type")))]
        calls = tool_calls([item.as_called() for item in output if isinstance(item, _Call)], request, body)
        content, used = _content(output), answer.usage.tokens(most=most)
        return Completion(
            content=content,
            tool_calls=calls,
            finish_reason="content_filter" if refused else answer.finish_reason(has_calls=bool(calls)),
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cache_read_tokens=used.cache_read_tokens,
            cache_write_tokens=used.cache_write_tokens,
            thinking="\n".join(text for item in output if isinstance(item, _Reasoning) for text in item.texts()),
            kept=_kept(answer, [call.id for call in calls], content or "", used.output_tokens),
        )


def _items(message: Message, kept: KeptTurns) -> Sequence[Item]:
    """Return the input items that a message becomes."""
    if message.role == "tool":
        return [
            {"type": "function_call_output", "call_id": message.tool_call_id or "", "output": message.content or ""}
        ]
    if message.role == "assistant":
        return items_of_turn(message, kept_turn(message, kept))
    return [{"type": "message", "role": message.role, "content": message.content or ""}]


class _Part(BaseModel):
    text: str | None = None
    refusal: str | None = None

    def words(self) -> str:
        return self.text or self.refusal or ""


class _Text(BaseModel):
    type: Literal["message"]
    content: list[_Part] = []


class _Call(BaseModel):
    type: Literal["function_call"]
    call_id: IdText = ""
    name: str
    arguments: JsonText = ""

    def as_called(self) -> ModelCall:
        return ModelCall(self.call_id, self.name, self.arguments)


class _Reasoning(BaseModel):
    type: Literal["reasoning"]
    summary: list[_Part] = []
    content: Annotated[list[_Part], BeforeValidator(lambda value: value or [])] = []

    def texts(self) -> Iterator[str]:
        return (part.words() for part in (self.content or self.summary))


_KINDS: dict[JsonValue, type[_Text | _Call | _Reasoning]] = {
    "message": _Text,
    "function_call": _Call,
    "reasoning": _Reasoning,
}


class _Incomplete(BaseModel):
    reason: str | None = None


class _Error(BaseModel):
    code: str = "unknown"


class _Answer(BaseModel):
    status: Literal["completed", "incomplete", "failed"] = "completed"
    output: list[dict[str, JsonValue]]
    incomplete_details: _Incomplete | None = None
    error: _Error | None = None
    usage: UsedOrNothing = Used()

    def finish_reason(self, *, has_calls: bool) -> FinishReason:
        if self.status == "incomplete":
            reason = self.incomplete_details.reason if self.incomplete_details else None
            return "content_filter" if reason == "content_filter" else "length"
        return "tool_calls" if has_calls else "stop"


def _content(output: Sequence[BaseModel]) -> str | None:
    texts = [part.words() for item in output if isinstance(item, _Text) for part in item.content]
    return "".join(texts) if texts else None


def _kept(answer: _Answer, ids: Sequence[str], text: str, output_tokens: int) -> JsonValue:
    """Return the turn's items, with the ids under which the agent knows the calls; None where nothing needs keeping."""
    if not ids or answer.status != "completed" or not any(item.get("type") == "reasoning" for item in answer.output):
        return None
    fresh = iter(ids)
    items = [_kept_item(item, fresh) for item in answer.output]
    return KeptTurn(items=items, text=text, output_tokens=output_tokens).model_dump()


def _kept_item(item: Mapping[str, JsonValue], fresh: Iterator[str]) -> dict[str, JsonValue]:
    given: dict[str, JsonValue] = {
        name: value for name, value in item.items() if value is not None
    }  # null is refused in some fields
    if given.get("type") == "function_call":
        given["call_id"] = next(fresh, "")
    return given
