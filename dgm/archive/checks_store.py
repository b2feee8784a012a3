"""The repository of a run as a check reads it: whole, and without being kept waiting by what is no plain file."""

import stat
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from dgm.archive.codestore import CodeStore, CommitId
from dgm.boundary.packed import opened_file
from dgm.core.errors import CorruptArchiveError
from dgm.core.files import tree_hash

_MAX_COMMIT_BYTES = 2**20
_MAX_REF_BYTES = 200
_MAX_PACKED_REFS_BYTES = 64 * 2**20
_REMEMBERED_BYTES = 64 * 2**20
_REF_DIRECTORIES = ("agents", "held", "heads", "tags")
_FAN_OUT_DIGITS = 2
_KEPT_IN_OBJECTS = {"info", "pack"}
_UNFINISHED = ".new"


class CheckedStore(CodeStore):
    """Keeps the objects that it read last: most files of an agent are its parent's."""

    def __init__(self, repository: Path) -> None:
        super().__init__(repository)
        self._place = repository
        self._remembered: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._remembered_bytes = 0

    def parents(self, commit: CommitId) -> tuple[CommitId, ...]:
        """Return the parents of a commit.

        Raises:
            CorruptArchiveError: it is missing, damaged or no commit.
        """
        header = self._load("commit", commit, limit=_MAX_COMMIT_BYTES).partition(b"\n\n")[0]
        lines = [line.partition(b" ") for line in header.split(b"\n")]
        return tuple(CommitId(value.decode("ascii", "replace")) for key, _, value in lines if key == b"parent")

    def problem_of(self, commit: CommitId, code_hash: str) -> str:
        """Return what is wrong with the code that a commit is to hold, "" where it is what was recorded."""
        try:
            code = self.read(commit)
        except CorruptArchiveError as error:
            return str(error)
        return "" if tree_hash(code) == code_hash else "its code is not the code that was recorded"

    def refs(self) -> dict[str, str]:
        """Return what each ref points at, by its name below `refs/`; what it says, where that is no hash.

        Raises:
            CorruptArchiveError: the refs cannot be read.
        """
        try:
            found = dict(self._packed_refs())
            for name, path in self._loose_refs():
                with opened_file(path) as file:
                    found[name] = file.read(_MAX_REF_BYTES).decode("utf-8", "replace").strip()
        except OSError as error:
            raise CorruptArchiveError(f"{self._place}: its refs cannot be read: {error.strerror}.") from error
        return found

    def unfinished(self) -> Iterator[str]:
        """Yield the files that a writer was about to put in their places."""
        for directory in (self._place / "refs" / name for name in _REF_DIRECTORIES):
            if directory.is_dir():
                yield from (f"refs/{directory.name}/{path.name}" for path in directory.glob(f"*{_UNFINISHED}"))
        for path in sorted((self._place / "objects").iterdir()):
            if len(path.name) != _FAN_OUT_DIGITS and path.name not in _KEPT_IN_OBJECTS:
                yield f"objects/{path.name}"

    def _loose_refs(self) -> Iterator[tuple[str, Path]]:
        for name in _REF_DIRECTORIES:
            directory = self._place / "refs" / name
            for path in sorted(directory.iterdir()) if directory.is_dir() else ():
                if not path.name.endswith(_UNFINISHED):
                    yield f"{name}/{path.name}", path

    def _packed_refs(self) -> Iterator[tuple[str, str]]:
        try:
            with opened_file(self._place / "packed-refs") as file:
                text = file.read(_MAX_PACKED_REFS_BYTES).decode("utf-8", "replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            commit, _, name = line.partition(" ")
            if name.startswith("refs/"):
                yield name.removeprefix("refs/"), commit

    def _load_any(self, sha: str, *, limit: int) -> tuple[str, bytes]:
        if sha not in self._remembered:
            self._require_plain(sha)
            self._remember(sha, super()._load_any(sha, limit=limit))
        self._remembered.move_to_end(sha)
        kind, content = self._remembered[sha]
        if len(content) > limit:
            raise self._damaged(sha, "is too large")
        return kind, content

    def _require_plain(self, sha: str) -> None:
        """Refuse what would be waited for, such as a pipe in an object's place."""
        path = self._objects / sha[:2] / sha[2:]
        try:
            is_plain = stat.S_ISREG(path.stat().st_mode)
        except (OSError, ValueError):
            return  # packed, or missing
        if not is_plain:
            raise self._damaged(sha, "is no file")

    def _remember(self, sha: str, loaded: tuple[str, bytes]) -> None:
        self._remembered[sha] = loaded
        self._remembered_bytes += len(loaded[1])
        while self._remembered_bytes > _REMEMBERED_BYTES and len(self._remembered) > 1:
            _, (_, content) = self._remembered.popitem(last=False)
            self._remembered_bytes -= len(content)
