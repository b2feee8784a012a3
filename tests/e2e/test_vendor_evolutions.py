"""A whole evolution over each vendor's wire format through its real SDK, against servers that bill and refuse."""

import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dgm.cli.main import run_command
from tests.e2e.commands import Command
from tests.e2e.recording_engine import recording_engine
from tests.e2e.wires import WIRES, Wire, wire

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture(params=WIRES)
def vendor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire(request.param) as served:
        monkeypatch.setenv(served.key_variable, served.key)
        yield served


def nanos(dollars: Decimal | float) -> int:
    return round(Decimal(dollars) * 10**9)


def settled_nanos(status: dict[str, Any]) -> int:
    return nanos(status["cost_usd"]) - nanos(status["unsettled"]["cost_usd"])


def assert_billed(status: dict[str, Any], vendor: Wire) -> None:
    """Each call is booked to the nano-dollar, so the sums differ by less than one for each call."""
    assert settled_nanos(status) == pytest.approx(nanos(vendor.billed_usd()), abs=vendor.hold.calls)


def files_with(key: str, *directories: Path) -> list[Path]:
    files = [path for directory in directories for path in directory.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if key.encode() in path.read_bytes()]


def test_an_evolution_costs_what_the_vendor_billed_and_replays_without_it(tmp_path: Path, vendor: Wire) -> None:
    command = Command(tmp_path)
    done = command("run", "real", "--config", str(vendor.config(tmp_path)), "--max-cost", "50")
    assert done.returncode == 0, done.stderr
    status = command.json("status", "real")
    assert (status["state"], status["steps"]["accepted"], status["unsettled"]["calls"]) == ("finished", 2, 0)
    assert_billed(status, vendor)
    assert status["cached_share"] == pytest.approx(vendor.cached_share(), abs=1e-6)
    assert sum(role["cost_usd"] for role in status["by_role"].values()) == pytest.approx(status["cost_usd"])
    assert "rehears" not in done.stdout
    vendor.hold.at = vendor.hold.calls + 1  # from here on, a call would never come back
    for agent in command.json("tree", "real")["agents"]:
        replayed = command("replay", "real", agent["id"], "--recorded")
        assert replayed.returncode == 0, replayed.stdout + replayed.stderr


def test_at_the_cap_it_stops_within_it_and_goes_on_with_more_money(tmp_path: Path, vendor: Wire) -> None:
    command = Command(tmp_path)
    done = command("run", "poor", "--config", str(vendor.config(tmp_path)), "--max-cost", "0.3")
    assert done.returncode == 5, done.stdout + done.stderr
    status = command.json("status", "poor")
    assert (status["state"], status["cost_usd"] <= 0.3) == ("interrupted", True)
    assert_billed(status, vendor)
    again = ("resume", "poor", "--config", str(vendor.config(tmp_path)))  # says anew who gets the key
    assert command(*again, "--max-cost", "50").returncode == 0
    status, tree = command.json("status", "poor"), command.json("tree", "poor")
    assert status["state"] == "finished"
    assert sum(agent["score"]["attempted"] for agent in tree["agents"]) == status["evaluations"]
    assert_billed(status, vendor)


def test_a_killed_run_goes_on_and_its_books_still_agree_with_the_vendor(tmp_path: Path, vendor: Wire) -> None:
    command = Command(tmp_path)
    vendor.hold.at = 9
    process = command.start(
        "run", "killed", "--config", str(vendor.config(tmp_path, workers=1, children=1)), "--max-cost", "50"
    )
    assert vendor.hold.reached.wait(timeout=120)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    vendor.hold.release.set()
    status = command.json("status", "killed")
    assert status["unsettled"]["calls"] == 1
    assert_billed(status, vendor)
    assert command("resume", "killed", "--config", str(vendor.config(tmp_path))).returncode == 0
    status = command.json("status", "killed")
    assert (status["state"], status["unsettled"]["calls"]) == ("finished", 1)
    assert_billed(status, vendor)
    assert run_command(["gc"]) == 0  # the killed process left its socket's directory


def test_the_key_goes_to_the_vendor_and_nowhere_else(
    tmp_path: Path, vendor: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every byte to and from the engine, so also into containers, and every file of the run is looked through."""
    (tmp_path / "runs").mkdir()
    command = Command(tmp_path / "runs")
    with recording_engine(tmp_path) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        words = ("run", "real", "--config", str(vendor.config(tmp_path, children=1)), "--max-cost", "50")
        done = command(*words)
        assert done.returncode == 0, done.stderr
    assert vendor.billed_usd() > 0
    assert files_with(vendor.key, tmp_path / "runs", engine.records) == []
    assert vendor.key not in done.stdout + done.stderr
    assert files_with("You are a software engineer", engine.records), "the recording has what went into containers"
