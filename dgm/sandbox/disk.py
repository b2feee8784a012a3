"""Free disk: looked at before anything starts, so that a run stops in order and not in the middle of a write."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from dgm.core.errors import DiskFullError
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import Json

MEBIBYTE = 2**20


def engine_disk(engine: Engine, info: Json) -> Path | None:
    """Return where an engine keeps images and containers, None where that is not on this machine."""
    root = Path(str(info.get("DockerRootDir") or ""))
    return root if engine.is_local and root.is_absolute() and root.is_dir() else None


def free_bytes(directory: Path) -> int | None:
    """Return what is free where `directory` lies or will lie; None where that cannot be seen from here."""
    for place in (directory, *directory.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def require_free_disk(directories: Iterable[Path], *, minimum_bytes: int) -> None:
    """Check that each of `directories` has `minimum_bytes` free.

    Raises:
        DiskFullError: one has less.
    """
    for directory in directories:
        free = free_bytes(directory)
        if free is not None and free < minimum_bytes:
            raise DiskFullError(
                f"Only {free // MEBIBYTE:,} MiB are free at {directory}, and a session starts with at least "
                f"{minimum_bytes // MEBIBYTE:,} MiB; free some disk, or lower sandbox.minimum_free_bytes."
            )
