"""Patches that difflib writes of any two texts are read such that they turn the one into the other."""

import difflib
import re

from hypothesis import given
from hypothesis import strategies as st

from dgm.core.errors import MalformedContentError
from dgm.core.hunks import hunks_by_path, patched_paths

# Few and short lines, so that many are equal; also such as look like a patch's own.
_LINES = st.sampled_from(
    ["\n", "a\n", "b\n", "- a\n", "-- a/x\n", "++ b/x\n", "@@ -1 +1 @@\n", "\\ x\n", "\fz\n", "\r\n"]
)
TEXTS = st.lists(_LINES | st.sampled_from(["a", ""])).map("".join)
PIECES = st.sampled_from(["diff --git a/x b/x", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "-1", "+2", " 3", "\\ ", "", '"'])


def lines_of(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def written(before: str, after: str, context: int) -> str:
    """Return what `git diff` would say."""
    names = ("a/x" if before else "/dev/null", "b/x" if after else "/dev/null")
    lines = difflib.unified_diff(lines_of(before), lines_of(after), *names, n=context)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@given(TEXTS, TEXTS, st.integers(0, 4))
def test_the_places_of_a_patch_turn_the_old_text_into_the_new_one(before: str, after: str, context: int) -> None:
    lines = lines_of(before)
    for hunk in reversed(hunks_by_path(written(before, after, context)).get("x", ())):
        first = hunk.line - 1 if hunk.old else hunk.line
        last = first + len(lines_of(hunk.old))
        assert "".join(lines[first:last]) == hunk.old
        lines[first:last] = [hunk.new]
    assert "".join(lines) == after


@given(TEXTS, TEXTS, st.integers(0, 4), st.data())
def test_a_patch_cut_short_is_read_or_refused(before: str, after: str, context: int, data: st.DataObject) -> None:
    patch = written(before, after, context)
    read_or_refused(patch[: data.draw(st.integers(0, len(patch)))])


@given(st.lists(PIECES | st.text(max_size=5)).map("\n".join) | st.text())
def test_any_text_is_read_or_refused(patch: str) -> None:
    read_or_refused(patch)


def read_or_refused(patch: str) -> None:
    try:
        paths = patched_paths(patch)
    except MalformedContentError:
        return
    assert set(hunks_by_path(patch)) <= set(paths)
