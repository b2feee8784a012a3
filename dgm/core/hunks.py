"""What a unified git diff says, as values: the paths that it names and the places of files that it changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dgm.core.errors import MalformedContentError

_GIT = "diff --git "
_OTHER_NAMES = ("rename from ", "rename to ", "copy from ", "copy to ")
_HEADERS = (
    "old mode ",
    "new mode ",
    "deleted file mode ",
    "new file mode ",
    "similarity index ",
    "dissimilarity index ",
    "index ",
    "Binary files ",
)
_PLACE = re.compile(r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+[0-9]{1,9}(?:,([0-9]{1,9}))? @@.*")
_NOWHERE = "/dev/null"
_ESCAPED = re.compile(rb'\\([abtnvfr"\\]|[0-3][0-7]{2})')
_ESCAPES = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place of a file: `old` becomes `new`, both with the unchanged lines around them."""

    old: str
    """Whole lines; empty where a file is new or nothing is shown around what is put in."""
    new: str
    """Whole lines; empty where nothing is left."""
    line: int
    """The line of the old file that `old` begins with, from 1; the one before the place where `old` is empty."""


def patched_paths(patch: str) -> tuple[str, ...]:
    """Return every path that a patch names, old and new, each once in the order in which they stand there.

    Raises:
        MalformedContentError: it is no unified git diff.
    """
    return tuple(dict.fromkeys(path for file in _Reader(patch).files for path in file.paths))


def hunks_by_path(patch: str) -> Mapping[str, tuple[Hunk, ...]]:
    """Return the places that a patch changes in each file of text, in their order.

    A file stands under its path before the change, a new one under its path after it. What only changes its name or
    its mode, and what is not text, has no hunk and is left out.

    Raises:
        MalformedContentError: it is no unified git diff.
    """
    found: dict[str, tuple[Hunk, ...]] = {}
    for file in _Reader(patch).files:
        if file.hunks:
            found[file.path] = (*found.get(file.path, ()), *file.hunks)
    return found


@dataclass(slots=True)
class _File:
    """What a patch says of one file."""

    paths: list[str] = field(default_factory=list[str])
    path: str = ""
    """As in `hunks_by_path`; empty until both names of its text are read."""
    hunks: list[Hunk] = field(default_factory=list[Hunk])


class _Reader:
    """Reads a patch line by line."""

    def __init__(self, patch: str) -> None:
        # Not splitlines: a form feed or a lone carriage return ends no line of a file.
        self._lines = patch.removesuffix("\n").split("\n")
        self._next = 0
        self.files: list[_File] = []
        while self._next < len(self._lines):
            self._read(self._line())
        if not all(file.paths for file in self.files):
            raise MalformedContentError("A patch names no path for one of its files.")

    def _line(self) -> str:
        if self._next == len(self._lines):
            raise MalformedContentError("A patch is cut off: it ends within a file.")
        self._next += 1
        return self._lines[self._next - 1]

    def _read(self, line: str) -> None:
        """Take in a line outside hunks."""
        if line.startswith(_GIT):
            self.files.append(_File(self._common_path(line.removeprefix(_GIT))))
        elif line.startswith("--- "):
            self._read_names(line)
        elif line and not self.files:
            raise self._malformed()
        elif line.startswith(_OTHER_NAMES):
            self.files[-1].paths.append(self._path(line.split(" ", 2)[2]))
        elif place := _PLACE.fullmatch(line):
            if not self.files[-1].path:
                raise self._malformed()
            self.files[-1].hunks.append(self._hunk(int(place[1]), int(place[2] or 1), int(place[3] or 1)))
        elif line == "GIT binary patch":
            while self._next < len(self._lines) and not self._lines[self._next].startswith(_GIT):
                self._next += 1
        elif line and not line.startswith(_HEADERS):
            raise self._malformed()

    def _read_names(self, line: str) -> None:
        """Take in the two lines that name a file of text."""
        if not self.files or self.files[-1].path:
            self.files.append(_File())
        following = self._line()
        if not following.startswith("+++ "):
            raise self._malformed()
        # Git puts a tab after a name with a space; a name with a tab of its own is quoted.
        names = [text[4:].split("\t")[0] for text in (line, following)]
        paths = [self._stripped(name) for name in names if name != _NOWHERE]
        if not paths:
            raise self._malformed()
        self.files[-1].path = paths[0]
        self.files[-1].paths.extend(paths)

    def _hunk(self, start: int, old_left: int, new_left: int) -> Hunk:
        old: list[str] = []
        new: list[str] = []
        while old_left > 0 or new_left > 0:
            line = self._line()
            kind = line[:1] or " "  # some editors cut the space of an empty line that is not changed
            if kind not in "-+ ":
                raise self._malformed()
            end = self._line_end()
            if kind != "+":
                old.append(line[1:] + end)
                old_left -= 1
            if kind != "-":
                new.append(line[1:] + end)
                new_left -= 1
        if old_left or new_left or not all(line.endswith("\n") for line in (*old[:-1], *new[:-1])):
            raise self._malformed()
        return Hunk("".join(old), "".join(new), start)

    def _line_end(self) -> str:
        """Return how the line ends that was read last: with nothing where a remark after it says so."""
        if self._next < len(self._lines) and self._lines[self._next].startswith("\\ "):
            self._next += 1
            return ""
        return "\n"

    def _common_path(self, names: str) -> list[str]:
        """Return the path that a `diff --git` line names twice, [] where the two names differ: others name them."""
        middle = len(names) // 2
        old, new = names[:middle], names[middle + 1 :]
        same = names[middle : middle + 1] == " " and old.partition("/")[2] == new.partition("/")[2] != ""
        return [self._stripped(old)] if same else []

    def _stripped(self, name: str) -> str:
        """Return a name without its first part, which is `a` or `b`."""
        return self._checked(self._unquoted(name).partition("/")[2])

    def _path(self, name: str) -> str:
        return self._checked(self._unquoted(name))

    def _checked(self, path: str) -> str:
        if any(part in {"", ".", ".."} for part in path.split("/")):
            raise self._malformed()
        return path

    def _unquoted(self, name: str) -> str:
        """Return a name as it is, which git puts in quotation marks where it has other than plain characters."""
        if not name.startswith('"'):
            return name
        try:
            inner = name.encode()[1:-1]
            if len(name) == 1 or not name.endswith('"') or set(_ESCAPED.sub(b"", inner)) & set(b'\\"'):
                raise self._malformed()
            return _ESCAPED.sub(lambda match: _byte(match[1]), inner).decode()
        except UnicodeError:
            raise self._malformed() from None

    def _malformed(self) -> MalformedContentError:
        return MalformedContentError(f"A patch is no unified git diff: see its line {self._next}.")


def _byte(escape: bytes) -> bytes:
    return bytes([int(escape, 8)]) if escape.isdigit() else _ESCAPES.get(escape, escape)
