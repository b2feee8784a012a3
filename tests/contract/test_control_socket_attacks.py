"""The control socket against whoever should not get in: garbage, silence, floods and other users."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from dgm.core.errors import InfrastructureError
from dgm.oversight.address import CONTROL_SOCKET, connect
from dgm.oversight.client import ask
from dgm.oversight.messages import MAX_LINE_BYTES, MAX_REASON_CHARS
from dgm.oversight.server import Limits
from tests.fakes.clerk import PAUSE, SHORT, Clerk, clerk_at, raw


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"\0\xff\xfe\n",
        b"pause\n",
        b"[]\n",
        b'{"command": "intervene"}\n',
        b'{"command": "intervene", "what": "delete"}\n',
        b'{"command": "intervene", "what": "pause", "also": 1}\n',
        b'{"command": "judge", "decision": 0, "approved": true}\n',
        b'{"command": "judge", "decision": "1", "approved": true}\n',
        b'{"command": "judge", "decision": 1, "approved": "yes"}\n',
        b'{"command": "judge", "decision": 1e400, "approved": true}\n',
        b'{"command": "intervene", "what": "pause", "reason": "' + b"x" * (MAX_REASON_CHARS + 1) + b'"}\n',
        b"[" * 60_000 + b"\n",
    ],
)
def test_garbage_is_refused_and_reaches_no_desk(tmp_path: Path, clerk: Clerk, line: bytes) -> None:
    assert raw(tmp_path, line) == "That is no command that a run takes."
    assert clerk.taken == []


PAUSING = b'{"command": "intervene", "what": "pause"}'


@pytest.mark.parametrize(
    "data",
    [PAUSING, PAUSING + b"\n" + PAUSING + b"\n", b"x" * (MAX_LINE_BYTES + 1), b" " * 200_000 + PAUSING + b"\n", b""],
    ids=["no end of the line", "two lines", "too long", "much too long", "nothing"],
)
def test_what_is_not_one_line_is_refused(tmp_path: Path, clerk: Clerk, data: bytes) -> None:
    assert raw(tmp_path, data) == "A command is one line of JSON."
    assert clerk.taken == []


def test_a_client_that_is_slow_is_turned_away(tmp_path: Path) -> None:
    with clerk_at(tmp_path, Clerk(), SHORT) as clerk:
        assert raw(tmp_path, b"{", ends=False) in {"No command came: timed out.", "The command did not come in time."}
    assert clerk.taken == []


def test_more_than_a_few_at_a_time_wait_for_their_turn(tmp_path: Path) -> None:
    with clerk_at(tmp_path, Clerk(lambda _: "Done."), Limits(connections=2)):
        idle = [connect(tmp_path, timeout_s=30) for _ in range(2)]
        with pytest.raises(InfrastructureError, match="does not answer"):
            ask(tmp_path, PAUSE, patience_s=0.05)
        for connection in idle:
            assert connection is not None
            connection.close()
        assert ask(tmp_path, PAUSE) == "Done."


def test_a_run_ends_though_more_than_a_few_say_nothing(tmp_path: Path) -> None:
    with clerk_at(tmp_path, Clerk(), Limits(connections=2)):
        idle = [connect(tmp_path, timeout_s=30) for _ in range(4)]
    for connection in idle:
        assert connection is not None
        connection.close()


def test_who_says_nothing_keeps_the_run_from_nothing(tmp_path: Path) -> None:
    with clerk_at(tmp_path, Clerk(lambda _: "Done.")):
        idle = connect(tmp_path, timeout_s=30)
        assert idle is not None
        assert ask(tmp_path, PAUSE) == "Done."
    assert idle.recv(4096) != b""  # it was told that no command came
    idle.close()


@pytest.mark.usefixtures("clerk")
def test_a_machine_without_a_thread_to_spare_turns_one_client_away_and_hears_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, refused = threading.Thread.start, list[str]()

    def start_but_for_the_first(thread: threading.Thread) -> None:
        if thread.name == "dgm-command" and not refused:
            refused.append(thread.name)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_but_for_the_first)
    with pytest.raises(InfrastructureError, match="no thread to spare"):  # before or after it had sent all
        ask(tmp_path, PAUSE, patience_s=5)
    assert ask(tmp_path, PAUSE, patience_s=5) == "Done."


@pytest.mark.usefixtures("clerk")
def test_a_client_that_goes_away_is_forgotten(tmp_path: Path) -> None:
    connection = connect(tmp_path, timeout_s=30)
    assert connection is not None
    connection.close()
    assert ask(tmp_path, PAUSE) == "Done."


OTHER_USER = 65_534
_CLIENT = """
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(sys.argv[1])
    connection.sendall(b'{"command": "intervene", "what": "stop"}\\n')
    print(connection.recv(4096).decode())
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def open_directory() -> Generator[Path]:
    """A directory that others can look into, unlike those that pytest makes."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def said_by_another_user(path: Path) -> str:
    argv = [sys.executable, "-I", "-c", _CLIENT, str(path), str(OTHER_USER)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@as_root
def test_another_user_cannot_connect(open_directory: Path) -> None:
    with clerk_at(open_directory, Clerk(lambda _: "Done.")) as clerk:
        assert said_by_another_user(open_directory / CONTROL_SOCKET) == "PermissionError\n"
    assert clerk.taken == []


@as_root
def test_another_user_is_refused_where_somebody_opened_the_socket_to_all(open_directory: Path) -> None:
    with clerk_at(open_directory, Clerk(lambda _: "Done.")) as clerk:
        (open_directory / CONTROL_SOCKET).chmod(0o666)
        assert "This run is another user's." in said_by_another_user(open_directory / CONTROL_SOCKET)
    assert clerk.taken == []
