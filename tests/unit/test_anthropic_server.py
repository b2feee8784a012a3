"""The fake of Anthropic's API: that it refuses what the vendor refuses, and counts as the vendor counts."""

import json
from decimal import Decimal
from typing import Any

import pytest

from dgm.config import Rates
from tests.fakes.anthropic_cache import Bill, Input, PromptCache
from tests.fakes.anthropic_rules import Block, RefusedError, Rules, Signed, whole_prefix

TOOL: Block = {"name": "bash", "input_schema": {"type": "object"}}
USE: Block = {"type": "tool_use", "id": "a", "name": "bash", "input": {}}
RESULT: Block = {"type": "tool_result", "tool_use_id": "a", "content": "out"}
THOUGHT: Block = {"type": "thinking", "thinking": "hm", "signature": "sig"}
TEXT: Block = {"type": "text", "text": "u"}
MARK: Block = {"cache_control": {"type": "ephemeral"}}


def turn(role: str, *content: Block) -> Block:
    return {"role": role, "content": list(content)}


ASKED = turn("user", TEXT)
ANY_MODEL = Rules()
LOOP = [ASKED, turn("assistant", USE), turn("user", RESULT)]


def body(**fields: Any) -> Block:
    """Return a good request with some fields in place of its own, or without those that are None."""
    whole = {"model": "m", "max_tokens": 4_096, "messages": LOOP, "tools": [TOOL], "stream": True, **fields}
    return {name: value for name, value in whole.items() if value is not None}


def refusal(
    request: Block,
    *,
    version: str | None = "2026-10-21",
    rules: Rules = ANY_MODEL,
    signed: dict[str, Signed] | None = None,
) -> str:
    try:
        rules.check(request, version=version, signed=signed or {})
    except RefusedError as refused:
        return str(refused)
    return ""


def test_a_good_request_is_taken() -> None:
    assert refusal(body()) == ""


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (body(max_tokens=None), "max_tokens: Field required"),
        (body(frequency_penalty=1), "frequency_penalty: Extra inputs"),
        (body(temperature=1.0), "temperature: Extra inputs"),
        (body(top_p=1.0), "top_p: Extra inputs"),
        (body(top_k=1), "top_k: Extra inputs"),
        (body(messages=[]), "at least one message"),
        (body(messages=LOOP[1:]), "roles must alternate"),
        (body(messages=[ASKED, ASKED]), "roles must alternate"),
        (body(messages=LOOP[:2]), "assistant message prefill"),
        (body(messages=[turn("user")]), "non-empty content"),
        (body(messages=[turn("user", {"type": "text", "text": "\n"})]), "non-whitespace text"),
        (body(messages=[turn("user", TEXT | {"name": "x"})]), "Extra inputs"),
        (body(messages=[turn("user", USE)]), "not of this role"),
        (body(system=[{"type": "text", "text": ""}]), "system: text content"),
        (body(messages=[*LOOP[:2], ASKED]), "without `tool_result` blocks"),
        (body(messages=[ASKED, turn("assistant", TEXT), LOOP[2]]), "unexpected `tool_use_id`"),
        (body(messages=[*LOOP[:2], turn("user", RESULT, RESULT)]), "a single result"),
        (body(messages=[*LOOP[:2], turn("user", TEXT, RESULT)]), "must come first"),
        (body(messages=[*LOOP, *LOOP[1:]]), "ids must be unique"),
        (body(messages=[ASKED, turn("assistant", USE, USE), LOOP[2]]), "ids must be unique"),
        (body(messages=[ASKED, turn("assistant", USE | {"id": "a.b"}), LOOP[2]]), "should match pattern"),
        (body(messages=[ASKED, turn("assistant", USE | {"input": "x"}), LOOP[2]]), "valid dictionary"),
        (body(tools=None), "must define tools"),
        (body(tools=[TOOL, TOOL]), "names must be unique"),
        (body(tools=[TOOL | {"input_schema": {}}]), "tools.0.custom.input_schema.type"),
        (body(tools=[TOOL | {"input_schema": {"type": "object", "oneOf": []}}]), "does not support oneOf"),
        (body(tools=[TOOL | {"input_schema": {"type": "object", "properties": []}}]), "schema is invalid"),
        (body(tools=[TOOL | {"parameters": {}}]), "Extra inputs"),
        (body(tool_choice={"type": "required"}), "tool_choice"),
        (body(tool_choice={"type": "auto"}, tools=None, messages=[ASKED]), "tool_choice: may only"),
        (body(tool_choice={"type": "any"}, thinking={"type": "adaptive"}), "forces tool use"),
        (body(thinking={"type": "enabled", "budget_tokens": 1_000}), "at least 1024"),
        (body(thinking={"type": "enabled", "budget_tokens": 4_096}), "must be greater"),
        (body(stop_sequences=["\n"]), "non-whitespace"),
        (body(output_config={"effort": "huge"}), "effort"),
        (body(tools=[TOOL | MARK], system=[TEXT | MARK] * 2, messages=[turn("user", *[TEXT | MARK] * 2)]), "Found 5"),
        (body(messages=[turn("user", TEXT | {"cache_control": {"type": "for ever"}})]), "cache_control"),
        (body(messages=[ASKED, turn("assistant", THOUGHT, USE), LOOP[2]]), "Invalid `signature`"),
    ],
)
def test_what_the_vendor_refuses_is_refused(request_: Block, words: str) -> None:
    assert words in refusal(request_)


