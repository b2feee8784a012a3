"""A Docker engine that remembers every byte of its clients: a unix socket in front of the real one."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_ENGINE = "/var/run/docker.sock"
_CHUNK_BYTES = 1 << 16


class RecordingEngine:
    """Passes connections on to the engine and writes what went either way, each to a file of its own."""

    def __init__(self, directory: Path) -> None:
        self.address = directory / "engine.sock"
        self.records = directory / "engine"
        self.records.mkdir()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen(64)
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    @property
    def host(self) -> str:
        """What DOCKER_HOST is to be."""
        return f"unix://{self.address}"

    def serve(self) -> None:
        """Accept until the listener is shut."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(_ENGINE)
            self._sockets += [client, engine]
            for source, target in ((client, engine), (engine, client)):
                record = self.records / f"{len(self._threads):05d}.bytes"
                thread = threading.Thread(target=self._pass_on, args=(source, target, record))
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """Stop accepting, and end all connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._sockets:
            end.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, record: Path) -> None:
        with record.open("wb") as file, suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                file.write(chunk)
                target.sendall(chunk)
        with suppress(OSError):  # half of a hijacked stream may end before the other
            target.shutdown(socket.SHUT_WR)


@contextmanager
def recording_engine(directory: Path) -> Generator[RecordingEngine]:
    """Stand in front of the machine's engine; when the context ends, its records are whole."""
    engine = RecordingEngine(directory)
    acceptor = threading.Thread(target=engine.serve)
    acceptor.start()
    try:
        yield engine
    finally:
        engine.close()
        acceptor.join()
