"""The `anthropic` provider: the real SDK against a server that refuses what the vendor refuses."""

import logging
import socket
import threading
import traceback
import warnings
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import JsonValue

from dgm.benchmarks.catalogue import benchmark_named
from dgm.boundary.chat import ChatRequest, Function, Message, Tool
from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.prices import usage_of
from dgm.gateway.provider import TOO_LONG, Completion, OverloadedError, Provider, RequestRefusedError, UnbilledError
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.vendors.anthropic_provider import AnthropicProvider
from tests.fakes.anthropic_brains import Said, redacted, rehearsing, scripted, text, thinking, tool_use
from tests.fakes.anthropic_rules import Rules
from tests.fakes.anthropic_server import (
    BROKEN,
    KEY,
    MODEL,
    OUT_OF_CREDIT,
    OVERFLOW,
    OVERLOADED,
    PRICE,
    RATE_LIMITED,
    AnthropicServer,
    Cut,
    End,
    Garble,
    HangUp,
    Misbehaviour,
    Replace,
    Slow,
    Status,
)
from tests.fakes.anthropic_stream import error_event
from tests.fakes.conversing import GOOD_SEED
from tests.fakes.gateway import MemoryLedger
from tests.fakes.offline import as_tree, run_agent, seed_agent
from tests.fakes.providers import Setting, post, user

pytestmark = pytest.mark.slow

HELLO = Said((text("hello"),))
BASH = Tool(function=Function(name="bash", description="Run it.", parameters={"type": "object"}))
ASKED = (Message(role="system", content="s"), Message(role="user", content="u"))
REQUEST = ChatRequest(model="x", messages=ASKED, tools=(BASH,))
PLAIN = ModelParameters()


@contextmanager
def serving(*script: Said, **options: Any) -> Generator[AnthropicServer, None, None]:
    with AnthropicServer(scripted(script or [HELLO]), **options) as server:
        yield server


@contextmanager
def asking(connection: Connection, parameters: ModelParameters = PLAIN) -> Generator[AnthropicProvider, None, None]:
    provider = AnthropicProvider(connection, price=PRICE, parameters=parameters)
    try:
        yield provider
    finally:
        provider.close()


class Talk:
    """An agent's conversation, and what the gateway keeps of it."""

    def __init__(self, provider: AnthropicProvider, request: ChatRequest = REQUEST) -> None:
        self.provider = provider
        self.request = request
        self.kept: dict[str, JsonValue] = {}

    def ask(self) -> Completion:
        completion = self.provider.complete(self.request, output_tokens=4_096, seed=0, kept=self.kept)
        self.kept.update((call.id, completion.kept) for call in completion.tool_calls if completion.kept)
        return completion

    def answer(self, completion: Completion, output: str = "out", **changed: Any) -> None:
        """Add what the model said, changed or not, and the results of its calls."""
        said = Message(role="assistant", content=completion.content, tool_calls=completion.tool_calls or None)
        said = said.model_copy(update=changed)
        results = [Message(role="tool", tool_call_id=call.id, content=output) for call in said.tool_calls or ()]
        self.request = self.request.model_copy(update={"messages": (*self.request.messages, said, *results)})


def complete(provider: AnthropicProvider) -> Completion:
    return Talk(provider).ask()


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_request_and_its_answer() -> None:
    with serving() as server, asking(server.connection) as provider:
        assert complete(provider) == Completion("hello", (), "stop", input_tokens=388, output_tokens=8)
    mark = {"cache_control": {"type": "ephemeral"}}
    assert server.requests == [
        {
            "model": MODEL,
            "max_tokens": 4_096,
            "stream": True,
            "system": [{"type": "text", "text": "s", **mark}],
            "tools": [{"name": "bash", "description": "Run it.", "input_schema": {"type": "object"}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "u", **mark}]}],
        }
    ]


def test_nothing_is_told_beside_the_request_and_the_key() -> None:
    with serving() as server, asking(server.connection) as provider:
        complete(provider)
    told = {name: value for name, value in server.headers[0].items() if name not in {"host", "content-length"}}
    assert told == {
        "authorization": f"Bearer {KEY}",
        "anthropic-version": "2026-10-21",
        "accept": "application/json",
        "content-type": "application/json",
        "user-agent": "dgm",
    }


