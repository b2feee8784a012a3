"""A replay's ledger: a file of its own that tells what was paid, also after a kill."""

import json
from pathlib import Path

import pytest

from dgm.archive.ledger import FileLedger
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage

SESSION = SessionId("00001.1.agent")
WORST = Usage(calls=1, input_tokens=100, output_tokens=50, cost_usd=0.5)
USED = Usage(1, input_tokens=90, output_tokens=5, cost_usd=0.125, cache_read_tokens=60, cache_write_tokens=20)


def test_a_call_counts_at_its_worst_case_until_it_is_settled(tmp_path: Path) -> None:
    with FileLedger(tmp_path / "calls.jsonl") as ledger:
        ledger.reserve_call(SESSION, 1, worst_case=WORST)
        ledger.reserve_call(SESSION, 2, worst_case=WORST)
        ledger.settle_call(SESSION, 1, usage=USED)
        assert ledger.spent() == USED + WORST


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


def test_a_ledger_never_writes_over_an_older_one(tmp_path: Path) -> None:
    FileLedger(tmp_path / "calls.jsonl").__exit__()
    with pytest.raises(FileExistsError):
        FileLedger(tmp_path / "calls.jsonl")
