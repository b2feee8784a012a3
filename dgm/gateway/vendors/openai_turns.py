"""Puts a turn of the responses API back as it was: a reasoning item is refused without the items that followed it."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TypeAlias

from pydantic import BaseModel, JsonValue

from dgm.boundary.chat import Message, ToolCall
from dgm.gateway.vendors.calls import name_to_send

Item: TypeAlias = Mapping[str, JsonValue]
"""One entry of a request's input or an answer's output."""


class KeptTurn(BaseModel):
    """A turn of `Completion.kept`."""

    items: list[dict[str, JsonValue]] = []
    """The answer's output, in order."""
    text: str = ""
    """What the answer said to the agent."""
    output_tokens: int = 0
    """What the turn was billed for when it was made."""


def items_of_turn(message: Message, kept: JsonValue) -> list[Item]:
    """Return the input items of an assistant's message.

    Args:
        message: as the agent has it, which may have altered it.
        kept: a dumped `KeptTurn` of the message's calls, None if there is none.
    Returns:
        The kept items where the message still says the same. Reasoning whose followers are not all there is left out,
        and with it the vendor's ids of what is left of them, which would ask for it.
    """
    turn = KeptTurn.model_validate(kept or {})
    calls = {call.id: call for call in message.tool_calls or ()}
    content = message.content or ""
    says_the_same = content == turn.text
    items: list[Item] = []
    for thought, followers in _segments(turn):
        if _is_usable(thought) and all(_is_as_it_was(item, calls, says_the_same) for item in followers):
            items += [*thought, *followers]
        else:
            items += [_plain_call(calls[id_]) for item in followers if (id_ := _call_id(item)) in calls]
    return _with_the_rest(items, calls, content)


def _segments(turn: KeptTurn) -> Iterator[tuple[list[Item], list[Item]]]:
    """Return each run of reasoning items with what follows it; the first one's reasoning may be missing."""
    thought: list[Item] = []
    for is_thought, group in groupby(turn.items, key=lambda item: item.get("type") == "reasoning"):
        if is_thought:
            thought = list(group)
        else:
            yield thought, list(group)
            thought = []


def _is_usable(thought: list[Item]) -> bool:
    """Return whether there is reasoning that the vendor, who stores nothing, can read back."""
    return bool(thought) and all(item.get("encrypted_content") or item.get("content") for item in thought)


def _is_as_it_was(item: Item, calls: Mapping[str, ToolCall], says_the_same: bool) -> bool:
    if item.get("type") == "message":
        return says_the_same
    if item.get("type") != "function_call":
        return True
    call = calls.get(_call_id(item))
    return call is not None and (call.function.name, call.function.arguments) == (item["name"], item.get("arguments"))


def _with_the_rest(items: list[Item], calls: Mapping[str, ToolCall], content: str) -> list[Item]:
    """Return the items with what the message says beyond them."""
    there = {_call_id(item) for item in items}
    more = [_plain_call(call) for id_, call in calls.items() if id_ not in there]
    is_said = (not content and bool(calls)) or any(item.get("type") == "message" for item in items)
    said: list[Item] = [] if is_said else [{"type": "message", "role": "assistant", "content": content}]
    return [*said, *items, *more]


def _plain_call(call: ToolCall) -> Item:
    name = name_to_send(call.function.name)
    return {"type": "function_call", "call_id": call.id, "name": name, "arguments": call.function.arguments}


def _call_id(item: Item) -> str:
    id_ = item.get("call_id")
    return id_ if item.get("type") == "function_call" and isinstance(id_, str) else ""
