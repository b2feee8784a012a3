"""The `openai` provider: the real SDK against a local server that speaks OpenAI's documented wire format."""

import json
import logging
import socket
import threading
import traceback
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dgm.boundary.chat import ChatRequest, Message
from dgm.config import Price
from dgm.core.errors import ConfigError, ProviderError, ProviderRefusedError
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, OverloadedError, RequestRefusedError, UnbilledError
from dgm.gateway.vendors.openai_provider import OpenAiProvider
from tests.fakes.providers import Setting, post, records, user

pytestmark = pytest.mark.slow

KEY = "sk-test-abcdefghijklmnop"
PRICE = Price(input_usd=1.0, output_usd=10.0)
REQUEST = ChatRequest(model="x", messages=(Message(role="user", content="hi"),))
CALL = {"id": "call_9", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}
FUNCTION = {"name": "bash", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}
TOOL = {"type": "function", "function": FUNCTION}


@dataclass
class Reply:
    status: int
    body: object
    headers: dict[str, str] = field(default_factory=dict[str, str])


def completion(message: dict[str, Any] | None = None, **fields: object) -> Reply:
    message = {"role": "assistant", "content": "hello", "refusal": None, "annotations": [], **(message or {})}
    body = {
        "id": "chatcmpl-upstream",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-test-2026",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
        "service_tier": "default",
        "system_fingerprint": "fp_upstream",
    }
    return Reply(200, {**body, **fields}, {"x-request-id": "req_upstream"})


def error(status: int, message: str = "no", headers: dict[str, str] | None = None, **fields: object) -> Reply:
    body = {"error": {"message": message, "type": "some_error", "param": None, "code": None, **fields}}
    return Reply(status, body, headers or {})


class Upstream:
    """A server that gives replies in turn, the last for ever after, and keeps what it was sent."""

    def __init__(self) -> None:
        self.replies: list[Reply | None] = [completion()]
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.base_url = ""

    def next_reply(self) -> Reply | None:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def upstream() -> Generator[Upstream, None, None]:
    state = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append(json.loads(body))
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.paths.append(self.path)
            reply = state.next_reply()
            if reply is None:  # hang up without a word
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.base_url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def provider(upstream: Upstream) -> Generator[OpenAiProvider, None, None]:
    provider = make(upstream.base_url)
    yield provider
    provider.close()


def make(
    base_url: str | None,
    *,
    key: str | None = KEY,
    timeout_s: float = 10.0,
    parameters: ModelParameters = ModelParameters(seed=True),  # noqa: B008 - frozen
) -> OpenAiProvider:
    connection = Connection("openai:gpt-test", "gpt-test", key, base_url, timeout_s)
    return OpenAiProvider(connection, price=PRICE, parameters=parameters)


def complete(provider: OpenAiProvider, request: ChatRequest = REQUEST) -> Completion:
    return provider.complete(request, output_tokens=50, seed=7, kept={})


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_the_request_is_built_from_what_the_agent_may_choose(upstream: Upstream, provider: OpenAiProvider) -> None:
    request = ChatRequest.model_validate(
        {
            "model": "whatever",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "u"}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_9", "content": "out"},
                {"role": "assistant", "content": "ok", "tool_calls": []},
            ],
            "tools": [TOOL],
            "tool_choice": "auto",
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "parallel_tool_calls": False,
            "max_tokens": 10**9,
        }
    )
    complete(provider, request)
    assert (upstream.paths, upstream.requests[0]) == (
        ["/v1/chat/completions"],
        {
            "model": "gpt-test",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "u"},
                {"role": "assistant", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_9", "content": "out"},
                {"role": "assistant", "content": "ok"},
            ],
            "tools": [{"type": "function", "function": {**FUNCTION, "description": ""}}],
            "tool_choice": "auto",
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "parallel_tool_calls": False,
            "max_tokens": 50,
            "seed": 7,
        },
    )


