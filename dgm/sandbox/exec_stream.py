"""The stream of one command in a container: its input, and its output in frames."""

import socket
import struct
import time
from collections.abc import Generator
from contextlib import suppress
from io import BufferedReader
from typing import Any, NamedTuple

STDOUT, STDERR = 1, 2
_ENGINE_ERROR = 3
_HEADER = struct.Struct(">BxxxL")
_READ_BYTES = 256 * 1024


class DeadlineError(Exception):
    """The deadline passed before the stream ended."""


class Piece(NamedTuple):
    """Some bytes of output, from `STDOUT` or `STDERR`."""

    channel: int
    content: bytes


class ExecStream:
    """A hijacked HTTP connection to the engine.

    The SDK hands out the bare socket, which loses what its HTTP client had read ahead; so the reader that did read
    ahead is used here.
    """

    def __init__(self, sdk_socket: Any) -> None:
        self._response: Any = sdk_socket._response  # noqa: SLF001
        self._reader: BufferedReader = self._response.raw._fp.fp  # noqa: SLF001
        self._socket: socket.socket = self._reader.raw._sock  # type: ignore[attr-defined]  # noqa: SLF001

    def send(self, content: bytes, *, deadline: float) -> None:
        """Send all input and close it.

        A command that ended before it read everything is no fault here: its exit code tells.

        Raises:
            DeadlineError: `deadline` (monotonic seconds) passed.
        """
        try:
            self._limit(deadline)
            self._socket.sendall(content)
            self._socket.shutdown(socket.SHUT_WR)
        except TimeoutError as error:
            raise DeadlineError from error
        except (BrokenPipeError, ConnectionResetError):
            return

    def pieces(self, *, deadline: float) -> Generator[Piece]:
        """Yield output as it comes, until every process that could write closed it.

        Raises:
            DeadlineError: `deadline` (monotonic seconds) passed.
            OSError: the engine broke the stream off in the middle of a frame, or reported an error of its own.
        """
        while header := self._exactly(_HEADER.size, deadline):
            channel, left = _HEADER.unpack(header)
            if channel == _ENGINE_ERROR:
                raise OSError("the engine reported an error in a command's stream")
            while left:
                content = self._some(min(left, _READ_BYTES), deadline)
                if not content:
                    raise OSError("the engine broke off a command's stream")
                left -= len(content)
                yield Piece(channel, content)

    def close(self) -> None:
        """Close the connection, read or not. The engine is slow to kill what has an unread stream."""
        with suppress(OSError):  # the engine may have closed it before
            self._socket.shutdown(socket.SHUT_RDWR)
        self._response.close()

    def _exactly(self, size: int, deadline: float) -> bytes:
        """Return `size` bytes, or none at the end of the stream."""
        content = b""
        while len(content) < size:
            more = self._some(size - len(content), deadline)
            if not more:
                if content:
                    raise OSError("the engine broke off a command's stream")
                return b""
            content += more
        return content

    def _some(self, size: int, deadline: float) -> bytes:
        self._limit(deadline)
        try:
            return self._reader.read1(size)
        except TimeoutError as error:
            raise DeadlineError from error

    def _limit(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError
        self._socket.settimeout(left)
