"""Three-way merges of trees: what comes together, what is a conflict, and what stands there then."""

from pathlib import Path

import pytest

from dgm.boundary import merging
from dgm.boundary.merging import merged_trees
from dgm.core.errors import InfrastructureError
from dgm.core.files import File, FileTree

LINES = b"one\ntwo\nthree\nfour\nfive\n"


def tree(**files: bytes) -> FileTree:
    return {path: File(content) for path, content in files.items()}


def test_changes_of_different_files_come_together() -> None:
    found = merged_trees(tree(a=b"1\n", b=b"1\n"), tree(a=b"2\n", b=b"1\n"), tree(a=b"1\n", b=b"2\n", c=b"new\n"))
    assert (found.tree, found.conflicts) == (tree(a=b"2\n", b=b"2\n", c=b"new\n"), ())


def test_changes_of_different_lines_come_together() -> None:
    ours, theirs = LINES.replace(b"one", b"ONE"), LINES.replace(b"five", b"FIVE")
    found = merged_trees(tree(a=LINES), tree(a=ours), tree(a=theirs))
    assert (found.tree, found.conflicts) == (tree(a=b"ONE\ntwo\nthree\nfour\nFIVE\n"), ())


def test_a_file_that_one_side_removed_is_gone() -> None:
    found = merged_trees(tree(a=LINES, b=LINES), tree(a=LINES), tree(a=LINES, b=LINES))
    assert (found.tree, found.conflicts) == (tree(a=LINES), ())


def test_changes_of_the_same_line_stand_between_marks() -> None:
    ours, theirs = LINES.replace(b"three", b"3"), LINES.replace(b"three", b"III")
    found = merged_trees(tree(a=LINES), tree(a=ours), tree(a=theirs))
    assert found.conflicts == ("a",)
    assert found.tree["a"].content == (
        b"one\ntwo\n<<<<<<< first parent\n3\n||||||| common ancestor\nthree\n=======\nIII\n>>>>>>> second parent\n"
        b"four\nfive\n"
    )


def test_marks_keep_the_line_ends_of_the_file() -> None:
    found = merged_trees(tree(a=b"1\r\n"), tree(a=b"2\r\n"), tree(a=b"3\r\n"))
    assert b"<<<<<<< first parent\r\n2\r\n" in found.tree["a"].content


def test_files_that_both_added_with_different_text_are_a_conflict() -> None:
    found = merged_trees({}, tree(a=b"1\n"), tree(a=b"2\n"))
    assert (found.conflicts, found.marked) == (("a",), {"a": 7})


@pytest.mark.parametrize("is_ours", [True, False])
def test_what_one_side_changed_and_the_other_removed_is_a_conflict_and_stays(*, is_ours: bool) -> None:
    sides = (tree(a=b"2\n"), tree()) if is_ours else (tree(), tree(a=b"2\n"))
    found = merged_trees(tree(a=b"1\n"), *sides)
    assert (found.tree, found.conflicts, found.marked) == (tree(a=b"2\n"), ("a",), {})


@pytest.mark.parametrize("content", [b"\0\1", b"\xff\xfe", b"x" * (merging.MAX_TEXT_BYTES + 1), b"\n" * 100_001])
def test_what_is_no_text_or_too_much_and_changed_on_both_sides_is_a_conflict_and_ours_stays(content: bytes) -> None:
    found = merged_trees(tree(a=b"1\n"), tree(a=content), tree(a=b"2\n"))
    assert (found.tree["a"].content == content, found.conflicts, found.marked) == (True, ("a",), {})
    found = merged_trees(tree(a=b"1\n"), tree(a=b"2\n"), tree(a=content))
    assert (found.tree["a"].content, found.conflicts, found.marked) == (b"2\n", ("a",), {})


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [(False, True, False, True), (True, True, False, False), (None, True, False, True), (False, False, False, False)],
)
def test_a_file_is_executable_as_the_side_says_that_changed_it(
    base: bool | None, ours: bool, theirs: bool, merged: bool
) -> None:
    before = {} if base is None else {"a": File(b"", base)}
    found = merged_trees(before, {"a": File(b"1\n", ours)}, {"a": File(b"1\n", theirs)})
    assert (found.tree, found.conflicts) == ({"a": File(b"1\n", merged)}, ())


def test_a_changed_mode_and_changed_lines_come_together() -> None:
    found = merged_trees({"a": File(b"1\n")}, {"a": File(b"1\n", executable=True)}, {"a": File(b"2\n")})
    assert (found.tree, found.conflicts) == ({"a": File(b"2\n", executable=True)}, ())


