"""The control socket: commands reach the desk of the run, answers come back, and nobody else gets in."""

import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from dgm.core.errors import ArchiveError, DgmError, InfrastructureError, RunEndedError, UsageError
from dgm.core.oversight import Command, Intervene, Intervention, Judge, Review
from dgm.evolution.desk import Desk
from dgm.oversight.address import CONTROL_SOCKET, connect
from dgm.oversight.client import ask
from dgm.oversight.messages import MAX_LINE_BYTES, MAX_REASON_CHARS, answer_in
from dgm.oversight.server import served
from tests.fakes.clerk import PAUSE, SHORT, Clerk, clerk_at

# --- what honest clients get -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        PAUSE,
        Intervene(Intervention.STOP),
        Judge(7, Review(approved=True)),
        Judge(2**40, Review(approved=False, reason="It reads\nkeys. \x1b[2J ☃")),
    ],
)
def test_a_command_reaches_the_desk_as_it_is_and_its_answer_comes_back(
    tmp_path: Path, clerk: Clerk, command: Command
) -> None:
    assert ask(tmp_path, command) == "Done."
    assert clerk.taken == [command]


@pytest.mark.parametrize(
    "error", [UsageError("It does not wait."), ArchiveError("The disk is full."), InfrastructureError("Broken.")]
)
def test_an_error_of_the_engine_is_the_same_error_for_the_client(tmp_path: Path, error: DgmError) -> None:
    with clerk_at(tmp_path, Clerk(lambda _: error)), pytest.raises(type(error), match=str(error)):
        ask(tmp_path, PAUSE)


def test_an_error_with_half_a_character_such_as_of_an_odd_path_is_told_all_the_same(tmp_path: Path) -> None:
    with clerk_at(tmp_path, Clerk(lambda _: ArchiveError("a\udc80b"))), pytest.raises(ArchiveError, match=r"a\?b"):
        ask(tmp_path, PAUSE)


def test_a_reason_that_is_too_long_is_cut(tmp_path: Path, clerk: Clerk) -> None:
    ask(tmp_path, Intervene(Intervention.PAUSE, "x" * (MAX_REASON_CHARS + 1)))
    assert clerk.taken == [Intervene(Intervention.PAUSE, "x" * MAX_REASON_CHARS)]


def test_a_reason_with_half_a_character_is_sent_all_the_same(tmp_path: Path, clerk: Clerk) -> None:
    ask(tmp_path, Intervene(Intervention.PAUSE, "a\udc80b"))
    assert clerk.taken == [Intervene(Intervention.PAUSE, "a?b")]


@pytest.mark.usefixtures("clerk")
def test_several_talk_at_once(tmp_path: Path) -> None:
    answers: list[str | None] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(tmp_path, PAUSE))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Done."] * 6


# --- where the socket lies -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clerk")
def test_only_the_owner_can_reach_the_socket(tmp_path: Path) -> None:
    assert stat.filemode((tmp_path / CONTROL_SOCKET).stat().st_mode) == "srw-------"


def test_the_umask_is_left_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with clerk_at(tmp_path, Clerk()):
            (tmp_path / "beside").touch()
        assert stat.S_IMODE((tmp_path / "beside").stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_nothing_is_left_at_the_end(tmp_path: Path) -> None:
    with clerk_at(tmp_path, Clerk()):
        pass
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_where_the_run_ends_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), served(tmp_path, Desk()):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_longer_than_an_address_is_served(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30) / ("longer" * 30)
    directory.mkdir(parents=True)
    with clerk_at(directory, Clerk(lambda _: "Done.")):
        assert ask(directory, PAUSE) == "Done."


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(tmp_path / CONTROL_SOCKET))
    assert ask(tmp_path, PAUSE) is None
    with clerk_at(tmp_path, Clerk(lambda _: "Done.")):
        assert ask(tmp_path, PAUSE) == "Done."


def test_a_link_is_replaced_and_what_it_points_at_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine", "utf-8")
    (tmp_path / CONTROL_SOCKET).symlink_to(precious)
    with clerk_at(tmp_path, Clerk(lambda _: "Done.")):
        assert ask(tmp_path, PAUSE) == "Done."
    assert precious.read_text("utf-8") == "mine"


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir], ids=["file", "directory"])
def test_what_is_no_socket_is_left_alone_and_nothing_is_served(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / CONTROL_SOCKET)
    with pytest.raises(ArchiveError, match="is no socket of dgm"), served(tmp_path, Desk()):
        pass
    assert (tmp_path / CONTROL_SOCKET).exists()


