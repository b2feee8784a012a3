"""Reads off a session's transcript and patch what went wrong, as a strong model would."""

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from dgm.gateway.rehearsal.ideas import Symptom
from dgm.gateway.rehearsal.languages import SOURCE_SUFFIXES
from dgm.gateway.rehearsal.rewriting import ELISION, is_python
from dgm.gateway.rehearsal.seen import CLIPPED

_HEADER = re.compile(r"^\[(system|user|assistant|tool|assistant calls ([\w-]+))\][ \t]*", re.MULTILINE)
_EMPTY_REPLY = "(empty reply)"
_RUNS_CODE = re.compile(
    r"doctest|unittest|pytest|python3? -c|>>>|\bgo (?:build|vet|run|test)|cargo |javac|g\+\+|node |jest"
)
_PATCHED = re.compile(r"^\+\+\+ b/(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of a transcript."""

    role: str
    """system, user, assistant, tool or call."""
    tool: str
    text: str


def blocks(transcript: str) -> list[Block]:
    """Return the entries of a transcript in their order."""
    headers = list(_HEADER.finditer(transcript))
    if not headers:  # the agent never called the model
        return []
    ends = [header.start() for header in headers[1:]] + [len(transcript)]
    return [
        Block("call" if header[2] else header[1], header[2] or "", transcript[header.end() : end].strip("\n"))
        for header, end in zip(headers, ends, strict=True)
    ]


def symptoms(transcript: str, patch: str) -> list[Symptom]:
    """Return what went wrong, the most telling first."""
    entries = blocks(transcript)
    calls = [(block, _arguments(block.text)) for block in entries if block.role == "call"]
    patched = set(_PATCHED.findall(patch))
    found = {
        Symptom.EMPTY_REPLY: _ends_with_empty_reply(entries),
        Symptom.SYNTAX_ERROR: any(_breaks_python(arguments) for _, arguments in calls),
        Symptom.ELISION: any(ELISION in block.text for block, _ in calls),
        Symptom.CLIPPED_OUTPUT: any(CLIPPED.search(result) for call, result in _results(entries) if _is_shell(call)),
        Symptom.CLIPPED_VIEW: any(CLIPPED.search(result) for call, result in _results(entries) if _names_a_file(call)),
        Symptom.ONE_PLACE: bool(patched) and _looked_at_more(calls, patched),
        Symptom.NO_EDIT: not patched,
        Symptom.UNCHECKED: bool(patched) and not any(_RUNS_CODE.search(block.text) for block, _ in calls),
    }
    return [symptom for symptom in Symptom if found[symptom]]


def _ends_with_empty_reply(entries: list[Block]) -> bool:
    return bool(entries) and entries[-1].role == "assistant" and _EMPTY_REPLY in entries[-1].text


def _arguments(text: str) -> dict[str, Any]:
    """Return a call's arguments, which stand in a transcript as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _texts(arguments: dict[str, Any]) -> list[str]:
    return [value for value in arguments.values() if isinstance(value, str)]


def _is_shell(call: Block) -> bool:
    arguments = _arguments(call.text)
    return bool(arguments) and not any("path" in name or "file" in name for name in arguments)


def _names_a_file(call: Block) -> bool:
    """Whether a call is for one file: the list of what a large repository holds is always too long."""
    names = () if _is_shell(call) else _texts(_arguments(call.text))
    return any(posixpath.splitext(name)[1] for name in names)


def _results(entries: list[Block]) -> Iterator[tuple[Block, str]]:
    """Yield each call with its result: the results of a message's calls follow these in their order."""
    waiting: list[Block] = []
    for entry in entries:
        if entry.role == "call":
            waiting.append(entry)
        elif entry.role == "tool" and waiting:
            yield waiting.pop(0), entry.text


def _breaks_python(arguments: dict[str, Any]) -> bool:
    """Whether an edit leaves a bracket open: in a whole Python file, or in new text unlike in the old."""
    texts = _texts(arguments)
    path = next((text for text in texts if text.endswith(".py")), None)
    if path is None:
        return False
    longer = [text for text in texts if "\n" in text or "(" in text]
    if len(longer) == 1 and ELISION not in longer[0]:
        return not is_python(longer[0])
    return len(longer) == 2 and _open_brackets(longer[0]) != _open_brackets(longer[1])  # noqa: PLR2004 - old and new


def _open_brackets(text: str) -> tuple[int, ...]:
    return tuple(text.count(left) - text.count(right) for left, right in ("()", "[]", "{}"))


def _looked_at_more(calls: list[tuple[Block, dict[str, Any]]], patched: set[str]) -> bool:
    """Whether source files were opened that the patch leaves alone, beside those that it changes."""
    texts = {text for _, arguments in calls for text in _texts(arguments) if re.fullmatch(r"[\w./-]+", text)}
    opened = {text for text in texts if text.endswith(SOURCE_SUFFIXES)}
    return any(not any(path.endswith(name) for name in patched) for path in opened)
