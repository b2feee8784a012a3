"""One writer per run: an advisory lock on `<run>/lock`, gone with the process that holds it, however that ends."""

import fcntl
import os
import time
from pathlib import Path

from dgm.core.errors import ArchiveError, RunInUseError

LOCK = "lock"
_TRIES = 5
_PAUSE_S = 0.01


class RunLock:
    """Held from `acquire` to `release`. Readers ask `is_locked` and never hold it for longer than that takes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, directory: Path) -> "RunLock":
        """Lock a run and leave this process's id in the file.

        Raises:
            RunInUseError: another writer, perhaps of this process, has it.
            ArchiveError: nothing can be written or locked there.
        """
        path = directory / LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise ArchiveError(f"{directory} cannot be written: {error.strerror}.") from error
        try:
            is_ours = _try_lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise ArchiveError(f"{path} cannot be locked: {error.strerror}.") from error
        if not is_ours:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise RunInUseError(f"{directory} is in use by {who}; wait for it to end or stop it first.")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let others write."""
        os.close(self._descriptor)


def is_locked(directory: Path) -> bool:
    """Return whether a process writes to the run at this moment. Needs no right to write."""
    try:
        return is_held(directory / LOCK)
    except OSError:
        return False


def is_held(path: Path) -> bool:
    """Return whether a process alone has the lock on a file or a directory at this moment.

    Raises:
        OSError: that cannot be told, such as of a link.
    """
    # O_NONBLOCK: a pipe in its place would be waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _try_lock(descriptor: int) -> bool:
    # A reader that asks `is_locked` at this very moment holds the lock for some microseconds: that is no writer.
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False