def test_the_key_goes_into_the_header(upstream: Upstream, provider: OpenAiProvider) -> None:
    complete(provider)
    assert upstream.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_server_that_needs_no_key_gets_a_placeholder_and_never_the_environments(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider = make(upstream.base_url, key=None)
    complete(provider)
    provider.close()
    assert upstream.headers[0]["authorization"] == "Bearer no-key"


def test_the_address_is_not_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://attacker.example/v1")
    provider = make(None)
    url = provider.base_url
    provider.close()
    assert url == "https://api.openai.com/v1/"


def test_a_redirect_is_not_followed(upstream: Upstream, provider: OpenAiProvider) -> None:
    upstream.replies = [Reply(307, b"", {"location": f"{upstream.base_url}/elsewhere"}), completion()]
    with pytest.raises(ProviderRefusedError, match="status 307"):
        complete(provider)
    assert len(upstream.requests) == 1


def test_one_call_is_one_attempt(upstream: Upstream, provider: OpenAiProvider) -> None:
    upstream.replies = [error(500)]
    with pytest.raises(ProviderError):
        complete(provider)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nb", "sk-é"])
def test_a_key_that_could_end_up_in_a_traceback_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="characters that no key has"):
        make("http://localhost/v1", key=key)


def test_openai_itself_needs_a_key() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        make(None, key=None)


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x/v1", "http://user:pw@host/v1", "http://", "http://a b"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        make(url)


# --- what comes back -------------------------------------------------------------------------------------------------


def test_an_answer_has_text_and_what_it_used(provider: OpenAiProvider) -> None:
    assert complete(provider) == Completion("hello", (), "stop", input_tokens=12, output_tokens=3)


def test_tool_calls_come_through(upstream: Upstream, provider: OpenAiProvider) -> None:
    choice = {"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}, "finish_reason": "tool_calls"}
    upstream.replies = [completion(choices=[choice])]
    answer = complete(provider)
    assert ([call.model_dump() for call in answer.tool_calls], answer.finish_reason) == ([CALL], "tool_calls")


@pytest.mark.parametrize(
    ("said", "has_calls", "meant"),
    [
        ("length", False, "length"),
        ("content_filter", False, "content_filter"),
        ("stop", True, "tool_calls"),
        (None, False, "stop"),
        ("eos", False, "stop"),
    ],
)
def test_finish_reasons_of_other_servers_are_understood(
    upstream: Upstream, provider: OpenAiProvider, said: str | None, has_calls: bool, meant: str
) -> None:
    message: dict[str, Any] = {"content": None, "tool_calls": [CALL] if has_calls else None}
    upstream.replies = [completion(choices=[{"message": message, "finish_reason": said}])]
    assert complete(provider).finish_reason == meant


def test_a_refusal_is_the_answers_text(upstream: Upstream, provider: OpenAiProvider) -> None:
    upstream.replies = [completion({"content": None, "refusal": "I cannot."})]
    assert complete(provider).content == "I cannot."


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": None}])
def test_an_answer_without_usage_counts_at_its_worst_case(
    upstream: Upstream, provider: OpenAiProvider, usage: object
) -> None:
    upstream.replies = [completion(usage=usage)]
    answer = complete(provider)
    assert (answer.input_tokens, answer.output_tokens) == (provider.input_token_bound(REQUEST, {}), 50)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>busy</html>", {"Content-Type": "text/html"}),
        Reply(200, b"{"),
        Reply(200, b""),
        Reply(200, {"choices": []}),
        Reply(200, {"error": {"message": "in a 200"}}),
        completion(usage={"prompt_tokens": -5, "completion_tokens": 3}),
        completion(usage={"prompt_tokens": 10**12, "completion_tokens": 3}),
        completion(usage={"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": -1}}),
        completion(choices=[{"message": {"content": ""}, "finish_reason": "error", "error": {"code": 502}}]),
    ],
    ids=[
        "html",
        "half json",
        "nothing",
        "no choice",
        "error in a 200",
        "negative usage",
        "absurd usage",
        "negative cache",
        "error in a choice",
    ],
)
def test_what_is_no_completion_is_a_providers_error_that_may_have_been_billed(
    upstream: Upstream, provider: OpenAiProvider, reply: Reply
) -> None:
    upstream.replies = [reply]
    with pytest.raises(ProviderError, match="cannot be read") as caught:
        complete(provider)
    assert type(caught.value) is ProviderError


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 3}, (100, 3, 0, 0)),
        ({"prompt_tokens": 100, "completion_tokens": 3, "prompt_tokens_details": None}, (100, 3, 0, 0)),
        (
            {"prompt_tokens": 100, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 64}},
            (100, 3, 64, 0),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 99}}, (9, 3, 9, 0)),
        (
            {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 99}},
            (9, 50, 4, 5),
        ),
        ({"prompt_tokens": 100, "completion_tokens": 3, "total_tokens": 123}, (100, 23, 0, 0)),
        ({"prompt_tokens": 100, "completion_tokens": 3, "total_tokens": 10**8}, (100, 50, 0, 0)),
        ({"prompt_tokens": 100, "completion_tokens": 3, "total_tokens": 3}, (100, 3, 0, 0)),
    ],
    ids=["plain", "null", "cached", "more cached than read", "more written than read", "thinking", "absurd", "less"],
)
def test_usage_is_what_the_server_says_within_what_can_be(
    upstream: Upstream, provider: OpenAiProvider, usage: dict[str, Any], used: tuple[int, ...]
) -> None:
    upstream.replies = [completion(usage=usage)]
    answer = complete(provider)
    assert (
        answer.input_tokens,
        answer.output_tokens,
        answer.cache_read_tokens,
        answer.cache_write_tokens,
    ) == used


