"""A tree of files as a value: what an agent's code, a workspace and a solution are on the host."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class File:
    """One regular file. Links, devices and directories of their own do not exist here."""

    content: bytes
    executable: bool = False


FileTree: TypeAlias = Mapping[str, File]
"""Relative POSIX path -> file. Paths have no empty, "." or ".." part."""


@dataclass(frozen=True, slots=True)
class Change:
    """A tree of files before and after somebody worked on it; of a large one only the files that may differ."""

    before: FileTree
    after: FileTree

    @property
    def paths(self) -> tuple[str, ...]:
        """The sorted paths that were added, removed or differ."""
        return changed_paths(self.before, self.after)

    def only(self, takes: Callable[[str], bool]) -> "Change":
        """Return the part of the change at the paths that `takes` says yes to."""
        return Change(
            {path: file for path, file in self.before.items() if takes(path)},
            {path: file for path, file in self.after.items() if takes(path)},
        )


def changed_paths(before: FileTree, after: FileTree) -> tuple[str, ...]:
    """Return the sorted paths that were added, removed or differ."""
    return tuple(sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)))


def only(tree: FileTree, paths: Collection[str]) -> dict[str, File]:
    """Return the part of `tree` at `paths`; a path that is absent is left out."""
    return {path: tree[path] for path in paths if path in tree}


def tree_hash(tree: FileTree) -> str:
    """Return 64 hexadecimal digits that differ whenever a path, a mode or a byte does."""
    digest = hashlib.sha256()
    for path in sorted(tree):
        file = tree[path]
        header = f"{len(path.encode())}:{path}:{int(file.executable)}:{len(file.content)}:"
        digest.update(header.encode())
        digest.update(file.content)
    return digest.hexdigest()
