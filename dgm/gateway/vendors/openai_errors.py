"""Errors of OpenAI's SDK, and of servers that are only like OpenAI, read for `dgm.gateway.vendors.vendor`."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from dgm.core.errors import ProviderRefusedError
from dgm.gateway.provider import REFUSED_CONTENT
from dgm.gateway.vendors.openai_responses import POLICY_CODES
from dgm.gateway.vendors.vendor import Faults

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAIError

AGENT_FIELDS = ("messages", "tools", "tool_choice", "temperature", "top_p", "stop", "parallel_tool_calls")
_CONTENT_CODES = POLICY_CODES | {REFUSED_CONTENT, "content_policy_violation"}
_NOT_TAKEN = frozenset({"unsupported_value", "unsupported_parameter"})
_SETTABLE = frozenset({"temperature", "top_p", "stop", "parallel_tool_calls"})
_OUR_ITEMS = re.compile(r"encrypted content|of type 'reasoning'|required 'reasoning' item", re.IGNORECASE)


def fault_of(error: "OpenAIError", faults: Faults, *, name: str) -> Exception:
    """Return what an error of the SDK means; to be raised where the error is no more, since it holds the key.

    Args:
        error: any of the SDK's.
        faults: of the provider.
        name: the model's, for the user.
    """
    import openai

    if not isinstance(error, openai.APIStatusError):
        return faults.of_connection(error.__cause__ or error)
    code, field = error.code or "", _field(error)
    if error.status_code in {400, 422} and code in _NOT_TAKEN and field in _SETTABLE:
        return ProviderRefusedError(
            f'{name} does not take {field}: set {field} = false under [parameters."{name}"] in the configuration.'
        )
    if code in _CONTENT_CODES or (error.status_code == 403 and _is_flagged(error)):  # noqa: PLR2004
        code = REFUSED_CONTENT
    return faults.of_status(
        error.status_code,
        message_of(error),
        code=code,
        field=field,
        headers={header.lower(): value for header, value in error.response.headers.items()},
    )


def message_of(error: "APIStatusError") -> str:
    """Return the provider's words."""
    body = _body(error)
    said = body.get("message")
    words = said if isinstance(said, str) and said else error.message
    raw = _metadata(body).get("raw")  # of gateways: what the provider behind them said
    return f"{words}: {raw}" if isinstance(raw, str) else words


def _field(error: "APIStatusError") -> str:
    """Return which of the agent's fields is meant, or which of ours."""
    given: object = error.param  # whatever the server gave
    param = given if isinstance(given, str) else ""
    # Put back by us. Words on one entry of a field are not looked at, since they may quote the agent.
    if param in {"", "input"} and _OUR_ITEMS.search(message_of(error)):
        return "reasoning"
    field = re.split(r"[.\[]", param)[0]
    return "messages" if field == "input" else field


def _is_flagged(error: "APIStatusError") -> bool:
    return not {"reasons", "flagged_input"}.isdisjoint(_metadata(_body(error)))


def _body(error: "APIStatusError") -> Mapping[str, object]:
    body: object = error.body
    return cast("Mapping[str, object]", body) if isinstance(body, dict) else {}


def _metadata(body: Mapping[str, object]) -> Mapping[str, object]:
    found = body.get("metadata")
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}
