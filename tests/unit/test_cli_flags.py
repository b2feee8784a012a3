"""What the reading verbs say of measurements that are flagged: the verdict as it is, and that it does not count."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from dgm.cli.main import run_command
from dgm.cli.progress import LiveProgress, PlainProgress
from dgm.cli.verdicts import outcome_table
from dgm.core.actions import Evaluate
from dgm.core.ids import AgentId, TaskId
from dgm.core.ports import Decision
from dgm.wiring import LiveRun
from tests.fakes.runs import new_run, outcome

FLAGGED = outcome("ant", flags=("Test \x1b[2Jtest_a did not run.", "It ended early."))
SOUND = outcome("bee")


@pytest.fixture
def root(tmp_path: Path) -> AgentId:
    """The seed agent of the run "first", which has a flagged measurement and another one."""
    with new_run(tmp_path / "first") as run:
        agent = run.agent_tree().root.id
        for found in (FLAGGED, SOUND):
            run.add_outcome(run.decide(Evaluate(agent, found.task, 0)).number, agent, found)
    return agent


def never_measured(_: AgentId) -> bool:
    return False


class Reading:
    """The reading verbs on the run of a test."""

    def __init__(self, runs: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.runs, self.capture = runs, capture

    def __call__(self, *words: str) -> str:
        assert run_command([*words, "--runs-dir", str(self.runs)]) == 0
        return self.capture.readouterr().out

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def dgm(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Reading:
    monkeypatch.setenv("COLUMNS", "120")
    return Reading(tmp_path, capsys)


def test_show_has_the_verdict_and_the_flags_beside_it(dgm: Reading, root: AgentId) -> None:
    found = dgm.json("show", "first", root)
    assert [(each["verdict"], each["flags"]) for each in found["outcomes"]] == [
        ("resolved", ["Test test_a did not run.", "It ended early."]),
        ("resolved", []),
    ]
    assert (found["score"]["resolved"], found["score"]["attempted"]) == (1, 2)


def test_show_tells_people_each_flag_on_a_line(dgm: Reading, root: AgentId) -> None:
    lines = [" ".join(line.split()) for line in dgm("show", "first", root).partition("Outcomes")[2].splitlines()]
    assert lines[2:] == [
        "ant 0 resolved, flagged 1.2 0.000 3 of 5 tests passed (1 other paths not graded)",
        "flagged: Test test_a did not run.",
        "flagged: It ended early.",
        "conftest.py: configures Python's test runners",
        "bee 0 resolved 1.2 0.000 3 of 5 tests passed (1 other paths not graded)",
        "conftest.py: configures Python's test runners",
    ]


def test_show_tells_people_how_many_other_paths_there_were_beyond_those_recorded() -> None:
    measured = replace(outcome("ant"), dropped_paths=("a", "b", "and 1,700 more"))
    console = Console(width=200, record=True)
    console.print(outcome_table([measured]))
    assert "(2 other paths and 1,700 more not graded)" in console.export_text()


@pytest.mark.usefixtures("root")
def test_status_says_how_many_are_flagged(dgm: Reading) -> None:
    assert "2, 1 of them resolved but flagged: not counted as resolved\n" in dgm("status", "first")
    assert (dgm.json("status", "first")["evaluations"], dgm.json("status", "first")["flagged"]) == (2, 1)


@pytest.mark.usefixtures("root")
def test_a_flagged_measurement_counts_as_resolved_nowhere(dgm: Reading) -> None:
    assert " 1/2 " in dgm("tree", "first")
    assert dgm.json("tree", "first")["agents"][0]["score"]["resolved"] == 1
    assert dgm.json("runs")["runs"][0]["best"]["score"]["resolved"] == 1


@pytest.mark.usefixtures("root")
def test_the_list_of_sessions_says_which_are_flagged(dgm: Reading) -> None:
    assert [line.rpartition("  ")[2] for line in dgm("transcript", "first").splitlines()[-2:]] == [
        "resolved, flagged",
        "resolved",
    ]
    sessions = dgm.json("transcript", "first")["sessions"]
    assert [(each["result"], each["flags"]) for each in sessions] == [
        ("resolved", ["Test test_a did not run.", "It ended early."]),
        ("resolved", []),
    ]


def test_a_flag_is_told_as_soon_as_it_is_there(tmp_path: Path) -> None:
    console = Console(width=200)
    with new_run(tmp_path / "run") as archive:
        agent = archive.agent_tree().root.id
        run = cast("LiveRun", SimpleNamespace(archive=archive, draining=False, is_measured=never_measured))
        decision = Decision(1, Evaluate(agent, TaskId("ant"), 0))
        live = LiveProgress(run, console, children=2)
        with console.capture() as captured:
            PlainProgress(run, console).recorded(decision, FLAGGED)
            live.recorded(decision, FLAGGED)
            console.print(live)
    assert [line for line in captured.get().splitlines() if "flagged" in line] == [
        f"{agent[:7]} on ant: flagged: Test test_a did not run. (not counted as resolved)",
        f"{agent[:7]} on ant: flagged: It ended early. (not counted as resolved)",
        "  last: ant resolved, flagged, which does not count as resolved",
    ]
