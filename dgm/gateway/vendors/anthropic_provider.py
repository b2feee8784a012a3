"""Models behind Anthropic's messages API, through its SDK."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from dgm.boundary.chat import ChatRequest
from dgm.config import Price
from dgm.core.errors import ConfigError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, KeptTurns
from dgm.gateway.vendors.allowance import allowed
from dgm.gateway.vendors.anthropic_answer import completion_of
from dgm.gateway.vendors.anthropic_client import ANTHROPIC_URL, VERSION_HEADER, make_client
from dgm.gateway.vendors.anthropic_errors import AGENT_FIELDS, fault_of
from dgm.gateway.vendors.anthropic_events import Message
from dgm.gateway.vendors.anthropic_models import check_model
from dgm.gateway.vendors.anthropic_request import (
    LEAST_THINKING_TOKENS,
    UpstreamRequest,
    input_token_bound,
    upstream_request,
)
from dgm.gateway.vendors.vendor import Faults, checked_key, checked_url
from dgm.gateway.vendors.vendor_model import VendorModel

# What a call may cost hangs on these, and what its answer looks like.
_OURS = frozenset({"cache_control", "max_tokens", "messages", "model", "stream", "system", "tool_choice", "tools"})
_MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class _Answer:
    """A whole answer as it came."""

    message: Mapping[str, Any]
    arguments: Mapping[int, str]
    """Of calls, by the block's place: JSON as the model wrote it."""


class AnthropicProvider(VendorModel):
    """One model of Anthropic's or of a server that speaks its protocol."""

    def __init__(self, connection: Connection, *, price: Price, parameters: ModelParameters) -> None:
        """Make a client; nothing is sent yet.

        Raises:
            ConfigError: the key, the address or a parameter is none that can be used.
        """
        _check_parameters(connection, parameters)
        key = checked_key(connection, variable="ANTHROPIC_API_KEY")
        self._parameters = parameters
        self._faults = Faults(connection, key, agent_fields=AGENT_FIELDS)
        self._client = make_client(key, checked_url(connection) or ANTHROPIC_URL, timeout_s=connection.timeout_s)
        super().__init__(connection, price, self._client)

    def check(self) -> None:
        """Return if the model can be asked; see `dgm.gateway.provider.Provider`."""
        check_model(self._client, self._connection, self._faults)

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:
        """Return the most input tokens that `complete` can be billed for."""
        return input_token_bound(self._upstream(request, kept, output_tokens=_MOST_TOKENS))

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> Completion:  # noqa: ARG002
        """Return the model's answer; see `dgm.gateway.provider.Provider`."""
        upstream = self._upstream(request, kept, output_tokens=output_tokens)
        with allowed(self._connection.timeout_s, output_tokens=output_tokens):
            answer = self._answer(upstream)
        if isinstance(answer, Exception):
            raise answer
        completion = self._completion(answer, upstream)
        if isinstance(completion, Exception):
            raise completion
        self._faults.require_no_key(completion)
        self._faults.answered()
        return completion

    def _completion(self, answer: _Answer, upstream: UpstreamRequest) -> Completion | Exception:
        try:
            return completion_of(answer.message, arguments=answer.arguments, prefix=upstream.prefix)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
            return self._faults.unreadable(where or "no JSON")
        except (ValueError, RecursionError):
            return self._faults.unreadable("no JSON")

    def _upstream(self, request: ChatRequest, kept: KeptTurns, *, output_tokens: int) -> UpstreamRequest:
        return upstream_request(
            request, kept, model=self._connection.model, output_tokens=output_tokens, parameters=self._parameters
        )

    def _answer(self, upstream: UpstreamRequest) -> _Answer | Exception:
        """Send a request and return the whole answer, or what went wrong.

        The exception is not raised here, since the SDK's, which holds the key, would become its context.
        """
        message = Message()
        try:
            # The body goes past the SDK's own arguments: for the names of some models it would give out warnings.
            with self._client.messages.create(
                model="",
                max_tokens=1,
                messages=[],
                stream=True,
                extra_body=upstream.body,
                extra_headers={VERSION_HEADER: upstream.version},
            ) as stream:
                for event in stream:
                    message.add(event.to_dict(warnings=False))
            if not message.is_whole:
                return self._faults.unreadable("it ends too early")
            return _Answer(message.message(), message.arguments())
        except Exception as error:  # noqa: BLE001  # the SDK does not check events, so a wrong one may end in any of them
            return fault_of(error, self._faults)


def _check_parameters(connection: Connection, parameters: ModelParameters) -> None:
    taken = sorted(_OURS.intersection(parameters.extra))
    if taken:
        raise ConfigError(f"parameters for {connection.name}: extra may not set {taken[0]}.")
    thinking = parameters.thinking
    if isinstance(thinking, int) and thinking < LEAST_THINKING_TOKENS:
        raise ConfigError(
            f"parameters for {connection.name}: thinking may have no fewer than {LEAST_THINKING_TOKENS} tokens."
        )
