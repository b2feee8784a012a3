"""Chat requests as an agent sends them: parsed field by field, so that nothing else can pass through to a provider."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, field_validator, model_validator
from pydantic_core import from_json

from dgm.core.errors import HostileBytesError

MAX_MESSAGES = 2_000
MAX_TOOLS = 64
MAX_TOOL_CALLS = 128
MAX_STOPS = 4
_MAX_FIELDS = 16


class _FirstError(FailFast):
    """Ends a list at its first wrong item: error objects for a million of them took 20 s and 2 GB."""

    def __hash__(self) -> int:  # or it could not stand in a union
        return id(self)


_FIRST_ERROR = _FirstError()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_many_fields(cls, value: object) -> object:
        # Each unknown field is an error object: 350,000 of them in one body took a second and 400 MB.
        if isinstance(value, dict) and len(cast("dict[object, object]", value)) > _MAX_FIELDS:
            raise ValueError("too many fields")
        return cast("object", value)


class FunctionCall(_Part):
    """What the model wants called. `arguments` is JSON text as the model wrote it, which may be malformed."""

    name: Annotated[str, Field(max_length=64)]
    arguments: str


class ToolCall(_Part):
    """One call of a tool in an assistant's message."""

    id: Annotated[str, Field(max_length=256)]
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(_Part):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    """Text; a list of text parts is joined."""
    tool_calls: Annotated[tuple[ToolCall, ...], _FIRST_ERROR, Field(max_length=MAX_TOOL_CALLS)] | None = None
    tool_call_id: Annotated[str, Field(max_length=256)] | None = None
    name: Annotated[str, Field(max_length=64)] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _join_text_parts(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        parts = [_TextPart.model_validate(part) for part in cast("list[object]", value)]
        return "".join(part.text for part in parts)


class _TextPart(_Part):
    type: Literal["text"]
    text: str


class Function(_Part):
    """A tool's name, purpose and parameters (a JSON schema)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str = ""
    parameters: dict[str, Any] = {}
    strict: bool | None = None

    @field_validator("parameters")
    @classmethod
    def _refuse_what_json_has_not(cls, value: dict[str, Any]) -> dict[str, Any]:
        json.dumps(value, allow_nan=False)  # a number such as 1e999 is read as infinity
        return value


class Tool(_Part):
    """One tool that an agent offers to the model."""

    type: Literal["function"] = "function"
    function: Function


class ChatRequest(_Part):
    """The body of `POST /v1/chat/completions`, as far as an agent may choose it."""

    model: Annotated[str, Field(max_length=128)]
    messages: Annotated[tuple[Message, ...], _FIRST_ERROR, Field(min_length=1, max_length=MAX_MESSAGES)]
    tools: Annotated[tuple[Tool, ...], _FIRST_ERROR, Field(max_length=MAX_TOOLS)] = ()
    tool_choice: Literal["auto", "none", "required"] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    stop: str | Annotated[tuple[str, ...], _FIRST_ERROR, Field(max_length=MAX_STOPS)] | None = None
    parallel_tool_calls: bool | None = None
    stream: Literal[False] | None = None


def parse_chat_request(body: bytes, *, model: str | None = None) -> ChatRequest:
    """Return the request in an HTTP body.

    Args:
        body: what was posted.
        model: the only model that may be asked for; any unless given.

    Raises:
        HostileBytesError: it is not JSON of that form, or not a conversation that a provider would take; the message
            names the first wrong field, safe to send back.
    """
    try:
        request = ChatRequest.model_validate(from_json(body, allow_inf_nan=False))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        raise HostileBytesError(f"{where or 'body'}: {first['msg']}"[:500]) from error
    except ValueError as error:
        raise HostileBytesError(f"body: not JSON: {error}"[:500]) from error
    if model is not None and request.model != model:
        raise HostileBytesError(f"model: it must be {model!r}.")
    _check_conversation(request.messages)
    return request


def _check_conversation(messages: Sequence[Message]) -> None:
    """Refuse what every provider refuses.

    Otherwise an agent's malformed conversation would come back as the provider's refusal, which counts as our fault.
    """
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        where = f"messages.{number}"
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                raise HostileBytesError(f"{where}: a tool message must answer a tool call of the assistant before it.")
            open_calls.remove(message.tool_call_id)
        elif open_calls:
            raise HostileBytesError(f"{where}: every tool call must be answered by a tool message before this one.")
        _check_message(message, where)
        open_calls.update(call.id for call in message.tool_calls or ())
    if open_calls:
        raise HostileBytesError("messages: every tool call must be answered by a tool message.")


def _check_message(message: Message, where: str) -> None:
    if message.role != "assistant" and message.tool_calls:
        raise HostileBytesError(f"{where}.tool_calls: only the assistant calls tools.")
    if message.role != "tool" and message.tool_call_id is not None:
        raise HostileBytesError(f"{where}.tool_call_id: only a tool message has one.")
    if message.content is None and not message.tool_calls:
        raise HostileBytesError(f"{where}.content: there must be text.")
