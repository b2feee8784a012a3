"""Who stands at a run's desk in tests of its control socket, and who talks to the socket without the client."""

import json
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dgm.core.errors import DgmError
from dgm.core.oversight import Command, Intervene, Intervention
from dgm.evolution.desk import Desk
from dgm.oversight.address import connect
from dgm.oversight.server import Limits, served

PAUSE = Intervene(Intervention.PAUSE, "to look")
USUAL = Limits()
SHORT = Limits(line_s=0.05, answer_s=0.05)


@dataclass
class Clerk:
    """Stands for the engine: takes what is handed in at a desk and answers it, in a thread."""

    answer: Callable[[Command], str | DgmError] = lambda command: f"{command}"
    desk: Desk = field(default_factory=Desk)
    taken: list[Command] = field(default_factory=list[Command])
    is_done: bool = False

    def work(self) -> None:
        while not self.is_done:
            self.desk.bell.result()
            for request in self.desk.take():
                self.taken.append(request.command)
                match self.answer(request.command):
                    case str() as sentence:
                        request.answer.set_result(sentence)
                    case error:
                        request.answer.set_exception(error)


@contextmanager
def clerk_at(directory: Path, clerk: Clerk, limits: Limits = USUAL) -> Generator[Clerk]:
    thread = threading.Thread(target=clerk.work, daemon=True)
    thread.start()
    with served(directory, clerk.desk, limits):
        yield clerk
    clerk.is_done = True
    clerk.desk.ring()
    thread.join()


def raw(directory: Path, data: bytes, *, ends: bool = True) -> str:
    """Send bytes to a run and return the sentence that comes back."""
    connection = connect(directory, timeout_s=30)
    assert connection is not None
    with closing(connection):
        with suppress(BrokenPipeError):  # turned away before all of it was sent
            connection.sendall(data)
            if ends:
                connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(4096):
            received += chunk
    return json.loads(received)["sentence"] if received else ""
