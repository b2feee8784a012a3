"""The desk at which a person's commands wait for the engine, from any thread, and get its answers."""

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

from dgm.core.errors import RunEndedError
from dgm.core.oversight import Command

_CLOSED = "The run has just ended."


@dataclass(frozen=True, slots=True)
class Request:
    """A command and where its answer goes."""

    command: Command
    answer: Future[str] = field(default_factory=Future[str])
    """One sentence for the person, or an error of ours."""


class Desk:
    """Takes commands in their order. The engine waits for `bell` beside its workers, so nobody has to poll."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque()
        self._bell: Future[None] = Future()
        self._closed = False

    @property
    def bell(self) -> Future[None]:
        """Done once there is something to take."""
        with self._lock:
            return self._bell

    def post(self, command: Command) -> Future[str]:
        """Hand a command in; its answer comes when the engine has carried it out."""
        request = Request(command)
        with self._lock:
            if self._closed:
                request.answer.set_exception(RunEndedError(_CLOSED))
                return request.answer
            self._requests.append(request)
            self._ring()
        return request.answer

    def ring(self) -> None:
        """Wake the engine without a command."""
        with self._lock:
            self._ring()

    def take(self) -> list[Request]:
        """Return what was handed in since the last time; the bell is silent again."""
        with self._lock:
            taken, self._requests = list(self._requests), deque[Request]()
            self._bell = Future()
            return taken

    def close(self) -> None:
        """Take no more; what still waits is told that the run has ended, and not carried out."""
        with self._lock:
            self._closed = True
            left, self._requests = self._requests, deque[Request]()
        for request in left:
            request.answer.set_exception(RunEndedError(_CLOSED))

    def _ring(self) -> None:
        if not self._bell.done():
            self._bell.set_result(None)
