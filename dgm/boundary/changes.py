"""What became of a repository: the list of what differs, and the archive of each side's files.

`sandbox/repository/changes.py` writes the list in the container. What it names is taken where it is a plain file of a
plain name; all else is left out and named, so that one odd name does not cost an agent the rest of its work.
"""

from collections.abc import Collection
from dataclasses import dataclass

from dgm.boundary.tarball import MAX_MEMBERS, MAX_PATH_BYTES, PlainNames, parse_tar
from dgm.boundary.text import safe_name
from dgm.core.errors import HostileBytesError
from dgm.core.files import File

MAX_LISTING_BYTES = MAX_MEMBERS * (MAX_PATH_BYTES + 2)
MAX_LEFT_OUT = 300
_SHOWN_OF_A_NAME = 200
_END = b".\0"
_REMOVED, _ADDED, _CHANGED, _NOT_PLAIN = b"-", b"+", b"*", b"!"


@dataclass(frozen=True, slots=True)
class Listing:
    """The paths to take, and what is not taken."""

    before: tuple[str, ...]
    """Of files that are no more, or were other ones."""
    after: tuple[str, ...]
    """Of files that are new or others than before."""
    left_out: tuple[str, ...]
    """Names made safe to show, at most `MAX_LEFT_OUT` and one that counts the rest."""


def parse_listing(stream: bytes) -> Listing:
    """Return what a list of differences names.

    Raises:
        HostileBytesError: it is no such list, or one of too many files.
    """
    before, after = _Side(), _Side()
    left_out: list[bytes] = []
    for kind, name in _records(stream):
        sides = {_REMOVED: (before,), _ADDED: (after,), _CHANGED: (before, after), _NOT_PLAIN: ()}.get(kind)
        if sides is None:
            raise HostileBytesError("the list of changes is malformed")
        if not sides or not all(side.takes(name) for side in sides):
            left_out.append(name)
            continue
        for side in sides:
            side.paths.append(name.decode())
        if len(before.paths) + len(after.paths) > MAX_MEMBERS:
            raise HostileBytesError(f"more than {MAX_MEMBERS:,} files were changed")
    return Listing(tuple(before.paths), tuple(after.paths), _shown(left_out))


def parse_files(stream: bytes, paths: Collection[str]) -> dict[str, File]:
    """Return the files in a tar archive, which must be exactly those of `paths`; other errors as `parse_tar`'s.

    Raises:
        HostileBytesError: it holds others.
    """
    files = parse_tar(stream)
    if files.keys() != set(paths):
        raise HostileBytesError("the archive does not hold the files that it was to hold")
    return files


class _Side:
    """One of the two trees, as far as it is taken."""

    def __init__(self) -> None:
        self._names = PlainNames()
        self.paths: list[str] = []

    def takes(self, name: bytes) -> bool:
        try:
            path = name.decode()
            return self._names.add_file(path) == path
        except (UnicodeDecodeError, HostileBytesError):
            return False


def _records(stream: bytes) -> list[tuple[bytes, bytes]]:
    """Return (kind, name) of each record; no name comes twice."""
    if stream != _END and not stream.endswith(b"\0" + _END):
        raise HostileBytesError("the list of changes is cut off")
    found = [(record[:1], record[1:]) for record in stream.removesuffix(_END).split(b"\0")[:-1]]
    if len({name for _, name in found}) != len(found):
        raise HostileBytesError("the list of changes names a path twice")
    return found


def _shown(names: list[bytes]) -> tuple[str, ...]:
    """Return names as they may be printed."""
    few = [name.decode("utf-8", "backslashreplace") for name in names[:MAX_LEFT_OUT]]
    shown = [safe_name(name, max_chars=_SHOWN_OF_A_NAME) for name in few]
    more = len(names) - len(shown)
    return (*shown, *([f"and {more:,} more"] if more else []))