@pytest.mark.parametrize(
    ("ours", "theirs"), [("tools", "tools/edit.py"), ("tools/edit.py", "tools"), ("Tools.py", "tools.py")]
)
def test_of_two_names_that_cannot_stand_side_by_side_ours_stays(ours: str, theirs: str) -> None:
    found = merged_trees({}, {ours: File(b"1\n")}, {theirs: File(b"2\n"), "other": File(b"3\n")})
    assert found.tree == {ours: File(b"1\n"), "other": File(b"3\n")}
    assert found.conflicts == tuple(sorted((ours, theirs)))


def test_a_directory_spelled_in_another_way_is_a_conflict_of_what_only_one_side_has() -> None:
    base = {"lib/a.py": File(b"1\n")}
    found = merged_trees(base, {**base, "lib/b.py": File(b"2\n")}, {**base, "LIB/c.py": File(b"3\n")})
    assert (sorted(found.tree), found.conflicts) == (["lib/a.py", "lib/b.py"], ("LIB/c.py", "lib/b.py"))


def test_names_that_a_side_has_side_by_side_itself_are_no_conflict() -> None:
    base = {"A": File(b"1\n"), "a": File(b"2\n")}
    assert merged_trees(base, base, {**base, "b": File(b"3\n")}).conflicts == ()


def test_marks_are_longer_than_any_that_stand_in_the_files_already() -> None:
    base = b"<<<<<<< first parent\n||||||||| nine\n"
    found = merged_trees(tree(a=base), tree(a=base + b"2\n"), tree(a=base + b"3\n"))
    assert found.marked == {"a": 10}
    assert b"<" * 10 + b" first parent\n2\n" in found.tree["a"].content


def test_a_file_that_leaves_no_room_for_marks_is_not_merged() -> None:
    base = b"<" * 1_000 + b"\n"
    found = merged_trees(tree(a=base), tree(a=base + b"2\n"), tree(a=base + b"3\n"))
    assert (found.tree["a"].content, found.conflicts, found.marked) == (base + b"2\n", ("a",), {})


def test_more_than_127_conflicts_in_a_file_are_conflicts_all_the_same() -> None:
    base = b"".join(b"%d\nsame\n" % number for number in range(1_000))
    found = merged_trees(tree(a=base), tree(a=base.replace(b"0\n", b"O\n")), tree(a=base.replace(b"0\n", b"o\n")))
    assert found.tree["a"].content.count(b"<<<<<<< first parent\n") == 100


@pytest.mark.parametrize("mark", ["<<<<<<< first parent", "||||||| common ancestor", ">>>>>>> second parent\r"])
def test_marks_that_are_left_are_found(mark: str) -> None:
    found = merged_trees(tree(a=b"1\n", b=b"1\n"), tree(a=b"2\n", b=b"2\n"), tree(a=b"3\n", b=b"1\n"))
    left = {"a": File(f"x\n{mark}\ny\n".encode()), "b": File(f"{mark}\n".encode())}
    assert found.left_in(left) == ("a",)


def test_no_marks_are_found_where_a_conflict_was_settled_or_its_file_removed() -> None:
    found = merged_trees(tree(a=b"1\n", b=b"1\n"), tree(a=b"2\n", b=b"2\n"), tree(a=b"3\n", b=b"3\n"))
    assert found.conflicts == ("a", "b")
    assert found.left_in({"a": File(b"5\n<<<<<<< another one\n=======\n")}) == ()


def conflicting() -> tuple[FileTree, FileTree, FileTree]:
    return tree(a=b"1\n"), tree(a=b"2\n"), tree(a=b"3\n")


def git_that(script: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of the test's in git's place."""
    program = directory / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/bin:/usr/bin")


def test_a_git_that_fails_is_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git_that("echo no luck >&2; exit 128", tmp_path, monkeypatch)
    with pytest.raises(InfrastructureError, match=r"^git could not merge a file of two agents: exit 128 no luck\.$"):
        merged_trees(*conflicting())


def test_a_git_that_does_not_end_is_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git_that("exec /bin/sleep 60", tmp_path, monkeypatch)
    monkeypatch.setattr(merging, "_TIMEOUT_S", 0.05)
    with pytest.raises(InfrastructureError, match=r"^git took more than"):
        merged_trees(*conflicting())


def test_no_git_is_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match=r"^git cannot be found"):
        merged_trees(*conflicting())


def test_a_disk_without_room_is_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(InfrastructureError, match=r"^Two agents could not be merged"):
        merged_trees(*conflicting())
