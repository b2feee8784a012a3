"""The run's side of the control socket: a thread that takes connections, and one for each of a few of them."""

import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dgm.core.errors import DgmError, InfrastructureError, RunEndedError, UsageError
from dgm.core.oversight import Command
from dgm.evolution.desk import Desk
from dgm.oversight.address import listen, remove_leftover
from dgm.oversight.messages import MAX_LINE_BYTES, answer_line, command_in

_ROOT = 0
_CREDENTIALS = struct.Struct("iII")  # pid, uid, gid
_CHUNK_BYTES = 16 * 1024
_PAUSE_S = 0.1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may do."""

    line_s: float = 5.0
    """For a command to come whole."""
    answer_s: float = 60.0
    """For the engine to carry it out; what takes longer is still carried out."""
    connections: int = 8
    """At a time; who comes then waits for one of them to end."""


@contextmanager
def served(directory: Path, desk: Desk, limits: Limits = Limits()) -> Generator[None]:
    """Take commands to a run for its desk. On leaving, those that were handed in have their answer and nothing is left.

    Args:
        directory: of the run; the caller holds its lock.
        desk: is closed on leaving.
        limits: of clients.
    Raises:
        ArchiveError: no socket can be made there.
    """
    server = _Server(listen(directory), desk, limits)
    try:
        yield
    finally:
        desk.close()
        server.close()
        remove_leftover(directory)


class _Server:
    def __init__(self, listener: socket.socket, desk: Desk, limits: Limits) -> None:
        self._listener = listener
        self._desk = desk
        self._limits = limits
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._free = threading.Semaphore(limits.connections)
        self._talks: dict[threading.Thread, socket.socket] = {}
        self._door = threading.Thread(target=self._take_connections, name="dgm-control", daemon=True)
        self._door.start()

    def close(self) -> None:
        """Take no more connections; let who waits for an answer have it, and nobody else go on talking."""
        self._closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._end_talks()  # the door may wait for one of them
        self._door.join()
        self._listener.close()
        for thread in self._end_talks():
            thread.join(2 * self._limits.line_s)

    def _end_talks(self) -> list[threading.Thread]:
        """Hear no client any more; each still gets its answer."""
        with self._lock:
            talks = dict(self._talks)
        for connection in talks.values():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        return list(talks)

    def _take_connections(self) -> None:
        while not self._closed.is_set():
            self._free.acquire()
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                self._free.release()
                if not self._closed.is_set():
                    log.warning("the control socket takes no connection: %s", error)
                    self._closed.wait(_PAUSE_S)  # such as without a free descriptor: it would fail again at once
                continue
            self._begin_talk(connection)

    def _begin_talk(self, connection: socket.socket) -> None:
        thread = threading.Thread(target=self._talk, args=(connection,), name="dgm-command", daemon=True)
        with self._lock:  # until the talk is known, so that it does not end before
            try:
                thread.start()
            except RuntimeError as error:  # the machine has no more threads: others may come to an end
                log.warning("a command could not be heard: %s", error)
                with connection:
                    _answer(connection, InfrastructureError("The run's process has no thread to spare; ask again."))
                self._free.release()
                return
            self._talks[thread] = connection

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(self._limits.line_s)
                _answer(connection, self._answered(connection))
                self._let_it_read(connection)
        finally:
            with self._lock:
                self._talks.pop(threading.current_thread(), None)
            self._free.release()

    def _let_it_read(self, connection: socket.socket) -> None:
        """Drop what a client still sends until it hangs up: hung up on before that, it might not get its answer."""
        deadline = time.monotonic() + self._limits.line_s
        with suppress(OSError):
            while (left := deadline - time.monotonic()) > 0:
                connection.settimeout(left)
                if not connection.recv(_CHUNK_BYTES):
                    return

    def _answered(self, connection: socket.socket) -> str | DgmError:
        try:
            _require_same_user(connection)
            command = command_in(self._line(connection))
            log.info("a person's command: %s", command)
            return self._carried_out(command)
        except DgmError as error:
            return error
        except OSError as error:
            return UsageError(f"No command came: {error}.")

    def _carried_out(self, command: Command) -> str:
        try:
            return self._desk.post(command).result(self._limits.answer_s)
        except TimeoutError as error:
            raise InfrastructureError(
                "The run is busy and did not answer yet; it carries that out as soon as it can."
            ) from error

    def _line(self, connection: socket.socket) -> bytes:
        """Return the one line that a client sends.

        Raises:
            RunEndedError: the run ended before all of it came.
            UsageError: it is too long, does not end in time, or something stands behind it.
        """
        deadline = time.monotonic() + self._limits.line_s
        received = b""
        while b"\n" not in received:
            left = deadline - time.monotonic()
            if left <= 0:
                raise UsageError("The command did not come in time.")
            connection.settimeout(left)
            chunk = connection.recv(_CHUNK_BYTES)
            received += chunk
            if not chunk and self._closed.is_set():
                raise RunEndedError("The run ended before the command came.")
            if not chunk or len(received) > MAX_LINE_BYTES:
                raise UsageError("A command is one line of JSON.")
        line, _, rest = received.partition(b"\n")
        if rest:
            raise UsageError("A command is one line of JSON.")
        connection.settimeout(self._limits.line_s)
        return line


def _require_same_user(connection: socket.socket) -> None:
    # The mode keeps others out already; this still does where somebody widened it.
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    if _CREDENTIALS.unpack(found)[1] not in {os.geteuid(), _ROOT}:
        raise UsageError("This run is another user's.")


def _answer(connection: socket.socket, answer: str | DgmError) -> None:
    with suppress(OSError):  # who went away wants no answer
        connection.sendall(answer_line(answer))
        connection.shutdown(socket.SHUT_WR)
