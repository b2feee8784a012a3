"""Puts the events of a stream of Anthropic's messages API together to a message.

The SDK could do it, but reads the arguments of a call as JSON anew with each event, which takes quadratic time, and
fails where they are none or nest too deeply: then an agent that has the model write such arguments, for which it only
needs to ask, could make every call of its session a provider's fault, and so stop the run.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic_core import from_json

_GROWS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_USED = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_SAID_LAST = ("stop_reason", "stop_details")


class DisorderError(Exception):
    """Events that make no message."""


@dataclass(slots=True)
class Message:
    """A message as far as it has come."""

    is_whole: bool = False
    _started: dict[str, Any] = field(default_factory=dict[str, Any])
    _blocks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _written: dict[tuple[int, str], list[str]] = field(default_factory=dict[tuple[int, str], list[str]])

    def add(self, event: Mapping[str, Any]) -> None:
        """Add an event.

        Raises:
            DisorderError, KeyError, TypeError, AttributeError, IndexError: it is none, or not in its place.
        """
        match event["type"]:
            case "message_start":
                self._started = dict(event["message"]) | {"usage": dict(event["message"]["usage"] or {})}
            case _ if not self._started:
                raise DisorderError
            case "content_block_start":
                self._blocks.append(dict(event["content_block"]))
            case "content_block_delta":
                self._grow(event["index"], event["delta"])
            case "message_delta":
                self._started |= {name: event["delta"].get(name) for name in _SAID_LAST}
                used: Mapping[str, Any] = event.get("usage") or {}
                # Totals so far; what is missing stays as the message began with it.
                self._started["usage"] |= {name: used[name] for name in _USED if used.get(name) is not None}
            case "message_stop":
                self.is_whole = True
            case _:  # of kinds that are still to come, or say nothing
                pass

    def arguments(self) -> dict[int, str]:
        """Return the arguments of calls by the block's place: JSON as the model wrote it."""
        return {place: _joined(parts) for (place, kind), parts in self._written.items() if kind == "input"}

    def message(self) -> dict[str, Any]:
        """Return the message as the API would give it without a stream."""
        content = [dict(block) for block in self._blocks]
        for (place, kind), parts in self._written.items():
            whole = _joined(parts)
            content[place][kind] = _object(whole) if kind == "input" else (content[place].get(kind) or "") + whole
        return self._started | {"content": content}

    def _grow(self, place: int, delta: Mapping[str, Any]) -> None:
        if not 0 <= place < len(self._blocks):
            raise DisorderError
        if delta["type"] == "input_json_delta":
            self._write(place, "input", delta["partial_json"])
        elif delta["type"] in _GROWS:
            name = _GROWS[delta["type"]]
            self._write(place, name, delta[name])

    def _write(self, place: int, kind: str, text: object) -> None:
        if not isinstance(text, str):
            raise DisorderError
        self._written.setdefault((place, kind), []).append(text)


def _joined(parts: Sequence[str]) -> str:
    """Return the parts of a text; halves of a character that came in two of them are put together."""
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _object(text: str) -> dict[str, Any]:
    """Return a call's arguments as an object, as far as they are one; the agent gets the text."""
    try:
        parsed = from_json(text or "{}", allow_inf_nan=False, allow_partial=True)
        json.dumps(parsed, allow_nan=False)  # 1e999 is read as infinity
    except ValueError:
        return {}
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
