"""Models behind OpenAI's chat completions: OpenAI's own through its SDK, and whatever speaks the same protocol.

One call is one attempt: the SDK's own retries are off, since they would also repeat calls that may have been billed,
with no money set aside for that. `dgm.gateway.calls` tries again.
"""

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from dgm.boundary.chat import ChatRequest, FunctionCall, Message, ToolCall
from dgm.boundary.text import safe_line
from dgm.config import Price
from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.provider import (
    TOO_LONG,
    Completion,
    FinishReason,
    RequestRefusedError,
    UnbilledError,
    input_token_bound,
)

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI, OpenAIError
    from openai._legacy_response import LegacyAPIResponse
    from openai.types.chat import ChatCompletion

OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "no-key"  # the SDK wants one; a local server does not look at it
_CONNECT_S = 10.0
_MILLION = 1_000_000
_MAX_WORDS = 300
_AGENT_FIELDS = ("messages", "tools", "tool_choice", "temperature", "top_p", "stop", "parallel_tool_calls")
_TOO_LONG = re.compile(r"context[ _]?(?:length|window|size)|maximum context|prompt is too long", re.IGNORECASE)


class OpenAiProvider:
    """One model of OpenAI's or of a server that speaks its protocol."""

    def __init__(
        self, model: str, *, price: Price, api_key: str | None, base_url: str | None = None, timeout_s: float = 600.0
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            model: the provider's own name for it, such as "gpt-5".
            price: per million tokens.
            api_key: may be None with a `base_url` that needs none.
            base_url: ends in /v1; OpenAI's own unless given. The environment is not asked: `run.toml` says it all.
            timeout_s: for one call.
        Raises:
            ConfigError: the key or the address is none.
        """
        self._model = model
        self._price = price
        self._is_openai = base_url is None
        self._key = _checked_key(api_key, required=self._is_openai)
        self._client = _make_client(self._key, _checked_url(base_url or OPENAI_URL), timeout_s)
        create: object = (
            self._client.chat.completions.with_raw_response.create
        )  # an overload that pyright cannot carry over
        self._create = cast("Callable[..., LegacyAPIResponse[ChatCompletion]]", create)
        self._has_answered = threading.Event()

    @property
    def name(self) -> str:
        """What users and agents know it by."""
        return f"openai:{self._model}"

    @property
    def base_url(self) -> str:
        """Where requests go."""
        return str(self._client.base_url)

    def close(self) -> None:
        """Close the connections that were kept for further calls."""
        self._client.close()

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        """Return what such a call costs at full price; a provider's discount on cached input is not counted on."""
        return (input_tokens * self._price.input_usd + output_tokens * self._price.output_usd) / _MILLION

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int) -> Completion:
        """Return the model's answer; see `dgm.gateway.provider.Provider`."""
        import openai

        arguments = self._arguments(request, output_tokens=output_tokens, seed=seed)
        try:
            body = self._create(**arguments).content
        except openai.APIStatusError as error:
            self._raise_for_status(error)
        except openai.OpenAIError as error:
            self._raise_for_connection(error)
        completion = self._parse(body, request, output_tokens=output_tokens)
        self._has_answered.set()
        return completion

    def _arguments(self, request: ChatRequest, *, output_tokens: int, seed: int) -> dict[str, Any]:
        """Return the upstream request, built from parsed fields: what is not named here is not passed on."""
        arguments: dict[str, Any] = {"model": self._model, "messages": [_message(one) for one in request.messages]}
        if request.tools:
            arguments["tools"] = [tool.model_dump(exclude_none=True) for tool in request.tools]
            arguments["parallel_tool_calls"] = request.parallel_tool_calls
            arguments["tool_choice"] = request.tool_choice
        arguments |= {"temperature": request.temperature, "top_p": request.top_p, "stop": request.stop}
        if self._is_openai:
            arguments["max_completion_tokens"] = output_tokens
        else:  # what other servers know; OpenAI's newer models refuse the one and deprecate the other
            arguments |= {"max_tokens": output_tokens, "seed": seed % 2**31}
        return {name: value for name, value in arguments.items() if value is not None}

    def _parse(self, body: bytes, request: ChatRequest, *, output_tokens: int) -> Completion:
        try:
            answer = _Answer.model_validate_json(body)
            calls = tuple(_tool_call(call, number) for number, call in enumerate(answer.choices[0].message.tool_calls))
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
            raise ProviderError(f"{self.name} answered what is no chat completion ({safe_line(where)}).") from None
        said, reason = answer.choices[0].message, answer.choices[0].finish_reason
        # Whoever does not say what was used is taken to have used the most.
        input_tokens, used = answer.usage.prompt_tokens, answer.usage.completion_tokens
        return Completion(
            content=said.content if said.content is not None else said.refusal,
            tool_calls=calls,
            finish_reason=_finish_reason(reason, has_calls=bool(calls)),
            input_tokens=input_token_bound(request) if input_tokens is None else input_tokens,
            output_tokens=output_tokens if used is None else used,
        )

    def _raise_for_status(self, error: "APIStatusError") -> NoReturn:
        """Raise what a status means; `from None`, since the SDK's exceptions hold the request and its key."""
        status, words = error.status_code, self._words(error)
        told = f"{self.name} answered with status {status}: {words}"
        if status in {401, 403}:  # the provider's words on a key are about the key
            raise ProviderRefusedError(f"{self.name} refused the API key (status {status}).") from None
        if status == 404:  # noqa: PLR2004
            raise ProviderRefusedError(f"{self.name} is not there (status 404): {words}") from None
        if status in {400, 413, 422}:
            self._raise_for_request(error, words, told)
        if status == 429 and error.code == "insufficient_quota":  # noqa: PLR2004
            raise ProviderRefusedError(told) from None
        if status in {408, 409, 425, 429}:
            raise UnbilledError(told, retry_after_s=_retry_after_s(error)) from None
        if status < 500:  # noqa: PLR2004
            raise ProviderRefusedError(told) from None
        raise ProviderError(told) from None

    def _raise_for_request(self, error: "APIStatusError", words: str, told: str) -> NoReturn:
        """Raise whose fault a bad request is.

        The agent's where the provider names a field that the agent chose, or says that it is too long. Where it names
        none, a provider that never answered yet is taken for one that we set up wrongly, for which no agent is scored.
        """
        if error.code == TOO_LONG or error.status_code == 413 or _TOO_LONG.search(words):  # noqa: PLR2004
            sentence = "The conversation is longer than the model's context."
            raise RequestRefusedError(sentence, code=TOO_LONG, detail=words) from None
        field = re.split(r"[.\[]", error.param or "")[0]
        if field in _AGENT_FIELDS or (not field and self._has_answered.is_set()):
            sentence = f"The model does not take this request{f': see its {field}' if field else ''}."
            raise RequestRefusedError(sentence, code="invalid_request", detail=words) from None
        raise ProviderRefusedError(told) from None

    def _raise_for_connection(self, error: "OpenAIError") -> NoReturn:
        import httpx2

        cause = error.__cause__
        kind = type(cause).__name__ if cause is not None else type(error).__name__
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
            raise UnbilledError(f"{self.name} cannot be reached ({kind}).") from None
        if isinstance(cause, httpx2.TimeoutException):
            raise ProviderError(f"{self.name} did not answer in time ({kind}).") from None
        raise ProviderError(f"{self.name} gave no answer ({kind}).") from None

    def _words(self, error: "APIStatusError") -> str:
        words = error.message if self._key == _NO_KEY else error.message.replace(self._key, "[key]")
        return safe_line(words, max_chars=_MAX_WORDS)


