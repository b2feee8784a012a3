"""Merges keep the laws of three-way merges, and find what git finds."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.boundary.bare_git import bare_git_environment
from dgm.boundary.merging import merged_trees
from dgm.core.files import File, FileTree

LINES = st.sampled_from([b"one\n", b"two\n", b"three\n", b"four\n", b"four", b"\r\n", b"<<<<<<< a\n", b"=======\n"])
TEXTS = st.lists(LINES, max_size=6).map(b"".join)
CONTENTS = TEXTS | st.binary(max_size=6)
NAMES = st.sampled_from(["a", "A", "b", "c", "d/a", "d/b", "D/a", "d/e/f", "c/a", "é", "e\u0301"])
TREES = st.dictionaries(NAMES, st.builds(File, CONTENTS, st.booleans()), max_size=5)

EDITS = st.dictionaries(
    st.integers(0, 11), st.sampled_from(["removed", "changed", "changed too", "followed"]), max_size=3
)


def edited(path: str, edits: Mapping[int, str]) -> bytes:
    """Return twelve lines with edits.

    They differ, so that every way of looking for differences finds the same ones, and those of two paths have nothing
    in common, so that git finds no renames.
    """
    parts: list[str] = []
    for number in range(12):
        line, edit = f"{path} {number}\n", edits.get(number)
        parts.append({None: line, "removed": "", "followed": f"{line}{path} more\n"}.get(edit, f"{edit} {line}"))
    return "".join(parts).encode()


TEXT_TREES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d/a", "d/b"]), st.tuples(EDITS, st.booleans()), max_size=4
).map(lambda files: {path: File(edited(path, edits), mode) for path, (edits, mode) in files.items()})


@given(TREES, TREES)
def test_what_only_one_side_changed_is_taken(base: FileTree, changed: FileTree) -> None:
    ours, theirs = merged_trees(base, changed, base), merged_trees(base, base, changed)
    assert (ours.tree, ours.conflicts) == (changed, ())
    assert (theirs.tree, theirs.conflicts) == (changed, ())


@given(TREES, TREES)
def test_what_both_sides_changed_in_the_same_way_is_taken(base: FileTree, changed: FileTree) -> None:
    found = merged_trees(base, changed, changed)
    assert (found.tree, found.conflicts) == (changed, ())


@settings(max_examples=60)
@given(TREES, TREES, TREES)
def test_the_sides_can_be_swapped(base: FileTree, one: FileTree, other: FileTree) -> None:
    found, swapped = merged_trees(base, one, other), merged_trees(base, other, one)
    assert (found.conflicts, found.marked) == (swapped.conflicts, swapped.marked)
    if not found.conflicts:
        assert found.tree == swapped.tree


@settings(max_examples=60)
@given(TREES, TREES, TREES)
def test_every_mark_in_the_tree_is_known(base: FileTree, one: FileTree, other: FileTree) -> None:
    found = merged_trees(base, one, other)
    assert found.left_in(found.tree) == tuple(found.marked)
    assert set(found.marked) <= set(found.conflicts)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(TEXT_TREES, TEXT_TREES, TEXT_TREES)
def test_git_finds_the_same_tree_or_conflicts_too(base: FileTree, one: FileTree, other: FileTree) -> None:
    one, other = (plain_where_new(tree, base) for tree in (one, other))
    found = merged_trees(base, one, other)
    assert is_gits_merge(found.tree, base, one, other) == (not found.conflicts)


def plain_where_new(tree: FileTree, base: FileTree) -> FileTree:
    """Return a tree without executable files that are new: of those that both added, git wants one mode."""
    return {path: File(file.content, file.executable and path in base) for path, file in tree.items()}


def is_gits_merge(merged: FileTree, base: FileTree, ours: FileTree, theirs: FileTree) -> bool:
    """Return whether `git merge-tree` merges without a conflict; it must make the same tree then."""
    with tempfile.TemporaryDirectory() as repository:
        git(repository, "init", "-q", "--bare", repository)
        trees = {"base": base, "ours": ours, "theirs": theirs, "merged": merged}
        git(repository, "fast-import", "--quiet", sent=b"".join(commit(name, tree) for name, tree in trees.items()))
        argv = ["git", "merge-tree", "--write-tree", "ours", "theirs"]
        done = subprocess.run(argv, env=bare_git_environment(Path(repository)), capture_output=True, check=False)
        assert done.returncode in {0, 1}, done.stderr
        if done.returncode == 0:
            assert done.stdout == git(repository, "rev-parse", "merged^{tree}")
        return done.returncode == 0


def git(repository: str, *words: str, sent: bytes = b"") -> bytes:
    argv, environment = ["git", *words], bare_git_environment(Path(repository))
    return subprocess.run(argv, env=environment, input=sent, capture_output=True, check=True).stdout


def commit(name: str, tree: FileTree) -> bytes:
    """Return a commit on a branch, as `git fast-import` reads it; all come from the base."""
    lines = [f"commit refs/heads/{name}", "committer a <a> 0 +0000", "data 0"]
    lines += ["deleteall"] if name == "base" else ["from refs/heads/base", "deleteall"]
    files = [
        b"M %s inline %s\ndata %d\n%s\n"
        % (b"100755" if file.executable else b"100644", path.encode(), len(file.content), file.content)
        for path, file in tree.items()
    ]
    return "\n".join([*lines, ""]).encode() + b"".join(files) + b"\n"
