"""A real run that a person looks at from other processes: reviews, a pause, a kill while a child waits, a stop."""

import json
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from dgm.oversight.address import connect
from tests.e2e.commands import Command
from tests.e2e.conftest import write_config

pytestmark = [pytest.mark.docker, pytest.mark.slow]

CHILDREN = 2
PATIENCE_S = 300.0


@pytest.fixture
def command(tmp_path: Path) -> Command:
    path = write_config(tmp_path / "small.toml", children=CHILDREN, workers=1)
    path.write_text(path.read_text("utf-8") + "[integrity]\ncontrol_tasks = 0\ncontrol_every = 0\n", "utf-8")
    return Command(tmp_path)


@pytest.fixture
def started() -> Generator[Callable[[subprocess.Popen[str]], subprocess.Popen[str]]]:
    """Takes note of a process, which is ended if the test fails before it ends."""
    processes: list[subprocess.Popen[str]] = []

    def noted(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        processes.append(process)
        return process

    yield noted
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is so in a run that a process evolves."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert process.poll() is None, "the run ended before"
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def oversight(command: Command) -> dict[str, Any]:
    done = command("status", "seen", "--json")
    return json.loads(done.stdout)["oversight"] if done.returncode == 0 else {"waiting": [], "paused": False}


def all_wait(command: Command, *, but: tuple[int, ...] = ()) -> bool:
    """Return whether as many children wait as the run still wants, so that it has nothing else to do."""
    waiting = oversight(command)["waiting"]
    return len(waiting) == CHILDREN and not {*but} & {*waiting}


def listens(command: Command) -> bool:
    """Return whether the run takes commands; that its socket is there says little after a kill."""
    connection = connect(command.runs / "seen", timeout_s=PATIENCE_S)
    if connection is None:
        return False
    connection.close()
    return True


def test_a_run_is_reviewed_paused_killed_and_stopped_from_other_processes(
    command: Command, started: Callable[[subprocess.Popen[str]], subprocess.Popen[str]]
) -> None:
    control, config = command.runs / "seen" / "control.sock", str(command.runs / "small.toml")
    process = started(command.start("run", "seen", "--config", config, "--approve", "each"))
    until(lambda: all_wait(command), process)

    assert stat.filemode(control.stat().st_mode) == "srw-------"
    first, other = command.json("review", "seen")["waiting"]
    assert first["diff"].startswith("diff --git ")
    assert first["diagnosis"]["improvement_proposal"]
    sessions = {path.name.rpartition(".")[0] for path in (command.runs / "seen" / "transcripts").iterdir()}
    assert not any("probe" in session for session in sessions)  # nothing of the child has run

    # Killed while it waits: it still waits, and nothing is paid for again.
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert control.exists()
    assert command.json("review", "seen")["waiting"][0] | {"age_s": 0} == first | {"age_s": 0}
    process = started(command.start("resume", "seen"))
    until(lambda: listens(command), process)

    refused = command("review", "seen", "--step", str(first["step"]), "--reject", "It only adds words.")
    until(lambda: all_wait(command, but=(first["step"],)), process)
    assert (refused.returncode, refused.stdout) == (0, f"Step {first['step']} is rejected.\n")

    paused = command("pause", "seen", "--reason", "to think")
    assert (paused.returncode, paused.stdout[:15]) == (0, "The run pauses;")
    assert oversight(command)["paused"]
    second = other["step"]
    assert command("review", "seen", "--step", str(second), "--approve", "--reason", "reads well").returncode == 0
    assert len(command.json("tree", "seen")["agents"]) == 1  # paused: its probe has to wait
    assert command("resume", "seen", "--children", "5").returncode == 2  # its process takes no settings
    assert command("resume", "seen").stdout == "The run goes on.\n"
    until(lambda: len(command.json("tree", "seen")["agents"]) == 2, process)

    assert command("resume", "seen").returncode == 3  # not paused any more: the run is in use
    assert command("stop", "seen").returncode == 0
    printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "1 child waits to be seen: `dgm review seen`" in printed
    assert not control.exists()

    # While nothing runs, what is said is kept; and a run may go on without more reviews.
    (third,) = oversight(command)["waiting"]
    assert "`dgm resume seen` goes on" in command("review", "seen", "--step", str(third), "--approve").stdout
    assert command("pause", "seen").returncode == 2
    assert command("resume", "seen", "--approve", "never").returncode == 0

    found = oversight(command)
    assert [(review["step"], review["approved"]) for review in found["reviews"]] == [
        (first["step"], False),
        (second, True),
        (third, True),
    ]
    assert [done["what"] for done in found["interventions"]] == ["pause", "resume", "stop"]
    root, child = command.json("tree", "seen")["agents"][:2]
    assert command.json("show", "seen", child["id"])["review"]["reason"] == "reads well"
    rejected = command.json("show", "seen", root["id"])["rejected_steps"][0]
    assert (rejected["rejection"], rejected["detail"]) == ("not approved", "It only adds words.")