def test_where_nothing_can_be_written_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be made"), served(tmp_path / "gone", Desk()):
        pass


def test_a_client_follows_no_link(tmp_path: Path) -> None:
    real, stranger = tmp_path / "real", tmp_path / "stranger"
    real.mkdir()
    stranger.mkdir()
    (stranger / CONTROL_SOCKET).symlink_to(real / CONTROL_SOCKET)
    with clerk_at(real, Clerk(lambda _: "Done.")) as clerk:
        assert ask(stranger, PAUSE) is None
    assert clerk.taken == []


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_where_nobody_listens_there_is_no_answer(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    assert ask(tmp_path / name, PAUSE) is None


# --- ends ------------------------------------------------------------------------------------------------------------


def test_who_waits_for_an_answer_when_the_run_ends_is_told_so(tmp_path: Path) -> None:
    desk, errors = Desk(), list[Exception]()

    def client() -> None:
        try:
            ask(tmp_path, PAUSE)
        except DgmError as error:
            errors.append(error)

    with served(tmp_path, desk):
        thread = threading.Thread(target=client)
        thread.start()
        desk.bell.result(30)  # it was handed in
    thread.join()
    assert [type(error) for error in errors] == [RunEndedError]


@pytest.mark.parametrize("sent", [b"", b'{"command": '])
def test_whose_command_had_not_come_when_the_run_ended_is_told_so(tmp_path: Path, sent: bytes) -> None:
    with clerk_at(tmp_path, Clerk(lambda _: "Done.")):
        connection = connect(tmp_path, timeout_s=30)
        assert connection is not None
        connection.sendall(sent)
        assert ask(tmp_path, PAUSE) == "Done."  # who comes later is heard, so the first one was let in
    with closing(connection), pytest.raises(RunEndedError, match="before the command came"):
        answer_in(connection.recv(4096))


def test_a_run_that_ends_before_it_takes_a_connection_does_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / CONTROL_SOCKET))
    server.listen()

    def connect_at_the_end(directory: Path, *, timeout_s: float) -> socket.socket | None:
        connection = connect(directory, timeout_s=timeout_s)
        server.close()
        return connection

    monkeypatch.setattr("dgm.oversight.client.connect", connect_at_the_end)
    assert ask(tmp_path, PAUSE) is None


def test_a_run_that_hangs_up_before_it_has_read_a_command_does_not_listen(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / CONTROL_SOCKET))
        server.listen()

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert ask(tmp_path, PAUSE) is None
        thread.join()


def test_an_engine_that_does_not_answer_in_time_is_said_to_be_busy(tmp_path: Path) -> None:
    with served(tmp_path, Desk(), SHORT), pytest.raises(InfrastructureError, match="busy and did not answer yet"):
        ask(tmp_path, PAUSE)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as silent:
        silent.bind(str(tmp_path / CONTROL_SOCKET))
        silent.listen()
        with pytest.raises(InfrastructureError, match="does not answer"):
            ask(tmp_path, PAUSE, patience_s=0.05)


def test_a_server_whose_queue_is_full_is_given_up_as_late_as_one_that_never_answers(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as full, closing(socket.socket(socket.AF_UNIX)) as first:
        full.bind(str(tmp_path / CONTROL_SOCKET))
        full.listen(0)
        first.connect(str(tmp_path / CONTROL_SOCKET))
        with pytest.raises(InfrastructureError, match="does not answer"):
            ask(tmp_path, PAUSE, patience_s=0.05)


def test_a_server_that_answers_too_slowly_is_given_up(tmp_path: Path) -> None:
    gone = threading.Event()
    with closing(socket.socket(socket.AF_UNIX)) as slow:
        slow.bind(str(tmp_path / CONTROL_SOCKET))
        slow.listen()

        def dribble() -> None:
            connection, _ = slow.accept()
            with closing(connection), suppress(OSError):  # the client had enough
                for _ in range(500):
                    connection.sendall(b" ")
                    gone.wait(0.02)

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            with pytest.raises(InfrastructureError, match="does not answer"):
                ask(tmp_path, PAUSE, patience_s=0.1)
        finally:
            gone.set()
            thread.join()


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"{}\n", b"x" * (MAX_LINE_BYTES + 20_000)])
def test_an_answer_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path, answer: bytes) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(tmp_path / CONTROL_SOCKET))
        server.listen()

        def talk() -> None:
            connection, _ = server.accept()
            with closing(connection):
                connection.recv(4096)
                with suppress(OSError):  # the client had enough
                    connection.sendall(answer)

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(InfrastructureError, match="no answer that can be read"):
            ask(tmp_path, PAUSE)
        thread.join()
