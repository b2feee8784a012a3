"""Chat completions: OpenAI's older protocol, which its work-alikes speak too."""

from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, Field, JsonValue

from dgm.boundary.chat import ChatRequest, Message
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, FinishReason, KeptTurns
from dgm.gateway.vendors.calls import kept_turn, name_to_send, sampling
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


@dataclass(frozen=True, slots=True)
class ChatDialect:
    """Chat completions of one model; implements `dgm.gateway.vendors.openai_wire.Dialect`."""

    model: str
    parameters: ModelParameters

    def body(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> dict[str, Any]:
        """Return the request's body."""
        chosen = self.parameters
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [_message(message, kept) for message in request.messages],
            chosen.output_limit: output_tokens,
            **sampling(request, chosen),
            **tool_use(request, chosen),
        }
        if request.tools:
            body["tools"] = [{"type": "function", "function": function_fields(tool.function)} for tool in request.tools]
        if chosen.stop and request.stop is not None:
            body["stop"] = request.stop
        if chosen.seed:
            body["seed"] = seed % 2**31
        if chosen.effort is not None:
            body["reasoning_effort"] = chosen.effort
        return body

    def completion(self, body: bytes, request: ChatRequest, *, most: TokensUsed) -> Completion:
        """Return the answer in a response's body; see `Dialect`."""
        answer = _Answer.model_validate_json(body)
        said, reason = answer.choices[0].message, answer.choices[0].finish_reason
        if reason == "error":  # of gateways to other providers, under status 200
            raise UnreadableError("choices.0.error")
        calls = tool_calls([call.as_called() for call in said.tool_calls], request, body)
        used = answer.usage.tokens(most=most)
        return Completion(
            content=said.content if said.content is not None else said.refusal,
            tool_calls=calls,
            finish_reason=_finish_reason(reason, has_calls=bool(calls)),
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cache_read_tokens=used.cache_read_tokens,
            cache_write_tokens=used.cache_write_tokens,
            thinking=said.readable_thinking(),
            kept=_kept(said, [call.id for call in calls]),
        )


def _joined_text(value: object) -> object:
    """Return the text of a content that comes in parts, as some models that think give it."""
    if not isinstance(value, list):
        return value
    parts = [cast("dict[str, object]", part) for part in cast("list[object]", value) if isinstance(part, dict)]
    return "".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")


class _Function(BaseModel):
    name: str
    arguments: JsonText = ""


class _Call(BaseModel):
    id: IdText = ""
    function: _Function
    extra_content: JsonValue = None

    def as_called(self) -> ModelCall:
        return ModelCall(self.id, self.function.name, self.function.arguments)


class _Thinking(BaseModel):
    """What work-alikes want back with the message: readable or sealed thinking, under their several names."""

    reasoning_content: JsonValue = None
    reasoning: JsonValue = None
    reasoning_details: JsonValue = None
    extra_content: JsonValue = None


class _Said(_Thinking):
    content: Annotated[str | None, BeforeValidator(_joined_text)] = None
    refusal: str | None = None
    tool_calls: Annotated[list[_Call], BeforeValidator(lambda value: value or [])] = []

    def readable_thinking(self) -> str:
        for text in (self.reasoning_content, self.reasoning):
            if isinstance(text, str) and text:
                return text
        details = self.reasoning_details if isinstance(self.reasoning_details, list) else []
        texts = [detail.get("text") or detail.get("summary") for detail in details if isinstance(detail, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Answer(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: UsedOrNothing = Used()


class _KeptTurn(BaseModel):
    """A turn of `Completion.kept`: fields to put back into the message, and into each call by its id."""

    message: dict[str, JsonValue] = {}
    calls: dict[str, dict[str, JsonValue]] = {}


def _kept(said: _Said, ids: list[str]) -> JsonValue:
    # Also what is empty: some servers refuse a turn in which the field is missing.
    given = {name: cast("JsonValue", getattr(said, name)) for name in _Thinking.model_fields}
    message: dict[str, JsonValue] = {name: value for name, value in given.items() if value is not None}
    signed: dict[str, dict[str, JsonValue]] = {
        id_: {"extra_content": call.extra_content}
        for id_, call in zip(ids, said.tool_calls, strict=False)
        if call.extra_content
    }
    turn = _KeptTurn(message=message, calls=signed)
    return turn.model_dump() if ids and (message or signed) else None


def _message(message: Message, kept: KeptTurns) -> dict[str, Any]:
    fields = message.model_dump(exclude_none=True, exclude={"tool_calls"})
    if not message.tool_calls:  # an empty list is refused
        return fields
    turn = _KeptTurn.model_validate(kept_turn(message, kept) or {})
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": name_to_send(call.function.name), "arguments": call.function.arguments},
            **turn.calls.get(call.id, {}),
        }
        for call in message.tool_calls
    ]
    return {**fields, "tool_calls": calls, **turn.message}


def _finish_reason(reason: str | None, *, has_calls: bool) -> FinishReason:
    if reason == "length" or reason == "content_filter":  # noqa: PLR1714  # a set would not narrow the type
        return reason
    return "tool_calls" if has_calls else "stop"
