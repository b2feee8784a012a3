"""Runs one command in a container with a deadline and a cap on what it may print."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dgm.core.errors import SandboxError
from dgm.sandbox.engine import Engine
from dgm.sandbox.exec_stream import STDOUT, DeadlineError, ExecStream

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.001
_LONGEST_PAUSE_S = 0.05
_SHOWN_OF_A_COMPLAINT = 200


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run, as whom, and how far it may go."""

    argv: Sequence[str]
    user: str
    """As the engine takes it: "uid:gid"."""
    timeout_s: float
    output_bytes: int
    """Cap on standard output and standard error together."""
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    stdin: bytes | None = None


@dataclass(slots=True)
class Output:
    """What came out of a command until it ended, or had to be given up."""

    id: str
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    exit_code: int | None = None
    """None while it is not known to have ended."""
    timed_out: bool = False
    truncated: bool = False
    seconds: float = 0.0


def run_bounded(engine: Engine, container: str, command: Command) -> Output:
    """Run a command until it ends, its deadline or its cap; in the last two cases it may still be running.

    What it left behind, also after a clean exit, is for `Sweeper` to end.

    Raises:
        SandboxError: the engine failed, or the container ended.
    """
    began = time.monotonic()
    deadline = began + command.timeout_s
    output = Output(
        engine.exec_create(
            container,
            command.argv,
            user=command.user,
            directory=command.directory,
            environment=command.environment,
            stdin=command.stdin is not None,
        )
    )
    stream = engine.exec_start(output.id)
    try:
        if command.stdin is not None:
            stream.feed(command.stdin)
        _receive(stream, output, cap=command.output_bytes, deadline=deadline)
    except DeadlineError:
        output.timed_out = True
    except OSError as error:
        raise SandboxError(f"A command's output broke off: {error}.") from error
    finally:
        # First of all, whatever comes next: killing a command whose stream is unread takes the engine 10 s.
        stream.close()
    if not output.timed_out and not output.truncated:
        _await_exit(engine, output, deadline=deadline)
    output.seconds = time.monotonic() - began
    return output


def complaint(output: Output) -> str:
    """Return the end of what a command complained about, as one printable line."""
    if output.timed_out:
        return "it took too long"
    text = output.stderr.decode("ascii", "replace").strip() or f"exit code {output.exit_code}"
    line = " ".join(text.split())[-_SHOWN_OF_A_COMPLAINT:]
    return "".join(letter if letter.isprintable() else "?" for letter in line).rstrip(".")


def _receive(stream: ExecStream, output: Output, *, cap: int, deadline: float) -> None:
    left = cap
    for piece in stream.pieces(deadline=deadline):
        channel = output.stdout if piece.channel == STDOUT else output.stderr
        channel += piece.content[:left]
        if len(piece.content) > left:
            output.truncated = True
            return
        left -= len(piece.content)


def _await_exit(engine: Engine, output: Output, *, deadline: float) -> None:
    """Wait for the end of a command whose output ended: it may have closed that and gone on."""
    pause_s = _FIRST_PAUSE_S
    while True:
        state = engine.exec_state(output.id)
        if not state.running:
            output.exit_code = state.exit_code
            return
        if time.monotonic() + pause_s > deadline:
            output.timed_out = True
            return
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
