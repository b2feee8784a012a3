"""The stream of one command in a container: its input, and its output in frames."""

import select
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
_SENT_BYTES = 64 * 1024


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
        self._unsent: memoryview | None = None
        """What is left of the input; None where there is none, or it was closed."""

    def feed(self, content: bytes) -> None:
        """Have `pieces` send all of a command's input, and then close it, while it waits for output.

        A command that ended before it read everything is no fault here: its exit code tells.
        """
        self._unsent = memoryview(content)

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
        # By turns: a command that writes while it reads goes on reading only once somebody takes what it wrote.
        while self._unsent is not None and not self._has_output(deadline):
            self._send_some(self._unsent)
        self._limit(deadline)
        try:
            return self._reader.read1(size)
        except TimeoutError as error:
            raise DeadlineError from error

    def _has_output(self, deadline: float) -> bool:
        """Wait until there is room for input or output to read, and return whether there is output, or its end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLOUT)
        found = poll.poll(1000 * self._limit(deadline))
        if not found:
            raise DeadlineError
        return any(events & ~select.POLLOUT for _, events in found)

    def _send_some(self, content: memoryview) -> None:
        """Send what there is room for, and close the input behind its last byte."""
        left = None
        with suppress(BrokenPipeError, ConnectionResetError):
            left = content[self._socket.send(content[:_SENT_BYTES]) :] or None
            if left is None:
                self._socket.shutdown(socket.SHUT_WR)
        self._unsent = left

    def _limit(self, deadline: float) -> float:
        """Let the socket wait until `deadline` at most and return how many seconds that is, above 0."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError
        self._socket.settimeout(left)
        return left
