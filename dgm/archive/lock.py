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
            ArchiveError: nothing can be written there.
        """
        path = directory / LOCK
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise ArchiveError(f"{directory} cannot be written: {error.strerror}.") from error
        if not _try_lock(descriptor):
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
        descriptor = os.open(directory / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        os.close(descriptor)


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
