"""Attacks by whoever stands behind an address: servers that speak a vendor's protocol, through the real SDKs."""

import gzip
import json
import socket
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from dgm.boundary.chat import MAX_TOOL_CALLS, ChatRequest, Function, FunctionCall, Message, Tool, ToolCall
from dgm.config import Price
from dgm.core.errors import ConfigError, ProviderError
from dgm.core.ports import SessionLimits
from dgm.gateway.bounds import MAX_HEARD_BYTES, MAX_KEPT_BYTES, MAX_TEXT_CHARS
from dgm.gateway.connection import Connection
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import Completion, Provider
from dgm.gateway.records import read_records
from dgm.gateway.vendors.anthropic_provider import AnthropicProvider
from dgm.gateway.vendors.openai_provider import OpenAiProvider
from tests.fakes.gateway import MemoryLedger
from tests.fakes.providers import ScriptedProvider, Setting, post

pytestmark = pytest.mark.slow  # it waits for deadlines

KEY = "sk-planted-0123456789"
PRICE = Price(input_usd=1.0, output_usd=1.0)
WIRES = ("chat", "responses", "anthropic")
TOOL = Tool(function=Function(name="bash", parameters={"type": "object"}))
REQUEST = ChatRequest(model="m", messages=(Message(role="user", content="u"),), tools=(TOOL,))
USED = {"input_tokens": 5, "output_tokens": 7}
DEEP = "[" * 100_000 + "]" * 100_000
HASTE_S = 0.3

Answer = Callable[[socket.socket], None]
"""Says what it wants to a client whose request was read."""


class Evil:
    """A server that reads requests as it should, and then does what a test says."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]

    def start(self) -> None:
        self._threads[0].start()

    def stop(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self._clients.append(client)
                thread = threading.Thread(target=self._talk, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _talk(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            while request := _read_request(client):
                self.requests.append(request)
                self._answer(client)


def _read_request(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (part := client.recv(65536)):
            return b""
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < wanted:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def evil(answer: Answer) -> Generator[Evil]:
    server = Evil(answer)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def provider_at(url: str, wire: str, *, timeout_s: float = 10.0, key: str = KEY) -> Generator[Provider]:
    connection = Connection("evil:m", "m", key, url, timeout_s)
    provider: Provider = (
        AnthropicProvider(connection, price=PRICE, parameters=ModelParameters())
        if wire == "anthropic"
        else OpenAiProvider(
            connection,
            price=PRICE,
            parameters=ModelParameters(api="responses" if wire == "responses" else "chat"),
        )
    )
    try:
        yield provider
    finally:
        provider.close()


def complete(provider: Provider, output_tokens: int = 1) -> Completion:
    return provider.complete(REQUEST, output_tokens=output_tokens, seed=0, kept={})


def failure(answer: Answer, wire: str, *, timeout_s: float = 10.0) -> ProviderError:
    with evil(answer) as server, provider_at(server.url, wire, timeout_s=timeout_s) as provider:
        with pytest.raises(ProviderError) as failed:
            complete(provider)
        return failed.value


def said(body: bytes, *, kind: bytes = b"application/json", headers: bytes = b"", status: int = 200) -> Answer:
    """Return what gives a whole answer."""
    head = b"HTTP/1.1 %d X\r\ncontent-type: %s\r\n%scontent-length: %d\r\n\r\n" % (status, kind, headers, len(body))
    return lambda client: client.sendall(head + body)


def for_ever(start: bytes, part: bytes, *, pause_s: float = 0.0) -> Answer:
    """Return what begins an answer and goes on with it until the client has had enough."""

    def answer(client: socket.socket) -> None:
        client.sendall(start)
        while True:
            client.sendall(part)
            if pause_s:
                time.sleep(pause_s)

    return answer


def events(*blocks: dict[str, Any], deltas: tuple[tuple[int, dict[str, Any]], ...] = (), usage: object = USED) -> bytes:
    """Return a whole message of Anthropic's as its stream."""
    message: dict[str, Any] = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
    }
    told: list[dict[str, Any]] = [{"type": "message_start", "message": message | {"usage": usage}}]
    for place, block in enumerate(blocks):
        told.append({"type": "content_block_start", "index": place, "content_block": block})
    told += [{"type": "content_block_delta", "index": place, "delta": delta} for place, delta in deltas]
    told.append({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}})
    told.append({"type": "message_stop"})
    return b"".join(b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in told)


