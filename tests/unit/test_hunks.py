"""What a patch says: paths, and texts before and after."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dgm.core.errors import MalformedContentError
from dgm.core.hunks import Hunk, hunks_by_path, patched_paths

RECORDS = Path(__file__).parents[3] / "shared/spec/swebench/verified_sample.jsonl"

CHANGED = """\
diff --git a/src/sums.py b/src/sums.py
index 1234567..89abcde 100644
--- a/src/sums.py
+++ b/src/sums.py
@@ -3,3 +3,3 @@ def add(a, b):
 # adds

-return a - b
+return a + b
@@ -20 +20,2 @@
 END = 1
+MORE = 2
"""
ADDED = """\
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1,2 @@
+one
+two
\\ No newline at end of file
"""
DELETED = """\
diff --git a/old.txt b/old.txt
deleted file mode 100644
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-gone
"""
RENAMED = """\
diff --git a/here.txt b/there/with space.txt
similarity index 90%
rename from here.txt
rename to there/with space.txt
--- a/here.txt
+++ b/there/with space.txt\t
@@ -1,2 +1,2 @@
 kept
-old
\\ No newline at end of file
+new
\\ No newline at end of file
"""
MODE = "diff --git a/run me.sh b/run me.sh\nold mode 100644\nnew mode 100755\n"
BINARY = """\
diff --git a/logo.png b/logo.png
index 1234567..89abcde 100644
GIT binary patch
literal 3
Kc${N(V`Tyu

literal 0
HcmV?d00001

"""
BINARY_NAMED = "diff --git a/b.png b/b.png\nindex 1234567..89abcde\nBinary files a/b.png and b/b.png differ\n"
QUOTED = 'diff --git "a/caf\\303\\251 \\"1\\".py" "b/caf\\303\\251 \\"1\\".py"\nnew file mode 100644\n'
COPIED = "diff --git a/a.py b/b.py\nsimilarity index 100%\ncopy from a.py\ncopy to b.py\n"
PLAIN = "--- a/x.py\t2024-01-01\n+++ b/x.py\t2024-01-02\n@@ -1 +1 @@\n-1\n+2\n"


@pytest.mark.parametrize(
    ("patch", "paths"),
    [
        ("", ()),
        (CHANGED, ("src/sums.py",)),
        (ADDED, ("new.txt",)),
        (DELETED, ("old.txt",)),
        (RENAMED, ("here.txt", "there/with space.txt")),
        (MODE, ("run me.sh",)),
        (BINARY + BINARY_NAMED, ("logo.png", "b.png")),
        (QUOTED, ('caf\u00e9 "1".py',)),
        (COPIED, ("a.py", "b.py")),
        (PLAIN, ("x.py",)),
        (PLAIN + CHANGED + PLAIN, ("x.py", "src/sums.py")),
    ],
)
def test_every_path_that_a_patch_names_is_found(patch: str, paths: tuple[str, ...]) -> None:
    assert patched_paths(patch) == paths


@pytest.mark.parametrize(
    ("patch", "hunks"),
    [
        (
            CHANGED,
            {
                "src/sums.py": (
                    Hunk("# adds\n\nreturn a - b\n", "# adds\n\nreturn a + b\n", 3),
                    Hunk("END = 1\n", "END = 1\nMORE = 2\n", 20),
                )
            },
        ),
        (ADDED, {"new.txt": (Hunk("", "one\ntwo", 0),)}),
        (DELETED, {"old.txt": (Hunk("gone\n", "", 1),)}),
        (RENAMED, {"here.txt": (Hunk("kept\nold", "kept\nnew", 1),)}),
        (MODE + BINARY + QUOTED + COPIED, {}),
        (PLAIN.replace("\n", "\r\n", 5).replace("\r\n", "\n", 3), {"x.py": (Hunk("1\r\n", "2\r\n", 1),)}),
        ("--- a/x\n+++ b/x\n@@ -2,0 +3 @@\n+put in\n", {"x": (Hunk("", "put in\n", 2),)}),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n--- a/y\n-+++ b/y\n++ z", {"x": (Hunk("-- a/y\n+++ b/y\n", "+ z\n", 1),)}),
    ],
)
def test_each_place_has_its_text_before_and_after(patch: str, hunks: Mapping[str, tuple[Hunk, ...]]) -> None:
    assert hunks_by_path(patch) == hunks


@pytest.mark.parametrize(
    "patch",
    [
        "no patch at all\n",
        "@@ -1 +1 @@\n-1\n+2\n",
        "diff --git a/x b/y\nindex 1..2\n",
        "diff --git a/x b/x\n@@ -1 +1 @@\n-1\n+2\n",
        "--- a/x\n",
        "--- a/x\n@@ -1 +1 @@\n-1\n+2\n",
        "--- /dev/null\n+++ /dev/null\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n-2\n+2\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n!1\n+2\n",
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\nand then some\n",
        "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n-1\n\\ No newline at end of file\n-2\n+2\n",
        "--- a/../x\n+++ b/../x\n",
        "--- x\n+++ x\n",
        "--- a//etc/passwd\n+++ b//etc/passwd\n",
        '--- "a/x\n+++ "b/x\n',
        '--- "a/\\377"\n+++ "b/\\377"\n',
        '--- "a/\\q"\n+++ "b/\\q"\n',
        '--- "a/\ud800"\n+++ "b/\ud800"\n',
    ],
)
def test_what_is_no_unified_git_diff_is_refused(patch: str) -> None:
    with pytest.raises(MalformedContentError, match="A patch"):
        patched_paths(patch)


def test_what_is_wrong_is_named_by_its_line() -> None:
    with pytest.raises(MalformedContentError, match="line 6"):
        patched_paths(PLAIN + "nonsense\n")


@pytest.mark.skipif(not RECORDS.exists(), reason="the records of SWE-bench are not here")
def test_the_patches_of_real_records_are_read() -> None:
    for line in RECORDS.read_text("utf-8").splitlines():
        record = json.loads(line)
        for patch in (record["patch"], record["test_patch"]):
            hunks = hunks_by_path(patch)
            assert patched_paths(patch) == tuple(hunks)
            assert len(hunks) == patch.count("diff --git ")
            assert sum(map(len, hunks.values())) == sum(line.startswith("@@ ") for line in patch.split("\n"))
            for path, places in hunks.items():
                assert f"diff --git a/{path} b/{path}\n" in patch
                assert all(hunk.old != hunk.new for hunk in places)
