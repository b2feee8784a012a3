"""When two requests are the same: exactly, or but for what no two executions of a program have in common.

Left out in the second case are, in messages of tools and users (never in what the model said):

    durations            0.002s, 1.53 seconds, 12.5 ms, 0m1.204s; not those without decimals, which are mostly settings
    moments              2026-11-20 14:03:09.123, 2026-11-20T14:03:09Z, Nov 20 14:03, Fri Nov 20 14:03:09 UTC 2026
    memory addresses     0x7f3a5c0d9e10
    temporary names      /tmp/tmpab12cd34, /tmp/tmp.Xy12Zw34Ab

Nothing else: two outputs that differ in one more character are different.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Final

from dgm.boundary.chat import ChatRequest, Message

# Every repetition is bounded, so that no text makes the search slow.
_ACCIDENTS: Final = (
    (
        "<moment>",
        re.compile(
            r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?\b"
            r"|\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?"
            r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}\d{1,2} \d\d:\d\d(?::\d\d(?: UTC)? \d{4})?\b"
        ),
    ),
    (
        "<duration>",
        re.compile(r"(?<![\w.])(?:\d{1,4}m)?\d{1,9}\.\d{1,9} ?(?:s|ms|us|µs|sec|secs|seconds?|milliseconds?)\b"),
    ),
    ("<address>", re.compile(r"\b0x[0-9a-f]{6,16}\b")),
    ("<temporary>", re.compile(r"/tmp/tmp(?:[a-z0-9_]{8}|\.[A-Za-z0-9]{10})\b")),  # noqa: S108 - not one of ours
)
_ROLES_OF_PROGRAMS = frozenset({"tool", "user"})


def without_accidents(text: str) -> str:
    """Return `text` with durations, moments, memory addresses and temporary names replaced by their kinds."""
    for kind, pattern in _ACCIDENTS:
        text = pattern.sub(kind, text)
    return text


def message_digest(message: Message) -> bytes:
    """Return what tells a message from all others, whichever way it spells that there is no text or no call."""
    return _digest(_parts(message, message.content or ""))


def loose_message_digest(message: Message) -> bytes:
    """Return the same for messages that are equal but for accidents of execution."""
    content = message.content or ""
    return _digest(_parts(message, without_accidents(content) if message.role in _ROLES_OF_PROGRAMS else content))


def request_digest(messages: Iterable[bytes], request: ChatRequest) -> str:
    """Return what tells a request from all others.

    Args:
        messages: the digest of each of its messages.
        request: for its tools and parameters; the model's name is not looked at, since a session has only one.
    """
    tools = [tool.model_dump(exclude_none=True) for tool in request.tools]
    rest = _digest([tools, parameters(request)])
    return hashlib.sha256(b"".join([*messages, rest])).hexdigest()


def request_hash(request: ChatRequest) -> str:
    """Return the digest of a whole request."""
    return request_digest(map(message_digest, request.messages), request)


def loose_request_hash(request: ChatRequest) -> str:
    """Return the same for requests that are equal but for accidents of execution."""
    return request_digest(map(loose_message_digest, request.messages), request)


def parameters(request: ChatRequest) -> dict[str, object]:
    """Return temperature and the like, as far as given."""
    return request.model_dump(mode="json", exclude_none=True, exclude={"model", "messages", "tools"})


def _parts(message: Message, content: str) -> list[object]:
    calls = [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls or ()]
    return [message.role, content, calls, message.tool_call_id, message.name]


def _digest(value: object) -> bytes:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
