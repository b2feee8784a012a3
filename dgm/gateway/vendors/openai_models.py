"""Asks an endpoint for its models before a run spends anything on them."""

from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from dgm.boundary.text import safe_line
from dgm.core.errors import ConfigError, ProviderError
from dgm.gateway.connection import Connection
from dgm.gateway.vendors.allowance import allowed
from dgm.gateway.vendors.openai_errors import fault_of, message_of
from dgm.gateway.vendors.vendor import Faults, not_an_api

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI, OpenAIError

TIMEOUT_S = 10.0
_MOST_NAMED = 5
# No such endpoint, one of another form, or one that is asked too often: nothing to learn, so calls will tell.
_SILENT = frozenset({400, 404, 405, 422, 429, 501})


def check_model(client: "OpenAI", connection: Connection, faults: Faults) -> None:
    """Return if the endpoint is there and, as far as it tells, has the model.

    Raises:
        ConfigError: it refuses the key or has no such model.
        ProviderError: it cannot be reached, or fails.
    """
    with allowed(2 * TIMEOUT_S):
        listed = _listed(client, connection, faults)
    if isinstance(listed, Exception):
        raise listed
    if listed.lstrip().startswith(b"<"):
        raise not_an_api(connection)
    there = _names(listed)
    if there and not any(_is_meant(connection.model, name) for name in there):
        some = ", ".join(safe_line(faults.words(name), max_chars=80) for name in there[:_MOST_NAMED])
        more = f" and {len(there) - _MOST_NAMED} more" if len(there) > _MOST_NAMED else ""
        raise ConfigError(f"{connection.name}: the endpoint has no model {connection.model!r}; it has {some}{more}.")


def _listed(client: "OpenAI", connection: Connection, faults: Faults) -> bytes | Exception:
    """Return the body of a list of models, empty where there is nothing to look at, or what went wrong.

    The exception is not raised here, since the SDK's, which holds the key, would become its context.
    """
    import openai

    models = client.models.with_raw_response
    try:
        if connection.base_url is not None:
            return models.list(timeout=TIMEOUT_S).content
        models.retrieve(connection.model, timeout=TIMEOUT_S)
    except openai.OpenAIError as error:
        return _fault(error, client, connection, faults) or b""
    return b""


def _fault(error: "OpenAIError", client: "OpenAI", connection: Connection, faults: Faults) -> Exception | None:
    import openai

    if not isinstance(error, openai.APIStatusError):
        address = str(client.base_url).split("?")[0]
        why = faults.why(error.__cause__ or error)
        return ProviderError(f"{connection.name} cannot be reached at {address} ({why}); is that server running?")
    if _is_allowed_calls_alone(error):
        return None
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        return ConfigError(f"{connection.name} refused the API key (status 401).")
    if error.status_code == HTTPStatus.NOT_FOUND and connection.base_url is None:
        return ConfigError(f"{connection.name}: OpenAI has no model {connection.model!r} for this key.")
    return None if error.status_code in _SILENT else fault_of(error, faults, name=connection.name)


def _is_allowed_calls_alone(error: "APIStatusError") -> bool:
    """Return whether the key is a good one that may not list models."""
    return error.status_code in {401, 403} and "missing scopes" in message_of(error).lower()


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


def _names(body: bytes) -> list[str]:
    try:
        return [model.id for model in _Models.model_validate_json(body).data]
    except ValidationError:
        return []


def _is_meant(model: str, listed: str) -> bool:
    """Return whether a listed name stands for a model's: some servers add a tag or a folder, or list patterns."""
    bare = model.partition(":")[0]  # as OpenRouter's variants
    return listed in {model, bare, f"{model}:latest", f"models/{model}"} or fnmatchcase(model, listed)
