"""Diffs that the host makes."""

from dgm.boundary.patches import MAX_SHOWN_BYTES, unified_patch
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


def test_line_numbers_are_those_of_the_whole_file() -> None:
    old = [f"line {number}\n" for number in range(1, 101)]
    new = [*old[:49], "changed\n", *old[50:]]
    patch = unified_patch({"a": File("".join(old).encode())}, {"a": File("".join(new).encode())})
    assert "@@ -47,7 +47,7 @@\n line 47\n line 48\n line 49\n-line 50\n+changed\n line 51\n" in patch


def test_a_form_feed_ends_no_line() -> None:
    patch = unified_patch({"a": File(b"one\x0ctwo\n")}, {"a": File(b"one\x0c2\n")})
    assert patch.endswith("-one\x0ctwo\n+one\x0c2\n")


def test_a_file_made_to_be_slow_is_shown_as_one_block() -> None:
    old = File(b"".join(b"%d\n" % (number % 70) for number in range(20_000)))
    new = File(b"".join(b"%d\n" % (number % 71) for number in range(20_000)))
    patch = unified_patch({"a": old}, {"a": new}, max_chars=1_000_000)
    assert patch.count("@@ ") == 1
    assert patch.count("\n+") >= 19_000


def test_a_file_that_is_too_large_is_named_not_shown() -> None:
    large = File(b"a\n" * (MAX_SHOWN_BYTES // 2 + 1))
    assert unified_patch({}, {"a": large}) == "Files /dev/null and b/a differ, too large to be shown\n"
    assert unified_patch({"a": large}, {"a": File(b"")}) == "Files a/a and b/a differ, too large to be shown\n"
