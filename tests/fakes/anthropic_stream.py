"""Answers of Anthropic's API as the events of a stream."""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeAlias

from tests.fakes.anthropic_brains import Said
from tests.fakes.anthropic_cache import Input
from tests.fakes.anthropic_rules import Block

Event: TypeAlias = tuple[str, Block]
"""A name, and what it tells."""


def error_event(kind: str, message: str) -> Event:
    """Return an error as it comes in the midst of an answer."""
    return "error", {"type": "error", "error": {"type": kind, "message": message}}


def signed_block(block: Block) -> Block:
    """Return a block as the API gives it."""
    if block["type"] != "thinking":
        return block
    return block | {"signature": sha256(f"secret {block['thinking']}".encode()).hexdigest()}


def with_input(block: Block) -> Block:
    """Return a block as it is after its stream: a call's arguments as an object."""
    if block["type"] != "tool_use" or not isinstance(block["input"], str):
        return block
    try:
        return block | {"input": json.loads(block["input"])}
    except ValueError:
        return block


def events(said: Said, content: list[Block], used: Input, model: str) -> Iterator[Event]:
    """Yield the events of an answer.

    Args:
        said: the answer.
        content: its blocks, signed.
        used: what it read.
        model: who answers.
    """
    counts = {
        "input_tokens": used.plain,
        "cache_read_input_tokens": used.read,
        "cache_creation_input_tokens": used.written,
    }
    start: Block = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    start |= {"stop_reason": None, "stop_sequence": None, "usage": {**counts, "output_tokens": 1}}
    yield "message_start", {"type": "message_start", "message": start}
    yield "ping", {"type": "ping"}
    for index, block in enumerate(content):
        empty, deltas = _streamed(block)
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": said.reason, "stop_sequence": None, "stop_details": said.stop_details}
    yield "message_delta", {"type": "message_delta", "delta": delta, "usage": {"output_tokens": said.tokens}}
    yield "message_stop", {"type": "message_stop"}


def _streamed(block: Block) -> tuple[Block, list[Block]]:
    """Return a block as it starts, and what is added to it."""
    match block["type"]:
        case "text":
            return block | {"text": ""}, [{"type": "text_delta", "text": part} for part in _halves(block["text"])]
        case "thinking":
            parts = [{"type": "thinking_delta", "thinking": part} for part in _halves(block["thinking"])]
            return (
                block | {"thinking": "", "signature": ""},
                [*parts, {"type": "signature_delta", "signature": block["signature"]}],
            )
        case "tool_use":
            written = block["input"] if isinstance(block["input"], str) else json.dumps(block["input"])
            parts = ["", *_halves(written)]
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]
        case _:
            return block, []


def _halves(words: str) -> list[str]:
    middle = len(words) // 2
    return [part for part in (words[:middle], words[middle:]) if part]
