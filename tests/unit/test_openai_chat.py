"""Chat completions through the real SDK, against a server that refuses what the vendors refuse."""

import json
import logging
import threading
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal

import pytest

from dgm.boundary.chat import ChatRequest
from dgm.config import Price
from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, OverloadedError, RequestRefusedError, UnbilledError
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.vendors.openai_provider import OpenAiProvider
from tests.fakes.conversing import GOOD_SEED, Talk, known_task
from tests.fakes.dialogue import BASH, Dialogue, calls
from tests.fakes.gateway import MemoryLedger
from tests.fakes.openai_rules import FakeModel, Style
from tests.fakes.openai_server import (
    FAKE_MODEL,
    KEY,
    CutBody,
    HangUp,
    MalformedJson,
    Misbehaviour,
    OpenAiServer,
    Script,
    Slow,
    moderated,
    no_money,
    server_error,
    too_long,
    too_many_requests,
)
from tests.fakes.providers import Setting, post, says

pytestmark = pytest.mark.slow

PRICE = Price(input_usd=1.25, output_usd=10.0, cache_read_usd=0.125, cache_write_usd=1.5625)


def make(server: OpenAiServer, parameters: ModelParameters | None = None, **fields: Any) -> OpenAiProvider:
    connection = Connection(
        f"openai:{FAKE_MODEL}", fields.get("model", FAKE_MODEL), KEY, server.base_url, fields.get("timeout_s", 10.0)
    )
    return OpenAiProvider(connection, price=PRICE, parameters=parameters or ModelParameters())


@pytest.fixture
def server() -> Generator[OpenAiServer, None, None]:
    with OpenAiServer(Script(says("hello"))) as server:
        yield server


@pytest.fixture
def provider(server: OpenAiServer) -> Generator[OpenAiProvider, None, None]:
    provider = make(server)
    yield provider
    provider.close()


def complete(provider: OpenAiProvider, **fields: Any) -> Completion:
    request = ChatRequest.model_validate({"model": "x", "messages": [{"role": "user", "content": "hi"}], **fields})
    return provider.complete(request, output_tokens=50, seed=7, kept={})


# --- conversations ---------------------------------------------------------------------------------------------------


