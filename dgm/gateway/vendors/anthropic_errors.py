"""Errors of Anthropic's SDK read for `dgm.gateway.vendors.vendor`."""

import re
from typing import TYPE_CHECKING

from dgm.gateway.vendors.vendor import Faults

if TYPE_CHECKING:
    from anthropic import APIStatusError

AGENT_FIELDS = ("messages", "system", "tools", "tool_choice", "stop_sequences")
"""Of a request, which agents choose. Sampling is none of them: it is sent only where the model should take it."""
_FIELD = re.compile(r"([a-z_]+)[.:]")  # of "messages.3.content.0: ..."
_THINKING = re.compile(r"`(?:redacted_)?thinking`|`signature`")


def fault_of(error: Exception, faults: Faults) -> Exception:
    """Return what an exception out of the SDK means; to be raised where it is no more, since it may hold the key."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error, faults)
    if isinstance(error, anthropic.APIConnectionError):
        return faults.of_connection(error.__cause__ or error)
    if isinstance(error, httpx2.HTTPError):
        return faults.of_connection(error)
    return faults.unreadable(type(error).__name__)


def message_of(error: "APIStatusError") -> str:
    """Return the provider's words."""
    said: object = error.api_message  # whatever the server gave
    return said if isinstance(said, str) and said else error.message


def _of_status(error: "APIStatusError", faults: Faults) -> Exception:
    message = message_of(error)
    if error.status_code < 400:  # noqa: PLR2004  # an error in the midst of an answer that had begun well
        return faults.unreadable(f"it breaks off: {faults.words(message)}")
    return faults.of_status(
        error.status_code,
        message,
        code=error.error_code or "",
        field=_field(message),
        headers={name.lower(): value for name, value in error.response.headers.items()},
    )


def _field(message: str) -> str:
    """Return which field of the request is complained of, "" where none is named."""
    if _THINKING.search(message):
        return "thinking"  # wherever it stands it is put there by us, so it is no agent's to mend
    found = _FIELD.match(message)
    return found[1] if found else ""
