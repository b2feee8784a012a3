"""The bare repository `agents.git`: one commit per agent, whose parents are the agent's parents.

GitPython gives the object database and nothing else: no clone, no remote, no index, no checkout, no configuration and
no git process, so there is nothing that the bytes of an agent could set in motion. What is read is checked as if a
stranger had made it, since a run may have been downloaded.
"""

import hashlib
import os
import struct
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NewType, cast

from dgm.core.errors import ArchiveError, CorruptArchiveError
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId

REPOSITORY = "agents.git"

CommitId = NewType("CommitId", str)
"""40 hexadecimal digits."""

MAX_ENTRIES = 50_000
"""Of one agent, far above what the sandbox lets out: trees that name one another many times grow without end."""
MAX_BYTES = 256 * 2**20
MAX_PATH_CHARS = 4096
_MAX_TREE_BYTES = 4 * 2**20
_HASH_BYTES = 20

_FILE, _EXECUTABLE, _DIRECTORY = b"100644", b"100755", b"40000"
_IDENTITY = "dgm <dgm@localhost>"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
_SEED_BRANCH = "refs/heads/seed"  # HEAD must name a branch: git itself calls any other ref there "strange"

Kind = Literal["blob", "tree", "commit"]


def create_repository(path: Path) -> None:
    """Make an empty bare repository that any git can read."""
    for directory in ("objects/info", "objects/pack", "refs/agents", "refs/heads", "refs/tags"):
        (path / directory).mkdir(parents=True)
    (path / "config").write_text(_CONFIG, "utf-8")
    (path / "HEAD").write_text(f"ref: {_SEED_BRANCH}\n", "utf-8")


@dataclass(frozen=True, slots=True)
class NewCommit:
    """What is written for one agent besides its code."""

    message: str
    parents: tuple[CommitId, ...]
    created_at: float


