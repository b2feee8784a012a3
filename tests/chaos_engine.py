"""A door before the machine's engine that can be shut: to a run, the engine is gone then, and its connections are cut.

The engine itself is everybody's and goes on, unless whoever started it lets it be killed.
"""

import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_ENGINE = "/var/run/docker.sock"
_ENGINE_PID = Path("/var/run/docker.pid")
_START_ENGINE = Path(__file__).parents[1] / "scripts" / "engine"
_CHUNK_BYTES = 1 << 16


class EngineDoor:
    """Passes connections on to the engine while it is open."""

    def __init__(self, directory: Path) -> None:
        self.address = directory / "engine.sock"
        self._lock = threading.Lock()
        self._is_open = True
        self._live: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen(64)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to come through it."""
        return {"DOCKER_HOST": f"unix://{self.address}"}

    def serve(self) -> None:
        """Accept until the listener is shut."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._let_in(client)

    @contextmanager
    def shut(self) -> Generator[None]:
        """Cut all connections, and every new one."""
        with self._lock:
            self._is_open = False
            cut = list(self._live)
        for end in cut:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            self._is_open = True

    def close(self) -> None:
        """Stop accepting."""
        with self.shut():
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _let_in(self, client: socket.socket) -> None:
        with self._lock:
            if not self._is_open:
                client.close()
                return
            engine = socket.socket(socket.AF_UNIX)
            try:
                engine.connect(_ENGINE)
            except OSError:  # it was killed
                engine.close()
                client.close()
                return
            self._live |= {client, engine}
        threading.Thread(target=self._pass_both_ways, args=(client, engine), daemon=True).start()

    def _pass_both_ways(self, client: socket.socket, engine: socket.socket) -> None:
        back = threading.Thread(target=_pass_on, args=(engine, client), daemon=True)
        back.start()
        _pass_on(client, engine)
        back.join()
        with self._lock:
            self._live -= {client, engine}
        client.close()
        engine.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            target.sendall(chunk)
    with suppress(OSError):  # half of a hijacked stream may end before the other
        target.shutdown(socket.SHUT_WR)


@contextmanager
def killed_engine() -> Generator[None]:
    """Kill the machine's engine, and start it again in the end.

    Raises:
        OSError: there is none, or this user may not kill it.
        subprocess.CalledProcessError: it does not start again.
    """
    engine = os.pidfd_open(int(_ENGINE_PID.read_text()))
    try:
        signal.pidfd_send_signal(engine, signal.SIGKILL)
        select.select([engine], [], [])
        yield
    finally:
        os.close(engine)
        subprocess.run([_START_ENGINE], check=True, capture_output=True)


@contextmanager
def engine_door(directory: Path) -> Generator[EngineDoor]:
    """Stand in front of the machine's engine."""
    door = EngineDoor(directory)
    acceptor = threading.Thread(target=door.serve, daemon=True)
    acceptor.start()
    try:
        yield door
    finally:
        door.close()
        acceptor.join()
