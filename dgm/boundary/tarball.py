"""Tar streams: written for containers, and parsed from them byte by byte.

Nothing is ever extracted by path. The standard library's reader follows links, fills holes, guesses, and has let files
be written outside the target more than once (CVE-2025-4517), so bytes from a container meet this parser only. It takes
what GNU tar writes for plain files and refuses everything else, naming the reason.
"""

import io
import tarfile  # noqa: TID251 - for writing only: these bytes are ours
import unicodedata
from collections.abc import Generator
from dataclasses import dataclass

from dgm.core.errors import HostileBytesError
from dgm.core.files import File, FileTree

MAX_MEMBERS = 20_000
"""Files and directories together."""
MAX_CONTENT_BYTES = 64 * 2**20
MAX_STREAM_BYTES = MAX_CONTENT_BYTES + MAX_MEMBERS * 4 * 512 + 10_240
"""Contents, and for each member a header, padding and a long name."""
MAX_PATH_BYTES = 1_024
MAX_PART_BYTES = 255
MAX_DEPTH = 64

_BLOCK = 512
_EXECUTABLE_BIT = 0o100
_REGULAR, _DIRECTORY = b"0", b"5"
_GNU_LONG_NAME, _PAX_HEADER = b"L", b"x"
_REFUSED_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a named pipe",
    b"K": "a link with a long name",
    b"S": "a sparse file",
    b"g": "a global header",
}
_HARMLESS_PAX_KEYS = {"mtime", "atime", "ctime", "uid", "gid", "uname", "gname"}
# Cc: control, Cf: invisible and bidirectional, Zl and Zp: line and paragraph separators, Cs and Co: no characters.
_UNSEEN_CATEGORIES = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co"}
_SHOWN_OF_A_NAME = 80


