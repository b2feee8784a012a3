"""Where runs are made before they get their names, and what becomes of that when the process is killed."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dgm.archive.codestore import sync
from dgm.archive.lock import is_held

_SITE = re.compile(r"\.[A-Za-z0-9][A-Za-z0-9._-]*\.[a-z0-9_]{8}\.new")


@contextmanager
def build_site(directory: Path) -> Generator[Path]:
    """Give a new directory beside `directory`, locked while it is built; what is left of it in the end is removed.

    Raises:
        OSError: it cannot be made.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", suffix=".new", dir=directory.parent))
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


def remove_stale_build_sites(runs: Path) -> list[Path]:
    """Remove what is left in a directory of runs that were never made whole, and return it."""
    found = sorted(runs.iterdir()) if runs.is_dir() else []
    removed = [path for path in found if _SITE.fullmatch(path.name) and _is_abandoned(path) and _removed(path)]
    if removed:
        sync(runs)
    return removed


def _is_abandoned(path: Path) -> bool:
    try:
        return not is_held(path)
    except OSError:
        return False


def _removed(path: Path) -> bool:
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()