def answer_of(wire: str, text: str = "hello", calls: tuple[dict[str, Any], ...] = (), usage: object = USED) -> Answer:
    """Return what gives a good answer, whatever its parts are."""
    if wire == "anthropic":
        uses: list[dict[str, Any]] = [
            {"type": "tool_use", "id": c["id"], "name": c["name"], "input": {}} for c in calls
        ]
        deltas = tuple(
            (n, {"type": "input_json_delta", "partial_json": c["arguments"]}) for n, c in enumerate(calls, 1)
        )
        return said(
            events({"type": "text", "text": text}, *uses, deltas=deltas, usage=usage), kind=b"text/event-stream"
        )
    body: dict[str, Any]
    if wire == "responses":
        items = [{"type": "function_call", "call_id": c["id"], **c} for c in calls]
        body = {"output": [{"type": "message", "content": [{"text": text}]}, *items], "usage": usage}
    else:
        functions = [{"id": c["id"], "function": {"name": c["name"], "arguments": c["arguments"]}} for c in calls]
        body = {"choices": [{"message": {"content": text, "tool_calls": functions}}], "usage": usage}
    return said(json.dumps(body).encode())


def call(arguments: str = "{}", *, id_: str = "c1", name: str = "bash") -> dict[str, Any]:
    return {"id": id_, "name": name, "arguments": arguments}


# --- time and size ---------------------------------------------------------------------------------------------------

JSON_HEAD = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_HEAD = JSON_HEAD.replace(b"application/json", b"text/event-stream")
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
DRIPS = {
    "headers": for_ever(b"HTTP/1.1 200 X\r\nx-long: ", b"a", pause_s=0.02),
    "announcements": for_ever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", pause_s=0.02),
    "body": for_ever(JSON_HEAD, b"1\r\n \r\n", pause_s=0.02),
    "pings": for_ever(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(PING), PING), pause_s=0.02),
    "error": for_ever(JSON_HEAD.replace(b"200", b"400"), b"1\r\n \r\n", pause_s=0.02),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("drip", DRIPS)
def test_an_answer_that_drips_for_ever_ends_with_the_calls_time(wire: str, drip: str) -> None:
    assert "evil:m did not answer in time" in str(failure(DRIPS[drip], wire, timeout_s=HASTE_S))