def test_a_version_must_be_given() -> None:
    assert "anthropic-version" in refusal(body(), version=None)


def test_the_older_version_takes_sampling_unless_the_model_thinks() -> None:
    assert refusal(body(temperature=0.5), version="2023-06-01") == ""
    assert "temperature" in refusal(body(temperature=0.5, thinking={"type": "adaptive"}), version="2023-06-01")


def test_a_model_that_always_thinks_cannot_be_made_to_call_a_tool() -> None:
    assert "forces tool use" in refusal(body(tool_choice={"type": "any"}), rules=Rules(thinks_by_itself=True))


SAID: list[Block] = [THOUGHT, TEXT, {"type": "redacted_thinking", "data": "x"}, USE]
SIGNED = {"a": Signed(whole_prefix(body(messages=[ASKED])), SAID)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SAID, ""),
        ([SAID[0], SAID[2], USE], ""),
        ([USE], "Expected `thinking`"),
        ([TEXT, USE], "Expected `thinking`"),
        ([SAID[0], TEXT, USE], "cannot be modified"),
        ([THOUGHT | {"thinking": "ha"}, TEXT, SAID[2], USE], "cannot be modified"),
        ([SAID[2], TEXT, SAID[0], USE], "cannot be modified"),
        ([SAID[0], SAID[2], TEXT, USE], "must remain as they were"),
    ],
    ids=["as said", "text dropped", "none", "dropped", "one dropped", "altered", "reordered", "moved"],
)
def test_thinking_must_come_back_as_it_was(content: list[Block], words: str) -> None:
    told = refusal(body(messages=[ASKED, turn("assistant", *content), LOOP[2]]), signed=SIGNED)
    assert words in told if words else told == ""


def test_thinking_must_not_come_back_after_a_change_unless_it_is_within_a_budget() -> None:
    changed = [turn("user", TEXT | {"text": "other"}), turn("assistant", *SAID), LOOP[2]]
    budget = {"type": "enabled", "budget_tokens": 1_024}
    assert "bound to a different conversation" in refusal(body(messages=changed), signed=SIGNED)
    assert refusal(body(messages=changed, thinking=budget), signed=SIGNED) == ""
    assert refusal(body(messages=changed), signed=SIGNED, rules=Rules(binds_thinking=False)) == ""


# --- the books -------------------------------------------------------------------------------------------------------


def cache() -> PromptCache:
    return PromptCache(least_tokens=10, bytes_per_token=1, added_tokens=0)


def size(*parts: tuple[str, Block]) -> int:
    return sum(len(json.dumps(list(part))) for part in parts)


def asked(*blocks: Block) -> Block:
    return {"model": "m", "messages": [turn("user", *blocks)]}


def test_what_stands_before_a_breakpoint_is_written_once_and_read_from_then_on() -> None:
    books, other = cache(), {"type": "text", "text": "other"}
    marked, rest = size(("user", TEXT)), size(("user", other))
    first = books.input_of(asked(TEXT | MARK, other))
    second = books.input_of(asked(TEXT | MARK, other | MARK))
    assert (first, second) == (
        Input(plain=rest, read=0, written=marked),
        Input(plain=0, read=marked, written=rest),
    )


def test_a_short_prefix_is_not_written() -> None:
    books = PromptCache(least_tokens=1_000, bytes_per_token=1, added_tokens=0)
    assert books.input_of(asked(TEXT | MARK)) == Input(plain=size(("user", TEXT)), read=0, written=0)


@pytest.mark.parametrize(("blocks", "is_found"), [(19, True), (20, False)])
def test_a_breakpoint_looks_back_over_twenty_blocks(blocks: int, is_found: bool) -> None:
    books = cache()
    books.input_of(asked(TEXT | MARK))
    more = [{"type": "text", "text": str(number)} for number in range(blocks)]
    assert (books.input_of(asked(TEXT, *more[:-1], more[-1] | MARK)).read > 0) is is_found


def test_a_run_of_results_is_one_block_of_those() -> None:
    books = cache()
    books.input_of(asked(TEXT | MARK))
    results = [{"type": "tool_result", "tool_use_id": str(number)} for number in range(50)]
    assert books.input_of(asked(TEXT, *results[:-1], results[-1] | MARK)).read == size(("user", TEXT))


def test_a_change_before_a_breakpoint_reads_nothing() -> None:
    books = cache()
    books.input_of(asked(TEXT | MARK))
    assert books.input_of(asked(TEXT | {"text": "v"} | MARK)).read == 0


def test_a_bill_is_exact() -> None:
    bill = Bill(Rates(input_usd=3.0, output_usd=15.0, cache_read_usd=0.3, cache_write_usd=3.75))
    for _ in range(3):
        bill.charge(Input(plain=1, read=10, written=2), 4)
    assert bill.dollars == Decimal("0.0002205")
