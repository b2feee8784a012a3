"""An engine that does not answer, and the frames of a command's stream."""

import socket
import struct
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import docker
import pytest
from docker.errors import APIError, DockerException, NotFound
from requests import Response

from dgm.core.errors import EngineUnavailableError, SandboxError
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.engine_answers import GoneError, NotRunningError
from dgm.sandbox.exec_stream import STDERR, STDOUT, DeadlineError, ExecStream, Piece


def test_no_engine_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineUnavailableError, match="scripts/engine"):
        connect()


def test_an_engine_that_refuses_the_user_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_settings: object) -> None:
        raise DockerException("Error", PermissionError(13, "Permission denied"))

    monkeypatch.setenv("DOCKER_HOST", "tcp://somewhere")
    monkeypatch.setattr(docker, "APIClient", refuse)
    with pytest.raises(EngineUnavailableError, match="group docker"):
        connect()


def test_an_engine_over_ssh_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://somewhere")
    with pytest.raises(EngineUnavailableError, match="ssh"):
        connect()


class FailingClient:
    """Stands for the SDK's client; every call fails the same way."""

    base_url = "http+docker://localhost"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def inspect_container(self, _container: str) -> None:
        raise self.error


def failing(error: Exception) -> Engine:
    client = FailingClient(error)
    return Engine(client)  # type: ignore[arg-type]


def answer(status: int) -> Response:
    response = Response()
    response.status_code = status
    return response


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFound("gone", answer(404), "no such container"), GoneError),
        (APIError("conflict", answer(409), "is not running"), NotRunningError),
        (APIError("broken", answer(500), "it failed"), SandboxError),
        (DockerException("odd"), EngineUnavailableError),
        (ConnectionResetError("reset"), EngineUnavailableError),
    ],
)
def test_a_fault_of_the_engine_becomes_one_of_ours(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        failing(error).inspect("x")
    assert type(raised.value) is kind


def test_an_engines_message_cannot_reach_the_terminal_raw() -> None:
    error = APIError("broken", answer(500), "exec \x1b[2J\n failed")
    with pytest.raises(SandboxError) as raised:
        failing(error).inspect("x")
    assert str(raised.value).isprintable()


class Wire:
    """The engine's end of a stream."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.reader: BufferedReader = self.near.makefile("rb")
        response = SimpleNamespace(raw=SimpleNamespace(_fp=SimpleNamespace(fp=self.reader)), close=self.reader.close)
        self.stream = ExecStream(SimpleNamespace(_response=response))

    def frame(self, channel: int, content: bytes) -> None:
        self.far.sendall(struct.pack(">BxxxL", channel, len(content)) + content)

    def close(self) -> None:
        self.stream.close()
        self.near.close()
        self.far.close()


@pytest.fixture
def wire() -> Generator[Wire]:
    made = Wire()
    yield made
    made.close()


def soon() -> float:
    return time.monotonic() + 5


def test_frames_are_told_apart_by_their_channel(wire: Wire) -> None:
    wire.frame(STDOUT, b"out")
    wire.frame(STDERR, b"err")
    wire.far.shutdown(socket.SHUT_WR)
    assert list(wire.stream.pieces(deadline=soon())) == [Piece(STDOUT, b"out"), Piece(STDERR, b"err")]


def test_what_was_read_ahead_with_the_answers_head_is_not_lost(wire: Wire) -> None:
    wire.far.sendall(b"HTTP/1.1 101 UPGRADED\r\n")
    wire.frame(STDOUT, b"early")
    wire.far.shutdown(socket.SHUT_WR)
    assert wire.reader.readline() == b"HTTP/1.1 101 UPGRADED\r\n"
    assert list(wire.stream.pieces(deadline=soon())) == [Piece(STDOUT, b"early")]


def test_silence_ends_at_the_deadline(wire: Wire) -> None:
    with pytest.raises(DeadlineError):
        list(wire.stream.pieces(deadline=time.monotonic() + 0.01))


def test_a_stream_that_breaks_off_is_a_fault(wire: Wire) -> None:
    wire.far.sendall(struct.pack(">BxxxL", STDOUT, 100) + b"half")
    wire.far.shutdown(socket.SHUT_WR)
    with pytest.raises(OSError, match="broke off"):
        list(wire.stream.pieces(deadline=soon()))


def test_an_error_of_the_engine_in_a_stream_is_a_fault(wire: Wire) -> None:
    wire.frame(3, b"trouble")
    with pytest.raises(OSError, match="reported an error"):
        list(wire.stream.pieces(deadline=soon()))


@contextmanager
def engine(wire: Wire, work: Callable[[], None]) -> Generator[None]:
    """Let the engine do its part meanwhile."""
    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        wire.stream.close()  # else it might wait for ever
        thread.join()


def test_input_is_sent_and_closed(wire: Wire) -> None:
    def tell_what_came() -> None:
        with wire.far.makefile("rb") as received:
            wire.frame(STDOUT, received.read())
        wire.far.shutdown(socket.SHUT_WR)

    wire.stream.feed(b"input")
    with engine(wire, tell_what_came):
        assert list(wire.stream.pieces(deadline=soon())) == [Piece(STDOUT, b"input")]


def test_a_command_may_write_before_it_has_read_all_of_its_input(wire: Wire) -> None:
    content = bytes(range(256)) * 20_000

    def echo() -> None:
        with suppress(BrokenPipeError):
            while received := wire.far.recv(100_000):
                wire.frame(STDOUT, received)
            wire.far.shutdown(socket.SHUT_WR)

    wire.stream.feed(content)
    with engine(wire, echo):
        assert b"".join(piece.content for piece in wire.stream.pieces(deadline=soon())) == content


def test_input_that_nobody_reads_ends_at_the_deadline(wire: Wire) -> None:
    wire.stream.feed(bytes(10_000_000))
    with pytest.raises(DeadlineError):
        list(wire.stream.pieces(deadline=time.monotonic() + 0.01))


def test_input_for_a_command_that_is_gone_is_no_fault(wire: Wire) -> None:
    wire.frame(STDERR, b"no such file")
    wire.far.close()
    wire.stream.feed(b"input")
    assert list(wire.stream.pieces(deadline=soon())) == [Piece(STDERR, b"no such file")]


def test_a_command_that_reads_no_further_is_listened_to_all_the_same(wire: Wire) -> None:
    def refuse_and_tell() -> None:
        wire.far.recv(1)
        wire.far.shutdown(socket.SHUT_RD)
        wire.frame(STDERR, b"enough")
        wire.far.shutdown(socket.SHUT_WR)

    wire.stream.feed(bytes(10_000_000))
    with engine(wire, refuse_and_tell):
        assert list(wire.stream.pieces(deadline=soon())) == [Piece(STDERR, b"enough")]