@pytest.mark.parametrize("wire", WIRES)
def test_a_list_of_models_that_drips_for_ever_ends_too(wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "anthropic_models" if wire == "anthropic" else "openai_models"
    monkeypatch.setattr(f"dgm.gateway.vendors.{module}.TIMEOUT_S", HASTE_S / 2)
    with evil(DRIPS["body"]) as server, provider_at(server.url, wire) as provider, pytest.raises(ProviderError):
        provider.check()


FLOOD = b"10000\r\n" + b" " * 65536 + b"\r\n"
TEXT = (
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, '
    b'"delta": {"type": "text_delta", "text": "%s"}}\n\n' % (b"a" * 65000)
)
FLOODS = {
    "body": for_ever(JSON_HEAD, FLOOD),
    "line": for_ever(STREAM_HEAD, FLOOD),
    "events": for_ever(
        STREAM_HEAD + b"%x\r\n%s\r\n" % (len(events({"type": "text", "text": ""})[:-200]), b"" + events()[:-200]),
        b"%x\r\n%s\r\n" % (len(TEXT), TEXT),
    ),
    "error": for_ever(JSON_HEAD.replace(b"200", b"500"), FLOOD),
    "headers": for_ever(b"HTTP/1.1 200 X\r\n", b"x-more: %s\r\n" % (b"a" * 1000)),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("flood", FLOODS)
def test_an_answer_without_end_is_cut_off_before_it_fills_the_memory(wire: str, flood: str) -> None:
    sent = 0

    def answer(client: socket.socket) -> None:
        nonlocal sent
        counting = Counting(client)
        try:
            FLOODS[flood](counting)  # pyright: ignore[reportArgumentType]
        finally:
            sent = counting.sent

    said_of_it = str(failure(answer, wire))
    assert "evil:m" in said_of_it
    assert sent < 32 * 2**20


class Counting:
    """A client's socket that counts what it is sent."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.sent = 0

    def sendall(self, part: bytes) -> None:
        self._client.sendall(part)
        self.sent += len(part)


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("status", [200, 400])
def test_a_packed_answer_is_refused_before_it_is_unpacked(wire: str, status: int) -> None:
    bomb = gzip.compress(b" " * 2**24)
    answer = said(bomb, headers=b"content-encoding: gzip\r\n", status=status)
    assert "gave no whole answer (DecodingError)" in str(failure(answer, wire))


# --- what is taken along ---------------------------------------------------------------------------------------------


@pytest.mark.attack("a redirect")
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_neither_key_nor_conversation_follow_a_redirect(wire: str, status: int) -> None:
    with evil(said(b"{}")) as other:
        moved = said(b"{}", headers=b"location: %s/v1/messages\r\n" % other.url.encode(), status=status)
        with evil(moved) as server, provider_at(server.url, wire) as provider:
            with pytest.raises(ProviderError):
                complete(provider)
            with suppress(ConfigError, ProviderError):
                provider.check()
        assert other.requests == []


@pytest.mark.parametrize("wire", WIRES)
def test_a_cookie_is_not_brought_back(wire: str) -> None:
    def answer(client: socket.socket) -> None:
        said(b"{}", headers=b"set-cookie: who=you; Path=/\r\n")(client)

    with evil(answer) as server, provider_at(server.url, wire) as provider:
        for _ in range(2):
            with pytest.raises(ProviderError):
                complete(provider)
        assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


# --- the key ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("text", "called"),
    [
        (f"Your key is {KEY}.", call()),
        ("", call(f'{{"command": "echo {KEY}"}}')),
        ("", call(id_=KEY)),
        ("", call(name=KEY)),
    ],
    ids=["text", "arguments", "id", "name"],
)
def test_an_answer_that_gives_the_key_back_reaches_no_agent(wire: str, text: str, called: dict[str, Any]) -> None:
    failed = failure(answer_of(wire, text, (called,)), wire)
    assert str(failed) == "evil:m gave back the API key in its answer, which is not passed on."
    assert KEY not in "".join(traceback.format_exception(failed))


def test_thinking_that_gives_the_key_back_is_neither_kept_nor_written_down() -> None:
    thought = {"type": "thinking", "thinking": f"It is {KEY}", "signature": "s"}
    answer = said(events(thought, {"type": "text", "text": "hi"}), kind=b"text/event-stream")
    assert "gave back the API key" in str(failure(answer, "anthropic"))


@pytest.mark.attack("an error that gives the key back")
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "echo",
    [KEY, f"{KEY[:9]}\x1b[0m{KEY[9:]}", f"{KEY[:9]}\u200b{KEY[9:]}", f"{KEY[:9]}\x00{KEY[9:]}", "x" * 290 + KEY],
    ids=["whole", "escape", "zero width", "control", "at the cut"],
)
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_an_error_that_gives_the_key_back_is_told_without_it(wire: str, echo: str, status: int) -> None:
    error = {"error": {"type": echo, "message": echo, "code": echo, "param": echo}, "type": "error"}
    with evil(said(json.dumps(error).encode(), status=status)) as server, provider_at(server.url, wire) as provider:
        with pytest.raises(Exception) as failed:  # noqa: PT011 - whichever it is
            complete(provider)
        with suppress(ConfigError, ProviderError):
            provider.check()
    told = "".join(traceback.format_exception(failed.value)) + repr(vars(failed.value))
    assert KEY[:14] not in told
    assert "\x1b" not in told


@pytest.mark.attack("a list of models that gives the key back")
def test_a_list_of_models_that_gives_the_key_back_is_told_without_it() -> None:
    models = said(json.dumps({"data": [{"id": f"{KEY[:9]}\u200b{KEY[9:]}"}]}).encode())
    with evil(models) as server, provider_at(server.url, "chat") as provider, pytest.raises(ConfigError) as refused:
        provider.check()
    assert "it has [key]" in str(refused.value)


@pytest.mark.honest
@pytest.mark.parametrize("wire", WIRES)
def test_a_word_that_stands_for_a_key_may_be_said(wire: str) -> None:
    with evil(answer_of(wire, "I am ollama.")) as server, provider_at(server.url, wire, key="ollama") as provider:
        assert complete(provider).content == "I am ollama."


# --- what is said ----------------------------------------------------------------------------------------------------

NUMBERS = ["-1", "1e999", "NaN", "1" * 5_000, '"5"', "[1]", "1.5", "100000001"]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "number", NUMBERS, ids=lambda number: f"{str(number)[:10]}..." if len(str(number)) > 10 else number
)
def test_a_bill_that_none_can_be_is_a_fault(wire: str, number: str) -> None:
    def answer(client: socket.socket) -> None:
        lines = Recorder()
        answer_of(wire, usage={"input_tokens": 424242, "output_tokens": 7})(lines)  # pyright: ignore[reportArgumentType]
        body = lines.said.partition(b"\r\n\r\n")[2].replace(b"424242", number.encode())
        kind = b"text/event-stream" if wire == "anthropic" else b"application/json"
        said(body, kind=kind)(client)

    if number == '"5"':  # a number all the same
        with evil(answer) as server, provider_at(server.url, wire) as provider:
            assert complete(provider).input_tokens == 5
        return
    assert "answered what cannot be read" in str(failure(answer, wire))


class Recorder:
    """Takes what is said to a client."""

    said = b""

    def sendall(self, part: bytes) -> None:
        self.said += part


@pytest.mark.attack("an answer with thousands of calls")
@pytest.mark.parametrize("wire", WIRES)
def test_no_more_calls_come_through_than_an_agent_may_repeat(wire: str) -> None:
    calls = tuple(call(id_=f"c{number}") for number in range(5_000))
    with evil(answer_of(wire, calls=calls)) as server, provider_at(server.url, wire) as provider:
        assert len(complete(provider, output_tokens=100_000).tool_calls) == MAX_TOOL_CALLS


ODD_ARGUMENTS = [
    DEEP,
    f'{{"a": {DEEP}}}',
    r'{"a": "\ud800"}',
    '{"a": 1e999}',
    "NaN",
    "[]",
    "{",
    '{"a"',
    "",
    "1" * 5_000,
]
ARGUMENTS_NAMES = (
    "deep nesting",
    "deep nesting in an object",
    "half a character",
    "a number that is too large",
    "NaN",
    "a list",
    "an open brace",
    "half an object",
    "nothing",
    "a number of thousands of digits",
)


@pytest.mark.attack("odd arguments of a call")
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("arguments", ODD_ARGUMENTS, ids=ARGUMENTS_NAMES)
def test_no_arguments_that_an_agent_can_have_a_model_write_are_the_providers_fault(wire: str, arguments: str) -> None:
    """Such faults are tried again, cost, and stop the run in the end."""
    with evil(answer_of(wire, calls=(call(arguments),))) as server, provider_at(server.url, wire) as provider:
        answered = complete(provider, output_tokens=10_000)
        again = Message(role="assistant", content=answered.content, tool_calls=answered.tool_calls)
        result = Message(role="tool", tool_call_id=answered.tool_calls[0].id, content="out")
        request = REQUEST.model_copy(update={"messages": (*REQUEST.messages, again, result)})
        provider.complete(request, output_tokens=10_000, seed=0, kept={"c1": answered.kept} if answered.kept else {})
    assert answered.tool_calls[0].function.arguments == (arguments or "{}" if wire == "anthropic" else arguments)


@pytest.mark.attack("arguments in a great many parts")
def test_arguments_in_many_parts_take_no_quadratic_time() -> None:
    parts = 40_000
    deltas = [(0, {"type": "input_json_delta", "partial_json": '{"a": "'})]
    deltas += [(0, {"type": "input_json_delta", "partial_json": "abcdefgh"})] * parts
    use: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "bash", "input": {}}
    answer = said(events(use, deltas=tuple(deltas)), kind=b"text/event-stream")
    with evil(answer) as server, provider_at(server.url, "anthropic", timeout_s=60.0) as provider:
        answered = complete(provider, output_tokens=parts)
    assert answered.tool_calls[0].function.arguments == '{"a": "' + "abcdefgh" * parts


DISORDER = [
    b"",
    b"data: {}\n\n",
    b'event: message_stop\ndata: {"type": "message_stop"}\n\n',
    b"event: message_start\ndata: " + DEEP.encode() + b"\n\n",
    b"event: message_start\ndata: [1]\n\n",
    b'event: message_start\ndata: {"type": "message_start", "message": 1}\n\n',
    events({"type": "text", "text": ""}, deltas=((7, {"type": "text_delta", "text": "a"}),)),
    events({"type": "text", "text": ""}, deltas=((-1, {"type": "text_delta", "text": "a"}),)),
    events({"type": "text", "text": ""}, deltas=((0, {"type": "text_delta", "text": 5}),)),
    events({"type": "text", "text": ["a"]}),
    events({"type": "tool_use", "id": ["x"], "name": "n", "input": {}}),
    events()[:-60],
]
DISORDER_NAMES = (
    "nothing",
    "an event without a name",
    "an end without a beginning",
    "deep nesting",
    "a list",
    "a number",
    "a block that never began",
    "a negative block",
    "a text that is a number",
    "a text that is a list",
    "an id that is a list",
    "an end cut off",
)


@pytest.mark.parametrize("body", DISORDER, ids=DISORDER_NAMES)
def test_events_that_make_no_message_are_a_fault_with_one_sentence(body: bytes) -> None:
    failed = failure(said(body, kind=b"text/event-stream"), "anthropic")
    assert str(failed).startswith("evil:m answered what cannot be read (")


# --- what it fills ---------------------------------------------------------------------------------------------------


def a_lot(character: str, size: int = 3 * MAX_TEXT_CHARS) -> Completion:
    calls = tuple(
        ToolCall(id=f"c{number}", function=FunctionCall(name="bash", arguments=character * size))
        for number in range(300)
    )
    return Completion(character * size, calls, "stop", 10, 5, thinking=character * size)


def test_an_answer_that_is_far_too_long_is_cut_and_its_transcript_can_be_read(tmp_path: Path) -> None:
    setting = Setting(tmp_path, provider=ScriptedProvider(a_lot("\N{GRINNING FACE}")))  # two escapes each in JSON
    with setting.session(SessionLimits(calls=9, tokens=10**9, cost_usd=1e6)) as session:
        response = post(session)
    assert response.status == 200
    [transcript] = list(tmp_path.glob("*.gz"))
    [record] = read_records(transcript).records
    assert record.answer is not None
    assert (len(record.answer.content or ""), len(record.thinking)) == (MAX_TEXT_CHARS, MAX_TEXT_CHARS)
    lengths = [len(one.function.arguments) for one in record.answer.tool_calls]
    assert (len(lengths), sum(lengths), record.finish_reason) == (MAX_TOOL_CALLS, MAX_TEXT_CHARS, "length")
    assert len(response.json["choices"][0]["message"]["content"]) == MAX_TEXT_CHARS


def heard_until_refused(directory: Path, answer: Completion) -> Iterator[int]:
    ledger = MemoryLedger()
    setting = Setting(directory, provider=ScriptedProvider(answer), ledger=ledger)
    with setting.session(SessionLimits(calls=1_000, tokens=10**9, cost_usd=1e6)) as session:
        for number in range(1, 1_000):
            if post(session).status == 402:
                assert (session.limit_reached, session.fault) == (True, None)
                return
            yield number


@pytest.mark.attack("answers that fill the transcript")
def test_a_session_hears_no_more_than_its_transcript_holds(tmp_path: Path) -> None:
    answer = Completion("\x01" * MAX_TEXT_CHARS, (), "stop", 10, 5)
    answers = list(heard_until_refused(tmp_path, answer))
    assert len(answers) == MAX_HEARD_BYTES // (6 * MAX_TEXT_CHARS) + 1
    [transcript] = list(tmp_path.glob("*.gz"))
    assert read_records(transcript).damage == ""


@pytest.mark.attack("thinking that fills the memory")
def test_a_session_keeps_no_more_thinking_in_memory_than_there_is_room_for(tmp_path: Path) -> None:
    calls = (ToolCall(id="c", function=FunctionCall(name="bash", arguments="{}")),)
    answer = Completion("a", calls, "tool_calls", 10, 5, kept={"sealed": "x" * 2**23})
    assert len(list(heard_until_refused(tmp_path, answer))) == MAX_KEPT_BYTES // 2**23
