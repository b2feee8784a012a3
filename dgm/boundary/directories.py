"""Reads a directory that a user names (somebody's own agent) as a tree of plain files."""

import os
from pathlib import Path

from dgm.core.errors import MalformedContentError
from dgm.core.files import File

MAX_FILE_BYTES = 1 * 2**20
MAX_FILES = 1_000
_LEFT_OUT = {".git", "__pycache__", ".venv", ".pytest_cache"}


def read_agent_directory(directory: Path) -> dict[str, File]:
    """Return the regular files of an agent's code.

    Raises:
        MalformedContentError: no directory, no `main.py`, a link or special file, or a file too large; it is named.
    """
    if not directory.is_dir():
        raise MalformedContentError(f"There is no directory {directory} to take an agent from.")
    files: dict[str, File] = {}
    for path in sorted(_walk(directory)):
        name = path.relative_to(directory).as_posix()
        files[name] = _read_file(path, name)
        if len(files) > MAX_FILES:
            raise MalformedContentError(f"{directory} has more than {MAX_FILES:,} files, too many for an agent's code.")
    if "main.py" not in files:
        raise MalformedContentError(f"{directory} has no main.py; sandbox/CONTRACT.md says what an agent must have.")
    return files


def _walk(directory: Path) -> list[Path]:
    found: list[Path] = []
    for entry in directory.iterdir():
        if entry.name in _LEFT_OUT:
            continue
        if entry.is_dir() and not entry.is_symlink():
            found += _walk(entry)
        else:
            found.append(entry)
    return found


def _read_file(path: Path, name: str) -> File:
    if path.is_symlink() or not path.is_file():
        raise MalformedContentError(f"{path} is not a regular file; an agent's code has no links or special files.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise MalformedContentError(f"{path} has {size:,} bytes; a file of an agent may have {MAX_FILE_BYTES:,}.")
    try:
        name.encode("utf-8")
        return File(path.read_bytes(), executable=os.access(path, os.X_OK))
    except (OSError, UnicodeEncodeError) as error:
        raise MalformedContentError(f"{path} cannot be read: {error}.") from error
