"""Directories of ours in the temporary directory, which is everybody's, and what killed processes left of them."""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"dgm-[a-z]+-([0-9]+)-.+")


@contextmanager
def scratch_directory(purpose: str) -> Generator[Path]:
    """Give a directory that is removed afterwards, by `remove_stale_scratch` if this process is killed.

    Args:
        purpose: what it is for, in small letters; stands in its name.
    Raises:
        OSError: it cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix=f"dgm-{purpose}-{os.getpid()}-") as directory:
        yield Path(directory)


def remove_stale_scratch() -> list[Path]:
    """Remove such directories of ours whose process is dead, and return them."""
    return [path for path in Path(tempfile.gettempdir()).glob("dgm-*") if is_stale(path, _NAME) and _removed(path)]


def is_stale(path: Path, name: re.Pattern[str]) -> bool:
    """Return whether `path` is a directory of this user's own that is named after a process that is dead.

    Args:
        path: in the temporary directory; a link is none.
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
