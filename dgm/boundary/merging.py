"""Three-way merge of trees that agents wrote.

Which files there are is settled here, on values in memory; only the text of a file that both sides changed goes to
`git merge-file`, as three files of ours in a directory that is thrown away.

Weighed against `git merge-tree --write-tree`, which merges whole trees and follows renames: it needs git 2.38, takes an
agent's names into objects and a listing that has to be parsed back, puts a file that stands in a directory's way under
a name of its own making, and looks for attributes, with which a tree says how it wants to be merged. A file that one
side renamed and the other one changed is a conflict here, which is what it is to whoever reads it.
"""

import re
import subprocess
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from dgm.boundary.bare_git import bare_git_environment
from dgm.boundary.scratch import scratch_directory
from dgm.core.errors import InfrastructureError
from dgm.core.files import File, FileTree

OURS, BASE, THEIRS = "first parent", "common ancestor", "second parent"
"""What stands behind the marks of a conflict."""

MAX_TEXT_BYTES = 2**20
MAX_TEXT_LINES = 100_000
"""Of one file. The worst that was found within these takes git half a second; beyond them a file is not merged."""
MAX_MERGED_BYTES = 4 * 2**20
"""Of one file with its conflicts; as much as all of an agent's code may have."""
_TIMEOUT_S = 60.0
_LEAST_MARKS, _MOST_MARKS = 7, 40
_MOST_CONFLICTS = 127  # git's exit code is their number up to here
_MARKS = re.compile(rb"^(?:<{7,}|\|{7,}|>{7,})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge."""

    tree: FileTree
    conflicts: tuple[str, ...]
    """Sorted paths on which the sides do not agree, some of them perhaps not in `tree`."""
    marked: Mapping[str, int]
    """Those of them that hold both sides' lines between marks, with the number of characters of a mark."""

    def left_in(self, tree: FileTree) -> tuple[str, ...]:
        """Return the paths at which `tree` still has marks of this merge."""
        return tuple(
            path for path, size in self.marked.items() if path in tree and _marks(size).search(tree[path].content)
        )


@dataclass(frozen=True, slots=True)
class _MergedFile:
    file: File | None
    is_conflict: bool = False
    marks: int = 0


def merged_trees(base: FileTree, ours: FileTree, theirs: FileTree) -> Merged:
    """Return what both sides made of `base`, put together.

    Conflicts are: text that both changed in the same place; other files, or such that are too large, that both changed;
    what one changed and the other removed; a file where the other has a directory; names that are one on another file
    system. Of text both sides stand in the file, between marks that neither had; a changed file stays; of all others
    what is ours stays.

    Raises:
        InfrastructureError: git is not there, failed, or did not end in time, which no content within the bounds makes.
    """
    found = {
        path: _merged_file(base.get(path), ours.get(path), theirs.get(path))
        for path in sorted(base.keys() | ours.keys() | theirs.keys())
    }
    files = {path: merged.file for path, merged in found.items() if merged.file is not None}
    clashing = _clashing(files, ours, theirs)
    tree = {path: file for path, file in files.items() if path not in clashing or path in ours}
    return Merged(
        tree=tree,
        conflicts=tuple(path for path, merged in found.items() if merged.is_conflict or path in clashing),
        marked={path: merged.marks for path, merged in found.items() if merged.marks and path in tree},
    )


def _merged_file(base: File | None, ours: File | None, theirs: File | None) -> _MergedFile:
    if theirs in (ours, base):
        return _MergedFile(ours)
    if ours == base:
        return _MergedFile(theirs)
    if ours is None or theirs is None:
        return _MergedFile(ours or theirs, is_conflict=True)
    executable = _merged_mode(base, ours, theirs)
    before = b"" if base is None else base.content
    if theirs.content in (ours.content, before):
        return _MergedFile(File(ours.content, executable))
    if ours.content == before:
        return _MergedFile(File(theirs.content, executable))
    marks = max(map(_free_marks, (before, ours.content, theirs.content)))
    if marks > _MOST_MARKS or not all(map(_can_be_merged, (before, ours.content, theirs.content))):
        return _MergedFile(File(ours.content, executable), is_conflict=True)
    content, is_clean = _merged_text(before, ours.content, theirs.content, marks=marks)
    if len(content) > MAX_MERGED_BYTES:
        return _MergedFile(File(ours.content, executable), is_conflict=True)
    return _MergedFile(File(content, executable), is_conflict=not is_clean, marks=0 if is_clean else marks)


def _merged_mode(base: File | None, ours: File, theirs: File) -> bool:
    """Return whether a file becomes executable: as the side says that changed it."""
    before = base is not None and base.executable
    return ours.executable if ours.executable == theirs.executable else not before


def _can_be_merged(content: bytes) -> bool:
    if len(content) > MAX_TEXT_BYTES or content.count(b"\n") > MAX_TEXT_LINES or b"\0" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _free_marks(content: bytes) -> int:
    """Return a number of characters with which no line of a file begins as a mark does."""
    return max((len(match[0]) + 1 for match in _MARKS.finditer(content)), default=_LEAST_MARKS)


def _marks(size: int) -> re.Pattern[bytes]:
    parts = (("<", OURS), ("|", BASE), (">", THEIRS))
    return re.compile("|".join(f"^{re.escape(mark * size)} {side}" for mark, side in parts).encode(), re.MULTILINE)


def _merged_text(base: bytes, ours: bytes, theirs: bytes, *, marks: int) -> tuple[bytes, bool]:
    """Return the merged text, with marks around what the sides do not agree on, and whether there is nothing such."""
    try:
        with scratch_directory("merge") as directory:
            for side, content in (("ours", ours), ("base", base), ("theirs", theirs)):
                (directory / side).write_bytes(content)
            exit_code = _run_git(directory, marks=marks)
            return _bounded(directory / "merged"), exit_code == 0
    except OSError as error:
        raise InfrastructureError(f"Two agents could not be merged: {error}.") from error


def _run_git(directory: Path, *, marks: int) -> int:
    """Merge the files of a directory into its file `merged` and return git's exit code: 0, or a number of conflicts."""
    labels = [word for label in (OURS, BASE, THEIRS) for word in ("-L", label)]
    argv = ["git", "merge-file", "-p", "-q", "--diff3", f"--marker-size={marks}", *labels, "ours", "base", "theirs"]
    # There is no repository in the directory, so git finds none, nor any attributes and configuration.
    environment = bare_git_environment(directory)
    try:
        with (directory / "merged").open("wb") as merged:
            done = subprocess.run(
                argv,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=merged,
                stderr=subprocess.PIPE,
                timeout=_TIMEOUT_S,
                check=False,
                start_new_session=True,  # else Ctrl-C, which lets a run end in order, would kill it
            )
    except FileNotFoundError as error:
        raise InfrastructureError("git cannot be found; install git to merge agents.") from error
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(f"git took more than {_TIMEOUT_S:.0f} s to merge a file of two agents.") from error
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise InfrastructureError(f"git could not merge a file of two agents: exit {done.returncode} {reason}.")
    return done.returncode


def _bounded(path: Path) -> bytes:
    """Return a file's content, as far as it is looked at: many conflicts in short lines make it many times as long."""
    with path.open("rb") as file:
        return file.read(MAX_MERGED_BYTES + 1)


def _clashing(paths: Collection[str], ours: FileTree, theirs: FileTree) -> set[str]:
    """Return the paths of one side that cannot stand beside those of the other: on some file system they are one.

    What a side has itself side by side is its own affair.
    """
    spellings: dict[str, set[tuple[str, bool]]] = {}
    members: dict[str, set[str]] = {}
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            place = "/".join(parts[:depth])
            spellings.setdefault(_folded(place), set()).add((place, depth == len(parts)))
            members.setdefault(_folded(place), set()).add(path)
    found: set[str] = set()
    for place, spelled in spellings.items():
        group = members[place]
        if len(spelled) > 1 and not group <= ours.keys() and not group <= theirs.keys():
            found |= group - (ours.keys() & theirs.keys())
    return found


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
