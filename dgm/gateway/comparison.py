"""Compares a session with its recording: which requests are the same, and where the first one is not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from dgm.boundary.chat import ChatRequest, Message, Tool
from dgm.boundary.text import safe_line, safe_text
from dgm.core.sequences import common_start
from dgm.gateway.money import SessionLimitError
from dgm.gateway.provider import RequestRefusedError
from dgm.gateway.recorded import NotRecordedError
from dgm.gateway.recording import RecordedCall, Unused
from dgm.gateway.sameness import loose_message_digest, parameters, without_accidents

ENDED = "the recorded session ended before it"
"""What a `Difference` says of a request beyond the last recorded one."""
_ENDS = {RequestRefusedError.__name__, SessionLimitError.__name__, NotRecordedError.__name__}
_LINES_SHOWN = 3
_CHARS_SHOWN = 100
_CHARS_BEFORE = 30


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing in which two sessions differ."""

    request: int
    """Number of the request, from 1: the session's own, or the recorded one that the session did not make."""
    what: str
    """In a few words: the message and who it is from, or what else."""
    diff: tuple[str, ...] = ()
    """Safe lines: "- " as recorded, "+ " as it is now."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much of a recording a session repeated."""

    recorded: int
    """Requests in the recording."""
    matched: int
    """Of them: made again, and with the same end."""
    loosely: int
    """Of those: equal but for accidents of execution, such as durations; see `dgm.gateway.sameness`."""
    difference: Difference | None
    """None when all matched and there were no others."""


def compare(recorded: Sequence[RecordedCall], session: Sequence[RecordedCall]) -> Comparison:
    """Return how the calls of a session compare with the recorded ones.

    The order in which calls were written does not count, since an agent may have several under way.
    """
    unused = Unused(recorded)
    matched = loosely = 0
    difference: Difference | None = None
    for call in session:
        kind = _end(call)
        found = unused.find_same(call, lambda other, kind=kind: _end(other) == kind)
        if found is None:
            difference = difference or _difference(unused, call)
            continue
        unused.remove(found)
        matched += 1
        loosely += found.exact_hash != call.exact_hash
    missing = unused.first
    if difference is None and missing is not None:
        difference = Difference(missing.number, "the session ended without making it")
    return Comparison(len(recorded), matched, loosely, difference)


def _difference(unused: Unused, call: RecordedCall) -> Difference:
    same = unused.find_same(call)
    if same is not None:
        lines = (f"- {_end_words(same)}", f"+ {_end_words(call)}")
        return Difference(call.number, "the request is the same, but not what came of it", lines)
    expected = unused.first
    if expected is None:
        return Difference(call.number, ENDED)
    return _first_difference(expected, call)


def _first_difference(expected: RecordedCall, call: RecordedCall) -> Difference:
    before, after = expected.request, call.request
    for number, (one, other) in enumerate(zip_longest(before.messages, after.messages), start=1):
        if one is None or other is None or loose_message_digest(one) != loose_message_digest(other):
            role = (one or other or before.messages[0]).role
            what = f"message {number} of {len(after.messages)} ({role})"
            return Difference(call.number, what, _message_diff(one, other))
    for one, other in zip_longest(before.tools, after.tools):
        if one != other:
            return Difference(call.number, "the tools on offer", _diff(_tool_words(one), _tool_words(other)))
    if parameters(before) != parameters(after):
        return Difference(call.number, "parameters", _diff(_parameter_words(before), _parameter_words(after)))
    return Difference(call.number, "the transcript was changed since: it does not have the request that was sent then")


def _end(call: RecordedCall) -> tuple[str, str]:
    """Return what tells how a call ended."""
    error = call.record.error
    if error is None:
        return "answered", ""
    # What else ends a call of a session with a verdict is that the session ended, of whatever type the error was then.
    return (error.type, error.code) if error.type in _ENDS else ("cut short", "")


def _end_words(call: RecordedCall) -> str:
    error = call.record.error
    return "answered" if error is None else safe_line(error.message, max_chars=_CHARS_SHOWN)


def _message_diff(one: Message | None, other: Message | None) -> tuple[str, ...]:
    before, after = _words(one), _words(other)
    return _diff(before, after) if before != after else _diff(_heading(one), _heading(other))


def _words(message: Message | None) -> str:
    if message is None:
        return ""
    calls = [f"{call.id} {call.function.name}({call.function.arguments})" for call in message.tool_calls or ()]
    return "\n".join(filter(None, [message.content, *calls]))


def _heading(message: Message | None) -> str:
    return "" if message is None else " ".join(filter(None, (message.role, message.name, message.tool_call_id)))


def _tool_words(tool: Tool | None) -> str:
    return "" if tool is None else tool.model_dump_json(exclude_none=True, indent=1)


def _parameter_words(request: ChatRequest) -> str:
    return ", ".join(f"{name} = {json.dumps(value)}" for name, value in sorted(parameters(request).items()))


def _diff(before: str, after: str) -> tuple[str, ...]:
    """Return a few safe lines from where two texts begin to differ in more than accidents."""
    old, new = safe_text(before).split("\n"), safe_text(after).split("\n")
    if old == new:
        return ("they differ in characters that cannot be shown",)
    pairs = zip(old, new, strict=False)
    first = next(
        (number for number, (one, other) in enumerate(pairs) if without_accidents(one) != without_accidents(other)),
        min(len(old), len(new)),
    )
    old, new = old[first : first + _LINES_SHOWN], new[first : first + _LINES_SHOWN]
    start = common_start("".join(old[:1]), "".join(new[:1]))
    if old and new and old[0].split() == new[0].split():  # only spaces tell them apart
        part = slice(max(0, start - _CHARS_BEFORE), start + _CHARS_BEFORE)
        return (f"- {old[0][part]!r}", f"+ {new[0][part]!r}")
    return (*_marked("- ", old, start), *_marked("+ ", new, start))


def _marked(mark: str, lines: Sequence[str], start: int) -> list[str]:
    """Return lines, the first of them clipped so that its character number `start` can be seen."""
    if not any(lines):
        return [mark + "(nothing)"]
    skipped = max(0, start - _CHARS_BEFORE) if start > _CHARS_SHOWN // 2 else 0
    shown = ["…" + lines[0][skipped:] if skipped else lines[0], *lines[1:]]
    return [mark + safe_line(line, max_chars=_CHARS_SHOWN) for line in shown]