def called(*calls: dict[str, Any]) -> Reply:
    return completion({"content": None, "tool_calls": list(calls)})


def call(name: str = "bash", **fields: object) -> dict[str, Any]:
    return {"id": "a", "type": "function", "function": {"name": name, "arguments": "{}"}, **fields}


def test_a_function_name_that_is_too_long_becomes_one_that_no_tool_has(
    upstream: Upstream, provider: OpenAiProvider
) -> None:
    upstream.replies = [called(call("n" * 65))]
    assert complete(provider).tool_calls[0].function.name == "n" * 63 + "~"


def test_a_name_that_vendors_refuse_is_sent_back_as_one_that_they_take(
    upstream: Upstream, provider: OpenAiProvider
) -> None:
    slip = call("n" * 63 + "~")
    messages = [
        user("go"),
        {"role": "assistant", "tool_calls": [slip]},
        {"role": "tool", "tool_call_id": "a", "content": ""},
    ]
    complete(provider, ChatRequest.model_validate({"model": "x", "messages": messages}))
    assert upstream.requests[0]["messages"][1]["tool_calls"][0]["function"]["name"] == "n" * 63 + "_"


def test_ids_that_are_missing_twice_there_or_too_long_become_fresh_ones(
    upstream: Upstream, provider: OpenAiProvider
) -> None:
    upstream.replies = [called(call(), call(), call(id=""), call(id=None), call(id="x" * 257))]
    ids = [one.id for one in complete(provider).tool_calls]
    assert (ids[0], len(set(ids)), max(len(id_) for id_ in ids)) == ("a", 5, 9)


def test_an_id_that_the_conversation_has_already_becomes_a_fresh_one(
    upstream: Upstream, provider: OpenAiProvider
) -> None:
    messages = [
        user("go"),
        {"role": "assistant", "tool_calls": [call()]},
        {"role": "tool", "tool_call_id": "a", "content": ""},
    ]
    upstream.replies = [called(call())]
    answer = complete(provider, ChatRequest.model_validate({"model": "x", "messages": messages}))
    assert answer.tool_calls[0].id != "a"


def test_no_more_calls_come_through_than_an_agent_may_repeat(upstream: Upstream, provider: OpenAiProvider) -> None:
    upstream.replies = [called(*[call(id=f"{number}") for number in range(200)])]
    assert len(complete(provider).tool_calls) == 128


@pytest.mark.parametrize(
    ("given", "text"), [({"command": "ls"}, '{"command":"ls"}'), (None, ""), ('{"command": ', '{"command": ')]
)
def test_arguments_are_text_whatever_the_server_gives(
    upstream: Upstream, provider: OpenAiProvider, given: object, text: str
) -> None:
    upstream.replies = [called({"id": "a", "function": {"name": "bash", "arguments": given}})]
    assert complete(provider).tool_calls[0].function.arguments == text


