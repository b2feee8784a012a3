"""Killed at random moments and resumed, a run ends as an uninterrupted one, and nothing is done or paid twice."""

import random
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.e2e.commands import Command, comparable
from tests.e2e.conftest import write_config

pytestmark = [pytest.mark.docker, pytest.mark.slow]

KILLS = 20


@pytest.fixture
def command(tmp_path: Path) -> Command:
    write_config(tmp_path / "small.toml", children=3, workers=1)
    return Command(tmp_path)


def kill_after(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a process after some seconds of its life; return whether it had ended by itself before."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return False
    assert process.returncode == 0
    return True


def begun(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """Wait until a new run is there; what is killed before leaves nothing to go on with."""
    assert process.stdout is not None
    assert any(line.startswith("run killed:") for line in process.stdout)
    return process


def test_twenty_kills_change_nothing_but_the_time_it_takes(command: Command) -> None:
    config = str(command.runs / "small.toml")
    assert command("run", "whole", "--config", config).returncode == 0
    moments = random.Random(5)

    kills = 0
    finished = kill_after(begun(command.start("run", "killed", "--config", config)), moments.uniform(0.0, 2.0))
    while not finished:
        kills += 1
        # Late kills are the last ones: a run that is killed only early would never get anywhere.
        least = 0.2 if kills < KILLS else 600.0
        finished = kill_after(command.start("resume", "killed"), least + moments.uniform(0.0, 3.5))
        if finished and kills < KILLS:
            # It got to its end too soon: grow both trees further, and go on killing.
            more = str(len(command.json("tree", "whole")["agents"]) + 1)
            assert command("resume", "whole", "--children", more).returncode == 0
            finished = kill_after(command.start("resume", "killed", "--children", more), moments.uniform(1.0, 3.0))
    assert kills >= KILLS

    assert comparable(command.json("tree", "killed")) == comparable(command.json("tree", "whole"))
    assert command.json("status", "killed")["state"] == "finished"
    assert_nothing_twice(command.runs / "killed" / "archive.db")
    assert_no_container_is_left(command)


def assert_nothing_twice(database: Path) -> None:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as sql:
        twice = sql.execute(
            "SELECT agent, task, trial FROM evaluations GROUP BY agent, task, trial HAVING count(*) > 1"
        ).fetchall()
        assert twice == []
        # No work was begun on a decision after its result was recorded: nothing is paid for again.
        again = sql.execute(
            "SELECT a.decision FROM attempts a JOIN evaluations e ON e.decision = a.decision WHERE a.at > e.at"
        ).fetchall()
        assert again == []
        again = sql.execute(
            "SELECT a.decision FROM attempts a JOIN steps s ON s.decision = a.decision WHERE a.at > s.at"
        ).fetchall()
        assert again == []


def assert_no_container_is_left(command: Command) -> None:
    assert (
        subprocess.run([*command.argv("gc")[:-2]], capture_output=True, text=True, timeout=120, check=False).returncode
        == 0
    )
    left = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", "label=dgm.run=killed"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    assert left.stdout == ""
