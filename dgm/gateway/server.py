"""HTTP/1.1 on a session's socket: uvicorn's protocol with the limits that an untrusted client needs.

There is no `uvicorn.Server`: its main loop ticks every 0.1 s, and one per session would be a thread each. All sessions
share one asyncio loop; each has a listening socket and a `Door` of its own.
"""

import asyncio
import logging
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dgm.gateway.replies import Reply, error_reply

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH_LINE = re.compile(rb"^content-length[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_METHODS = (b"GET", b"POST")
_HTTP_VERSIONS = (b"1.0", b"1.1")
_PEER_CREDENTIALS = struct.Struct("iII")  # pid, uid, gid

# An agent can cause a warning with every request: they must not fill the host's log.
_http_log = logging.getLogger(__name__)
_http_log.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What one session's clients may do to the HTTP server."""

    connections: int = 16
    header_bytes: int = 32 * 1024
    body_bytes: int = 4 * 2**20
    header_s: float = 5.0
    """From a request's first byte to the end of its headers."""
    body_s: float = 20.0
    """From there to the end of its body."""
    idle_s: float = 30.0
    """Without a request."""
    linger_s: float = 2.0
    """For a refused client to read why; what it still sends is dropped."""
    refusals: int = 1_000
    """Then the session's door stays shut: who was refused so often does not mean to talk to a model."""


@dataclass(slots=True)
class Door:
    """One session's side of the server, used on the loop's thread only."""

    limits: HttpLimits
    model: str
    admitted_uid: Callable[[], int | None]
    answer: Callable[[bytes], Reply]
    """Blocks."""
    fail: Callable[[Exception], None]
    """Takes what stopped a call without being the agent's doing."""
    state: ServerState = field(default_factory=ServerState)
    lingering: set[asyncio.Transport] = field(default_factory=set[asyncio.Transport])
    refused: int = 0
    pending: set[asyncio.Future[Reply]] = field(default_factory=set["asyncio.Future[Reply]"])
    """Answers that clients wait for."""

    def __post_init__(self) -> None:
        self.state.default_headers = [(b"server", b"dgm")]

    def close(self) -> None:
        """Drop every client at once."""
        for connection in list(self.state.connections):
            if connection.transport is not None:  # pyright: ignore[reportUnnecessaryComparison]
                connection.transport.abort()
        for transport in list(self.lingering):
            transport.abort()
        for answer in self.pending:
            if not answer.done():
                answer.set_result(error_reply(502, "The session is closed."))


class _GuardedConnection(h11.Connection):
    """Parses requests and refuses, before anything of them is acted on, those that an honest agent never sends."""

    def __init__(self, limits: HttpLimits) -> None:
        super().__init__(h11.SERVER, limits.header_bytes)
        self._limits = limits
        self.requests = 0
        self.refusal = error_reply(400, "This is not an HTTP/1.1 request.")

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        head = self.trailing_data[0] if self.their_state is h11.IDLE else b""
        try:
            if head:
                self._check_head(head)
            event = super().next_event()
            if isinstance(event, h11.Request):
                self.requests += 1
                self._check_request(event)
        except h11.RemoteProtocolError as error:
            if isinstance(error, _RefusedError):
                self.refusal = error_reply(error.error_status_hint, str(error))
            elif error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
                self.refusal = error_reply(431, self._too_large())
            raise
        return event

    def _check_head(self, head: bytes) -> None:
        end = _HEAD_END.search(head)
        if (end.start() if end else len(head)) > self._limits.header_bytes:
            raise _RefusedError(self._too_large(), error_status_hint=431)
        if end is None:
            return
        # h11 takes equal lengths said twice for one, and a parser in between might not.
        lengths = _LENGTH_LINE.findall(head[: end.start()].replace(b"\r", b""))
        if len(lengths) > 1 or any(b"," in length for length in lengths):
            raise _RefusedError("There must be one Content-Length.", error_status_hint=400)

    def _check_request(self, request: h11.Request) -> None:
        headers = dict(request.headers)
        length = headers.get(b"content-length")
        if request.http_version not in _HTTP_VERSIONS:
            raise _RefusedError("This is not an HTTP/1.1 request.", error_status_hint=400)
        if b"transfer-encoding" in headers:
            if length is not None:
                raise _RefusedError("Content-Length and Transfer-Encoding exclude each other.", error_status_hint=400)
            raise _RefusedError("Send a Content-Length; chunked bodies are not taken.", error_status_hint=411)
        if request.method not in _METHODS:  # HEAD and CONNECT would mean something to the layers behind this one
            raise _RefusedError("There is no such method here.", error_status_hint=405)
        if request.method == b"POST" and length is None:
            raise _RefusedError("Send a Content-Length.", error_status_hint=411)
        if length is not None and int(length) > self._limits.body_bytes:
            raise _RefusedError(f"The body is over {self._limits.body_bytes} bytes.", error_status_hint=413)

    def _too_large(self) -> str:
        return f"The headers are over {self._limits.header_bytes} bytes."


class _RefusedError(h11.RemoteProtocolError):
    """A request that we refuse though it may be valid HTTP; the message is for the client."""


class SessionProtocol(H11Protocol):
    """One connection to one session's door."""

    def __init__(self, config: Config, door: Door, app_state: dict[str, Any]) -> None:
        super().__init__(config, door.state, app_state)
        self._door = door
        self._guard = self.conn = _GuardedConnection(door.limits)
        self._deadline: asyncio.TimerHandle | None = None
        self._phase = ("new", 0)
        self._refused = False
        self.logger = _http_log
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the session's agent in, nobody else, and not too often."""
        self.transport = transport
        if _peer_uid(transport) != self._door.admitted_uid() or self._door.refused >= self._door.limits.refusals:
            self._refused = True
            transport.abort()
        elif len(self.connections) >= self._door.limits.connections:
            self._refuse(error_reply(429, f"More than {self._door.limits.connections} connections at once."))
        else:
            super().connection_made(transport)
            self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Handle what came, unless this client was refused."""
        if not self._refused:
            super().data_received(data)
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        self._cancel_deadline()
        self._door.lingering.discard(self.transport)
        if not self._refused and self._guard.requests == 0:
            self._door.refused += 1  # came for nothing, which could be done without end
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on to the next request, under our deadlines instead of uvicorn's."""
        super().on_response_complete()
        self._unset_keepalive_if_required()
        self._set_deadline()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's hook for requests that cannot be parsed
        """Say what is wrong in our own words."""
        self._refuse(self._guard.refusal)

    def _should_upgrade(self) -> bool:
        return False

    def _refuse(self, reply: Reply) -> None:
        """Answer without reading on; drop what still comes for a moment, so that the client gets to see the answer."""
        self._refused = True
        self._door.refused += 1
        self.connections.discard(self)
        if self.cycle is not None and not self.cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison]
            self.transport.abort()
            return
        self.transport.write(_raw_response(reply))
        if len(self._door.lingering) >= self._door.limits.connections:
            self.transport.close()
            return
        self.transport.write_eof()
        self._door.lingering.add(self.transport)
        self._cancel_deadline()
        self._deadline = self.loop.call_later(self._door.limits.linger_s, self.transport.abort)

    def _set_deadline(self) -> None:
        """Start the deadline of the phase that the connection is in, unless it runs already."""
        if self._refused:
            return
        name, seconds = self._current_phase()
        if (name, self._guard.requests) == self._phase:
            return
        self._cancel_deadline()
        self._phase = (name, self._guard.requests)
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _current_phase(self) -> tuple[str, float | None]:
        state, limits = self._guard.their_state, self._door.limits
        if state is h11.IDLE:
            return ("head", limits.header_s) if self._guard.trailing_data[0] else ("idle", limits.idle_s)
        return ("body", limits.body_s) if state is h11.SEND_BODY else ("busy", None)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _peer_uid(transport: asyncio.Transport) -> int:
    """Return the uid of the process that connected, as the host's kernel saw it then."""
    connection: socket.socket = transport.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    return _PEER_CREDENTIALS.unpack(credentials)[1]


def _raw_response(reply: Reply) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\nserver: dgm\r\n"
        f"content-type: application/json\r\ncontent-length: {len(reply.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + reply.body
