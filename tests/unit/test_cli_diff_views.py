"""Diffs as a person sees them who has to judge them: nothing of a child may pass for another part of the diff."""

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from dgm.archive.difference import DiffStat
from dgm.cli.diff_views import diff_view, file_changes, stat_of
from dgm.core.files import File
from tests.fakes.runs import SEED_CODE, grow, new_run

DIFF = """diff --git a/main.py b/main.py
old mode 100644
new mode 100755
index 1111111..2222222
--- a/main.py
+++ b/main.py
@@ -10,3 +10,4 @@ def main():
 kept
-taken out
+put in
+put in too
 kept too
@@ -40 +41 @@
-last
\\ No newline at end of file
+LAST
diff --git a/new.py b/new.py
new file mode 100644
index 0000000..3333333
--- /dev/null
+++ b/new.py
@@ -0,0 +1 @@
+import os
diff --git a/blob b/blob
new file mode 100644
index 0000000..4444444
Binary files /dev/null and b/blob differ
"""


def shown(diff: str, *, width: int) -> list[str]:
    console = Console(width=width, markup=False, emoji=False, highlight=False)
    with console.capture() as captured:
        console.print(diff_view(diff, width=width))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_diff_is_read_file_by_file() -> None:
    main, new, blob = file_changes(DIFF)
    assert (main.path, main.notes) == ("main.py", ["old mode 100644", "new mode 100755"])
    assert [place.heading for place in main.places] == ["def main():", ""]
    first, second, third, last = main.places[0].rows
    assert (first.before, first.after, first.is_kept) == ((10, "kept"), (10, "kept"), True)
    assert (second.before, second.after, second.is_kept) == ((11, "taken out"), (11, "put in"), False)
    assert (third.before, third.after) == (None, (12, "put in too"))
    assert (last.before, last.after) == ((12, "kept too"), (13, "kept too"))
    assert [(row.before, row.after) for row in main.places[1].rows] == [((40, "last"), (41, "LAST"))]
    assert (new.path, new.notes) == ("new.py", ["new file mode 100644"])
    assert blob.notes == ["new file mode 100644", "Binary files /dev/null and b/blob differ"]
    assert stat_of([main, new, blob]) == DiffStat(files_changed=3, insertions=4, deletions=2)


def test_on_a_narrow_screen_one_side_stands_below_the_other() -> None:
    assert shown(DIFF, width=80)[:8] == [
        "",
        "main.py  old mode 100644, new mode 100755",
        "@@ -10,3 +10,4 @@ def main():",
        " kept",
        "-taken out",
        "+put in",
        "+put in too",
        " kept too",
    ]


def test_on_a_wide_screen_both_sides_stand_side_by_side() -> None:
    lines = shown(DIFF, width=120)
    assert lines[2].startswith("┄┄ def main(): ┄┄┄")
    assert [" ".join(line.split()) for line in lines[3:7]] == [
        "10 kept 10 kept",
        "11 - taken out 11 + put in",
        "12 + put in too",
        "12 kept too 13 kept too",
    ]


@pytest.mark.parametrize("width", [120, 200])
def test_a_new_file_takes_the_whole_width(width: int) -> None:
    assert shown(DIFF, width=width)[-5:-2] == ["new.py  new file mode 100644", "@@ -0,0 +1,1 @@", "+import os"]


SPOOFS = [
    "--- a/main.py",
    "+++ b/main.py",
    "@@ -1,9 +1,9 @@",
    "diff --git a/x b/x",
    "- import os",
    "\\ No newline at end of file",
]


@pytest.mark.parametrize("width", [80, 120])
def test_lines_of_a_child_that_look_like_a_diff_are_lines_of_the_child(tmp_path: Path, width: int) -> None:
    content = "".join(f"{line}\n" for line in SPOOFS).encode()
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
        child = grow(run, root, {**SEED_CODE, "tools/edit.py": File(content)})
        diff, stat = run.diff(root, child.id), run.diff_stat(root, child.id)
    changes = file_changes(diff)
    assert [change.path for change in changes] == ["tools/edit.py"]
    assert stat_of(changes) == stat
    assert sum(line.startswith("tools/edit.py") for line in shown(diff, width=width)) == 1
    assert not set(SPOOFS) & {line.strip() for line in shown(diff, width=width)}


@pytest.mark.parametrize("width", [80, 120])
def test_what_a_long_line_is_folded_into_does_not_begin_where_signs_stand(width: int) -> None:
    line = "x" * 78 + " " + ("-import os " * 30)
    diff = DIFF.replace("put in\n", f"{line}\n")
    folded = [line for line in shown(diff, width=width) if "import os" in line and "+import os" not in line]
    assert len(folded) > 1
    assert not any(line.startswith(("-", "+", " -import", " +")) for line in folded)


@pytest.mark.parametrize("mark", ["\r", "\x85", "\u2028", "\x0b", "\x1b[2J", "\u202e"])
def test_nothing_that_is_no_line_end_in_a_file_ends_a_line_on_the_screen(mark: str) -> None:
    plain, marked = (shown(DIFF.replace("put in\n", f"put{sign}-in\n"), width=80) for sign in ("", mark))
    assert len(marked) == len(plain)


_LINES = st.lists(st.text(st.sampled_from("ab-+ @\\\r\t\x1b"), max_size=6), max_size=12)


@settings(deadline=None)  # a busy machine makes one example slow
@given(_LINES, _LINES)
def test_every_line_that_changed_is_shown_once_on_its_side(old: list[str], new: list[str]) -> None:
    hunks = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    (change,) = file_changes("\n".join(["diff --git a/f b/f", "--- a/f", "+++ b/f", *hunks]))
    rows = [row for place in change.places for row in place.rows]
    changed = [line for line in hunks if not line.startswith("@@ ")]
    assert sum(row.before is not None and not row.is_kept for row in rows) == sum(line[:1] == "-" for line in changed)
    assert sum(row.after is not None and not row.is_kept for row in rows) == sum(line[:1] == "+" for line in changed)
    numbers = [row.after[0] for row in rows if row.after is not None]
    assert numbers == sorted(set(numbers))


@settings(max_examples=40, deadline=None)
@given(st.text())
def test_whatever_stands_in_a_diff_is_shown_without_an_error(diff: str) -> None:
    for width in (1, 20, 120):
        shown(diff, width=width)
        shown(DIFF + diff, width=width)
