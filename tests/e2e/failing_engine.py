"""A Docker engine that fails on purpose: a unix socket before the real one that cuts off what matches a pattern."""

import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.recording_engine import RecordingEngine

_CHUNK_BYTES = 1 << 16


class FailingEngine(RecordingEngine):
    """Passes connections on, and ends one without an answer when its request matches, the first `failures` times."""

    def __init__(self, directory: Path, pattern: bytes, *, failures: int) -> None:
        super().__init__(directory)
        self._pattern = re.compile(pattern)
        self._left = failures
        self._counting = threading.Lock()
        self.failed = 0

    def _pass_on(self, source: socket.socket, target: socket.socket, record: Path) -> None:
        del record
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                if self._fails(chunk):
                    source.shutdown(socket.SHUT_RDWR)
                    break
                target.sendall(chunk)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _fails(self, chunk: bytes) -> bool:
        if not self._pattern.match(chunk):
            return False
        with self._counting:
            if self.failed >= self._left:
                return False
            self.failed += 1
            return True


@contextmanager
def failing_engine(directory: Path, pattern: bytes, *, failures: int) -> Generator[FailingEngine]:
    """Stand in front of the machine's engine."""
    directory.mkdir()
    engine = FailingEngine(directory, pattern, failures=failures)
    acceptor = threading.Thread(target=engine.serve)
    acceptor.start()
    try:
        yield engine
    finally:
        engine.close()
        acceptor.join()
