"""Checks of transcripts against the books: what models were sent and answered is there for all that was paid.

The gateway books a call before it writes it down, and lets the agent know after that. So a session that came to a
result has a record of every call that was answered before, and a session that was killed half way may lack those that
were under way; the last record may be torn. What was refused or failed has a record without a number.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dgm.archive.checks import Finding, Subject, found
from dgm.archive.checks_results import is_of_attempt
from dgm.archive.records import Amount
from dgm.archive.run import TRANSCRIPTS
from dgm.boundary.session_files import sessions_in
from dgm.core.errors import UsageError
from dgm.core.ids import SessionId
from dgm.core.outcomes import NANOS_PER_USD
from dgm.core.ports import MOST_CALLS_AT_ONCE
from dgm.gateway.records import Record, Transcript, read_records
from dgm.gateway.transcripts import TRANSCRIPT_SUFFIX, transcript_path

_TORN = "it ends within record"

_CALLS = """
    SELECT r.session, r.number, s.calls, s.input_tokens, s.output_tokens, s.nanos, s.at
    FROM reservations r LEFT JOIN settlements s ON s.session = r.session AND s.number = r.number"""
_ENDED = """
    SELECT session, at FROM evaluations
    UNION ALL SELECT session, at FROM step_sessions JOIN steps ON steps.number = step
    UNION ALL SELECT value, at FROM held, json_each(held.step, '$.sessions') WHERE json_valid(held.step)"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call in the books."""

    used: Amount | None
    """None where it has no end."""
    settled_at: float

    @property
    def is_answered(self) -> bool:
        """Whether a model surely answered it: what was refused used no tokens."""
        return self.used is not None and self.used.input_tokens + self.used.output_tokens > 0


Calls: TypeAlias = dict[int, Call]


@dataclass(frozen=True, slots=True)
class Books:
    """What the facts of one moment say of sessions."""

    calls: Mapping[str, Calls]
    ended: Mapping[str, float]
    """When they came to a result, of those that did."""


def books_of(run: Subject) -> Books:
    """Return what a run's facts say of its sessions."""
    calls: dict[str, Calls] = {}
    for session, number, *used, at in run.rows(_CALLS):
        calls.setdefault(session, {})[number] = _call(used, at)
    ended = dict[str, float]()
    for session, at in run.rows(_ENDED):
        ended.setdefault(str(session), at)
    return Books(calls, ended)


def check_transcripts(run: Subject, books: Books, listed: list[str]) -> Iterator[Finding]:
    """Yield what is found of a run's transcripts.

    Args:
        run: the run; what its facts say by now is asked where a transcript is ahead of the books.
        books: of one moment.
        listed: names of the files that there were before that moment.
    """
    place = run.directory / TRANSCRIPTS
    yield found(
        "transcripts of the run",
        "each is of an attempt's session",
        looked_at=lambda: len(listed),
        problems=_strangers(run, listed),
    )
    left_over = list[str]()
    sessions = sorted(books.calls.keys() | {name.removesuffix(TRANSCRIPT_SUFFIX) for name in listed})

    def problems() -> Iterator[str]:
        for session in sessions:
            yield from _problems(session, place, books, run=run, left_over=left_over.append)

    yield found(
        "transcripts", "whole, and with each call in the books", looked_at=lambda: len(sessions), problems=problems(),
        left_over=left_over,
    )  # fmt: skip


def listed_transcripts(directory: Path) -> list[str]:
    """Return the names of all that lies among a run's transcripts."""
    try:
        return sorted(path.name for path in (directory / TRANSCRIPTS).iterdir())
    except OSError:
        return []  # each session then lacks its own


def _strangers(run: Subject, listed: list[str]) -> Iterator[str]:
    sessions = set(sessions_in(run.directory / TRANSCRIPTS, suffix=TRANSCRIPT_SUFFIX))
    for name in listed:
        session = SessionId(name.removesuffix(TRANSCRIPT_SUFFIX))
        if session not in sessions or not is_of_attempt(session, run):
            yield f"transcripts/{name} is of no session of the run."


def _problems(
    session: str, place: Path, books: Books, *, run: Subject, left_over: Callable[[str], None]
) -> Iterator[str]:
    """Yield what is wrong with the transcript of one session."""
    try:
        path = transcript_path(place, SessionId(session))
    except UsageError:
        return  # no session of the run, as another line says
    calls, ended_at = books.calls.get(session, {}), books.ended.get(session)
    transcript = read_records(path)
    if transcript.damage and ended_at is None and transcript.damage.startswith(_TORN):
        left_over(f"transcripts/{path.name}: {transcript.damage}")
    elif transcript.damage:
        yield f"The transcript of session {session} is damaged: {transcript.damage}."
    yield from _missing(session, calls, ended_at, transcript)
    yield from _wrong(session, calls, transcript, run=run)


def _missing(session: str, calls: Calls, ended_at: float | None, transcript: Transcript) -> Iterator[str]:
    recorded = {record.number for record in transcript.records}
    lacking = [number for number, call in calls.items() if call.is_answered and number not in recorded]
    if ended_at is None:
        if len(lacking) > MOST_CALLS_AT_ONCE:
            yield f"The transcript of session {session} lacks {len(lacking)} calls; not as many were under way."
        return
    overdue = [number for number in lacking if calls[number].settled_at < ended_at]
    if overdue:
        yield f"The transcript of session {session} lacks {len(overdue)} calls, such as call {overdue[0]}."
    elif not transcript.records and not transcript.damage and _has_ended_before(ended_at, calls):
        yield f"Session {session} called a model and has no transcript."


def _has_ended_before(moment: float, calls: Calls) -> bool:
    """Whether any call had its end by then: one that was still under way when its session closed may have no record."""
    return any(call.used is not None and call.settled_at < moment for call in calls.values())


def _wrong(session: str, calls: Calls, transcript: Transcript, *, run: Subject) -> Iterator[str]:
    """Yield the records that the books do not have like that."""
    seen = set[int]()
    for record in transcript.records:
        if record.number is None:
            continue
        if record.number in seen:
            yield f"Call {record.number} of session {session} is in its transcript twice."
        seen.add(record.number)
        call = calls.get(record.number)
        if call is None or (call.used is None and record.answer is not None):
            call = _calls_now(run, session).get(record.number)  # of a live run
        if call is None or call.used is None:
            yield f"Call {record.number} of session {session} is in its transcript and not in the books."
        elif not _same(record, call.used):
            yield f"Call {record.number} of session {session} used something else by its transcript than by the books."


def _calls_now(run: Subject, session: str) -> Calls:
    rows = run.rows(f"{_CALLS} WHERE r.session = ?", (session,))
    return {number: _call(used, at) for _, number, *used, at in rows}


def _call(used: list[int | None], at: float | None) -> Call:
    calls, input_tokens, output_tokens, nanos = used
    if calls is None or input_tokens is None or output_tokens is None or nanos is None or at is None:
        return Call(None, 0.0)
    return Call(Amount(calls, input_tokens, output_tokens, nanos), at)


def _same(record: Record, used: Amount) -> bool:
    if record.usage is None:
        return False
    tokens = (record.usage.input_tokens, record.usage.output_tokens)
    return tokens == (used.input_tokens, used.output_tokens) and round(record.cost_usd * NANOS_PER_USD) == used.nanos
