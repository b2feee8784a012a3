"""The directories of sessions' sockets, also those that a killed process left."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dgm.core.errors import InfrastructureError
from dgm.gateway import directories
from dgm.gateway.directories import listen, make_directory, remove_directory, remove_stale_directories


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary directory of the test's own, with a short path."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def dead_pid() -> int:
    """The id of a process that ended."""
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    process.wait()
    return process.pid


def left_behind(directory: Path, pid: int) -> Path:
    path = directory / f"dgm-{pid}-abcdefgh"
    path.mkdir()
    (path / "model.sock").touch()
    return path


def test_a_directory_says_whose_it_is_and_can_be_looked_into() -> None:
    directory = make_directory()
    mode = stat.S_IMODE(directory.stat().st_mode)
    remove_directory(directory)
    assert (directory.name.startswith(f"dgm-{os.getpid()}-"), mode) == (True, 0o755)


def test_a_long_temporary_directory_is_not_used(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = temporary / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    directory = make_directory()
    listen(directory).close()
    remove_directory(directory)
    assert len(os.fsencode(directory / "model.sock")) < 108


def test_where_no_directory_can_be_made_that_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/gone")  # short, so that no other is chosen
    with pytest.raises(InfrastructureError, match="No socket can be made for a session"):
        make_directory()


def test_where_no_socket_can_be_made_that_is_a_fault_of_ours_and_nothing_stays_open(temporary: Path) -> None:
    with pytest.raises(InfrastructureError, match="No socket can be made for a session"):
        listen(temporary / "gone")


def test_directories_of_dead_processes_are_removed(temporary: Path, dead_pid: int) -> None:
    stale = left_behind(temporary, dead_pid)
    assert (remove_stale_directories(), stale.exists()) == ([stale], False)


def test_directories_of_living_processes_stay(temporary: Path) -> None:
    living = left_behind(temporary, os.getpid())
    assert (remove_stale_directories(), living.exists()) == ([], True)


def test_a_directory_with_anything_else_in_it_stays(temporary: Path, dead_pid: int) -> None:
    other = left_behind(temporary, dead_pid)
    (other / "precious").touch()
    assert (remove_stale_directories(), (other / "model.sock").exists()) == ([], True)


def test_a_link_is_not_followed(temporary: Path, dead_pid: int) -> None:
    target = temporary / "target"
    target.mkdir()
    (target / "model.sock").touch()
    (temporary / f"dgm-{dead_pid}-abcdefgh").symlink_to(target)
    assert (remove_stale_directories(), (target / "model.sock").exists()) == ([], True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's directory")
def test_another_users_directory_stays(temporary: Path, dead_pid: int) -> None:
    foreign = left_behind(temporary, dead_pid)
    os.chown(foreign, 65534, 65534)
    assert remove_stale_directories() == []


@pytest.mark.parametrize("name", ["dgm-notes", "dgm-", "dgm-12x-a", "other-12-a"])
def test_what_is_not_called_like_a_sessions_directory_stays(temporary: Path, name: str) -> None:
    (temporary / name).mkdir()
    assert remove_stale_directories() == []


def test_what_another_process_removes_meanwhile_is_passed_over(
    temporary: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = left_behind(temporary, dead_pid), temporary / f"dgm-{dead_pid}-another"
    theirs.mkdir()

    def is_stale(path: Path, _: object) -> bool:
        if path == theirs:
            theirs.rmdir()
        return True

    monkeypatch.setattr(directories, "is_stale", is_stale)
    assert remove_stale_directories() == [ours]
