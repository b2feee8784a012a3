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
    answer, finish_reason, usage, cost_usd      or
    error       what the agent was told instead, with the provider's own words in `detail` if there are any
"""

import gzip
import json
import os
import re
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dgm.boundary.chat import ChatRequest, Message
from dgm.boundary.text import safe_line, safe_text
from dgm.core.errors import InfrastructureError, UsageError
from dgm.core.ids import SessionId

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_MAX_ID_CHARS = 100
MAX_SENT_BYTES = 16 * 2**20
"""Of requests in one transcript. A request that is refused for its size costs an agent nothing: a thousand of 4 MB each
would fill the host's disk, and the memory of whoever reads them."""
_LOOKS_LIKE_A_HEADING = re.compile(r"^(?=\[(?:system|user|assistant|tool|gateway)\b)", re.MULTILINE)
_GZIP = 31  # zlib's window bits for a gzip member


def transcript_path(directory: Path, session: SessionId) -> Path:
    """Return the file of a session's transcript.

    Raises:
        UsageError: the id could not be a file's name.
    """
    if len(session) > _MAX_ID_CHARS or not _SESSION_ID.fullmatch(session):
        raise UsageError(f"{safe_line(session, max_chars=_MAX_ID_CHARS)!r} is not the id of a session.")
    return directory / f"{session}.jsonl.gz"


class TranscriptWriter:
    """Appends one session's calls to its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._conversation: tuple[Message, ...] = ()
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
        with self._lock:
            _append(self._path, {**self._affordable(self._new_in(request)), **result})
            self._conversation = request.messages if answer is None else (*request.messages, answer)
            self._must_keep = len(request.messages)

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

    def _new_in(self, request: ChatRequest) -> dict[str, Any]:
        kept = _common_prefix(self._conversation, request.messages)
        restart = kept < self._must_keep
        kept = 0 if restart else kept
        record: dict[str, Any] = {"kept": kept}
        if restart:
            record["restart"] = True
        record["messages"] = [message.model_dump(exclude_none=True) for message in request.messages[kept:]]
        tools = [tool.model_dump(exclude_none=True) for tool in request.tools]
        if tools != self._tools:
            self._tools = record["tools"] = tools
        record["parameters"] = request.model_dump(exclude_none=True, exclude={"model", "messages", "tools"})
        return record


def read_transcript(path: Path) -> str:
    """Return a transcript as readable text without control characters; "" if there is none."""
    return "\n".join(line for record in _records(path) for line in _rendered(record))


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


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        rest = path.read_bytes()
    except FileNotFoundError:
        return
    while rest:
        member = zlib.decompressobj(_GZIP)
        try:
            line = member.decompress(rest)
        except zlib.error:
            return
        if not member.eof:  # the machine went down while it was written
            return
        rest = member.unused_data
        yield json.loads(line)


def _common_prefix(before: Sequence[Message], after: Sequence[Message]) -> int:
    pairs = zip(before, after, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if not _same(one, other)), min(len(before), len(after)))


def _same(one: Message, other: Message) -> bool:
    """Return whether two messages say the same, whichever way an agent spells that there is no text or no call."""
    return (one.role, one.content or "", one.tool_calls or (), one.tool_call_id, one.name) == (
        (other.role, other.content or "", other.tool_calls or (), other.tool_call_id, other.name)
    )


def _rendered(record: dict[str, Any]) -> Iterator[str]:
    if record.get("restart"):
        yield "[gateway] The conversation starts anew."
    if record.get("omitted"):
        yield "[gateway] What was sent is left out: the transcript is full."
    for message in record["messages"]:
        yield from _rendered_message(message)
    if "answer" in record:
        yield from _rendered_message({"role": "assistant", **record["answer"]})
    if "error" in record:
        error: dict[str, str] = record["error"]
        yield f"[gateway] {safe_line(error['message'])} {safe_line(error.get('detail', ''))}".rstrip()


def _rendered_message(message: dict[str, Any]) -> Iterator[str]:
    role, content, calls = message["role"], message.get("content"), message.get("tool_calls") or ()
    if content or not calls:
        yield f"[{role}]"
        yield _body(content) if content else "(empty reply)" if role == "assistant" else ""
    for call in calls:
        yield f"[{role} calls {safe_line(call['function']['name'])}]"
        yield _body(call["function"]["arguments"])


def _body(text: str) -> str:
    # A command's output that prints "[assistant]" must not look like the assistant to whoever reads this.
    return _LOOKS_LIKE_A_HEADING.sub(" ", safe_text(text))
