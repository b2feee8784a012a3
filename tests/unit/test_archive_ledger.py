"""A replay's ledger: a file of its own that tells what was paid, also after a kill."""

import json
import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dgm.archive.ledger import FileLedger
from dgm.core.errors import InfrastructureError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import Role

SESSION = SessionId("00001.1.agent")
WORST = Usage(calls=1, input_tokens=100, output_tokens=50, cost_usd=0.5)
USED = Usage(1, input_tokens=90, output_tokens=5, cost_usd=0.125, cache_read_tokens=60, cache_write_tokens=20)


def test_a_call_counts_at_its_worst_case_until_it_is_settled(tmp_path: Path) -> None:
    with FileLedger(tmp_path / "calls.jsonl") as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        ledger.reserve_call(SESSION, 2, worst_case=WORST)
        ledger.settle_call(SESSION, 1, usage=USED)
        assert ledger.spent() == USED + WORST


def test_it_tells_what_each_role_used(tmp_path: Path) -> None:
    with FileLedger(tmp_path / "calls.jsonl") as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        ledger.reserve_call(SESSION, 2, worst_case=USED)
        ledger.reserve_call(SessionId("00002.1.interest.diagnose"), 1, worst_case=USED)
        assert ledger.usage_by_role() == {Role.AGENT: WORST + USED, Role.DIAGNOSE: USED}


def test_each_event_is_in_the_file_before_the_call_goes_on(tmp_path: Path) -> None:
    with FileLedger(tmp_path / "calls.jsonl") as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        (line,) = (tmp_path / "calls.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line) == {
        "event": "reserved",
        "session": SESSION,
        "number": 1,
        "input_tokens": 100,
        "output_tokens": 50,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": 0.5,
    }


def test_what_the_cache_had_is_in_the_file(tmp_path: Path) -> None:
    with FileLedger(tmp_path / "calls.jsonl") as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        ledger.settle_call(SESSION, 1, usage=USED)
    settled = json.loads((tmp_path / "calls.jsonl").read_text("utf-8").splitlines()[1])
    assert (settled["cache_read_tokens"], settled["cache_write_tokens"]) == (60, 20)


@contextmanager
def room_for(size: int) -> Generator[None]:
    """Let no file of this process become longer than so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("room", "why"), [(0, "File too large"), (10, "the disk is full")])
def test_a_line_without_room_is_a_fault_and_no_part_of_it_is_left(tmp_path: Path, room: int, why: str) -> None:
    path = tmp_path / "calls.jsonl"
    with FileLedger(path) as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        with (
            room_for(path.stat().st_size + room),
            pytest.raises(InfrastructureError, match=rf"calls\.jsonl could not be written: {why}\.$"),
        ):
            ledger.settle_call(SESSION, 1, usage=USED)
        ledger.reserve_call(SESSION, 2, worst_case=WORST)
    lines = map(json.loads, path.read_text("utf-8").splitlines())
    assert [(line["event"], line["number"]) for line in lines] == [("reserved", 1), ("reserved", 2)]


def test_only_what_is_in_the_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    with FileLedger(path) as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        with room_for(path.stat().st_size):
            with pytest.raises(InfrastructureError):
                ledger.settle_call(SESSION, 1, usage=USED)
            with pytest.raises(InfrastructureError):
                ledger.reserve_call(SESSION, 2, worst_case=WORST)
        assert ledger.spent() == WORST


def test_a_ledger_never_writes_over_an_older_one(tmp_path: Path) -> None:
    FileLedger(tmp_path / "calls.jsonl").__exit__()
    with pytest.raises(FileExistsError):
        FileLedger(tmp_path / "calls.jsonl")
