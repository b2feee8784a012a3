"""Forbids new processes in a container for a moment, over its control group."""

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dgm.core.errors import SandboxError
from dgm.sandbox.processes import PROC

_HIERARCHIES = Path("/sys/fs/cgroup")
_LIMIT = "pids.max"
_GONE = {errno.ENOENT, errno.ENODEV}
"""The container has ended: before its file was opened, or after that."""


@contextmanager
def forks_forbidden(pid: int) -> Generator[bool]:
    """Let nothing in the control group of process `pid` fork while the context lasts.

    Yields:
        Whether that is in force; not without root, nor where the hierarchy of that machine is out of sight.
    Raises:
        SandboxError: it cannot be ended.
    """
    file = _limit_file(pid)
    before = _read(file)
    if file is None or before is None or not _write(file, "0"):
        yield False
        return
    try:
        yield True
    finally:
        _restore(file, before)


def _limit_file(pid: int) -> Path | None:
    lines = (_read(PROC / str(pid) / "cgroup") or "").splitlines()
    groups = {controllers: path.lstrip("/") for _, controllers, path in (line.split(":", 2) for line in lines)}
    for controllers, path in groups.items():
        if "pids" in controllers.split(","):
            return _HIERARCHIES / "pids" / path / _LIMIT
    return _HIERARCHIES / groups[""] / _LIMIT if "" in groups else None


def _restore(file: Path, limit: str) -> None:
    try:
        file.write_text(limit, "ascii")
    except OSError as error:
        if error.errno not in _GONE:
            raise SandboxError(f"A container's limit of processes could not be restored: {error.strerror}.") from error


def _read(file: Path | None) -> str | None:
    try:
        return None if file is None else file.read_text("utf-8")
    except OSError:
        return None


def _write(file: Path, value: str) -> bool:
    try:
        file.write_text(value, "ascii")
    except OSError:
        return False
    return True
