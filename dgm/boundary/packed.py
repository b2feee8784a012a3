"""Files of gzip members, read within bounds: those of a published run may be anything, such as a bomb or a pipe."""

import errno
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_CHUNK_BYTES = 2**16
_GZIP = 31  # zlib's window bits for a gzip member


class DamagedError(Exception):
    """It is no file of gzip members, ends within one, or has one too large; says it in a few words."""


def opened_file(path: Path) -> IO[bytes]:
    """Open a file for reading.

    Raises:
        OSError: it is not there, not readable, or not a file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # or a pipe in the file's place would be waited for
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a file")
    return os.fdopen(descriptor, "rb", buffering=0)


def gzip_members(file: IO[bytes], *, member_bytes: int, total_bytes: int) -> Iterator[bytes]:
    """Yield what each gzip member holds, unpacking no more than is allowed.

    Args:
        file: the members, one after another.
        member_bytes: the most that one may hold.
        total_bytes: the most that all may hold together.
    Raises:
        DamagedError: after the last member that can be read.
    """
    number, left = 1, total_bytes
    member, parts, size = zlib.decompressobj(_GZIP), list[bytes](), 0
    waiting = b""
    while chunk := waiting or file.read(_CHUNK_BYTES):
        limit = min(member_bytes, left)
        try:
            part = member.decompress(chunk, limit + 1 - size)
        except zlib.error as error:
            raise DamagedError(f"record {number} is not packed as it must be") from error
        parts.append(part)
        size += len(part)
        if size > limit:
            raise DamagedError(f"record {number} is too large")
        waiting = member.unused_data if member.eof else member.unconsumed_tail
        if member.eof:
            yield b"".join(parts)
            number, left = number + 1, left - size
            member, parts, size = zlib.decompressobj(_GZIP), [], 0
    if size or parts:
        raise DamagedError(f"it ends within record {number}")
