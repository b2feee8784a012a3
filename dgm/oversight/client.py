"""The other side of the control socket: asks the process that evolves a run."""

import socket
import time
from contextlib import suppress
from pathlib import Path

from dgm.core.errors import InfrastructureError
from dgm.core.oversight import Command
from dgm.oversight.address import connect
from dgm.oversight.messages import MAX_LINE_BYTES, answer_in, command_line

_CHUNK_BYTES = 16 * 1024
PATIENCE_S = 70.0
"""A little more than the other side takes to say that it is busy."""


def ask(directory: Path, command: Command, *, patience_s: float = PATIENCE_S) -> str | None:
    """Have a command carried out and return the engine's sentence; None where no process listens to it.

    Raises:
        RunEndedError: the run had just ended; nothing was carried out.
        UsageError, ArchiveError: what the engine says against it, or that it is another user's.
        InfrastructureError: no answer came; it may have been carried out.
    """
    try:
        connection = connect(directory, timeout_s=patience_s)
        if connection is None:
            return None
        with connection:
            with suppress(BrokenPipeError):  # who turns us away says why before it hangs up
                connection.sendall(command_line(command))
            return answer_in(_line(connection, patience_s=patience_s))
    except ConnectionResetError:  # it hung up before it had read the command, such as one that ends
        return None
    except TimeoutError as error:
        raise InfrastructureError("The process that evolves the run does not answer.") from error
    except OSError as error:
        reason = error.strerror or error
        raise InfrastructureError(f"The process that evolves the run cannot be asked: {reason}.") from error


def _line(connection: socket.socket, *, patience_s: float) -> bytes:
    """Return what comes until the other side ends, or more than a line may have.

    Raises:
        ConnectionResetError: the other side hung up without a word.
        TimeoutError: that is not all there in time, however often a part of it comes.
    """
    deadline = time.monotonic() + patience_s
    received = b""
    while len(received) <= MAX_LINE_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        try:
            chunk = connection.recv(_CHUNK_BYTES)
        except ConnectionResetError:  # it did not read all of the command; its answer, if any, came before that
            if not received:
                raise
            break
        if not chunk:
            break
        received += chunk
    return received
