"""What Anthropic's messages API refuses, in its words; written from its documentation, apart from what it tests.

It is stricter than the vendor in one thing: a turn with thinking has to come back with all of it, wherever it stands in
the conversation, and consecutive turns of one side are refused rather than merged.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

Block: TypeAlias = dict[str, Any]

NEWEST = "2026-10-21"
OLDER = "2023-06-01"
MOST_BREAKPOINTS = 4
LEAST_THINKING_TOKENS = 1_024
_SAMPLING = {"temperature", "top_p", "top_k"}
_FIELDS = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "stop_sequences",
    "stream",
    "thinking",
    "output_config",
    "metadata",
    "service_tier",
}
_BLOCK_FIELDS = {
    "text": {"type", "text", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}
_OF_ROLE = {"user": {"text", "tool_result"}, "assistant": {"text", "tool_use", "thinking", "redacted_thinking"}}
_THINKING_FIELDS = {
    "enabled": {"type", "budget_tokens", "display"},
    "adaptive": {"type", "display"},
    "disabled": {"type"},
}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
THINKING = {"thinking", "redacted_thinking"}


class RefusedError(Exception):
    """A 400 of the vendor's."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A turn with thinking as the API gave it."""

    prefix: str
    """Digest of what stood before it."""
    content: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Rules:
    """What one model takes."""

    thinks_by_itself: bool = False
    """Whether it thinks without being told to; such models cannot be made to call a tool."""
    binds_thinking: bool = True
    """Whether it takes thinking back only if nothing before it has changed."""

    def check(self, body: Block, *, version: str | None, signed: Mapping[str, Signed]) -> None:
        """Return if the API takes a request.

        Args:
            body: the JSON that was posted.
            version: the header's.
            signed: by the ids of their calls, the turns with thinking that it gave.
        Raises:
            RefusedError: it does not.
        """
        _check_fields(body, version)
        tools = body.get("tools", [])
        _check_tools(tools)
        _check_system(body.get("system", []))
        _check_messages(body["messages"])
        _check_results(body["messages"])
        if any(block["type"] in {"tool_use", "tool_result"} for block in blocks_of(body["messages"])) and not tools:
            raise RefusedError("Requests which include `tool_use` or `tool_result` blocks must define tools")
        self._check_thinking(body)
        self._check_tool_choice(body)
        _check_breakpoints(body)
        self._check_signed(body, signed)
        self._check_last_thinking(body)

    def _check_thinking(self, body: Block) -> None:
        thinking = body.get("thinking")
        if thinking is None:
            return
        _expect(thinking.get("type") in _THINKING_FIELDS, "thinking.type", "Input tag does not match")
        _no_more(thinking, _THINKING_FIELDS[thinking["type"]], "thinking")
        if thinking["type"] == "enabled":
            budget = thinking.get("budget_tokens")
            _expect(isinstance(budget, int), "thinking.enabled.budget_tokens", "Field required")
            _expect(budget >= LEAST_THINKING_TOKENS, "thinking.enabled.budget_tokens", "Input should be at least 1024")
            _expect(budget < body["max_tokens"], "`max_tokens`", "must be greater than `thinking.budget_tokens`")
        _expect(
            not (self._thinks(body) and _SAMPLING & body.keys()), "`temperature`", "may not be set when thinking is on"
        )

    def _thinks(self, body: Block) -> bool:
        return body.get("thinking", {}).get("type", "adaptive" if self.thinks_by_itself else "disabled") != "disabled"

    def _check_tool_choice(self, body: Block) -> None:
        choice = body.get("tool_choice")
        if choice is None:
            return
        _expect(bool(body.get("tools")), "tool_choice", "may only be specified while providing tools")
        _expect(choice.get("type") in {"auto", "any", "none"}, "tool_choice", "Input tag does not match")
        allowed = {"type"} if choice["type"] == "none" else {"type", "disable_parallel_tool_use"}
        _no_more(choice, allowed, "tool_choice")
        if choice["type"] == "any" and self._thinks(body):
            raise RefusedError("Thinking may not be enabled when tool_choice forces tool use.")

    def _check_last_thinking(self, body: Block) -> None:
        """Refuse a loop of tools that began without thinking where there is a budget for it."""
        if body.get("thinking", {}).get("type") != "enabled":
            return
        turns = [_listed(turn["content"]) for turn in body["messages"]]
        asked = [n for n in range(0, len(turns), 2) if all(block["type"] != "tool_result" for block in turns[n])]
        loop = turns[asked[-1] + 1 :: 2]
        where = f"messages.{asked[-1] + 1}.content.0"
        calls = any(block["type"] == "tool_use" for turn in loop[:1] for block in turn)
        problem = "Expected `thinking` or `redacted_thinking`, but found `tool_use`"
        _expect(not calls or loop[0][0]["type"] in THINKING, where, problem)

    def _check_signed(self, body: Block, signed: Mapping[str, Signed]) -> None:
        is_manual = body.get("thinking", {}).get("type") == "enabled"
        for number, (turn, prefix) in enumerate(zip(body["messages"], prefixes(body), strict=True)):
            content = _listed(turn["content"])
            given = [block for block in content if block["type"] in THINKING]
            calls = [block["id"] for block in content if block["type"] == "tool_use"]
            known = next((signed[call] for call in calls if call in signed), None)
            where = f"messages.{number}.content.0"
            if known is None:  # of a turn that is quoted twice, the copy has other ids
                is_ours = any(block in turn.content for block in given[:1] for turn in signed.values())
                is_free = is_manual or not self.binds_thinking
                _expect(not given or (is_ours and is_free), where, "Invalid `signature` in `thinking` block")
                continue
            if known.prefix != prefix and self.binds_thinking and not is_manual:
                problem = "Invalid `signature` in `thinking` block. The block is bound to a different conversation."
                _expect(not given, where, problem)
                continue
            _expect(content[0]["type"] in THINKING, where, "Expected `thinking` or `redacted_thinking`")
            wanted = [block for block in known.content if block["type"] in THINKING]
            _expect(given == wanted, where, "`thinking` or `redacted_thinking` blocks cannot be modified")
            plain = [bare(block) for block in content]
            if _without_thinking(plain) == _without_thinking(known.content):
                _expect(plain == list(known.content), where, "`thinking` blocks must remain as they were")


