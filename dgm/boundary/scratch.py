"""Directories of ours for a while, mostly where everybody may make some, and what killed processes left of them."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROOMY = Path("/var/tmp")  # noqa: S108 - a directory of an unguessable name is made in it
"""Where a whole system has room: the temporary directory is often small, in memory, or without programs and devices."""
_NAME = re.compile(r"dgm-[a-z]+-([0-9]+)-.+")


@contextmanager
def scratch_directory(purpose: str, *, within: Path | None = None) -> Generator[Path]:
    """Give a directory that is removed afterwards, by `remove_stale_scratch` if this process is killed.

    Args:
        purpose: what it is for, in small letters; stands in its name.
        within: where it is made; the temporary directory unless given. Only there and in `ROOMY` is one that a killed
            process left found by itself.
    Raises:
        OSError: it cannot be made.
    """
    prefix = f"dgm-{purpose}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=within, ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def remove_stale_scratch(*elsewhere: Path) -> list[Path]:
    """Remove such directories of ours whose process is dead, also those made `elsewhere`, and return them."""
    places = {Path(tempfile.gettempdir()), ROOMY, *elsewhere}
    found = [path for place in places for path in place.glob("dgm-*")]
    return [path for path in found if is_stale(path, _NAME) and _removed(path)]


def is_stale(path: Path, name: re.Pattern[str]) -> bool:
    """Return whether `path` is a directory of this user's own that is named after a process that is dead.

    Args:
        path: where such directories are made; a link is none.
        name: matches the names of such directories; its first group is the process's number.
    """
    match = name.fullmatch(path.name)
    if match is None:
        return False
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not _is_alive(int(match[1]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _removed(path: Path) -> bool:
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()
