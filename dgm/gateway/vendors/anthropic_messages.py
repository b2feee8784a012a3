"""Puts a chat conversation into the turns of Anthropic's messages API.

The API wants turns of user and assistant in alternation, the first and the last of them the user's; the results of a
turn's calls at the start of the turn after it; ids of calls that are unique; no blank text; and thinking put back as it
was, unless something before it has changed.

What is sent for a message hangs on the messages before it alone, so that a conversation that grows at its end also
grows at its end there: the prompt cache and the signatures of thinking rest on that.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, count
from typing import Literal, TypeAlias, cast

from pydantic import BaseModel, JsonValue
from pydantic_core import from_json

from dgm.boundary.chat import Message, ToolCall
from dgm.gateway.provider import KeptTurns
from dgm.gateway.vendors.calls import kept_turn, name_to_send

Block: TypeAlias = dict[str, JsonValue]
"""One part of a turn, of the system prompt or of the list of tools."""
NUDGE = "Continue."
"""Said in the user's place where the API wants a turn of the user and the conversation has none."""
THINKING = frozenset({"thinking", "redacted_thinking"})
"""Types of the blocks that are signed."""
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says before the other does."""

    role: Literal["user", "assistant"]
    content: list[Block]


class KeptTurn(BaseModel):
    """A turn of the model with thinking in it: `dgm.gateway.provider.Completion.kept`."""

    prefix: str
    """Digest of what stood before it."""
    content: list[Block]
    """All of the turn, as the API gave it."""


class Prefix:
    """Digest of a growing request, without its cache breakpoints."""

    def __init__(self) -> None:
        self._hash = sha256()

    def add(self, part: JsonValue) -> None:
        """Make it the digest of all that it was of, and `part`."""
        self._hash.update(json_bytes(part) + b"\n")

    def digest(self) -> str:
        """Return it in hexadecimal digits."""
        return self._hash.hexdigest()


class _Ids:
    """Gives calls ids as the API takes them: their own where it can be, never one twice."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._asked: Counter[str] = Counter()

    def replaced(self, content: Sequence[Block]) -> list[Block]:
        """Return a turn with such ids."""
        return [
            block | {"id": self._given_for(str(block["id"]))} if block["type"] == "tool_use" else block
            for block in content
        ]

    def _given_for(self, own: str) -> str:
        made = (f"call_{_digits(f'{number}:{own}')}" for number in count(self._asked[own]))
        wanted = chain([own] if _ID.fullmatch(own) else [], made)
        given = next(wish for wish in wanted if wish not in self._given)
        self._given.add(given)
        self._asked[own] += 1
        return given


@dataclass(slots=True)
class Conversation:
    """Turns that grow by messages."""

    prefix: Prefix
    """Of what stands before all turns; of all turns as well once they are `closed`."""
    kept: KeptTurns
    is_bound: bool
    """Whether the API takes thinking back only while nothing before it has changed."""
    turns: list[Turn] = field(default_factory=list[Turn])
    _hashed: int = field(default=0, init=False)
    _ids: _Ids = field(default_factory=_Ids, init=False)

    def add(self, messages: Sequence[Message]) -> None:
        """Add messages, every call of which is answered among them."""
        for message, results in _with_results(messages):
            if message.role == "assistant":
                self._add_assistant(message, results)
            else:
                self._add_user(text_blocks(message.content))

    def closed(self) -> list[Turn]:
        """Return the turns, the last of which is the user's."""
        if not self.turns or self.turns[-1].role == "assistant":
            self._add_user(text_blocks(NUDGE))
        self._hash_turns()
        return self.turns

    def _add_user(self, blocks: list[Block]) -> None:
        if blocks and self.turns and self.turns[-1].role == "user":
            self.turns[-1].content.extend(blocks)
        elif blocks:
            self.turns.append(Turn("user", blocks))

    def _add_assistant(self, message: Message, results: Sequence[Message]) -> None:
        if not message.tool_calls and not text_blocks(message.content):
            return
        self.closed()
        calls = message.tool_calls or ()
        content = self._ids.replaced(self._content(message, calls))
        self.turns.append(Turn("assistant", content))
        answers = {result.tool_call_id: result.content for result in results}
        uses = [block for block in content if block["type"] == "tool_use"]
        self._add_user([_tool_result(use, answers[call.id]) for use, call in zip(uses, calls, strict=True)])

    def _content(self, message: Message, calls: Sequence[ToolCall]) -> list[Block]:
        """Return a turn of the model: as it said it, or as the agent has changed it, its thinking first."""
        own = [*text_blocks(message.content), *(_tool_use(call) for call in calls)]
        said = self._said(message)
        if _gist(own) == _gist(said):
            return [block for block in said if not _is_blank(block)]
        return [*(block for block in said if block["type"] in THINKING), *own]

    def _said(self, message: Message) -> list[Block]:
        """Return what the model said when it made these calls, nothing if that was not kept or must not be put back."""
        found = kept_turn(message, self.kept)
        if found is None:
            return []
        turn = KeptTurn.model_validate(found)
        return [] if self.is_bound and turn.prefix != self.prefix.digest() else turn.content

    def _hash_turns(self) -> None:
        for turn in self.turns[self._hashed :]:
            self.prefix.add([turn.role, cast("JsonValue", turn.content)])
        self._hashed = len(self.turns)


def text_blocks(text: str | None) -> list[Block]:
    """Return a text as a list of one block, of none if there is nothing to be seen in it."""
    return [{"type": "text", "text": text}] if text and text.strip() else []


def json_bytes(value: JsonValue) -> bytes:
    """Return a value as it is sent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _with_results(messages: Iterable[Message]) -> list[tuple[Message, list[Message]]]:
    """Return each message with the results of its calls."""
    steps: list[tuple[Message, list[Message]]] = []
    for message in messages:
        if message.role == "tool":
            steps[-1][1].append(message)
        else:
            steps.append((message, []))
    return steps


def _tool_use(call: ToolCall) -> Block:
    return {
        "type": "tool_use",
        "id": call.id,
        "name": name_to_send(call.function.name),
        "input": _arguments(call.function.arguments),
    }


def _arguments(text: str) -> Block:
    """Return a call's arguments, in an object of their own if they are none."""
    try:
        parsed = from_json(text.strip() or "{}", allow_inf_nan=False)
        json_bytes(parsed)  # 1e999 is read as infinity
    except ValueError:
        parsed = None
    return cast("Block", parsed) if isinstance(parsed, dict) else {"not_an_object": text}


def _tool_result(use: Block, content: str | None) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": use["id"]}
    return result | ({"content": content} if content and content.strip() else {})


def _gist(content: Sequence[Block]) -> tuple[str, list[bytes]]:
    """Return what an agent is told of a turn: its text, and its calls."""
    calls = [
        json.dumps([block["id"], block["name"], block["input"]], sort_keys=True).encode()
        for block in content
        if block["type"] == "tool_use"
    ]
    return "".join(str(block["text"]) for block in content if block["type"] == "text").strip(), calls


def _is_blank(block: Block) -> bool:
    return block["type"] == "text" and not str(block["text"]).strip()


def _digits(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:24]
