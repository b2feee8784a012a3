"""The network as calls with an `Allowance` get to see it. Imported with the SDKs, since that takes a while."""

from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

from dgm.gateway.vendors.allowance import current

_PIECE_BYTES = 16 * 1024


def bound(client: httpx2.Client) -> None:
    """Make a client's connections keep to the allowance of the call that uses them.

    It is done where bytes come in, since headers that drip are as endless as bodies that do. The HTTP library takes a
    network of ours only together with a transport of ours, which would do away with the proxies of the environment.
    """
    transports = [client._transport, *client._mounts.values()]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    for transport in transports:
        if isinstance(transport, httpx2.HTTPTransport):
            pool: Any = transport._pool  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            pool._network_backend = _Network(pool._network_backend)  # noqa: SLF001


def refuse_packed(response: httpx2.Response) -> None:
    """Refuse a body that is not sent as it is: a small one could unpack to any size, and none is asked for.

    Raises:
        DecodingError: it is packed.
    """
    if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise httpx2.DecodingError("the answer is packed", request=response.request)


class _Network(httpcore2.NetworkBackend):
    def __init__(self, inner: httpcore2.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.connect_tcp(host, port, _least(timeout), local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        allowance = current.get()
        if allowance is None:
            return self._inner.read(max_bytes, timeout)
        if allowance.seconds_left == 0:
            raise httpcore2.ReadTimeout("the call took too long in all")
        received = self._inner.read(max_bytes, _least(timeout))
        allowance.bytes_left -= len(received)
        if allowance.bytes_left < 0:
            raise httpcore2.ReadError("the answer is too large")
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE_BYTES):
            allowance = current.get()
            if allowance is not None and allowance.seconds_left == 0:
                raise httpcore2.WriteTimeout("the call took too long in all")
            self._inner.write(buffer[start : start + _PIECE_BYTES], _least(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _least(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _least(timeout: float | None) -> float | None:
    """Return a time-out that ends with the allowance; never 0, which would mean something else to a socket."""
    allowance = current.get()
    if allowance is None:
        return timeout
    left = max(allowance.seconds_left, 0.001)
    return left if timeout is None else min(timeout, left)
