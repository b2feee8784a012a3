"""Chat requests as an agent sends them: parsed field by field, so that nothing else can pass through to a provider."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dgm.core.errors import HostileBytesError

MAX_MESSAGES = 2_000
MAX_TOOLS = 64


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FunctionCall(_Part):
    """What the model wants called. `arguments` is JSON text as the model wrote it, which may be malformed."""

    name: Annotated[str, Field(max_length=64)]
    arguments: str


class ToolCall(_Part):
    """One call of a tool in an assistant's message."""

    id: Annotated[str, Field(max_length=128)]
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(_Part):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    """Text; a list of text parts is joined."""
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: Annotated[str, Field(max_length=128)] | None = None
    name: Annotated[str, Field(max_length=64)] | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _join_text_parts(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        parts = [_TextPart.model_validate(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
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


class Tool(_Part):
    """One tool that an agent offers to the model."""

    type: Literal["function"] = "function"
    function: Function


class ChatRequest(_Part):
    """The body of `POST /v1/chat/completions`, as far as an agent may choose it."""

    model: Annotated[str, Field(max_length=128)]
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MAX_MESSAGES)]
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS)] = ()
    tool_choice: Literal["auto", "none", "required"] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_completion_tokens: Annotated[int, Field(gt=0)] | None = None
    stop: str | tuple[str, ...] | None = None
    parallel_tool_calls: bool | None = None
    stream: Literal[False] | None = None


def parse_chat_request(body: bytes) -> ChatRequest:
    """Return the request in an HTTP body.

    Raises:
        HostileBytesError: it is not JSON of that form; the message names the first wrong field, safe to send back.
    """
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        raise HostileBytesError(f"{where or 'body'}: {first['msg']}"[:500]) from error
