"""Models behind OpenAI's protocols: OpenAI's own through its SDK, and whatever speaks the same."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from dgm.boundary.chat import ChatRequest
from dgm.config import Price
from dgm.core.errors import ConfigError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, KeptTurns
from dgm.gateway.vendors.allowance import allowed
from dgm.gateway.vendors.openai_chat import ChatDialect
from dgm.gateway.vendors.openai_client import OPENAI_URL, make_client
from dgm.gateway.vendors.openai_errors import AGENT_FIELDS, fault_of
from dgm.gateway.vendors.openai_models import check_model
from dgm.gateway.vendors.openai_responses import ResponsesDialect
from dgm.gateway.vendors.openai_wire import Dialect, TokensUsed, UnreadableError, input_token_bound
from dgm.gateway.vendors.vendor import Faults, checked_key, checked_url
from dgm.gateway.vendors.vendor_model import VendorModel

if TYPE_CHECKING:
    from openai import OpenAI
    from openai._legacy_response import LegacyAPIResponse

# What a call may cost hangs on these, and what its answer looks like.
_OURS = frozenset(
    {
        "background",
        "include",
        "input",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "previous_response_id",
        "store",
        "stream",
        "tools",
    }
)


class OpenAiProvider(VendorModel):
    """One model of OpenAI's or of a server that speaks its protocol."""

    def __init__(self, connection: Connection, *, price: Price, parameters: ModelParameters) -> None:
        """Make a client; nothing is sent yet.

        Raises:
            ConfigError: the key, the address or an extra parameter is none that can be used.
        """
        taken = sorted(_OURS.intersection(parameters.extra))
        if taken:
            raise ConfigError(f"parameters for {connection.name}: extra may not set {taken[0]}.")
        key = checked_key(connection, variable="OPENAI_API_KEY")
        self._parameters = parameters
        self._faults = Faults(connection, key, agent_fields=AGENT_FIELDS)
        self._client = make_client(key, checked_url(connection) or OPENAI_URL, timeout_s=connection.timeout_s)
        super().__init__(connection, price, self._client)
        self._dialect, self._create = _dialect(self._client, connection.model, parameters)

    def check(self) -> None:
        """Return if the model can be asked; see `dgm.gateway.provider.Provider`."""
        check_model(self._client, self._connection, self._faults)

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:
        """Return the most input tokens that `complete` can be billed for."""
        return input_token_bound(request, kept)

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> Completion:
        """Return the model's answer; see `dgm.gateway.provider.Provider`."""
        limit = min(output_tokens, self._parameters.most_output_tokens or output_tokens)
        with allowed(self._connection.timeout_s, output_tokens=limit):
            answer = self._sent(self._dialect.body(request, output_tokens=limit, seed=seed, kept=kept))
        if isinstance(answer, Exception):
            raise answer
        most = TokensUsed(self.input_token_bound(request, kept), limit)
        try:
            completion = self._dialect.completion(answer, request, most=most)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
            raise self._faults.unreadable(where or "no JSON") from None
        except UnreadableError as error:
            raise self._faults.unreadable(str(error)) from None
        self._faults.require_no_key(completion)
        self._faults.answered()
        return completion

    def _sent(self, body: dict[str, Any]) -> bytes | Exception:
        """Send a request and return the response's body, or what went wrong.

        The exception is not raised here, since the SDK's, which holds the key, would become its context.
        """
        import openai

        try:
            return self._create(**body, extra_body=dict(self._parameters.extra) or None).content
        except openai.OpenAIError as error:
            return fault_of(error, self._faults, name=self.name)


def _dialect(
    client: "OpenAI", model: str, parameters: ModelParameters
) -> "tuple[Dialect, Callable[..., LegacyAPIResponse[Any]]]":
    """Return the protocol of a model, and the SDK's method that speaks it."""
    create: object  # overloads that pyright cannot carry over
    if parameters.api == "responses":
        create = client.responses.with_raw_response.create
        dialect: Dialect = ResponsesDialect(model, parameters)
    else:
        create = client.chat.completions.with_raw_response.create
        dialect = ChatDialect(model, parameters)
    return dialect, cast("Callable[..., LegacyAPIResponse[Any]]", create)
