"""Asks for a model's description before a run spends anything on it."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from dgm.core.errors import ConfigError
from dgm.gateway.connection import Connection
from dgm.gateway.vendors.allowance import allowed
from dgm.gateway.vendors.anthropic_client import VERSION_HEADER
from dgm.gateway.vendors.anthropic_errors import fault_of, message_of
from dgm.gateway.vendors.anthropic_request import VERSION
from dgm.gateway.vendors.vendor import Faults, not_an_api

if TYPE_CHECKING:
    from anthropic import Anthropic, APIStatusError

TIMEOUT_S = 10.0
_BUSY = frozenset({429, 529})


def check_model(client: "Anthropic", connection: Connection, faults: Faults) -> None:
    """Return if the endpoint is there and, as far as it tells, has the model.

    Raises:
        ConfigError: it refuses the key, or has no such model.
        ProviderError: it cannot be reached, or fails.
    """
    with allowed(2 * TIMEOUT_S):
        found = _fault(client, connection, faults)
    if found is not None:
        raise found


def _fault(client: "Anthropic", connection: Connection, faults: Faults) -> Exception | None:
    """Return what keeps the model from being asked.

    It is not raised here, since the SDK's exception, which holds the key, would become its context.
    """
    import anthropic

    try:
        model: object = client.models.retrieve(
            connection.model, timeout=TIMEOUT_S, extra_headers={VERSION_HEADER: VERSION}
        )
    except anthropic.APIStatusError as error:
        return _of_status(error, connection, faults)
    except Exception as error:  # noqa: BLE001  # the SDK does not check what it reads, so it may end in any of them
        return fault_of(error, faults)
    if isinstance(model, str):  # what the SDK makes of anything that is not sent as JSON
        return not_an_api(connection)
    if getattr(model, "lifecycle", None) == "retired":
        return ConfigError(f"{_provider(connection)} has retired the model {connection.model!r}.")
    return None


def _of_status(error: "APIStatusError", connection: Connection, faults: Faults) -> Exception | None:
    if error.status_code in {401, 403}:
        return ConfigError(f"{connection.name} refused the API key (status {error.status_code}).")
    if error.status_code == HTTPStatus.NOT_FOUND and _is_of_model(error, connection):
        return ConfigError(f"{_provider(connection)} has no model {connection.model!r}, or not for this key.")
    if connection.base_url is not None or error.status_code in _BUSY:
        return None  # a server that cannot be asked this, or one that is there: calls will tell
    return fault_of(error, faults)


def _is_of_model(error: "APIStatusError", connection: Connection) -> bool:
    """Return whether it is the model that was not found, rather than what was asked of the server."""
    return connection.base_url is None or message_of(error).startswith("model")


def _provider(connection: Connection) -> str:
    return connection.name.partition(":")[0]
