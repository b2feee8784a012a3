"""One session's transcript as a conversation that people can read.

What agents and models wrote stands indented below headings that are ours, so that no text of theirs can pass for one.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from dgm.boundary.chat import Message, ToolCall
from dgm.boundary.text import safe_line, safe_text
from dgm.gateway.records import Record, RecordedUsage, Transcript

_INDENT = 4
_STYLES = {"system": "bold blue", "user": "bold cyan", "assistant": "bold green", "tool": "bold yellow"}
_DIM = "dim"
_ERROR = "bold red"


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a conversation."""

    text: str
    style: str = ""
    depth: int = 0
    """0 for our own headings, more for what others wrote."""


def conversation(transcript: Transcript) -> Iterator[Part]:
    """Yield a transcript's parts, all of them safe to print."""
    names, number, parameters = dict[str, str](), 0, dict[str, JsonValue]()
    for record in transcript.records:
        number += record.is_request
        if record.restart:
            yield Part("\nThe conversation starts anew.", _ERROR)
        if record.omitted:
            yield Part("\nWhat was sent is left out: the transcript was full.", _ERROR)
        if record.has_tools:
            yield Part(f"\ntools: {', '.join(tool.function.name for tool in record.tools) or 'none'}", _DIM)
        if record.is_request and record.parameters != parameters:
            parameters = record.parameters
            yield Part(f"\nparameters: {safe_line(json.dumps(parameters), max_chars=200)}", _DIM)
        for message in record.messages:
            yield from _message(message, names)
        if record.is_request:
            yield Part("\n" + _request_line(number, record), _DIM)
        yield from _end(record, names)
    if transcript.damage:
        yield Part(f"\nThe rest of this transcript cannot be read: {transcript.damage}.", _ERROR)


def print_conversation(parts: Iterable[Part], screen: Console) -> None:
    """Print parts: wrapped and in colours on a terminal, else with their lines as they are."""
    for part in parts:
        left = part.depth * _INDENT
        if screen.is_terminal:
            screen.print(Padding(Text(part.text, style=part.style), (0, 0, 0, left), expand=False))
        else:
            typer.echo("\n".join(f"{' ' * left}{line}".rstrip() for line in part.text.split("\n")))


def _message(message: Message, names: dict[str, str]) -> Iterator[Part]:
    """Yield what is new in a request; an answer there is one that the agent changed or made up."""
    name = names.get(message.tool_call_id or "", "") or message.name or ""
    name = "as the agent tells it" if message.role == "assistant" else name
    yield Part(f"\n{message.role} {safe_line(name, max_chars=64)}".rstrip(), _STYLES[message.role])
    yield from _body(message.content, message.tool_calls or (), names)


def _end(record: Record, names: dict[str, str]) -> Iterator[Part]:
    if record.answer is not None:
        yield Part("assistant", _STYLES["assistant"])
        if record.thinking.strip():
            yield Part("thinking", _DIM, 1)
            yield Part(_safe_block(record.thinking), _DIM, 2)
        yield from _body(record.answer.content, record.answer.tool_calls, names)
        if record.finish_reason in {"length", "content_filter"}:
            yield Part(f"(cut off: {record.finish_reason})", _ERROR, 1)
    if record.error is not None:
        yield Part("gateway" if record.is_request else "\ngateway, to what was no chat request", _ERROR)
        yield Part(safe_line(record.error.message), "", 1)
        if record.error.detail.strip():
            yield Part("the provider's words: " + safe_line(record.error.detail), "", 1)


def _body(content: str | None, calls: Sequence[ToolCall], names: dict[str, str]) -> Iterator[Part]:
    if content and content.strip():
        yield Part(_safe_block(content), "", 1)
    elif not calls:
        yield Part("(empty)", _DIM, 1)
    for call in calls:
        names[call.id] = call.function.name
        yield Part(f"calls {safe_line(call.function.name)}", "bold", 1)
        yield from _arguments(call.function.arguments)


def _arguments(text: str) -> Iterator[Part]:
    """Yield a call's arguments: each on a line of its own, and long texts as the lines that they are."""
    for name, value in (_named(text) or {"": text}).items():
        shown = value if isinstance(value, str) else json.dumps(value)
        label = f"{safe_line(name, max_chars=64)}:" if name else ""
        if "\n" in shown.strip("\n"):
            yield from [Part(label, _DIM, 2)] if label else []
            yield Part(_safe_block(shown), "", 3 if label else 2)
        else:
            yield Part(f"{label} {safe_line(shown)}".strip(), "", 2)


def _named(text: str) -> dict[str, object] | None:
    """Return arguments by name, None where they are no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _request_line(number: int, record: Record) -> str:
    """Return when a request was made, how long it took, and what it used."""
    parts = [f"── request {number}"]
    if record.time is not None:
        parts.append(datetime.fromtimestamp(record.time, UTC).strftime("%H:%M:%S UTC"))
    if record.seconds is not None:
        parts.append(f"{record.seconds:,.1f} s")
    if record.usage is not None:
        parts.append(usage_words(record.usage))
        parts.append(f"${record.cost_usd:,.4f}")
    return "  ".join(parts)


def usage_words(usage: RecordedUsage) -> str:
    """Return tokens in words, with the share that was read from the provider's cache if there was any."""
    share = usage.cache_read_tokens / usage.input_tokens if usage.input_tokens else 0.0
    cached = f" ({share:.0%} cached)" if usage.cache_read_tokens else ""
    return f"{usage.input_tokens:,} in{cached}  {usage.output_tokens:,} out"


def _safe_block(text: str) -> str:
    return safe_text(text).strip("\n").rstrip()
