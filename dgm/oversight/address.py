"""The control socket's place in a run's directory.

A unix socket's address holds 107 bytes, which the path of a run may exceed, so the directory is opened and the socket
named below `/proc/self/fd`. That also keeps the place the same if somebody swaps a part of the path meanwhile.
"""

import os
import socket
import stat
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from dgm.core.errors import ArchiveError, UsageError

CONTROL_SOCKET = "control.sock"
_OWNER_ONLY = 0o600
_BACKLOG = 16
_TIME = struct.Struct("@ll")  # seconds, microseconds


def listen(directory: Path) -> socket.socket:
    """Return a listening socket that only this user can reach. The caller holds the run's lock.

    What a killed process left is replaced: with the lock held, no living process listens there.

    Raises:
        ArchiveError: something that is no socket lies there, or none can be made.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _opened(directory) as descriptor:
            _remove(descriptor)
            # The mode goes from the unbound socket to the file that `bind` makes: there is no moment at which others
            # could reach it, and no umask that the files of other threads would get too.
            os.fchmod(listener.fileno(), _OWNER_ONLY)
            listener.bind(_below(descriptor))
            listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ArchiveError(f"{directory / CONTROL_SOCKET} cannot be made: {error.strerror or error}.") from error
    except BaseException:
        listener.close()
        raise
    return listener


def remove_leftover(directory: Path) -> bool:
    """Remove the socket in a run's directory and return whether there was one. The caller holds the run's lock."""
    try:
        with _opened(directory) as descriptor:
            return _remove(descriptor)
    except (OSError, ArchiveError):
        return False


def has_socket(directory: Path) -> bool:
    """Return whether a run has a control socket, of a living process or left behind."""
    try:
        return stat.S_ISSOCK((directory / CONTROL_SOCKET).lstat().st_mode)
    except OSError:
        return False


def connect(directory: Path, *, timeout_s: float) -> socket.socket | None:
    """Return a connection to the process that evolves a run, None where none listens.

    Raises:
        UsageError: it is another user's.
        OSError: it cannot be reached, TimeoutError where it takes no connection in time.
    """
    try:
        # A link is opened, not followed: a run may come from a stranger.
        found = os.open(directory / CONTROL_SOCKET, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not stat.S_ISSOCK(os.fstat(found).st_mode):
            connection.close()
            return None
        # Not by `settimeout`: with that, a queue that is full is an error at once instead of something to wait for.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIME.pack(*_parts(timeout_s)))
        connection.connect(f"/proc/self/fd/{found}")
        connection.settimeout(timeout_s)
    except BlockingIOError as error:
        connection.close()
        raise TimeoutError from error
    except ConnectionRefusedError:
        connection.close()
        return None
    except PermissionError as error:
        connection.close()
        raise UsageError(f"The process that evolves {directory} is another user's.") from error
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(found)
    return connection


@contextmanager
def _opened(directory: Path) -> Generator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _parts(seconds: float) -> tuple[int, int]:
    """Return whole seconds and microseconds, one of them at least: none would mean without an end."""
    return divmod(max(1, round(seconds * 10**6)), 10**6)


def _below(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}/{CONTROL_SOCKET}"


def _remove(descriptor: int) -> bool:
    """Remove a socket or a link, never what it points at; leave all else alone."""
    try:
        mode = os.stat(CONTROL_SOCKET, dir_fd=descriptor, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if not (stat.S_ISSOCK(mode) or stat.S_ISLNK(mode)):
        raise ArchiveError(f"{CONTROL_SOCKET} in the run's directory is no socket of dgm; move it elsewhere.")
    with suppress(FileNotFoundError):
        os.unlink(CONTROL_SOCKET, dir_fd=descriptor)
    return True