class _Function(BaseModel):
    name: str
    arguments: str = ""


class _Call(BaseModel):
    id: str = ""
    function: _Function


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[_Call], BeforeValidator(lambda value: value or [])] = []


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Used(BaseModel):
    prompt_tokens: Annotated[int, Field(ge=0)] | None = None
    completion_tokens: Annotated[int, Field(ge=0)] | None = None


class _Answer(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Annotated[_Used, BeforeValidator(lambda value: value or {})] = _Used()


def _make_client(key: str, base_url: str, timeout_s: float) -> "OpenAI":
    import httpx2
    import openai

    timeout = httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s))
    return openai.OpenAI(api_key=key, base_url=base_url, timeout=timeout, max_retries=0)


def _checked_key(key: str | None, *, required: bool) -> str:
    stripped = (key or "").strip()
    if not stripped and required:
        raise ConfigError("There is no key for OpenAI: set OPENAI_API_KEY, or openai.base_url to a server without one.")
    # Whatever does not fit into a header would be quoted, key and all, in somebody's traceback.
    if not (stripped.isascii() and stripped.isprintable()) or " " in stripped:
        raise ConfigError("The API key has characters that no key has.")
    return stripped or _NO_KEY


def _checked_url(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", url):
        raise ConfigError(f"openai.base_url: {safe_line(url)!r} is not an address such as http://localhost:8000/v1.")
    return url


def _message(message: Message) -> dict[str, Any]:
    fields = message.model_dump(exclude_none=True)
    if not message.tool_calls:
        fields.pop("tool_calls", None)  # an empty list is refused
    return fields


def _tool_call(call: _Call, number: int) -> ToolCall:
    function = FunctionCall(name=call.function.name, arguments=call.function.arguments)
    return ToolCall(id=call.id or f"call_{number}", function=function)


def _finish_reason(reason: str | None, *, has_calls: bool) -> FinishReason:
    if reason == "length" or reason == "content_filter":  # noqa: PLR1714  # a set would not narrow the type
        return reason
    return "tool_calls" if has_calls else "stop"


def _retry_after_s(error: "APIStatusError") -> float | None:
    for header, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = error.response.headers.get(header, "")
        if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
            return float(text) * unit_s
    return None
