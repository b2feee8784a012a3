"""`dgm grading`: what the official harness left of a solution, as far as it was kept, and safe to look at."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dgm.benchmarks.swebench import kept
from dgm.cli.main import run_command
from dgm.core.actions import Evaluate
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from tests.fakes.runs import new_run

TASK = TaskId("owner__tool-7")
REPORT = {
    "patch_is_None": False,
    "resolved": False,
    "tests_status": {
        "FAIL_TO_PASS": {"success": ["test_a"], "failure": ["test_\x1b[2Jb"]},
        "PASS_TO_PASS": {"success": [f"test_{number}" for number in range(40)], "failure": []},
    },
}
GRADING = {
    "summary": "F2P 1 of 2, P2P 40 of 40 passed\x1b[2J",
    "patch": "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-\x1b[2J\r\n+b\n",
    "report": REPORT,
    "seconds": 2.25,
    "flags": ["It ended\x1b[2J early."],
    "log": "\n".join(f"line {number}\x07" for number in range(1, 301)),
    "harness_log": "Container created.",
    "of a later version": 1,
}


def keep(directory: Path, grading: object, *, session: str = "00001.2.grading") -> Path:
    """Keep a grading in a run or a replay."""
    path = directory / "gradings" / f"{session}.json.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(grading).encode(), mtime=0))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run with a flagged measurement."""
    directory = tmp_path / "first"
    with new_run(directory) as archive:
        root = archive.agent_tree().root.id
        decision = archive.decide(Evaluate(root, TASK, 0)).number
        session = SessionId("00001.2.agent")
        found = Outcome(TASK, 0, Verdict.RESOLVED, "all", 1.0, session, flags=("It ended early.",))
        archive.add_outcome(decision, root, found)
        archive.end("finished")
    return directory


