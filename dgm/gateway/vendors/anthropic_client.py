"""Makes the client of Anthropic's SDK such that its environment variables change nothing."""

import logging
from typing import TYPE_CHECKING

from dgm.gateway.vendors.vendor import CONNECT_S

if TYPE_CHECKING:
    import httpx2
    from anthropic import Anthropic

ANTHROPIC_URL = "https://api.anthropic.com"
VERSION_HEADER = "anthropic-version"


def make_client(key: str, base_url: str, *, timeout_s: float) -> "Anthropic":
    """Return a client that makes one attempt at `base_url` and sends nothing but the request and the key.

    Redirects are not followed: the conversation goes where the configuration says, and nowhere else.

    Args:
        key: of the API.
        base_url: with or without the /v1 at its end that the SDK adds itself.
        timeout_s: for the start of an answer, and for each further part of it; `dgm.gateway.vendors.allowance` bounds
            all of it.
    """
    import anthropic
    import httpx2

    from dgm.gateway.vendors.bounded_network import bound, refuse_packed

    def strip(request: httpx2.Request) -> None:
        # ANTHROPIC_CUSTOM_HEADERS, and what the SDK tells of this machine.
        request.headers = _headers(request, key)

    for logger in ("anthropic", "httpx2"):  # which ANTHROPIC_LOG makes tell requests and answers
        logging.getLogger(logger).setLevel(logging.WARNING)
    timeout = httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))
    http_client = anthropic.DefaultHttpxClient(
        event_hooks={"request": [strip], "response": [refuse_packed]}, timeout=timeout, follow_redirects=False
    )
    bound(http_client)
    return anthropic.Anthropic(
        api_key=key,
        base_url=base_url.rstrip("/").removesuffix("/v1"),
        timeout=timeout,
        max_retries=0,
        open_telemetry=False,
        http_client=http_client,
    )


def _headers(request: "httpx2.Request", key: str) -> "httpx2.Headers":
    import httpx2

    headers = {
        "host": request.url.netloc.decode("ascii"),
        "authorization": f"Bearer {key}",
        VERSION_HEADER: request.headers[VERSION_HEADER],  # each request's own, which goes before the environment's
        "accept": "application/json",
        "user-agent": "dgm",
    }
    if request.method == "POST":
        headers |= {"content-type": "application/json", "content-length": str(len(request.read()))}
    return httpx2.Headers(headers)
