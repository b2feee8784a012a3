"""Records of SWE-bench in the 5.x format, of instances that nobody can run: for what only reads them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BASE_COMMIT = "0123456789" * 4
TEST_PATCH = """\
diff --git a/tests/test_pond.py b/tests/test_pond.py
--- a/tests/test_pond.py
+++ b/tests/test_pond.py
@@ -1 +1 @@
-assert depth() == 1
+assert depth() == 2
"""
GOLD_PATCH = """\
diff --git a/pond.py b/pond.py
--- a/pond.py
+++ b/pond.py
@@ -1,2 +1,2 @@
 def depth():
-    return 1
+    return 2
"""


def record(name: str = "pond__pond-1", **changes: Any) -> dict[str, Any]:
    """Return the record of an instance, with some fields as they are said."""
    return {
        "instance_id": name,
        "repo": name.rpartition("-")[0].replace("__", "/"),
        "base_commit": BASE_COMMIT,
        "image": f"example/{name.lower()}:1",
        "problem_statement": "The pond is deeper than it says.\n",
        "hints_text": "Look at depth().",
        "patch": GOLD_PATCH,
        "test_patch": TEST_PATCH,
        "FAIL_TO_PASS": '["test_depth (tests.test_pond.PondTest.test_depth)"]',
        "PASS_TO_PASS": "[]",
        "difficulty": "<15 min fix",
        "created_at": "2024-05-06T07:08:09Z",
        "version": "1.0",
        "eval_script": "#!/bin/bash\npython3 -m unittest -v\n",
        "log_parser": "parse_log_django",
        "eval_type": "pass_and_fail",
    } | changes


def write_records(path: Path, records: Iterable[Mapping[str, Any]]) -> str:
    """Write records as JSON lines and return the file's name, as a dataset is named."""
    path.write_text("".join(f"{json.dumps(each)}\n" for each in records), "utf-8")
    return str(path)