def shown(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> list[str]:
    assert run_command(["grading", str(run), *words]) == 0
    return capsys.readouterr().out.splitlines()


def parsed(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> dict[str, Any]:
    return json.loads("\n".join(shown(capsys, run, *words, "--json")))


def refused(capsys: pytest.CaptureFixture[str], run: Path, *words: str) -> tuple[int, str]:
    code = run_command(["grading", str(run), *words])
    return code, capsys.readouterr().err


def test_gradings_are_listed_with_what_came_of_them(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(run, GRADING)
    (run / "gradings" / "note.txt").write_text("none of ours")
    (found,) = parsed(capsys, run)["gradings"]
    assert (found["session"], found["task"], found["result"]) == ("00001.2.grading", TASK, "resolved")
    assert found["flags"] == ["It ended early."]
    assert shown(capsys, run)[-1].split("  ")[-2:] == [TASK, "resolved, flagged"]


def test_a_grading_that_came_to_no_verdict_names_its_task(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(run, GRADING, session="00001.1.grading")
    (found,) = parsed(capsys, run)["gradings"]
    assert (found["task"], found["result"]) == (TASK, "no result")


def test_the_gold_patchs_run_is_told_apart_from_the_grading_that_it_was_made_for(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run, GRADING)
    keep(run, {"summary": "gold"}, session="00001.2.grading.gold")
    assert [(found["task"], found["result"]) for found in parsed(capsys, run)["gradings"]] == [
        (TASK, "resolved"),
        (TASK, "gold patch"),
    ]
    assert parsed(capsys, run, "1")["summary"].startswith("F2P")
    assert parsed(capsys, run, "1.2.grading.gold")["summary"] == "gold"


def test_a_run_that_kept_none_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, run)[-1] == "No grading was kept: only those of benchmark swebench are."


def test_a_grading_is_shown_with_the_end_of_what_its_tests_printed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run, GRADING)
    lines = shown(capsys, run, "1")
    assert lines[2].endswith(f"on {TASK}, trial 0: resolved, flagged")
    assert lines[3:14] == [
        "found: F2P 1 of 2, P2P 40 of 40 passed",
        "official report: not resolved",
        "its tests took 2.2 s",
        "FAIL_TO_PASS: 1 of 2 passed",
        "  failed: test_b",
        "PASS_TO_PASS: 40 of 40 passed",
        "flagged: It ended early.",
        "",
        "what the harness printed",
        "    Container created.",
        "",
    ]
    assert lines[14:17] == [
        "what the tests printed",
        "    (100 lines before are left out; --json has them)",
        "    line 101",
    ]
    assert lines[-1] == "    line 300"


def test_a_grading_in_json_has_all_of_it_without_what_a_terminal_obeys(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(run, GRADING)
    found = parsed(capsys, run, "1.2")
    assert (found["run"], found["task"], found["seconds"], found["report"]) == ("first", TASK, 2.25, REPORT)
    assert (found["flags"], found["harness_log"]) == (["It ended early."], "Container created.")
    assert found["patch"] == GRADING["patch"]
    assert found["log"].splitlines()[::299] == ["line 1", "line 300"]


def test_a_grading_without_a_report_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(run, {"summary": "the patch does not apply", "log": "No module named x"})
    lines = shown(capsys, run, "1")
    assert lines[3:5] == ["found: the patch does not apply", "official report: none"]
    assert lines[-1] == "    No module named x"


def test_a_suite_that_could_not_start_says_so(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(run, {"report": {"resolved": False}})
    assert shown(capsys, run, "1")[4:6] == ["official report: not resolved", "no test's result could be read"]


def test_of_many_failed_tests_some_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"success": [], "failure": [f"test_{number}" for number in range(1_050)]}
    keep(run, {"report": {"resolved": False, "tests_status": {"FAIL_TO_PASS": failed, "PASS_TO_PASS": failed}}})
    lines = shown(capsys, run, "1")
    assert (lines.count("  and 1,030 more"), sum(line.startswith("  failed: ") for line in lines)) == (2, 40)


def test_those_of_a_replay_are_shown_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay = run / "replays" / "0001"
    (replay / "transcripts").mkdir(parents=True)
    keep(replay, GRADING)
    assert [found["session"] for found in parsed(capsys, run, "--replay", "0001")["gradings"]] == ["00001.2.grading"]
    assert parsed(capsys, run, "1", "--replay", "0001")["flags"] == ["It ended early."]


def test_a_session_without_a_grading_is_one_sentence(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused(capsys, run, "../../secret")
    assert (code, said) == (
        2,
        f"dgm: There is no session '../../secret'; `dgm grading {run}` lists those that there are.\n",
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x1b[2J", "record 1 is not packed as it must be"),
        (gzip.compress(b"{}", mtime=0)[:-3], "it ends within record 1"),
        (gzip.compress(b"[", mtime=0), "it is not JSON"),
        (gzip.compress(b"[" * 100_000, mtime=0), "it is not JSON"),
        (gzip.compress(b'{"seconds": -1}', mtime=0), "seconds: Input should be greater than or equal to 0"),
        (gzip.compress(b'{"report": ' + b'{"a":' * 400 + b"1" + b"}" * 401, mtime=0), "report.a."),
    ],
)
def test_a_damaged_grading_is_one_sentence(
    run: Path, capsys: pytest.CaptureFixture[str], content: bytes, why: str
) -> None:
    keep(run, {}).write_bytes(content)
    code, said = refused(capsys, run, "1")
    assert (code, said.count("\n"), "\x1b" in said) == (3, 1, False)
    assert f"cannot be read: {why}" in said


def test_a_grading_that_unpacks_to_too_much_is_not_unpacked(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_BYTES", 10_000)
    keep(run, {"log": "x" * 1_000_000})
    assert "cannot be read: record 1 is too large." in refused(capsys, run, "1")[1]


def test_a_pipe_in_a_gradings_place_is_not_waited_for(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keep(run, {})
    path.unlink()
    os.mkfifo(path)
    assert "cannot be read: it is not a file." in refused(capsys, run, "1")[1]