def test_a_tool_loop_with_parallel_calls_goes_through(server: OpenAiServer, provider: OpenAiProvider) -> None:
    server.brain = brain = Script(calls("ls", "pwd", content="Looking."), calls("cat a", first_id=2), says("Done."))
    dialogue = Dialogue(provider)
    first = dialogue.say("go")
    dialogue.results("a", "/repo")
    last = dialogue.results("text")
    assert ([call.id for call in first.tool_calls], first.content, last.content) == (
        ["call_0_0", "call_1_0"],
        "Looking.",
        "Done.",
    )
    assert [message.role for message in brain.asked[-1].request.messages] == [
        *("user", "assistant", "tool", "tool", "assistant", "tool"),
    ]
    assert server.bodies[-1]["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"command":"ls"}'


@pytest.mark.parametrize("writes_cache", [False, True])
def test_a_growing_conversation_costs_what_the_server_billed_to_the_nano_dollar(writes_cache: bool) -> None:
    script = Script(*[calls("ls", first_id=number) for number in range(4)], says("Done."))
    with OpenAiServer(script, models={FAKE_MODEL: FakeModel(writes_cache=writes_cache)}) as server:
        provider = make(server)
        dialogue = Dialogue(provider)
        dialogue.say("word " * 2_000)
        for _ in range(4):
            dialogue.results("output " * 400)
        provider.close()
    bills = server.bills
    assert dialogue.usage.cost_usd == pytest.approx(float(server.billed_usd), abs=1e-9)
    assert (dialogue.usage.cache_read_tokens, dialogue.usage.cache_write_tokens) == (
        sum(bill.cached_tokens for bill in bills),
        sum(bill.written_tokens for bill in bills),
    )
    assert (bills[0].cached_tokens, bills[1].cached_tokens > 2_000) == (0, True)
    assert (dialogue.usage.cache_write_tokens > 0) is writes_cache


@pytest.mark.parametrize("style", ["reasoning_content", "reasoning_details", "extra_content"])
def test_what_work_alikes_want_back_of_thinking_is_put_back_and_kept_from_the_agent(style: Style) -> None:
    answers = [calls("ls", "pwd", thinking="First I look."), calls("cat a", first_id=2, thinking="Then I read.")]
    with OpenAiServer(Script(*answers, says("Done.")), models={FAKE_MODEL: FakeModel(style=style)}) as server:
        provider = make(server)
        dialogue = Dialogue(provider)
        first = dialogue.say("go")
        dialogue.results("a", "/repo")
        last = dialogue.results("text")  # the server refuses it without the thinking of both turns
        provider.close()
    assert last.content == "Done."
    assert first.thinking == ("" if style == "extra_content" else "First I look.")
    assert "First I look." not in json.dumps(dialogue.messages)


def test_without_what_was_kept_such_a_server_refuses() -> None:
    with OpenAiServer(
        Script(calls("ls", thinking="I look.")), models={FAKE_MODEL: FakeModel(style="reasoning_content")}
    ) as server:
        provider = make(server)
        dialogue = Dialogue(provider)
        dialogue.say("go")
        dialogue.kept.clear()
        with pytest.raises(RequestRefusedError):
            dialogue.results("a")
        provider.close()


def test_what_is_put_back_counts_as_often_as_the_agent_repeats_the_turn() -> None:
    answers = [calls("ls", thinking="x" * 10_000), says("Done.")]
    with OpenAiServer(Script(*answers), models={FAKE_MODEL: FakeModel(style="reasoning_content")}) as server:
        provider = make(server)
        dialogue = Dialogue(provider, output_tokens=5_000)
        dialogue.say("go")
        turn = [dialogue.messages.pop(), {"role": "tool", "tool_call_id": "call_0_0", "content": ""}]
        dialogue.messages += turn * 3
        bound = provider.input_token_bound(dialogue.request(), dialogue.kept)
        dialogue.ask()
        provider.close()
    sent = len(json.dumps(server.bodies[-1]["messages"]))
    assert bound > sent > 30_000


# --- what a model takes ----------------------------------------------------------------------------------------------


TAKEN: list[tuple[ModelParameters, dict[str, Any], set[str]]] = [
    (ModelParameters(), {"temperature": 0.5, "top_p": 0.9, "stop": "END", "max_tokens": 50}, {"seed"}),
    (ModelParameters(temperature=False), {"top_p": 0.9}, {"temperature"}),
    (ModelParameters(top_p=False), {"temperature": 0.5}, {"top_p"}),
    (ModelParameters(temperature_with_top_p=False), {"temperature": 0.5}, {"top_p"}),
    (ModelParameters(temperature=False, temperature_with_top_p=False), {"top_p": 0.9}, {"temperature"}),
    (ModelParameters(stop=False), {}, {"stop"}),
    (ModelParameters(seed=True), {"seed": 7}, set()),
    (ModelParameters(), {"parallel_tool_calls": False, "tool_choice": "required"}, set()),
    (ModelParameters(parallel_tool_calls=False), {"tool_choice": "required"}, {"parallel_tool_calls"}),
    (ModelParameters(output_limit="max_completion_tokens"), {"max_completion_tokens": 50}, {"max_tokens"}),
    (ModelParameters(most_output_tokens=30), {"max_tokens": 30}, set()),
    (ModelParameters(most_output_tokens=80), {"max_tokens": 50}, set()),
    (ModelParameters(extra={"user": "a", "verbosity": "low"}), {"user": "a", "verbosity": "low"}, set()),
]


@pytest.mark.parametrize(("parameters", "sent", "left_out"), TAKEN)
def test_a_request_has_what_the_model_takes(
    server: OpenAiServer, parameters: ModelParameters, sent: dict[str, Any], left_out: set[str]
) -> None:
    provider = make(server, parameters)
    chosen = {"temperature": 0.5, "top_p": 0.9, "stop": "END", "parallel_tool_calls": False}
    complete(provider, **chosen, tools=[BASH], tool_choice="required")
    provider.close()
    body = server.bodies[0]
    assert (body | sent == body, left_out & set(body)) == (True, set())


@pytest.mark.parametrize("effort", ["low", "high"])
def test_a_reasoning_model_without_tools_is_asked_for_an_effort(effort: str) -> None:
    with OpenAiServer(Script(says("hello")), models={FAKE_MODEL: FakeModel(reasons=True)}) as server:
        provider = make(server, ModelParameters(output_limit="max_completion_tokens", effort=effort))
        complete(provider)
        provider.close()
    assert server.bodies[0]["reasoning_effort"] == effort


def test_without_tools_nothing_is_said_of_them(server: OpenAiServer, provider: OpenAiProvider) -> None:
    complete(provider, tool_choice="auto", parallel_tool_calls=True)  # the server refuses either without tools
    assert set(server.bodies[0]) == {"model", "messages", "max_tokens"}


def test_a_tool_without_parameters_is_one_that_vendors_take(server: OpenAiServer, provider: OpenAiProvider) -> None:
    complete(provider, tools=[{"type": "function", "function": {"name": "done"}}])
    assert server.bodies[0]["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("name", ["n", "stream", "max_tokens"])
def test_extra_parameters_cannot_change_what_a_call_may_cost(server: OpenAiServer, name: str) -> None:
    with pytest.raises(ConfigError, match=f"extra may not set {name}"):
        make(server, ModelParameters(extra={name: 2}))


@pytest.mark.parametrize(
    ("parameters", "chosen", "hint"),
    [
        (ModelParameters(output_limit="max_completion_tokens"), {"temperature": 0.5}, "set temperature = false"),
        (ModelParameters(output_limit="max_completion_tokens"), {"stop": "END"}, "set stop = false"),
        (ModelParameters(), {}, "max_tokens"),
        (ModelParameters(output_limit="max_completion_tokens"), {"tools": [BASH]}, "/v1/responses"),
    ],
)
def test_what_the_model_cannot_take_at_all_is_our_set_up_and_not_the_agents_failure(
    parameters: ModelParameters, chosen: dict[str, Any], hint: str
) -> None:
    with OpenAiServer(Script(says("hello")), models={FAKE_MODEL: FakeModel(reasons=True)}) as server:
        provider = make(server, parameters)
        with pytest.raises(ProviderRefusedError, match=hint):
            complete(provider, **chosen)
        provider.close()


def test_a_schema_that_the_vendor_refuses_is_the_agents_to_mend(provider: OpenAiProvider) -> None:
    with pytest.raises(RequestRefusedError, match="see its tools"):
        complete(provider, tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}])