def pack_tar(files: FileTree) -> bytes:
    """Return an uncompressed GNU tar archive of `files`: modes 0644 or 0755, no owners, no times, no directories."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, file in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(file.content)
            member.mode = 0o755 if file.executable else 0o644
            archive.addfile(member, io.BytesIO(file.content))
    return buffer.getvalue()


def parse_tar(stream: bytes) -> dict[str, File]:
    """Return the regular files in an uncompressed tar archive; directories are left out, a leading "./" too.

    Raises:
        HostileBytesError: it is no archive of a small tree of plain files; the message names the first reason.
    """
    try:
        return _parse(stream)
    except HostileBytesError:
        raise
    except (ValueError, IndexError, KeyError, OverflowError, RecursionError) as error:
        # Whatever the parser did not foresee is refused as well.
        raise HostileBytesError("the archive is malformed") from error


@dataclass(frozen=True, slots=True)
class _Member:
    path: str
    kind: bytes
    executable: bool
    content: memoryview


def _parse(stream: bytes) -> dict[str, File]:
    if len(stream) > MAX_STREAM_BYTES:
        raise HostileBytesError(f"the tree is larger than {MAX_CONTENT_BYTES // 2**20} MB")
    files: dict[str, File] = {}
    names = PlainNames()
    total = 0
    for number, member in enumerate(_members(stream), start=1):
        if number > MAX_MEMBERS:
            raise HostileBytesError(f"the tree has more than {MAX_MEMBERS:,} files and directories")
        if member.kind == _DIRECTORY:
            names.add_directory(member.path)
            continue
        total += len(member.content)
        if total > MAX_CONTENT_BYTES:
            raise HostileBytesError(f"the tree is larger than {MAX_CONTENT_BYTES // 2**20} MB")
        files[names.add_file(member.path)] = File(bytes(member.content), executable=member.executable)
    return files


# --- blocks --------------------------------------------------------------------------------------------------------


def _members(stream: bytes) -> Generator[_Member]:
    """Yield files and directories; names that came in a header of their own are put in."""
    if len(stream) % _BLOCK:
        raise HostileBytesError("the archive is cut off")
    view = memoryview(stream)
    position = 0
    long_name: str | None = None
    while position < len(stream):
        header = bytes(view[position : position + _BLOCK])
        position += _BLOCK
        if not any(header):
            _require_end(view, position, dangling=long_name is not None)
            return
        _require_checksum(header)
        kind = header[156:157]
        size = _octal(header[124:136], "size")
        end = position + size
        if end > len(stream):
            raise HostileBytesError("the archive is cut off")
        content = view[position:end]
        position = end + -size % _BLOCK
        if kind in {_GNU_LONG_NAME, _PAX_HEADER}:
            if long_name is not None:
                raise HostileBytesError("the archive names a file twice")
            long_name = _gnu_name(content) if kind == _GNU_LONG_NAME else _pax_name(content)
            continue
        yield _member(header, kind, content, long_name)
        long_name = None
    raise HostileBytesError("the archive is cut off")


def _member(header: bytes, kind: bytes, content: memoryview, long_name: str | None) -> _Member:
    path = _short_name(header) if long_name is None else long_name
    if kind == b"\0":
        kind = _REGULAR
    if kind not in {_REGULAR, _DIRECTORY}:
        what = _REFUSED_KINDS.get(kind, "a special file")
        raise HostileBytesError(f"{_shown(path)} is {what}; only regular files are taken")
    if kind == _DIRECTORY and content:
        raise HostileBytesError(f"{_shown(path)} is a directory with content")
    executable = bool(_octal(header[100:108], "mode") & _EXECUTABLE_BIT)
    return _Member(path, kind, executable, content)


def _require_end(view: memoryview, position: int, *, dangling: bool) -> None:
    rest = view[position:]
    if len(rest) < _BLOCK:
        raise HostileBytesError("the archive is cut off")
    if dangling or rest.tobytes().strip(b"\0"):
        raise HostileBytesError("the archive goes on behind its end")


def _require_checksum(header: bytes) -> None:
    expected = sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")
    if _octal(header[148:156], "checksum") != expected:
        raise HostileBytesError("the archive has a wrong checksum")
    if header[257:265] not in {b"ustar  \0", b"ustar\x0000"}:
        raise HostileBytesError("the archive is of an unknown format")


def _octal(field: bytes, what: str) -> int:
    """Return a number of up to 12 octal digits. Binary numbers, which may be negative or huge, are refused."""
    digits = field.strip(b" \0")
    if not digits or digits.strip(b"01234567"):
        raise HostileBytesError(f"the archive has a {what} that is no plain number")
    return int(digits, 8)


# --- names ---------------------------------------------------------------------------------------------------------


def _short_name(header: bytes) -> str:
    name = _until_zero(header[:100])
    # GNU tar keeps times where POSIX has the name's beginning.
    prefix = _until_zero(header[345:500]) if header[257:265] == b"ustar\x0000" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _until_zero(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _gnu_name(content: memoryview) -> str:
    if len(content) > MAX_PATH_BYTES + 2:
        raise HostileBytesError("a file's path is too long")
    name = content.tobytes()
    if not name.endswith(b"\0"):
        raise HostileBytesError("the archive has a name without an end")
    return _text(name[:-1])


def _pax_name(content: memoryview) -> str | None:
    """Return the path that a pax header gives, None if it gives none; keys that change what a file is are refused."""
    if len(content) > 4 * MAX_PATH_BYTES:
        raise HostileBytesError("a file's path is too long")
    rest = content.tobytes()
    path: str | None = None
    while rest:
        length_text, _, _ = rest.partition(b" ")
        if not length_text.isdigit() or len(length_text) > 5:  # noqa: PLR2004 - more than any record above
            raise HostileBytesError("the archive has a malformed header")
        length = int(length_text)
        if length > len(rest):
            raise HostileBytesError("the archive has a malformed header")
        record, rest = rest[len(length_text) + 1 : length], rest[length:]
        key, equals, value = _text(record).partition("=")
        if not equals or not value.endswith("\n"):
            raise HostileBytesError("the archive has a malformed header")
        if key == "path" and path is None:
            path = value[:-1]
        elif key not in _HARMLESS_PAX_KEYS:
            raise HostileBytesError("the archive has a header that is not taken")
    return path


def _text(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HostileBytesError("a file's name is not UTF-8") from error


class PlainNames:
    """Every name of a tree so far, so that no two of them are one file on another file system.

    Adding one raises HostileBytesError where it is no plain relative path, or is another one's on another file system.
    """

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._files: set[str] = set()
        self._directories: set[str] = set()

    def add_file(self, raw: str) -> str:
        """Return the path of a file as it may be used."""
        parts = _parts(raw)
        self._add_directories(parts[:-1])
        path = "/".join(parts)
        if path in self._files:
            raise HostileBytesError(f"{_shown(path)} is there twice")
        if path in self._directories:
            raise HostileBytesError(f"{_shown(path)} is both a file and a directory")
        self._note(path)
        self._files.add(path)
        return path

    def add_directory(self, raw: str) -> None:
        """Note a directory that has an entry of its own."""
        raw = raw.removesuffix("/")
        if raw not in {".", ""}:
            self._add_directories(_parts(raw))

    def _add_directories(self, parts: list[str]) -> None:
        for depth in range(len(parts), 0, -1):
            path = "/".join(parts[:depth])
            if path in self._directories:
                return
            if path in self._files:
                raise HostileBytesError(f"{_shown(path)} is both a file and a directory")
            self._note(path)
            self._directories.add(path)

    def _note(self, path: str) -> None:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        if self._seen.setdefault(folded, path) != path:
            raise HostileBytesError(f"{_shown(path)} and {_shown(self._seen[folded])} differ in case only")


def _parts(raw: str) -> list[str]:
    path = raw.removeprefix("./")
    if len(path.encode("utf-8")) > MAX_PATH_BYTES:
        raise HostileBytesError("a file's path is too long")
    parts = path.split("/")
    if len(parts) > MAX_DEPTH:
        raise HostileBytesError(f"{_shown(path)} lies deeper than {MAX_DEPTH} directories")
    for part in parts:
        _require_plain(part, path)
    return parts


def _require_plain(part: str, path: str) -> None:
    if part in {"", ".", ".."}:
        raise HostileBytesError(f"{_shown(path)} is not a plain relative path")
    if any(unicodedata.category(letter) in _UNSEEN_CATEGORIES for letter in part):
        raise HostileBytesError(f"{_shown(path)} has a control character in its name")
    # On other systems these name a stream, a drive or a directory.
    if ":" in part or "\\" in part:
        raise HostileBytesError(f"{_shown(path)} has a colon or a backslash in its name")
    if len(part.encode("utf-8")) > MAX_PART_BYTES:
        raise HostileBytesError("a file's name is too long")
    # Compatibility forms and trailing dots or spaces are dropped by other file systems, which then see `.git`.
    spelled = unicodedata.normalize("NFKC", part).casefold().rstrip(". ")
    if spelled in {".git", "git~1"}:
        raise HostileBytesError(f"{_shown(path)} is a spelling of .git")


def _shown(path: str) -> str:
    """Return a name as it may be printed."""
    return ascii(path[:_SHOWN_OF_A_NAME])