def test_content_in_parts_is_joined(upstream: Upstream, provider: OpenAiProvider) -> None:
    parts: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": []},
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]
    upstream.replies = [completion({"content": parts})]
    assert complete(provider).content == "ab"


@pytest.mark.parametrize(
    ("said", "thinking"),
    [
        ({"reasoning_content": "a", "reasoning": "a"}, "a"),
        ({"reasoning": "b"}, "b"),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "c"}, {"type": "reasoning.encrypted"}]}, "c"),
        ({"reasoning_content": None}, ""),
    ],
)
def test_readable_thinking_is_for_the_transcript(
    upstream: Upstream, provider: OpenAiProvider, said: dict[str, Any], thinking: str
) -> None:
    upstream.replies = [completion(said)]
    answer = complete(provider)
    assert (answer.thinking, answer.kept) == (thinking, None)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, None),
        ({"reasoning_content": None}, None),
        ({"reasoning_content": ""}, {"reasoning_content": ""}),
        (
            {"reasoning": "a", "reasoning_details": [{"data": "b"}]},
            {"reasoning": "a", "reasoning_details": [{"data": "b"}]},
        ),
    ],
)
def test_thinking_is_kept_with_the_calls_that_it_led_to(
    upstream: Upstream, provider: OpenAiProvider, said: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    upstream.replies = [completion({"content": None, "tool_calls": [call()], **said})]
    assert complete(provider).kept == (kept and {"message": kept, "calls": {}})


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(401), ProviderRefusedError),
        (error(403), ProviderRefusedError),
        (error(403, "flagged", metadata={}), RequestRefusedError),
        (error(403, metadata={"reasons": ["violence"], "flagged_input": "x"}), RequestRefusedError),
        (error(404), ProviderRefusedError),
        (error(402), ProviderRefusedError),
        (error(429, code="insufficient_quota"), ProviderRefusedError),
        (error(400, param="max_tokens", code="unsupported_parameter"), ProviderRefusedError),
        (error(400, "tool calls are not enabled"), ProviderRefusedError),
        (error(400, code="context_length_exceeded", param="messages"), RequestRefusedError),
        (error(400, "This model's maximum context length is 4096 tokens."), RequestRefusedError),
        (error(400, param="messages.[3].content"), RequestRefusedError),
        (error(400, param="tools[0].function.parameters"), RequestRefusedError),
        (error(422, param="temperature"), RequestRefusedError),
        (error(413), RequestRefusedError),
        (error(408), UnbilledError),
        (error(409), UnbilledError),
        (error(429), OverloadedError),
        (error(529), OverloadedError),
        (error(500), ProviderError),
        (error(503), UnbilledError),
        (Reply(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}), ProviderError),
        (None, ProviderError),
    ],
)
def test_each_failure_has_its_kind(
    upstream: Upstream, provider: OpenAiProvider, reply: Reply | None, kind: type[Exception]
) -> None:
    upstream.replies = [reply]
    with pytest.raises((ProviderError, RequestRefusedError)) as caught:
        complete(provider)
    assert type(caught.value) is kind


def test_a_bad_request_without_a_reason_is_the_agents_once_the_provider_has_answered(
    upstream: Upstream, provider: OpenAiProvider
) -> None:
    upstream.replies = [completion(), error(400, "invalid schema")]
    complete(provider)
    with pytest.raises(RequestRefusedError, match="does not take this request"):
        complete(provider)


def test_a_refused_requests_words_are_for_the_transcript_and_not_for_the_agent(
    upstream: Upstream, provider: OpenAiProvider
) -> None:
    upstream.replies = [error(400, "bad \x1b[31mrole in /srv/x.py", param="messages[0].role")]
    with pytest.raises(RequestRefusedError) as caught:
        complete(provider)
    told = (str(caught.value), "bad role in /srv/x.py" in caught.value.detail)
    assert told == ("The model does not take this request: see its messages.", True)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "20", "retry-after": "2"}, 0.02),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_what_the_provider_says(
    upstream: Upstream, provider: OpenAiProvider, headers: dict[str, str], wait_s: float | None
) -> None:
    upstream.replies = [error(429, headers=headers)]
    with pytest.raises(UnbilledError) as caught:
        complete(provider)
    assert caught.value.retry_after_s == wait_s