def test_the_sdks_environment_changes_nothing(server: OpenAiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-other")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer other\nX-Other: 1")
    provider = make(server)
    complete(provider)
    provider.close()
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert set(headers) - {"connection"} == {
        *("accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"),
        "x-stainless-raw-response",
    }


# --- misbehaviour ----------------------------------------------------------------------------------------------------

FAULTS: list[tuple[Misbehaviour, type[Exception]]] = [
    (too_many_requests(retry_after_ms="20"), OverloadedError),
    (too_many_requests(retry_after="2"), OverloadedError),
    (no_money(), ProviderRefusedError),
    (server_error(500), ProviderError),
    (server_error(503), UnbilledError),
    (too_long(), RequestRefusedError),
    (moderated(), RequestRefusedError),
    (HangUp(), ProviderError),
    (CutBody(), ProviderError),
    (MalformedJson(), ProviderError),
]


@pytest.mark.parametrize(("misbehaviour", "kind"), FAULTS)
def test_each_misbehaviour_has_its_kind_and_holds_nothing_of_the_sdk(
    server: OpenAiServer, provider: OpenAiProvider, misbehaviour: Misbehaviour, kind: type[Exception]
) -> None:
    server.misbehave(1, misbehaviour)
    with pytest.raises((ProviderError, RequestRefusedError)) as caught:
        complete(provider)
    told = "".join(traceback.format_exception(caught.value))
    assert (type(caught.value), KEY in told, caught.value.__cause__) == (kind, False, None)
    assert complete(provider).content == "hello"


