"""The responses API through the real SDK, against a server that refuses what OpenAI refuses."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from dgm.boundary.chat import ChatRequest
from dgm.config import Price
from dgm.core.errors import ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, OverloadedError, RequestRefusedError
from dgm.gateway.vendors.openai_provider import OpenAiProvider
from dgm.gateway.vendors.openai_responses import ResponsesDialect
from dgm.gateway.vendors.openai_wire import TokensUsed, UnreadableError
from tests.fakes.dialogue import BASH, Dialogue, calls
from tests.fakes.openai_rules import FakeModel, Refusal
from tests.fakes.openai_server import (
    FAKE_MODEL,
    KEY,
    Brain,
    CutBody,
    HangUp,
    MalformedJson,
    Misbehaviour,
    OpenAiServer,
    Script,
    moderated,
    server_error,
    too_long,
    too_many_requests,
)
from tests.fakes.providers import Setting, post, records, says, user

pytestmark = pytest.mark.slow

PRICE = Price(input_usd=1.25, output_usd=10.0, cache_read_usd=0.125, cache_write_usd=1.5625)
RESPONSES = ModelParameters(api="responses", temperature=False, top_p=False, stop=False)
REQUEST = ChatRequest.model_validate({"model": "x", "messages": [user("hi")]})
MOST = TokensUsed(1_000, 50)


def make(server: OpenAiServer, parameters: ModelParameters = RESPONSES) -> OpenAiProvider:
    connection = Connection(f"openai:{FAKE_MODEL}", FAKE_MODEL, KEY, server.base_url)
    return OpenAiProvider(connection, price=PRICE, parameters=parameters)


class Setup:
    """A server with one reasoning model, and a dialogue with it."""

    def __init__(self, brain: Brain, model: FakeModel, parameters: ModelParameters = RESPONSES) -> None:
        self.server = OpenAiServer(brain, models={FAKE_MODEL: model})
        self.provider = make(self.server, parameters)
        self.dialogue = Dialogue(self.provider)

    def __enter__(self) -> tuple[OpenAiServer, Dialogue]:
        self.server.__enter__()
        return self.server, self.dialogue

    def __exit__(self, *error: Any) -> None:
        self.provider.close()
        self.server.__exit__(None, None, None)


def reasoner(*answers: Completion, **fields: Any) -> Setup:
    return Setup(Script(*answers), FakeModel(reasons=True, **fields))


@pytest.fixture
def server() -> Generator[OpenAiServer, None, None]:
    with OpenAiServer(Script(says("hello")), models={FAKE_MODEL: FakeModel(reasons=True)}) as server:
        yield server


@pytest.fixture
def provider(server: OpenAiServer) -> Generator[OpenAiProvider, None, None]:
    provider = make(server)
    yield provider
    provider.close()


def complete(provider: OpenAiProvider, request: ChatRequest = REQUEST, *, output_tokens: int = 50) -> Completion:
    return provider.complete(request, output_tokens=output_tokens, seed=7, kept={})


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_conversation_becomes_items(server: OpenAiServer, provider: OpenAiProvider) -> None:
    call = {"id": "call_9", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "u"}]},
        {"role": "assistant", "content": "Looking.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_9", "content": "out"},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": "more"},
    ]
    chosen = {"temperature": 0.5, "top_p": 0.9, "stop": "END", "max_tokens": 9, "tool_choice": "required"}
    request = ChatRequest.model_validate(
        {"model": "x", "messages": messages, "tools": [BASH], "parallel_tool_calls": False, **chosen}
    )
    complete(provider, request)
    assert (server.requests[0].path, server.bodies[0]) == (
        "/v1/responses",
        {
            "model": FAKE_MODEL,
            "input": [
                {"type": "message", "role": "system", "content": "s"},
                {"type": "message", "role": "user", "content": "u"},
                {"type": "message", "role": "assistant", "content": "Looking."},
                {"type": "function_call", "call_id": "call_9", "name": "bash", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_9", "output": "out"},
                {"type": "message", "role": "assistant", "content": "ok"},
                {"type": "message", "role": "user", "content": "more"},
            ],
            "tools": [{"type": "function", "strict": False, **BASH["function"]}],
            "tool_choice": "required",
            "parallel_tool_calls": False,
            "max_output_tokens": 50,
            "store": False,
            "include": ["reasoning.encrypted_content"],
        },
    )


@pytest.mark.parametrize("strict", [True, False])
def test_a_tool_is_strict_where_the_agent_asks_for_it(
    server: OpenAiServer, provider: OpenAiProvider, strict: bool
) -> None:
    tool = {"type": "function", "function": {**BASH["function"], "strict": strict}}
    complete(provider, REQUEST.model_validate({"model": "x", "messages": [user("hi")], "tools": [tool]}))
    assert server.bodies[0]["tools"][0]["strict"] is strict


@pytest.mark.parametrize("effort", ["low", "high"])
def test_the_effort_is_what_the_configuration_says(server: OpenAiServer, effort: str) -> None:
    provider = make(server, ModelParameters(api="responses", effort=effort, extra={"service_tier": "flex"}))
    complete(provider)
    provider.close()
    assert (server.bodies[0]["reasoning"], server.bodies[0]["service_tier"]) == ({"effort": effort}, "flex")


@pytest.mark.parametrize(("asked", "sent"), [(1, 16), (16, 16), (17, 17)])
def test_no_limit_is_below_the_vendors_least(
    server: OpenAiServer, provider: OpenAiProvider, asked: int, sent: int
) -> None:
    complete(provider, output_tokens=asked)
    assert server.bodies[0]["max_output_tokens"] == sent


def test_a_model_without_parallel_calls_is_not_asked_about_them() -> None:
    parameters = ModelParameters(api="responses", temperature=False, top_p=False, parallel_tool_calls=False)
    model = FakeModel(reasons=True, takes_parallel_tool_calls=False)
    with Setup(Script(says("hello")), model, parameters) as (_, dialogue):
        dialogue.fields["parallel_tool_calls"] = True
        assert dialogue.say("go").content == "hello"


# --- reasoning that is put back --------------------------------------------------------------------------------------


def test_reasoning_is_put_back_as_it_was_over_three_turns() -> None:
    turns = [calls("ls", "pwd", content="Looking.", thinking="I look."), calls("cat a", first_id=2, thinking="I read.")]
    with reasoner(*turns, says("Done.")) as (server, dialogue):
        first = dialogue.say("go")
        dialogue.results("a", "/repo")
        last = dialogue.results("text")
        sent = server.bodies[-1]["input"]
    assert [item["type"] for item in sent] == [
        *("message", "reasoning", "message", "function_call", "function_call"),
        *("function_call_output", "function_call_output", "reasoning", "function_call", "function_call_output"),
    ]
    assert (sent[1]["summary"], sent[1]["id"]) == ([{"type": "summary_text", "text": "I look."}], "rs_0_0")
    assert (first.thinking, first.content, last.content) == ("I look.", "Looking.", "Done.")
    assert "I look." not in json.dumps(dialogue.messages)


def test_without_what_was_kept_the_vendor_refuses_and_that_is_not_the_agents_failure() -> None:
    with reasoner(calls("ls", thinking="I look.")) as (_, dialogue):
        dialogue.say("go")
        dialogue.kept.clear()
        with pytest.raises(ProviderRefusedError, match="required 'reasoning' item"):
            dialogue.results("a")


def test_reasoning_that_the_vendor_cannot_read_back_is_not_the_agents_failure() -> None:
    with reasoner(calls("ls", thinking="I look.")) as (_, dialogue):
        dialogue.say("go")
        dialogue.kept = {"call_0_0": json.loads(json.dumps(dialogue.kept["call_0_0"]).replace("gAAA", "gBBB"))}
        with pytest.raises(ProviderRefusedError, match="could not be verified"):
            dialogue.results("a")


def test_the_reasoning_of_a_call_that_the_agent_dropped_is_left_out_and_the_others_stays() -> None:
    turn = calls("ls", "pwd", thinking="I look.")
    with reasoner(turn, says("Done."), thinks_before_each_call=True) as (server, dialogue):
        dialogue.say("go")
        dialogue.messages[-1]["tool_calls"].pop()
        last = dialogue.results("a")
        sent = server.bodies[-1]["input"]
    assert [item["type"] for item in sent] == ["message", "reasoning", "function_call", "function_call_output"]
    assert last.content == "Done."


ALTERED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("other arguments", {"arguments": "{}"}, ["message", "function_call", "function_call"]),
    ("other name", {"name": "sh"}, ["message", "function_call", "function_call"]),
    ("other text", {"content": "Clipped."}, ["message", "function_call", "function_call"]),
    ("no text", {"content": ""}, ["function_call", "function_call"]),
    ("one call fewer", {"calls": 1}, ["message", "function_call"]),
]


@pytest.mark.parametrize(("alteration", "left"), [row[1:] for row in ALTERED], ids=[row[0] for row in ALTERED])
def test_a_turn_that_the_agent_altered_goes_without_its_reasoning(alteration: dict[str, Any], left: list[str]) -> None:
    turn = calls("ls", "pwd", content="Looking.", thinking="I look.")
    with reasoner(turn, says("Done.")) as (server, dialogue):
        dialogue.say("go")
        said = dialogue.messages[-1]
        said["tool_calls"] = said["tool_calls"][: alteration.get("calls", 2)]
        said["content"] = alteration.get("content", said["content"])
        said["tool_calls"][0]["function"] |= {
            name: alteration[name] for name in ("name", "arguments") if name in alteration
        }
        last = dialogue.results(*["out"] * len(said["tool_calls"]))
        sent = server.bodies[-1]["input"]
    assert [item["type"] for item in sent[1 : 1 + len(left)]] == left
    assert (last.content, any("id" in item for item in sent)) == ("Done.", False)


def test_text_that_the_agent_added_to_a_turn_without_any_stands_before_it() -> None:
    with reasoner(calls("ls", thinking="I look."), says("Done.")) as (server, dialogue):
        dialogue.say("go")
        dialogue.messages[-1]["content"] = "I thought:"
        dialogue.results("a")
        sent = server.bodies[-1]["input"]
    assert [item.get("content") for item in sent[:2]] == ["go", "I thought:"]
    assert [item["type"] for item in sent[2:]] == ["reasoning", "function_call", "function_call_output"]


def test_a_call_that_the_agent_made_up_stands_beside_the_models_own() -> None:
    with reasoner(calls("ls", thinking="I look."), says("Done.")) as (server, dialogue):
        dialogue.say("go")
        own = dialogue.messages[-1]["tool_calls"]
        own.append({**own[0], "id": "made_up"})
        dialogue.results("a", "b")
        sent = server.bodies[-1]["input"]
    assert [item.get("call_id") for item in sent] == [None, None, "call_0_0", "made_up", "call_0_0", "made_up"]


def test_a_turn_that_the_agent_dropped_is_gone() -> None:
    with reasoner(calls("ls", thinking="I look."), says("Done.")) as (server, dialogue):
        dialogue.say("go")
        dialogue.messages.pop()
        dialogue.say("again")
        assert [item["content"] for item in server.bodies[-1]["input"]] == ["go", "again"]


def test_the_gateway_keeps_reasoning_from_the_agent_and_puts_it_back(tmp_path: Path) -> None:
    answers = [calls("ls", thinking="I look."), says("Done.")]
    with OpenAiServer(Script(*answers), models={FAKE_MODEL: FakeModel(reasons=True)}) as server:
        provider = make(server)
        with Setting(tmp_path, provider=provider).session() as session:
            first = post(session, [user("go")], tools=[BASH])
            turn = first.json["choices"][0]["message"]
            result = {"role": "tool", "tool_call_id": "call_0_0", "content": "a"}
            last = post(session, [user("go"), turn, result], tools=[BASH])
        provider.close()
    assert (b"I look." in first.raw, b"gAAA" in first.raw) == (False, False)
    assert last.json["choices"][0]["message"]["content"] == "Done."
    assert "I look." in json.dumps(records(tmp_path / "00001.1.agent.jsonl.gz"))


# --- money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("writes_cache", [False, True])
def test_a_dialogue_costs_what_the_server_billed_to_the_nano_dollar(writes_cache: bool) -> None:
    turns = [calls("ls", first_id=number, thinking=f"Thought {number}. " * 50) for number in range(4)]
    with reasoner(*turns, says("Done."), writes_cache=writes_cache) as (server, dialogue):
        dialogue.say("word " * 2_000)
        for _ in range(4):
            dialogue.results("output " * 400)
        assert dialogue.usage.cost_usd == pytest.approx(float(server.billed_usd), abs=1e-9)
        assert dialogue.usage.cache_read_tokens == sum(bill.cached_tokens for bill in server.bills) > 8_000
        assert dialogue.usage.cache_write_tokens == sum(bill.written_tokens for bill in server.bills)
        assert (dialogue.usage.cache_write_tokens > 0) is writes_cache


def test_sealed_reasoning_with_more_tokens_than_bytes_is_within_what_was_set_aside() -> None:
    turns = [calls("ls", first_id=number, thinking="think " * 600) for number in range(5)]
    with reasoner(*turns, says("Done.")) as (server, dialogue):  # each answer is held against its bound
        dialogue.say("go")
        for _ in range(5):
            dialogue.results("a")
        assert server.bills[-1].input_tokens > 4_500


# --- what comes back -------------------------------------------------------------------------------------------------


def read(output: list[dict[str, Any]] | None = None, **fields: Any) -> Completion:
    """Return what is read out of a body."""
    body = {"status": "completed", "output": output or [], **fields}
    return ResponsesDialect("m", RESPONSES).completion(json.dumps(body).encode(), REQUEST, most=MOST)


def text(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts)}


def call(call_id: str | None = "a", **fields: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "bash", "arguments": "{}", **fields}


REASONING: dict[str, Any] = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "encrypted_content": "gAAA",
    "status": None,
}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ([], None),
        ([text({"type": "output_text", "text": "a"}), text({"type": "output_text", "text": "b"})], "ab"),
        ([text({"type": "refusal", "refusal": "I cannot."})], "I cannot."),
    ],
)
def test_the_text_of_an_answer_is_all_that_was_said(output: list[dict[str, Any]], said: str | None) -> None:
    assert read(output).content == said


@pytest.mark.parametrize(
    ("fields", "output", "reason"),
    [
        ({}, [], "stop"),
        ({}, [call()], "tool_calls"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, [call()], "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, [], "content_filter"),
        ({"status": "incomplete"}, [], "length"),
        ({"status": "failed", "error": {"code": "bio_policy", "message": "no"}}, [], "content_filter"),
    ],
)
def test_the_status_says_why_the_answer_ended(
    fields: dict[str, Any], output: list[dict[str, Any]], reason: str
) -> None:
    assert read(output, **fields).finish_reason == reason


def test_a_failed_answer_is_a_providers_error() -> None:
    with pytest.raises(UnreadableError, match="server_error"):
        read(status="failed", error={"code": "server_error", "message": "no"})


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        ({"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}, (9, 3, 4, 0)),
        ({"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cache_write_tokens": 99}}, (9, 3, 0, 9)),
        (None, (1_000, 50, 0, 0)),
    ],
)
def test_usage_is_what_the_vendor_says_or_the_worst_case(usage: dict[str, Any] | None, used: tuple[int, ...]) -> None:
    answer = read(usage=usage)
    assert (answer.input_tokens, answer.output_tokens, answer.cache_read_tokens, answer.cache_write_tokens) == used


def test_ids_that_are_missing_or_twice_there_become_fresh_ones_in_what_is_kept_too() -> None:
    answer = read([REASONING, call("a"), call("a"), call(None)])
    ids = [one.id for one in answer.tool_calls]
    kept: JsonValue = json.loads(json.dumps(answer.kept))
    assert isinstance(kept, dict)
    items = kept["items"]
    assert isinstance(items, list)
    assert (len(set(ids)), [item["call_id"] for item in items[1:] if isinstance(item, dict)]) == (3, ids)


def test_nothing_is_kept_of_a_turn_without_reasoning_or_that_was_cut_off() -> None:
    cut = read([REASONING, call()], status="incomplete")
    assert (read([call()]).kept, read([REASONING, text()]).kept, cut.kept) == (None, None, None)


def test_reasoning_that_was_not_sealed_is_not_put_back() -> None:
    answer = read([{**REASONING, "encrypted_content": None}, call(id="fc_1")])
    turn = {"role": "assistant", "tool_calls": [one.model_dump() for one in answer.tool_calls]}
    messages = [user("hi"), turn, {"role": "tool", "tool_call_id": "a", "content": ""}]
    request = ChatRequest.model_validate({"model": "x", "messages": messages})
    body = ResponsesDialect("m", RESPONSES).body(request, output_tokens=50, seed=0, kept={"a": answer.kept})
    assert body["input"][1:-1] == [{"type": "function_call", "call_id": "a", "name": "bash", "arguments": "{}"}]


# --- misbehaviour ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("misbehaviour", "kind"),
    [
        (too_many_requests(retry_after_ms="20"), OverloadedError),
        (server_error(500), ProviderError),
        (too_long(), RequestRefusedError),
        (moderated(), RequestRefusedError),
        (Refusal(400, "Invalid prompt.", "invalid_prompt"), RequestRefusedError),
        (Refusal(400, "Invalid item.", None, "input[3]"), RequestRefusedError),
        (Refusal(400, "'encrypted content' is no schema.", None, "tools[0].parameters"), RequestRefusedError),
        (Refusal(400, "Invalid limit.", None, "max_output_tokens"), ProviderRefusedError),
        (HangUp(), ProviderError),
        (CutBody(), ProviderError),
        (MalformedJson(), ProviderError),
    ],
)
def test_each_misbehaviour_has_its_kind(
    server: OpenAiServer, provider: OpenAiProvider, misbehaviour: Misbehaviour, kind: type[Exception]
) -> None:
    server.misbehave(1, misbehaviour)
    with pytest.raises((ProviderError, RequestRefusedError)) as caught:
        complete(provider)
    assert (type(caught.value), KEY in str(caught.value)) == (kind, False)
    assert complete(provider).content == "hello"


def test_a_model_that_does_not_reason_is_refused_as_set_up_wrongly() -> None:
    with Setup(Script(says("hello")), FakeModel()) as (_, dialogue), pytest.raises(ProviderRefusedError):
        dialogue.say("go")