def test_a_refused_connection_was_not_billed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        provider = make(f"http://127.0.0.1:{free.getsockname()[1]}/v1")
    with pytest.raises(UnbilledError, match="cannot be reached"):
        complete(provider)
    provider.close()


def test_a_time_out_may_have_been_billed() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        provider = make(f"http://127.0.0.1:{silent.getsockname()[1]}/v1", timeout_s=0.1)
        with pytest.raises(ProviderError, match="did not answer in time") as caught:
            complete(provider)
        provider.close()
    assert type(caught.value) is ProviderError


# --- through the gateway ---------------------------------------------------------------------------------------------


def test_a_tool_call_makes_the_round_trip_through_the_gateway(
    upstream: Upstream, provider: OpenAiProvider, tmp_path: Path
) -> None:
    choice = {"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}, "finish_reason": "tool_calls"}
    upstream.replies = [completion(choices=[choice]), completion({"content": "Done."})]
    with Setting(tmp_path, provider=provider).session() as session:
        first = post(session, [user("go")], tools=[TOOL]).json["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": "call_9", "content": "a.py"}
        second = post(session, [user("go"), first, result], tools=[TOOL]).json["choices"][0]["message"]
    assert (first["tool_calls"], second["content"]) == ([CALL], "Done.")


def test_a_busy_provider_is_asked_again_when_it_says(
    upstream: Upstream, provider: OpenAiProvider, tmp_path: Path
) -> None:
    upstream.replies = [error(429, headers={"retry-after-ms": "1"}), completion()]
    with Setting(tmp_path, provider=provider).session() as session:
        status = post(session).status
    assert (status, len(upstream.requests), session.usage.calls) == (200, 2, 1)


@pytest.mark.parametrize(("reply", "tries"), [(error(500), 3), (error(401), 1)])
def test_a_providers_fault_is_a_502_without_its_words(
    upstream: Upstream, provider: OpenAiProvider, tmp_path: Path, reply: Reply, tries: int
) -> None:
    upstream.replies = [reply]
    with Setting(tmp_path, provider=provider).session() as session:
        response = post(session)
    assert (response.json["error"]["message"], len(upstream.requests)) == ("The model's provider failed.", tries)


def test_nothing_of_the_providers_own_reaches_the_agent(
    upstream: Upstream, provider: OpenAiProvider, tmp_path: Path
) -> None:
    with Setting(tmp_path, provider=provider).session() as session:
        response = post(session)
    assert (set(response.headers), b"upstream" in response.raw, b"fp_" in response.raw, len(upstream.requests)) == (
        {"server", "content-length", "content-type"},
        False,
        False,
        1,
    )


def test_a_conversation_that_is_too_long_is_a_400_that_says_so(
    upstream: Upstream, provider: OpenAiProvider, tmp_path: Path
) -> None:
    upstream.replies = [error(400, "too long", code="context_length_exceeded", param="messages")]
    with Setting(tmp_path, provider=provider).session() as session:
        response = post(session)
    assert (response.status, response.json["error"]["code"]) == (400, "context_length_exceeded")


def test_the_key_is_in_nothing_that_is_kept_told_or_logged(
    upstream: Upstream, provider: OpenAiProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leak = f"Incorrect key {KEY}"
    upstream.replies = [
        completion(),
        error(400, leak, param="messages"),
        error(429, leak, headers={"retry-after-ms": "1"}),
        error(500, leak),
        error(401, leak),
    ]
    caplog.set_level(logging.DEBUG)
    with Setting(tmp_path, provider=provider).session() as session:
        told = [post(session) for _ in range(3)]
    fault = "".join(traceback.format_exception(session.fault))
    everything = f"{told} {fault} {records(tmp_path / '00001.1.agent.jsonl.gz')} {caplog.text}"
    assert ([one.status for one in told], len(upstream.requests), KEY in everything) == ([200, 400, 502], 5, False)
