"""The calls of one recorded session, put together from its transcript, and how a request finds its own among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

from dgm.boundary.chat import ChatRequest, Message, Tool
from dgm.core.errors import CorruptArchiveError
from dgm.gateway.records import Record, whole_transcript
from dgm.gateway.sameness import loose_message_digest, loose_request_hash, message_digest, request_digest, request_hash

_MODEL = "recorded"


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call: the whole request and what came of it."""

    number: int
    """Among the session's chat requests, from 1."""
    request: ChatRequest
    exact_hash: str
    loose_hash: str
    """Equal for requests that are equal but for accidents of execution; see `dgm.gateway.sameness`."""
    is_intact: bool
    """Whether the request is the one that was sent then, as far as the transcript tells."""
    record: Record


def read_calls(path: Path) -> tuple[RecordedCall, ...]:
    """Return the calls in a transcript, in the order in which they were written.

    Raises:
        CorruptArchiveError: it is missing, damaged, or was full before the session ended.
    """
    records = [record for record in whole_transcript(path) if record.is_request]
    if any(record.omitted for record in records):
        raise CorruptArchiveError(f"The transcript {path} was full: not all requests are in it.")
    builder = _Builder()
    try:
        return tuple(builder.call(number, record) for number, record in enumerate(records, start=1))
    except (ValidationError, _GapError) as error:
        number = builder.built + 1
        raise CorruptArchiveError(f"The transcript {path} is damaged: request {number} cannot be put together.") from (
            error
        )


Fits: TypeAlias = Callable[[RecordedCall], bool]


def _always(_: RecordedCall) -> bool:
    return True


class Unused:
    """A session's recorded calls that no request has found yet."""

    def __init__(self, calls: Sequence[RecordedCall]) -> None:
        self._calls = list(calls)

    @property
    def first(self) -> RecordedCall | None:
        """The one that was written first."""
        return self._calls[0] if self._calls else None

    def find(self, request: ChatRequest, fits: Fits = _always) -> RecordedCall | None:
        """Return the first call that `fits` and has this request, or else one that is equal but for accidents."""
        return self._find(request_hash(request), lambda: loose_request_hash(request), fits)

    def find_same(self, call: RecordedCall, fits: Fits = _always) -> RecordedCall | None:
        """Return the same for another session's call."""
        return self._find(call.exact_hash, lambda: call.loose_hash, fits)

    def _find(self, exact_hash: str, loose_hash: Callable[[], str], fits: Fits) -> RecordedCall | None:
        candidates = [call for call in self._calls if call.is_intact and fits(call)]
        found = next((call for call in candidates if call.exact_hash == exact_hash), None)
        if found is not None or not candidates:
            return found
        loose = loose_hash()
        return next((call for call in candidates if call.loose_hash == loose), None)

    def remove(self, call: RecordedCall) -> None:
        """Count a call as used."""
        self._calls.remove(call)


class _GapError(Exception):
    """A record goes on from messages that no record before it has."""


class _Builder:
    """Follows `dgm.gateway.transcripts.TranscriptWriter`, record by record."""

    def __init__(self) -> None:
        self.built = 0
        self._conversation: tuple[_Said, ...] = ()
        self._tools: tuple[Tool, ...] = ()

    def call(self, number: int, record: Record) -> RecordedCall:
        if record.kept > len(self._conversation):
            raise _GapError
        said = (*self._conversation[: record.kept], *map(_said, record.messages))
        self._tools = record.tools if record.has_tools else self._tools
        request = ChatRequest.model_validate(
            {
                **record.parameters,
                "model": _MODEL,
                "messages": tuple(one.message for one in said),
                "tools": self._tools,
            }
        )
        exact_hash = request_digest([one.digest for one in said], request)
        self._conversation = said if record.answer is None else (*said, _said(record.answer.message))
        self.built = number
        return RecordedCall(
            number=number,
            request=request,
            exact_hash=exact_hash,
            loose_hash=request_digest([one.loose_digest for one in said], request),
            is_intact=record.request_hash in {None, exact_hash},
            record=record,
        )


@dataclass(frozen=True, slots=True)
class _Said:
    message: Message
    digest: bytes
    loose_digest: bytes


def _said(message: Message) -> _Said:
    return _Said(message, message_digest(message), loose_message_digest(message))