@pytest.mark.parametrize("misbehaviour", [too_many_requests(), server_error(500), HangUp(), CutBody()])
def test_no_exception_of_the_sdk_is_chained_since_it_holds_the_key(
    server: OpenAiServer, provider: OpenAiProvider, misbehaviour: Misbehaviour
) -> None:
    server.misbehave(1, misbehaviour)
    with pytest.raises(ProviderError) as caught:
        complete(provider)
    assert caught.value.__context__ is None


def test_how_long_to_wait_is_what_the_server_says(server: OpenAiServer, provider: OpenAiProvider) -> None:
    server.misbehave(1, too_many_requests(retry_after_ms="20", retry_after="2"))
    with pytest.raises(OverloadedError) as caught:
        complete(provider)
    assert caught.value.retry_after_s == 0.02


@pytest.mark.parametrize(("fault", "code"), [(too_long(), "context_length_exceeded"), (moderated(), "content_filter")])
def test_what_the_agent_may_mend_has_a_code(
    server: OpenAiServer, provider: OpenAiProvider, fault: Misbehaviour, code: str
) -> None:
    server.misbehave(1, fault)
    with pytest.raises(RequestRefusedError) as caught:
        complete(provider)
    assert caught.value.code == code


def test_a_wrong_key_that_the_server_quotes_is_told_to_nobody(server: OpenAiServer, provider: OpenAiProvider) -> None:
    server.key = "sk-another"
    with pytest.raises(ProviderRefusedError) as caught:
        complete(provider)
    assert str(caught.value) == f"openai:{FAKE_MODEL} refused the API key (status 401)."


def test_an_unknown_model_is_refused(server: OpenAiServer) -> None:
    provider = make(server, model="other")
    with pytest.raises(ProviderRefusedError, match="is not there"):
        complete(provider)
    provider.close()


def test_a_slow_answer_is_a_time_out_that_may_have_been_billed(server: OpenAiServer) -> None:
    server.misbehave(1, Slow())
    provider = make(server, timeout_s=0.1)
    with pytest.raises(ProviderError, match="did not answer in time") as caught:
        complete(provider)
    provider.close()
    assert type(caught.value) is ProviderError


def test_a_slow_answer_is_waited_for(server: OpenAiServer, provider: OpenAiProvider) -> None:
    slow = Slow()
    server.misbehave(1, slow)
    answers: list[Completion] = []
    caller = threading.Thread(target=lambda: answers.append(complete(provider)))
    caller.start()
    entered = slow.entered.wait(10)
    slow.release.set()
    caller.join()
    assert (entered, [answer.content for answer in answers]) == (True, ["hello"])


def test_what_was_billed_without_an_answer_stays_in_the_books(
    server: OpenAiServer, provider: OpenAiProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for number, misbehaviour in enumerate([too_many_requests(retry_after_ms="0"), CutBody(), HangUp()]):
        server.misbehave(number + 1, misbehaviour)
    ledger = MemoryLedger()
    with Setting(tmp_path, provider=provider, ledger=ledger).session() as session:
        status = post(session).status
    assert (status, len(server.bills), len(server.bodies)) == (200, 3, 4)
    assert session.usage.cost_usd >= float(server.billed_usd)
    assert KEY not in caplog.text


# --- the simulated model behind it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_rehearsal_model_behind_the_server_solves_a_task(api: Literal["chat", "responses"]) -> None:
    wrong, right = ({"sums.py": f"def add(a, b):\n    return a {sign} b\n"} for sign in "-+")
    known = known_task(wrong, right)
    model = RehearsalProvider([known])
    with OpenAiServer(
        lambda asked: model.complete(asked.request, output_tokens=asked.output_tokens, seed=GOOD_SEED),
        models={FAKE_MODEL: FakeModel(reasons=api == "responses")},
    ) as server:
        provider = make(server, ModelParameters(api=api))
        talk = Talk(provider, GOOD_SEED, wrong)
        talk.say(known.task.statement).run()
        provider.close()
    assert (talk.files, len(server.bills) > 2) == (right, True)
