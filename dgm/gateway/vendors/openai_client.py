"""Makes the client of OpenAI's SDK such that its environment variables change nothing."""

import ssl
from functools import cache
from typing import TYPE_CHECKING

from dgm.gateway.vendors.vendor import CONNECT_S

if TYPE_CHECKING:
    from openai import OpenAI

OPENAI_URL = "https://api.openai.com/v1"
# The last is the SDK's note to itself of how the answer is wanted.
_SENT = frozenset(
    {
        "accept",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-stainless-raw-response",
    }
)


def make_client(key: str, base_url: str, *, timeout_s: float) -> "OpenAI":
    """Return a client that makes one attempt at `base_url` and sends nothing but the request and the key.

    Redirects are not followed: the conversation goes where the configuration says, and nowhere else.
    """
    import httpx2
    import openai

    from dgm.gateway.vendors.bounded_network import bound, refuse_packed

    def strip(request: httpx2.Request) -> None:
        # OPENAI_CUSTOM_HEADERS, OPENAI_ORG_ID and the like, and what the SDK tells of this machine.
        for header in set(request.headers) - _SENT:
            del request.headers[header]
        request.headers["authorization"] = f"Bearer {key}"
        request.headers["accept-encoding"] = "identity"

    timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))
    http_client = openai.DefaultHttpxClient(
        event_hooks={"request": [strip], "response": [refuse_packed]},
        timeout=timeout,
        follow_redirects=False,
        verify=_trust(),
    )
    bound(http_client)
    return openai.OpenAI(api_key=key, base_url=base_url, timeout=timeout, max_retries=0, http_client=http_client)


@cache
def _trust() -> ssl.SSLContext:
    """Return whose certificates are trusted; reading them takes a while, and one reading serves all clients."""
    import httpx2

    return httpx2.create_ssl_context()
