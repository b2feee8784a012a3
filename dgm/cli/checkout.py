"""Writes an agent's code as plain files."""

import os
from pathlib import Path

from dgm.core.errors import UsageError
from dgm.core.files import FileTree


def write_tree(code: FileTree, directory: Path) -> None:
    """Write `code` below a new or empty directory.

    Raises:
        UsageError: something lies there, or it cannot be written.
    """
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file; name a new or empty directory.")
    try:
        if directory.is_dir() and any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty; name a new or empty directory.")
        directory.mkdir(parents=True, exist_ok=True)
        root = directory.resolve()
        for path, file in code.items():
            _write_file(_inside(root, path), file.content, mode=0o755 if file.executable else 0o644)
    except OSError as error:
        raise UsageError(f"{directory} cannot be written: {error.strerror or error}.") from error


def _inside(root: Path, path: str) -> Path:
    target = root / path
    # The archive checked it, but here a wrong path would overwrite a file of the user's.
    if ".." in target.parts or not target.is_relative_to(root) or target == root:
        raise UsageError(f"The agent has a file at {path!r}, which is outside of {root}; nothing more is written.")
    return target


def _write_file(target: Path, content: bytes, *, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