def prefixes(body: Block) -> Iterator[str]:
    """Yield for each turn the digest of all that stands before it, breakpoints apart; at last that of the whole."""
    digest = sha256(json.dumps([[bare(one) for one in body.get(part, [])] for part in ("tools", "system")]).encode())
    for turn in body["messages"]:
        yield digest.hexdigest()
        digest.update(json.dumps([turn["role"], [bare(block) for block in _listed(turn["content"])]]).encode())


def whole_prefix(body: Block) -> str:
    """Return the digest of a whole request."""
    return list(prefixes(body | {"messages": [*body["messages"], {"role": "assistant", "content": []}]}))[-1]


def bare(block: Block) -> Block:
    """Return a block without its breakpoint."""
    return {name: value for name, value in block.items() if name != "cache_control"}


def blocks_of(messages: Sequence[Block]) -> Iterator[Block]:
    """Yield the blocks of all turns."""
    for turn in messages:
        yield from _listed(turn["content"])


def _without_thinking(content: Sequence[Block]) -> list[Block]:
    return [block for block in content if block["type"] not in THINKING]


def _listed(content: str | list[Block]) -> list[Block]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _expect(holds: bool, where: str, problem: str) -> None:
    if not holds:
        raise RefusedError(f"{where}: {problem}")


def _no_more(given: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for name in given:
        _expect(name in allowed, f"{where}.{name}".lstrip("."), "Extra inputs are not permitted")


def _check_fields(body: Block, version: str | None) -> None:
    _expect(version in {NEWEST, OLDER}, "anthropic-version", "header is required")
    _no_more(body, _FIELDS | (_SAMPLING if version == OLDER else set()), "")
    for name in ("model", "max_tokens", "messages"):
        _expect(name in body, name, "Field required")
    _expect(isinstance(body["max_tokens"], int) and body["max_tokens"] >= 1, "max_tokens", "should be at least 1")
    for name in _SAMPLING & body.keys():
        _expect(isinstance(body[name], float) and 0 <= body[name] <= 1, name, "range: 0..1")
    for stop in body.get("stop_sequences", []):
        _expect(bool(stop.strip()), "stop_sequences", "each stop sequence must contain non-whitespace")
    efforts = {"low", "medium", "high", "xhigh", "max"}
    _expect(body.get("output_config", {}).get("effort", "low") in efforts, "output_config.effort", "wrong")


def _check_tools(tools: Sequence[Block]) -> None:
    names = [tool.get("name", "") for tool in tools]
    _expect(len(set(names)) == len(names), "tools", "Tool names must be unique.")
    for number, tool in enumerate(tools):
        where = f"tools.{number}.custom"
        _no_more(tool, {"name", "description", "input_schema", "cache_control"}, where)
        _expect(_NAME.fullmatch(tool.get("name", "")) is not None, f"{where}.name", "String should match pattern")
        _expect("input_schema" in tool, f"{where}.input_schema", "Field required")
        schema: Block = tool["input_schema"]
        _expect(schema.get("type") == "object", f"{where}.input_schema.type", "Input should be 'object'")
        unions = {"oneOf", "anyOf", "allOf"} & schema.keys()
        _expect(not unions, f"{where}.input_schema", "does not support oneOf, allOf, or anyOf at the top level")
        _expect(isinstance(schema.get("properties", {}), dict), f"{where}.input_schema", "JSON schema is invalid")


def _check_system(system: str | list[Block]) -> None:
    for number, block in enumerate(_listed(system)):
        _expect(block.get("type") == "text", f"system.{number}", "Input tag does not match")
        _check_text(block, f"system.{number}", "system")


def _check_text(block: Block, where: str, part: str) -> None:
    _no_more(block, _BLOCK_FIELDS["text"], where)
    _expect(isinstance(block.get("text"), str), f"{where}.text", "Field required")
    _expect(bool(block["text"].strip()), part, "text content blocks must contain non-whitespace text")


def _check_messages(messages: Sequence[Block]) -> None:
    _expect(bool(messages), "messages", "at least one message is required")
    for number, turn in enumerate(messages):
        where = f"messages.{number}"
        _no_more(turn, {"role", "content"}, where)
        wanted = ("user", "assistant")[number % 2]
        _expect(turn.get("role") == wanted, where, f"roles must alternate, first `user`: expected {wanted}")
        _expect(bool(turn.get("content")), where, "messages must have non-empty content")
        for place, block in enumerate(_listed(turn["content"])):
            _check_block(block, turn["role"], f"{where}.content.{place}")
    if messages[-1]["role"] == "assistant":
        raise RefusedError("This model does not support assistant message prefill.")


def _check_block(block: Block, role: str, where: str) -> None:
    kind = block.get("type", "")
    _expect(kind in _OF_ROLE[role], where, f"`{kind}` blocks are not of this role")
    _no_more(block, _BLOCK_FIELDS[kind], f"{where}.{kind}")
    match kind:
        case "text":
            _check_text(block, where, "messages")
        case "tool_use":
            _check_tool_use(block, where)
        case "tool_result":
            _check_tool_result(block, where)
        case _:
            pass


def _check_tool_use(block: Block, where: str) -> None:
    where = f"{where}.tool_use"
    _expect(_ID.fullmatch(block["id"]) is not None, f"{where}.id", "String should match pattern '^[a-zA-Z0-9_-]+$'")
    _expect(_NAME.fullmatch(block["name"]) is not None, f"{where}.name", "String should match pattern")
    _expect(isinstance(block.get("input"), dict), f"{where}.input", "Input should be a valid dictionary")


def _check_tool_result(block: Block, where: str) -> None:
    _expect(isinstance(block.get("tool_use_id"), str), f"{where}.tool_use_id", "Field required")
    content = block.get("content")
    for inner in _listed(content) if content is not None else []:
        _check_text(inner, f"{where}.tool_result.content.0", "messages")


def _check_results(messages: Sequence[Block]) -> None:
    """Refuse calls that are not answered in the turn after them, all of them, once each and before anything else."""
    used: set[str] = set()
    for number, turn in enumerate(messages):
        content = _listed(turn["content"])
        calls = [block["id"] for block in content if block["type"] == "tool_use"]
        _expect(
            used.isdisjoint(calls) and len(set(calls)) == len(calls),
            f"messages.{number}",
            "`tool_use` ids must be unique",
        )
        used.update(calls)
        if turn["role"] != "user":
            continue
        before = _listed(messages[number - 1]["content"]) if number else []
        asked = [block["id"] for block in before if block["type"] == "tool_use"]
        kinds = [block["type"] for block in content]
        given = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        _expect(
            sorted(kinds, key=lambda kind: kind != "tool_result") == kinds,
            f"messages.{number}",
            "`tool_result` blocks must come first",
        )
        for id in set(given) - set(asked):  # noqa: A001
            raise RefusedError(f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks: {id}")
        _expect(len(set(given)) == len(given), f"messages.{number}", "each tool_use must have a single result")
        for id in set(asked) - set(given):  # noqa: A001
            raise RefusedError(f"messages.{number - 1}: `tool_use` ids were found without `tool_result` blocks: {id}")


def _check_breakpoints(body: Block) -> None:
    parts = [*body.get("tools", []), *_listed(body.get("system", [])), *blocks_of(body["messages"])]
    marks = [part["cache_control"] for part in parts if "cache_control" in part]
    for mark in marks:
        _expect(mark == {"type": "ephemeral"}, "cache_control", "wrong")
    if len(marks) > MOST_BREAKPOINTS:
        raise RefusedError(f"A maximum of 4 blocks with cache_control may be provided. Found {len(marks)}.")