def test_the_sdks_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "default.json").write_text('{"base_url": "http://attacker.example"}')
    environment = {
        "ANTHROPIC_API_KEY": "sk-other",
        "ANTHROPIC_AUTH_TOKEN": "other",
        "ANTHROPIC_BASE_URL": "http://attacker.example",
        "ANTHROPIC_CONFIG_DIR": str(tmp_path),
        "ANTHROPIC_PROFILE": "default",
        "ANTHROPIC_CUSTOM_HEADERS": (
            "Authorization: Bearer other\nanthropic-version: 1999-01-01\nX-Spy: 1\nHost: attacker.example\n"
            "Content-Type: text/plain\nContent-Length: 3\nAccept-Encoding: br"
        ),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with serving() as server, asking(server.connection) as provider:
        assert complete(provider).content == "hello"
    assert server.headers[0] == {
        "host": server.base_url.removeprefix("http://"),
        "authorization": f"Bearer {KEY}",
        "anthropic-version": "2026-10-21",
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": server.headers[0]["content-length"],
        "user-agent": "dgm",
    }


def test_the_vendors_own_address_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://attacker.example")
    with asking(Connection("anthropic:m", "m", KEY)) as provider:
        assert provider.base_url == "https://api.anthropic.com"


def test_the_sdk_does_not_log_what_is_said(caplog: pytest.LogCaptureFixture) -> None:
    for logger in ("anthropic", "httpx2"):
        logging.getLogger(logger).setLevel(logging.DEBUG)  # as ANTHROPIC_LOG=debug does
    with serving() as server, asking(server.connection) as provider:
        complete(provider)
    assert [record.name for record in caplog.records if record.name.startswith(("anthropic", "httpx2"))] == []


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_an_address_may_end_as_those_of_other_protocols_do(ending: str) -> None:
    with serving() as server:
        connection = replace(server.connection, base_url=server.base_url + ending)
        with asking(connection) as provider:
            assert complete(provider).content == "hello"


@pytest.mark.parametrize("model", ["claude-opus-4-6", "claude-3-opus-20240229"])
def test_the_sdks_warnings_about_models_reach_nobody(model: str) -> None:
    with serving() as server, asking(replace(server.connection, model=model)) as provider, warnings.catch_warnings():
        warnings.simplefilter("error")
        complete(provider)
    assert server.requests[0]["model"] == model


def test_a_temperature_is_sent_to_the_older_version_of_the_api() -> None:
    with serving() as server, asking(server.connection, ModelParameters(temperature_with_top_p=False)) as provider:
        Talk(provider, REQUEST.model_copy(update={"temperature": 1.7, "top_p": 0.5})).ask()
    assert (server.versions, server.requests[0]["temperature"], "top_p" in server.requests[0]) == (
        ["2023-06-01"],
        1.0,
        False,
    )


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        (ModelParameters(thinking=1_000), "no fewer than 1024"),
        (ModelParameters(extra={"max_tokens": 10**6}), "extra may not set max_tokens"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(parameters: ModelParameters, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        AnthropicProvider(Connection("anthropic:m", "m", KEY), price=PRICE, parameters=parameters)


def test_anthropic_itself_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY"):
        AnthropicProvider(Connection("anthropic:m", "m", None), price=PRICE, parameters=PLAIN)


# --- conversations ---------------------------------------------------------------------------------------------------

TWO_CALLS = (tool_use("toolu_1", "bash", {"command": "ls"}), tool_use("toolu_2", "bash", {}))


def test_a_loop_of_tools_with_parallel_calls() -> None:
    script = (Said((text("I look."), *TWO_CALLS)), Said((tool_use("toolu_3", "bash", {}),)), Said((text("done"),)))
    with serving(*script) as server, asking(server.connection) as provider:
        talk = Talk(provider)
        first = talk.ask()
        talk.answer(first)
        talk.answer(talk.ask(), output="")
        last = talk.ask()
    assert ([call.id for call in first.tool_calls], first.finish_reason, last.content) == (
        ["toolu_1", "toolu_2"],
        "tool_calls",
        "done",
    )


THINKING_TURN = Said((thinking("hm"), redacted("secret"), text("I look."), thinking("and"), *TWO_CALLS))
LATER_TURN = Said((thinking("then"), tool_use("toolu_3", "bash", {})))


def test_thinking_is_put_back_as_it_was() -> None:
    with serving(THINKING_TURN, LATER_TURN, HELLO) as server, asking(server.connection) as provider:
        talk = Talk(provider)
        first = talk.ask()
        talk.answer(first)
        talk.answer(talk.ask())
        last = talk.ask()
    put_back = [
        [block["type"] for block in turn["content"]]
        for turn in server.requests[-1]["messages"]
        if turn["role"] == "assistant"
    ]
    assert (first.thinking, last.content, put_back) == (
        "hm\n\nand",
        "hello",
        [["thinking", "redacted_thinking", "text", "thinking", "tool_use", "tool_use"], ["thinking", "tool_use"]],
    )


def _changes(completion: Completion) -> Mapping[str, Mapping[str, Any]]:
    first, second = completion.tool_calls
    edited = first.model_copy(update={"function": first.function.model_copy(update={"arguments": '{"command": '})})
    return {
        "text dropped": {"content": None},
        "text changed": {"content": "other"},
        "a call dropped": {"tool_calls": (second,)},
        "arguments changed": {"tool_calls": (edited, second)},
        "calls in another order": {"tool_calls": (second, first)},
    }


@pytest.mark.parametrize(
    "change", ["text dropped", "text changed", "a call dropped", "arguments changed", "calls in another order"]
)
@pytest.mark.parametrize("parameters", [PLAIN, ModelParameters(thinking=1_024)], ids=["adaptive", "budget"])
def test_thinking_is_put_back_into_a_turn_that_the_agent_changed(change: str, parameters: ModelParameters) -> None:
    with serving(THINKING_TURN, LATER_TURN, HELLO) as server, asking(server.connection, parameters) as provider:
        talk = Talk(provider)
        first = talk.ask()
        talk.answer(first, **_changes(first)[change])
        talk.answer(talk.ask())
        assert talk.ask().content == "hello"


@pytest.mark.parametrize("parameters", [PLAIN, ModelParameters(thinking=1_024)], ids=["adaptive", "budget"])
def test_an_agent_may_rewrite_what_was_before_thinking(parameters: ModelParameters) -> None:
    script = (THINKING_TURN, LATER_TURN, Said((thinking("more"), tool_use("toolu_4", "bash", {}))), HELLO)
    with serving(*script) as server, asking(server.connection, parameters) as provider:
        talk = Talk(provider)
        talk.answer(talk.ask())
        talk.answer(talk.ask())
        clipped = tuple(
            message.model_copy(update={"content": "[clipped]"}) if message.role == "tool" else message
            for message in talk.request.messages
        )
        talk.request = talk.request.model_copy(update={"messages": clipped})
        talk.answer(talk.ask())
        assert talk.ask().content == "hello"


def test_an_agent_may_stop_offering_its_tools() -> None:
    with serving(THINKING_TURN, HELLO) as server, asking(server.connection) as provider:
        talk = Talk(provider)
        talk.answer(talk.ask())
        talk.request = talk.request.model_copy(update={"tools": ()})
        assert talk.ask().content == "hello"


def test_an_agent_may_play_a_turn_twice() -> None:
    with serving(THINKING_TURN, HELLO) as server, asking(server.connection) as provider:
        talk = Talk(provider)
        talk.answer(talk.ask())
        twice = (*talk.request.messages, *talk.request.messages[1:])
        talk.request = talk.request.model_copy(update={"messages": twice})
        assert talk.ask().content == "hello"


def test_models_that_think_of_themselves_are_not_made_to_call_a_tool() -> None:
    parameters = ModelParameters(temperature=False, top_p=False)
    with serving(rules=Rules(thinks_by_itself=True)) as server, asking(server.connection, parameters) as provider:
        assert Talk(provider, REQUEST.model_copy(update={"tool_choice": "required"})).ask().content == "hello"


def test_a_call_that_the_output_limit_cut_off_comes_as_the_model_wrote_it() -> None:
    cut = Said((tool_use("toolu_1", "bash", '{"command": "rm -rf /t'),), "max_tokens")
    with serving(cut) as server, asking(server.connection) as provider:
        completion = complete(provider)
    assert (completion.finish_reason, completion.tool_calls[0].function.arguments) == (
        "length",
        '{"command": "rm -rf /t',
    )


# --- money -----------------------------------------------------------------------------------------------------------


def test_costs_add_up_to_the_bill() -> None:
    long = Message(role="system", content="word " * 2_000)
    script = [Said((text("I look."), tool_use(f"toolu_{number}", "bash", {"command": "ls"}))) for number in range(8)]
    with serving(*script) as server, asking(server.connection) as provider:
        talk = Talk(provider, REQUEST.model_copy(update={"messages": (long, ASKED[1])}))
        costs: list[float] = []
        for _ in script:
            completion = talk.ask()
            costs.append(usage_of(completion, provider.price).cost_usd)
            talk.answer(completion, output="line\n" * 300)
    assert sum(costs) == pytest.approx(float(server.billed_usd), abs=1e-9)
    assert server.inputs[-1].read == server.inputs[-2].read + server.inputs[-2].written > 0


def test_the_bound_is_above_what_is_billed() -> None:
    with serving(THINKING_TURN, LATER_TURN, HELLO) as server, asking(server.connection) as provider:
        talk = Talk(provider)
        for _ in range(3):
            bound = provider.input_token_bound(talk.request, talk.kept)
            completion = talk.ask()
            talk.answer(completion)
            assert bound >= completion.input_tokens


def test_a_typical_session_is_mostly_read_from_the_cache() -> None:
    system = Message(role="system", content="You are a software engineer. " * 12)
    problem = Message(role="user", content="Mend the function below.\n" + "Details of the problem. " * 120)
    script = [
        Said((thinking("So far so good. "), text("I go on."), tool_use(f"toolu_{n}", "bash", {"command": "x" * 80})))
        for n in range(20)
    ]
    with serving(*script) as server, asking(server.connection) as provider:
        talk = Talk(provider, REQUEST.model_copy(update={"messages": (system, problem)}))
        for number in range(20):
            talk.answer(talk.ask(), output="a line of output\n" * (20 + 13 * number % 90))
    assert server.cached_share > 0.8


class _Keeping:
    """A provider as `tests.fakes.offline` asks it, with what the gateway would keep."""

    name = "anthropic"

    def __init__(self, provider: AnthropicProvider) -> None:
        self.provider = provider
        self.kept: dict[str, JsonValue] = {}

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, **_: object) -> Completion:
        completion = self.provider.complete(request, output_tokens=output_tokens, seed=seed, kept=self.kept)
        self.kept.update((call.id, completion.kept) for call in completion.tool_calls if completion.kept)
        return completion


@pytest.mark.slow
def test_the_seed_agent_solves_a_kata_and_reads_all_that_it_sent_before_from_the_cache(tmp_path: Path) -> None:
    known_tasks = benchmark_named("katas").known_tasks()
    known = next(known for known in known_tasks if known.task.id == "badge-reader")
    brain = rehearsing(RehearsalProvider(known_tasks), seed=GOOD_SEED, thoughts="I think about it.")
    with AnthropicServer(brain, least_cached_tokens=512) as server, asking(server.connection) as provider:
        session = run_agent(
            as_tree(seed_agent()),
            known.task.statement,
            known.task.workspace,
            provider=cast("Provider", _Keeping(provider)),
            seed=GOOD_SEED,
            directory=tmp_path,
        )
    reads = [used.read for used in server.inputs[1:]]
    assert (session.exit_code, session.workspace != known.task.workspace, len(reads) > 3) == (0, True, True)
    assert reads == [used.read + used.written for used in server.inputs[:-1]]


def test_a_turn_with_many_blocks_is_found_in_the_cache() -> None:
    many = Said(tuple(part for n in range(30) for part in (text(f"{n}"), tool_use(f"toolu_{n}", "bash", {}))))
    long = Message(role="system", content="word " * 2_000)
    with serving(many, HELLO) as server, asking(server.connection) as provider:
        talk = Talk(provider, REQUEST.model_copy(update={"messages": (long, ASKED[1])}))
        talk.answer(talk.ask())
        talk.ask()
    assert server.inputs[1].read == server.inputs[0].written > 0


# --- faults ----------------------------------------------------------------------------------------------------------

REFUSED = "invalid_request_error"


@pytest.fixture(scope="module")
def failing() -> Generator[tuple[AnthropicServer, AnthropicProvider], None, None]:
    """A server and a provider that has never had a good answer of it."""
    with serving() as server, asking(server.connection) as provider:
        yield server, provider


@pytest.mark.parametrize(
    ("misbehaviour", "kind", "words"),
    [
        (RATE_LIMITED, OverloadedError, "status 429"),
        (OVERLOADED, OverloadedError, "status 529"),
        (BROKEN, ProviderError, "status 500"),
        (Status(504, "timeout_error"), ProviderError, "status 504"),
        (Status(503, "api_error"), UnbilledError, "status 503"),
        (Status(307, "moved", headers={"location": "http://attacker.example"}), ProviderError, "cannot be read"),
        (Status(402, "billing_error"), ProviderRefusedError, "status 402"),
        (OUT_OF_CREDIT, ProviderRefusedError, "credit balance is too low"),
        (
            Status(429, "rate_limit_error", details={"details": {"error_code": "enforced_spend_limit_reached"}}),
            ProviderRefusedError,
            "status 429",
        ),
        (Status(403, "permission_error", "Your API key may not."), ProviderRefusedError, "may not"),
        (Status(404, "not_found_error", f"model: {MODEL}"), ProviderRefusedError, f"404\\): model: {MODEL}"),
        (OVERFLOW, RequestRefusedError, "longer than the model's context"),
        (Status(413, "request_too_large"), RequestRefusedError, "longer than the model's context"),
        (Status(400, REFUSED, "messages.3.content.0: bad"), RequestRefusedError, "see its messages"),
        (Status(400, REFUSED, "tools.0.custom.input_schema: bad"), RequestRefusedError, "see its tools"),
        (Status(400, REFUSED, "tool_choice: bad"), RequestRefusedError, "see its tool_choice"),
        (Status(400, REFUSED, "max_tokens: 9 > 8"), ProviderRefusedError, "max_tokens: 9 > 8"),
        (Status(400, REFUSED, "temperature: Extra inputs are not permitted"), ProviderRefusedError, "temperature"),
        (
            Status(400, REFUSED, "messages.1.content.0: Invalid `signature` in `thinking` block"),
            ProviderRefusedError,
            "sig",
        ),
        (Status(400, REFUSED, '"thinking.type.enabled" is not supported'), ProviderRefusedError, "thinking"),
        (HangUp(), ProviderError, "no whole answer"),
        (Cut(0), ProviderError, "no whole answer"),
        (Cut(1), ProviderError, "no whole answer"),
        (Cut(4), ProviderError, "no whole answer"),
        (Cut(7), ProviderError, "no whole answer"),
        (End(0), ProviderError, "ends too early"),
        (End(1), ProviderError, "ends too early"),
        (End(4), ProviderError, "ends too early"),
        (End(7), ProviderError, "ends too early"),
        (Garble(0), ProviderError, "cannot be read"),
        (Garble(3), ProviderError, "cannot be read"),
        (Garble(6), ProviderError, "cannot be read"),
        (Replace(3, error_event("overloaded_error", "Overloaded")), ProviderError, "breaks off: Overloaded"),
        (Replace(0, error_event("api_error", "Oh")), ProviderError, "breaks off: Oh"),
        (Replace(0, ("message_start", {"type": "message_start"})), ProviderError, "cannot be read"),
        (
            Replace(3, ("content_block_delta", {"type": "content_block_delta", "index": 9, "delta": {}})),
            ProviderError,
            "cannot be read",
        ),
        (
            Replace(6, ("message_delta", {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1}})),
            ProviderError,
            "stop_reason",
        ),
    ],
)
def test_each_failure_has_its_kind_and_nothing_of_the_key(
    failing: tuple[AnthropicServer, AnthropicProvider], misbehaviour: Misbehaviour, kind: type[Exception], words: str
) -> None:
    server, provider = failing
    number = len(server.requests) + 1
    server.misbehaviour = {number: misbehaviour}
    with pytest.raises((ProviderError, RequestRefusedError), match=words) as caught:
        complete(provider)
    _expect_no_key(caught.value)
    assert (type(caught.value), len(server.requests)) == (kind, number)


def test_a_refused_key_is_not_told() -> None:
    with (
        serving() as server,
        asking(replace(server.connection, api_key="sk-ant-wrong-key")) as provider,
        pytest.raises(ProviderRefusedError, match="refused the API key") as caught,
    ):
        complete(provider)
    _expect_no_key(caught.value, "sk-ant-wrong-key")


def _expect_no_key(error: BaseException, key: str = KEY) -> None:
    """Fail if an exception or whatever hangs on it holds the key."""
    assert (error.__cause__, error.__context__) == (None, None)
    told = "".join(traceback.TracebackException.from_exception(error).format()) + repr(vars(error))
    assert key not in told


def test_how_long_to_wait_is_what_the_vendor_says() -> None:
    with serving() as server, asking(server.connection) as provider:
        server.misbehaviour = {1: RATE_LIMITED}
        with pytest.raises(OverloadedError) as caught:
            complete(provider)
    assert caught.value.retry_after_s == 2.0


def test_a_conversation_that_is_too_long_is_the_agents_to_mend() -> None:
    with serving() as server, asking(server.connection) as provider:
        server.misbehaviour = {1: OVERFLOW}
        with pytest.raises(RequestRefusedError) as caught:
            complete(provider)
    assert (caught.value.code, caught.value.detail) == (TOO_LONG, OVERFLOW.message)


def test_a_bad_request_without_a_field_is_the_agents_once_the_vendor_has_answered() -> None:
    with serving() as server, asking(server.connection) as provider:
        server.misbehaviour = {2: Status(400, REFUSED, "Something is wrong")}
        complete(provider)
        with pytest.raises(RequestRefusedError, match="does not take this request"):
            complete(provider)


def test_a_slow_answer_is_waited_for() -> None:
    slow = Slow(threading.Event())
    with serving() as server, asking(server.connection) as provider, ThreadPoolExecutor(1) as pool:
        server.misbehaviour = {1: slow}
        answer = pool.submit(complete, provider)
        slow.was_asked.wait()
        slow.may_answer.set()
        assert answer.result().content == "hello"


def test_an_answer_that_does_not_come_may_have_been_billed() -> None:
    slow = Slow(threading.Event())
    with serving() as server, asking(replace(server.connection, timeout_s=0.05)) as provider:
        server.misbehaviour = {1: slow}
        with pytest.raises(ProviderError, match="did not answer in time") as caught:
            complete(provider)
        slow.may_answer.set()
    assert type(caught.value) is ProviderError


def test_nobody_there_is_not_billed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = Connection("anthropic:m", "m", KEY, f"http://127.0.0.1:{free.getsockname()[1]}")
    with asking(nobody) as provider, pytest.raises(UnbilledError, match="cannot be reached") as caught:
        complete(provider)
    _expect_no_key(caught.value)


def test_what_is_no_stream_is_unreadable() -> None:
    page = Status(200, "page")
    with serving() as server, asking(server.connection) as provider:
        server.misbehaviour = {1: page}
        with pytest.raises(ProviderError, match="ends too early"):
            complete(provider)


# --- the check before a run ------------------------------------------------------------------------------------------


def check(server: AnthropicServer, **changes: Any) -> None:
    with asking(replace(server.connection, **changes)) as provider:
        provider.check()


def test_a_model_that_is_there_passes_and_nothing_is_billed() -> None:
    with serving(models={MODEL: {"lifecycle": "active"}}) as server:
        check(server)
        assert (server.requests, server.billed_usd) == ([], 0)


@pytest.mark.parametrize(
    ("models", "changes", "problem"),
    [
        ({}, {}, f"^anthropic has no model '{MODEL}'"),
        ({MODEL: {"lifecycle": "retired"}}, {}, f"^anthropic has retired the model '{MODEL}'"),
        ({MODEL: {}}, {"api_key": "sk-wrong"}, f"^anthropic:{MODEL} refused the API key"),
    ],
)
def test_a_model_that_cannot_be_asked_is_one_sentence(
    models: Mapping[str, Any], changes: Mapping[str, Any], problem: str
) -> None:
    with serving(models=models) as server, pytest.raises(ConfigError, match=problem) as caught:
        check(server, **changes)
    _expect_no_key(caught.value)


def test_a_server_that_does_not_tell_its_models_passes() -> None:
    with serving(models=None) as server:
        check(server)


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with serving() as server:
        pass
    with pytest.raises(ProviderError, match="cannot be reached") as caught:
        check(server)
    _expect_no_key(caught.value)


# --- through the gateway ---------------------------------------------------------------------------------------------


def test_thinking_is_put_back_through_the_gateway_and_the_agent_knows_nothing_of_it(tmp_path: Path) -> None:
    tools = [BASH.model_dump()]
    with (
        serving(THINKING_TURN, HELLO) as server,
        asking(server.connection) as provider,
        Setting(tmp_path, provider=provider).session() as session,
    ):
        first = post(session, [user("go")], tools=tools).json["choices"][0]["message"]
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "out"} for call in first["tool_calls"]]
        second = post(session, [user("go"), first, *results], tools=tools).json["choices"][0]["message"]
    assert (set(first), second["content"]) == ({"role", "content", "tool_calls"}, "hello")


def test_every_failure_is_in_the_books_at_no_less_than_the_bill(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    with serving() as server, asking(server.connection) as provider:
        server.misbehaviour = {1: OVERLOADED, 2: Cut(3), 3: Garble(4)}
        with Setting(tmp_path, provider=provider, ledger=ledger).session() as session:
            status = post(session, [user("go")]).status
    assert (status, len(server.requests)) == (200, 4)
    assert ledger.spent().cost_usd >= float(server.billed_usd) > 0
