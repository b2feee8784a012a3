"""The host directories that hold a session's socket and nothing else."""

import os
import re
import socket
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dgm.boundary.scratch import is_stale
from dgm.core.errors import InfrastructureError

SOCKET_NAME = "model.sock"
_MAX_PATH_BYTES = 107  # what a unix socket's address can hold
_NAME = re.compile(r"dgm-([0-9]+)-.+")


def make_directory() -> Path:
    """Make a directory that everyone can look into and only we can write to; a container gets it read-only.

    Raises:
        InfrastructureError: none can be made.
    """
    with _faults_of_ours():
        directory = Path(tempfile.mkdtemp(prefix=f"dgm-{os.getpid()}-", dir=_short_temporary_directory()))
        directory.chmod(0o755)
        return directory


def listen(directory: Path) -> socket.socket:
    """Return a listening unix socket in `directory`. All may reach it: who may talk is checked for each connection.

    Raises:
        InfrastructureError: none can be made.
    """
    path = directory / SOCKET_NAME
    with _faults_of_ours(), ExitStack() as unless_all_is_well:
        listener = unless_all_is_well.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(64)
        listener.setblocking(False)
        unless_all_is_well.pop_all()
        return listener


def remove_directory(directory: Path) -> None:
    """Remove a session's directory if it holds nothing but its socket."""
    with suppress(OSError):
        (directory / SOCKET_NAME).unlink(missing_ok=True)
        directory.rmdir()


def remove_own_directories() -> None:
    """Remove the socket directories of this process, which is about to end without closing its sessions."""
    for path in _short_temporary_directory().glob(f"dgm-{os.getpid()}-*"):
        remove_directory(path)


def remove_stale_directories() -> list[Path]:
    """Remove the socket directories of processes of ours that are dead and return them."""
    return [path for path in _short_temporary_directory().glob("dgm-*") if is_stale(path, _NAME) and _removed(path)]


def _removed(path: Path) -> bool:
    try:
        if any(entry.name != SOCKET_NAME for entry in path.iterdir()):
            return False
    except OSError:  # such as one that another process of ours removes at the same time
        return False
    remove_directory(path)
    return not path.exists()


@contextmanager
def _faults_of_ours() -> Generator[None]:
    """Let what a machine lacks, such as disk or free descriptors, be a fault that is tried again, and no bug."""
    try:
        yield
    except OSError as error:
        raise InfrastructureError(f"No socket can be made for a session: {error.strerror or error}.") from error


def _short_temporary_directory() -> Path:
    directory = Path(tempfile.gettempdir())
    longest = directory / f"dgm-{2**22}-12345678" / SOCKET_NAME
    return directory if len(os.fsencode(longest)) <= _MAX_PATH_BYTES else Path("/tmp")  # noqa: S108
