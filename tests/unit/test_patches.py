"""Diffs that the host makes."""

from dgm.boundary.patches import unified_patch
from dgm.core.files import File


def test_equal_trees_have_an_empty_patch() -> None:
    assert unified_patch({"a": File(b"1\n")}, {"a": File(b"1\n")}) == ""


def test_a_changed_line_is_shown_with_its_file() -> None:
    patch = unified_patch({"a.py": File(b"x = 1\n")}, {"a.py": File(b"x = 2\n")})
    assert patch == "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"


def test_added_and_removed_files_come_from_and_go_to_nothing() -> None:
    patch = unified_patch({"old": File(b"1\n")}, {"new": File(b"2\n")})
    assert "--- /dev/null\n+++ b/new\n" in patch
    assert "--- a/old\n+++ /dev/null\n" in patch


def test_bytes_that_are_no_text_are_named_not_shown() -> None:
    patch = unified_patch({"a": File(b"text\n")}, {"a": File(b"\xff\xfe\x00")})
    assert patch == "Binary files a/a and b/a differ\n"


def test_a_change_of_mode_alone_is_a_patch_too() -> None:
    patch = unified_patch({"a": File(b"1\n")}, {"a": File(b"1\n", executable=True)})
    assert patch == "--- a/a\n+++ b/a\nmode changed\n"


def test_a_missing_final_newline_does_not_run_lines_together() -> None:
    patch = unified_patch({"a": File(b"1")}, {"a": File(b"2")})
    assert patch.endswith("-1\n\\ No newline at end of file\n+2\n\\ No newline at end of file\n")


def test_an_enormous_patch_is_clipped() -> None:
    patch = unified_patch({}, {"a": File(b"line\n" * 1_000)}, max_chars=100)
    assert len(patch) < 120
    assert patch.endswith("[clipped]\n")