class CodeStore:
    """The code of a run's agents. Not safe for several threads at once."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._objects = repository / "objects"
        if not self._objects.is_dir():
            raise CorruptArchiveError(f"{repository} is missing or is not a git repository.")
        self._database = _object_database(self._objects)
        self._unsynced: set[Path] = set()

    def write(self, agent: AgentId, code: FileTree, commit: NewCommit) -> CommitId:
        """Store an agent's code and point `refs/agents/<id>` at it; all of it is on the disk afterwards.

        A ref that a killed writer left behind is pointed anew.
        """
        commit_id = self._commit(code, commit)
        if not commit.parents:
            _replace(self._repository / _SEED_BRANCH, f"{commit_id}\n")
        _replace(self._repository / "refs" / "agents" / agent, f"{commit_id}\n")
        return commit_id

    def hold(self, decision: int, code: FileTree, commit: NewCommit) -> CommitId:
        """Store what is no agent yet and point `refs/held/<decision>` at it, as `write` does."""
        commit_id = self._commit(code, commit)
        _replace(self._repository / "refs" / held_ref(decision), f"{commit_id}\n")
        return commit_id

    def _commit(self, code: FileTree, commit: NewCommit) -> CommitId:
        tree = self._write_tree(code)
        when = f"{int(commit.created_at)} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in commit.parents)]
        lines += [f"author {_IDENTITY} {when}", f"committer {_IDENTITY} {when}", "", commit.message]
        commit_id = CommitId(self._store("commit", "\n".join(lines).encode()))
        for path in self._unsynced:
            sync(path)
        self._unsynced.clear()
        return commit_id

    def read(self, commit: CommitId) -> dict[str, File]:
        """Return the code that a commit holds.

        Raises:
            CorruptArchiveError: an object is missing or damaged, or is not a small tree of plain files.
        """
        header = self._load("commit", commit, limit=_MAX_TREE_BYTES).split(b"\n", 1)[0]
        kind, _, tree = header.partition(b" ")
        if kind != b"tree":
            raise self._damaged(commit, "is not a commit")
        return dict(sorted(self._files(tree.decode("ascii", "replace"))))

    def _write_tree(self, code: FileTree) -> str:
        directories = _directories(code)
        for path, file in code.items():
            directory, _, name = path.rpartition("/")
            mode = _EXECUTABLE if file.executable else _FILE
            directories[directory][name] = (mode, self._store("blob", file.content))
        deepest_first = sorted(directories, key=lambda path: path.count("/"), reverse=True)
        for path in deepest_first:
            if path:
                parent, _, name = path.rpartition("/")
                directories[parent][name] = (_DIRECTORY, self._store("tree", _tree_object(directories[path])))
        return self._store("tree", _tree_object(directories[""]))

    def _files(self, root: str) -> Iterator[tuple[str, File]]:
        # A list of what is left rather than recursion: the nesting is as deep as somebody chose.
        left = [("", root)]
        entries, size = 0, 0
        while left:
            prefix, tree = left.pop()
            for name, mode, sha in self._entries(tree):
                path, entries = prefix + name, entries + 1
                if entries > MAX_ENTRIES or len(path) > MAX_PATH_CHARS:
                    raise self._damaged(tree, "has too many files or too long paths")
                if mode == _DIRECTORY:
                    left.append((path + "/", sha))
                    continue
                content = self._load("blob", sha, limit=MAX_BYTES - size)
                size += len(content)
                yield path, File(content, executable=mode == _EXECUTABLE)

    def _entries(self, tree: str) -> Iterator[tuple[str, bytes, str]]:
        data = self._load("tree", tree, limit=_MAX_TREE_BYTES)
        seen: set[bytes] = set()
        start = 0
        while start < len(data):
            space = data.find(b" ", start)
            zero = data.find(b"\0", space)
            end = zero + 1 + _HASH_BYTES
            mode, name = data[start:space], data[space + 1 : zero]
            cut_off = space < 0 or zero < 0 or end > len(data)
            if cut_off or mode not in {_FILE, _EXECUTABLE, _DIRECTORY} or name in seen:
                raise self._damaged(tree, "holds something that is not a plain file")
            seen.add(name)
            yield self._name(name, tree), mode, data[zero + 1 : end].hex()
            start = end

    def _name(self, name: bytes, tree: str) -> str:
        try:
            text = name.decode("utf-8")
        except UnicodeDecodeError:
            raise self._damaged(tree, "holds a name that is not UTF-8") from None
        if not is_plain_name(text):
            raise self._damaged(tree, "holds a name that is no file's name")
        return text

    def _store(self, kind: Kind, content: bytes) -> str:
        from gitdb.base import IStream

        sha = _git_hash(kind, content)
        path = self._objects / sha[:2] / sha[2:]
        if path.exists() and not self._holds(sha, content):
            path.unlink()  # a power cut left it empty or half written
            self._database = _object_database(self._objects)  # the old one remembers that it is there
        with self._parsing(sha, "cannot be looked for: a pack is damaged"):
            is_there = self._database.has_object(bytes.fromhex(sha))
        if not is_there:
            self._database.store(cast("Any", IStream)(kind, len(content), BytesIO(content)))
            self._unsynced |= {path, path.parent}
        return sha

    def _holds(self, sha: str, content: bytes) -> bool:
        try:
            return self._load_any(sha, limit=len(content))[1] == content
        except CorruptArchiveError:
            return False

    def _load(self, kind: Kind, sha: str, *, limit: int) -> bytes:
        found, content = self._load_any(sha, limit=limit)
        if found != kind:
            raise self._damaged(sha, f"is not a {kind}")
        return content

    def _load_any(self, sha: str, *, limit: int) -> tuple[str, bytes]:
        with self._parsing(sha, "is missing or damaged"):
            stream = self._database.stream(bytes.fromhex(sha))
            if stream.size > limit:
                raise self._damaged(sha, "is too large")
            content = cast("bytes", stream.read())
            kind = stream.type.decode("ascii")
        if _git_hash(kind, content) != sha:
            raise self._damaged(sha, "is damaged")
        return kind, content

    @contextmanager
    def _parsing(self, sha: str, what: str) -> Generator[None]:
        """Let gitdb look for an object, and say `what` is wrong with that where it runs into nonsense."""
        from gitdb.exc import ODBError

        try:
            yield
        # It parses what may be any bytes, and answers nonsense with whichever of these that leads to.
        except (
            ODBError,
            OSError,
            ValueError,
            AssertionError,
            AttributeError,
            LookupError,
            struct.error,
            zlib.error,
        ) as error:
            raise self._damaged(sha, what) from error

    def _damaged(self, sha: str, what: str) -> CorruptArchiveError:
        return CorruptArchiveError(f"{self._repository}: object {sha[:40]!r} {what}.")


def held_ref(decision: int) -> str:
    """Return the name, below `refs/`, of what points at the code that is held of a decision."""
    return f"held/{decision:05d}"


def is_plain_name(name: str) -> bool:
    """Return whether `name` can be one part of a file's path, and is not where git keeps its own."""
    return name not in {"", ".", ".."} and not set(name) & {"/", "\0"} and name.lower() not in {".git", "git~1"}


_Entries = dict[str, tuple[bytes, str]]
"""Name -> (mode, hash) of one directory."""


def _directories(code: FileTree) -> dict[str, _Entries]:
    """Return every directory of `code` by path, the root as "", without entries yet."""
    found: dict[str, _Entries] = {"": {}}
    for path in code:
        parts = path.split("/")
        if not all(is_plain_name(part) for part in parts):
            raise ValueError(f"{path!r} is no file's path")
        for end in range(1, len(parts)):
            found.setdefault("/".join(parts[:end]), {})
    if not found.keys().isdisjoint(code):
        raise ValueError("a path is a file and a directory")
    return found


def _tree_object(entries: _Entries) -> bytes:
    # Git orders a directory as if its name ended in a slash.
    rows = sorted(
        (name.encode() + b"/" * (mode == _DIRECTORY), mode, name.encode(), sha) for name, (mode, sha) in entries.items()
    )
    return b"".join(mode + b" " + name + b"\0" + bytes.fromhex(sha) for _, mode, name, sha in rows)


def _git_hash(kind: str, content: bytes) -> str:
    # SHA-1 because git names objects by it; that the code is what was stored is checked by SHA-256.
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _object_database(objects: Path) -> Any:
    try:
        from git.db import GitDB
    except ImportError as error:
        raise ArchiveError(f"git cannot be used: {error}; install git.") from error
    return cast("Any", GitDB)(str(objects))


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)  # `git pack-refs` removes a directory that it emptied
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, "utf-8")
    sync(fresh)
    fresh.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or a directory's entries are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
