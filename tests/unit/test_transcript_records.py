"""Transcripts of a published run may hold anything: they are read strictly, within bounds, and in clear words."""

import gzip
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from dgm.core.errors import CorruptArchiveError
from dgm.gateway import records
from dgm.gateway.records import Transcript, read_records, whole_transcript

GOOD: dict[str, Any] = {
    "number": 1,
    "kept": 0,
    "messages": [{"role": "user", "content": "do it"}],
    "parameters": {},
    "answer": {"content": "Done."},
    "finish_reason": "stop",
    "usage": {"input_tokens": 3, "output_tokens": 2},
    "cost_usd": 0.5,
}


def member(value: object) -> bytes:
    return gzip.compress(json.dumps(value).encode() + b"\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.jsonl.gz"


def read(path: Path, content: bytes) -> Transcript:
    path.write_bytes(content)
    return read_records(path)


def test_a_record_of_an_older_version_lacks_fields(path: Path) -> None:
    transcript = read(path, member(GOOD))
    (record,) = transcript.records
    assert (transcript.damage, record.bound, record.request_hash, record.thinking) == ("", None, None, "")
    assert record.usage is not None
    assert record.usage.cache_read_tokens == 0


def test_a_field_of_a_newer_version_is_left_out(path: Path) -> None:
    assert read(path, member({**GOOD, "mood": {"a": [1]}})).damage == ""


def test_a_member_may_be_larger_than_what_is_read_at_a_time(path: Path) -> None:
    text = os.urandom(100_000).hex()
    transcript = read(path, member({**GOOD, "thinking": text}) * 2)
    assert [record.thinking == text for record in transcript.records] == [True, True]


@pytest.mark.parametrize(
    ("record", "damage"),
    [
        ([], "record 2: : Input should be a valid dictionary or instance of Record"),
        ({**GOOD, "messages": [{"role": "god", "content": "x"}]}, "record 2: messages.0.role: "),
        ({**GOOD, "messages": "x"}, "record 2: messages: "),
        ({**GOOD, "kept": -1}, "record 2: kept: "),
        ({**GOOD, "kept": 1.5}, "record 2: kept: "),
        ({**GOOD, "cost_usd": -1}, "record 2: cost_usd: "),
        ({**GOOD, "cost_usd": float("nan")}, "record 2: cost_usd: "),
        ({**GOOD, "time": 1e300}, "record 2: time: "),
        ({**GOOD, "usage": {"input_tokens": 2**60, "output_tokens": 0}}, "record 2: usage.input_tokens: "),
        ({**GOOD, "finish_reason": "\x1b[2J"}, "record 2: finish_reason: "),
        ({**GOOD, "error": "x"}, "record 2: error: "),
        ({**GOOD, "answer": {"tool_calls": [{"id": "x" * 300}]}}, "record 2: answer.tool_calls.0.id: "),
    ],
)
def test_a_wrong_field_is_damage_and_what_was_before_it_is_kept(path: Path, record: object, damage: str) -> None:
    transcript = read(path, member(GOOD) + member(record))
    assert len(transcript.records) == 1
    assert transcript.damage.startswith(damage)
    assert transcript.damage.isprintable()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"number": ' + "9" * 5000 + "}"])
def test_what_is_not_json_is_damage(path: Path, text: str) -> None:
    assert read(path, gzip.compress(text.encode())).damage == "record 1 is not JSON"


@pytest.mark.parametrize("tail", [b"not a gzip member", b"\0" * 40, zlib.compress(b"{}")])
def test_what_is_not_packed_as_it_must_be_is_damage(path: Path, tail: bytes) -> None:
    transcript = read(path, member(GOOD) + tail)
    assert (len(transcript.records), transcript.damage) == (1, "record 2 is not packed as it must be")


@pytest.mark.parametrize("cut", [1, 8, 30])
def test_a_torn_end_is_damage(path: Path, cut: int) -> None:
    transcript = read(path, (member(GOOD) * 2)[:-cut])
    assert (len(transcript.records), transcript.damage) == (1, "it ends within record 2")


def test_a_record_that_unpacks_to_too_much_is_not_unpacked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", 10_000)
    bomb = gzip.compress(b'"' + b"x" * 1_000_000)
    assert len(bomb) < 2_000
    transcript = read(path, member(GOOD) + bomb)
    assert (len(transcript.records), transcript.damage) == (1, "record 2 is too large")


def test_many_records_that_unpack_to_too_much_are_not_unpacked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_TRANSCRIPT_BYTES", 25_000)
    transcript = read(path, member({**GOOD, "thinking": "x" * 10_000}) * 9)
    assert (len(transcript.records), transcript.damage) == (2, "record 3 is too large")


def test_there_is_an_end_to_tiny_records(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_RECORDS", 100)
    transcript = read(path, gzip.compress(b"{}") * 1_000)
    assert (len(transcript.records), transcript.damage) == (100, "it has more than 100 records")


def test_a_pipe_or_a_directory_is_no_transcript(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_records(tmp_path / "pipe").damage == "it is not a file"
    assert read_records(tmp_path).damage == "it is not a file"


def test_a_whole_transcript_is_there_and_undamaged(path: Path) -> None:
    with pytest.raises(CorruptArchiveError, match=r"s\.jsonl\.gz is missing"):
        whole_transcript(path)
    path.write_bytes(member(GOOD)[:-1])
    with pytest.raises(CorruptArchiveError, match=r"s\.jsonl\.gz is damaged: it ends within record 1\."):
        whole_transcript(path)
    path.write_bytes(member(GOOD))
    assert len(whole_transcript(path)) == 1


def test_half_a_surrogate_pair_of_a_model_can_be_read_back(path: Path) -> None:
    transcript = read(path, member({**GOOD, "answer": {"content": "\ud800"}}))
    answer = transcript.records[0].answer
    assert answer is not None
    assert answer.content == "\ud800"
