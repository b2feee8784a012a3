"""Files of ours that are there whole or not at all, whenever a reader looks or the writer is killed."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, in the place of the one that is there; its directory is made where there is none.

    Raises:
        OSError: it cannot be written; what was there stands as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
