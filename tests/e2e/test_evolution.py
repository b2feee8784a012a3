"""A whole evolution through the command line, in real containers."""

import json
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.e2e.commands import Command, comparable
from tests.e2e.conftest import write_config

pytestmark = [pytest.mark.docker, pytest.mark.slow]


def git_log(run: Path) -> str:
    return subprocess.run(
        ["git", "-C", str(run / "agents.git"), "log", "--all", "--format=%s|%p|%h"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_tree_has_the_agreed_shape(evolved: Command) -> None:
    tree = evolved.json("tree", "small")
    assert {key: tree[key] for key in ("run", "model", "benchmark")} == {
        "run": "small",
        "model": "rehearsal",
        "benchmark": "katas",
    }
    assert len(tree["agents"]) == 3
    seed = tree["agents"][0]
    assert set(seed) == {
        *("id", "parent", "generation", "step", "score", "better_than_parent", "chance_best", "children", "created_at"),
        "tampering",
    }
    assert set(seed["score"]) == {"resolved", "attempted", "mean", "low", "high"}
    assert (seed["parent"], seed["generation"], seed["score"]["attempted"]) == (None, 0, 3)


def test_the_status_has_the_agreed_shape(evolved: Command) -> None:
    status = evolved.json("status", "small")
    assert set(status) == {
        *("run", "state", "agents", "steps", "evaluations", "flagged", "cost_usd", "tokens", "elapsed_s"),
        *("best", "held_out", "monitoring", "savings", "usage", "cached_share", "unsettled", "by_role", "budget"),
        *("controls", "oversight", "tampering"),
    }
    assert sum(role["calls"] for role in status["by_role"].values()) == status["usage"]["calls"] > 0
    assert (status["state"], status["agents"], status["steps"]["accepted"]) == ("finished", 3, 2)
    assert status["evaluations"] == 9


def test_git_shows_the_same_lineage_as_the_tree(evolved: Command) -> None:
    agents = evolved.json("tree", "small")["agents"]
    rows = [line.split("|") for line in git_log(evolved.runs / "small").splitlines()]
    by_commit = {commit: subject.split()[1] for subject, _, commit in rows}
    lineage = {subject.split()[1]: by_commit.get(parent) for subject, parent, _ in rows}
    assert lineage == {agent["id"]: agent["parent"] for agent in agents}


def test_a_replay_finds_what_the_run_found(evolved: Command) -> None:
    best = max(evolved.json("tree", "small")["agents"], key=lambda agent: agent["score"]["low"])
    answer = evolved.json("replay", "small", best["id"][:8])
    assert (answer["attempted"], answer["as_recorded"], answer["compared"]) == (3, 3, 3)
    assert answer["resolved"] == best["score"]["resolved"]
    assert {"task", "trial", "verdict", "seconds", "cost_usd"} <= set(answer["outcomes"][0])


def test_a_replay_that_is_interrupted_keeps_what_it_measured_and_leaves_no_container(
    evolved: Command, tmp_path: Path
) -> None:
    seed = evolved.json("tree", "small")["agents"][0]["id"]
    process = evolved.start("replay", "small", seed, "--workers", "1", "--out", str(tmp_path / "out"))
    assert process.stdout is not None
    assert any("1/3" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    answer = json.loads((tmp_path / "out" / "result.json").read_text())
    measured = 1 + ("2/3" in said)  # the second may end before the signal comes
    assert (answer["attempted"], len(answer["outcomes"])) == (measured, 3)
    assert {outcome["summary"] for outcome in answer["outcomes"][measured:]} == {"interrupted"}
    assert containers_of("out") == ""


def test_an_agent_can_be_checked_out_as_plain_files(evolved: Command, tmp_path: Path) -> None:
    child = evolved.json("tree", "small")["agents"][1]["id"]
    assert evolved("checkout", "small", child, str(tmp_path / "out")).returncode == 0
    assert (tmp_path / "out" / "main.py").is_file()
    assert not list((tmp_path / "out").rglob(".git"))


def test_somebodys_own_agent_can_be_the_root(evolved: Command, tmp_path: Path) -> None:
    child = evolved.json("tree", "small")["agents"][1]["id"]
    evolved("checkout", "small", child, str(tmp_path / "mine"))
    config = str(write_config(tmp_path / "c.toml", children=0))
    done = evolved("run", "mine", "--config", config, "--seed-agent", str(tmp_path / "mine"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "finished"
    assert len(evolved.json("tree", "mine")["agents"]) == 1


def test_ctrl_c_keeps_results_leaves_no_container_and_can_be_resumed(evolved: Command, tmp_path: Path) -> None:
    config = str(write_config(tmp_path / "c.toml", workers=1))
    evolved("run", "calm", "--config", config)
    process = evolved.start("run", "drained", "--config", config)
    assert process.stdout is not None
    # The first line about an agent: the seed agent is measured, and the first step is under way.
    assert any("resolved" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert evolved.json("status", "drained")["state"] == "interrupted"
    assert containers_of("drained") == ""
    assert evolved("resume", "drained").returncode == 0
    assert comparable(evolved.json("tree", "drained")) == comparable(evolved.json("tree", "calm"))


def test_a_second_ctrl_c_stops_at_once_without_leaks(evolved: Command, tmp_path: Path) -> None:
    process = evolved.start("run", "stopped", "--config", str(write_config(tmp_path / "c.toml")))
    assert process.stdout is not None
    assert any("resolved" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    assert any("Finishing" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)  # whoever is impatient must not keep the second from clearing up
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, "Stopped" in said, errors) == (130, True, "")
    assert containers_of("stopped") == ""
    assert not list(Path(tempfile.gettempdir()).glob(f"dgm-{process.pid}-*"))
    assert evolved("resume", "stopped").returncode == 0
    assert evolved.json("status", "stopped")["state"] == "finished"


def containers_of(run: str) -> str:
    return subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label=dgm.run={run}"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
