"""Transcripts: what each session's model was sent and answered, written by the gateway so that no agent can forge it.

One file per session, one JSON object per line and call. Each record is a gzip member of its own: what was written stays
readable whatever happens to the process afterwards.

    number      of the call in the ledger; null for a request that was refused before it became one
    time        seconds since 1970, when the request came
    seconds     until its answer
    kept        how many messages of the conversation so far the request begins with
    restart     true when it does not go on from the conversation so far; `messages` has all of it then
    messages    the rest of the request's messages
    tools       the tools on offer, when they are not those of the record before
    parameters  temperature and the like, as far as given
    omitted     true when `messages`, `tools` and `parameters` were left out, since the transcript was full
    request_hash    of the whole request, `dgm.gateway.sameness.request_hash`: shows whether anything above was changed
    bound       the most input tokens that were set aside for it, if it got that far
    answer, finish_reason, usage, cost_usd      or
    error       what the agent was told instead, with the provider's own words in `detail` if there are any
"""

import gzip
import json
import os
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dgm.boundary.chat import ChatRequest, Message
from dgm.boundary.session_files import session_file
from dgm.boundary.text import safe_line, safe_text
from dgm.core.errors import InfrastructureError
from dgm.core.ids import SessionId
from dgm.core.sequences import common_start
from dgm.gateway.records import Record, read_records
from dgm.gateway.sameness import message_digest, parameters, request_digest

TRANSCRIPT_SUFFIX = ".jsonl.gz"
MAX_SENT_BYTES = 16 * 2**20
"""Of requests in one transcript. A request that is refused for its size costs an agent nothing: a thousand of 4 MB each
would fill the host's disk, and the memory of whoever reads them."""
_LOOKS_LIKE_A_HEADING = re.compile(r"^(?=\[(?:system|user|assistant|tool|gateway)\b)", re.MULTILINE)


def transcript_path(directory: Path, session: SessionId) -> Path:
    """Return the file of a session's transcript.

    Raises:
        UsageError: the id could not be a file's name.
    """
    return session_file(directory, session, suffix=TRANSCRIPT_SUFFIX)


class TranscriptWriter:
    """Appends one session's calls to its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._conversation: tuple[bytes, ...] = ()  # digests of its messages
        self._must_keep = 0
        self._tools: object = []
        self._bytes_left = MAX_SENT_BYTES

    def add(self, request: ChatRequest, result: dict[str, Any], *, answer: Message | None) -> None:
        """Append a call.

        Args:
            request: what was sent.
            result: the record's fields on what came of it.
            answer: what the model said; the next request is expected to go on from there.
        Raises:
            InfrastructureError: it could not be written.
        """
        digests = tuple(map(message_digest, request.messages))
        sent_hash = {"request_hash": request_digest(digests, request)}
        with self._lock:
            _append(self._path, {**self._affordable(self._new_in(request, digests)), **sent_hash, **result})
            self._conversation = digests if answer is None else (*digests, message_digest(answer))
            self._must_keep = len(digests)

    def add_refusal(self, result: dict[str, Any]) -> None:
        """Append a request that was not even a chat request."""
        with self._lock:
            _append(self._path, {"kept": 0, "messages": [], **result})

    def _affordable(self, sent: dict[str, Any]) -> dict[str, Any]:
        size = len(json.dumps(sent))
        if size > self._bytes_left:
            return {"kept": 0, "messages": [], "omitted": True}
        self._bytes_left -= size
        return sent

    def _new_in(self, request: ChatRequest, digests: Sequence[bytes]) -> dict[str, Any]:
        kept = common_start(self._conversation, digests)
        restart = kept < self._must_keep
        kept = 0 if restart else kept
        record: dict[str, Any] = {"kept": kept}
        if restart:
            record["restart"] = True
        record["messages"] = [message.model_dump(exclude_none=True) for message in request.messages[kept:]]
        tools = [tool.model_dump(exclude_none=True) for tool in request.tools]
        if tools != self._tools:
            self._tools = record["tools"] = tools
        record["parameters"] = parameters(request)
        return record


def read_transcript(path: Path) -> str:
    """Return a transcript as readable text without control characters; "" if there is none."""
    transcript = read_records(path)
    lines = [line for record in transcript.records for line in _rendered(record)]
    if transcript.damage:
        lines.append(f"[gateway] The rest of the transcript cannot be read: {transcript.damage}.")
    return "\n".join(lines)


def _append(path: Path, record: dict[str, Any]) -> None:
    member = gzip.compress(json.dumps(record).encode() + b"\n", compresslevel=6, mtime=0)
    try:
        with path.open("ab", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if file.write(member) != len(member):
                file.truncate(size)  # a torn member would hide all that come after it
                raise InfrastructureError(f"The transcript {path} could not be written: the disk is full.")
    except OSError as error:
        raise InfrastructureError(f"The transcript {path} could not be written: {error.strerror}.") from error


def _rendered(record: Record) -> Iterator[str]:
    if record.restart:
        yield "[gateway] The conversation starts anew."
    if record.omitted:
        yield "[gateway] What was sent is left out: the transcript is full."
    for message in record.messages:
        yield from _rendered_message(message)
    if record.answer is not None:
        yield from _rendered_message(record.answer.message)
    if record.error is not None:
        yield f"[gateway] {safe_line(record.error.message)} {safe_line(record.error.detail)}".rstrip()


def _rendered_message(message: Message) -> Iterator[str]:
    calls = message.tool_calls or ()
    if message.content or not calls:
        yield f"[{message.role}]"
        yield _body(message.content) if message.content else "(empty reply)" if message.role == "assistant" else ""
    for call in calls:
        yield f"[{message.role} calls {safe_line(call.function.name)}]"
        yield _body(call.function.arguments)


def _body(text: str) -> str:
    # A command's output that prints "[assistant]" must not look like the assistant to whoever reads this.
    return _LOOKS_LIKE_A_HEADING.sub(" ", safe_text(text))
