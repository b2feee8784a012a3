"""Attacks on a session's socket, as an agent could make them. Every case asserts on the host."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from dgm.boundary.chat import MAX_MESSAGES
from dgm.config import Budget
from dgm.core.ports import SessionLimits
from dgm.gateway.server import HttpLimits
from dgm.gateway.session import Session
from tests.fakes.gateway import MemoryLedger
from tests.fakes.providers import ScriptedProvider, Setting, UnixConnection, grant, post, says, send, used, user

pytestmark = pytest.mark.slow  # it waits for deadlines

HASTY = HttpLimits(header_s=0.15, body_s=0.15, idle_s=0.3)
KEY = "sk-planted-0123456789"
NOBODY = 65534
PATH = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Session, None, None]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    limits = SessionLimits(calls=1_000, tokens=10**9, cost_usd=1e6)
    with Setting(tmp_path).session(limits) as session:
        yield session


@pytest.fixture
def hasty_session(tmp_path: Path) -> Generator[Session, None, None]:
    """A session whose server waits for nobody."""
    with Setting(tmp_path, http=HASTY).session() as session:
        yield session


def connect(session: Session) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(str(session.directory / "model.sock"))
    except OSError:
        client.close()
        raise
    client.settimeout(10)
    return client


def read_to_end(client: socket.socket) -> bytes:
    """Return what the server sends until it hangs up."""
    received = b""
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def answer_to(session: Session, request: bytes) -> bytes:
    """Return everything that comes back for raw bytes, sent as far as the server takes them."""
    with closing(connect(session)) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(request)
        return read_to_end(client)


def status_of(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def chat_body(session: Session, **fields: object) -> bytes:
    return json.dumps({"model": session.model, "messages": [user("hi")], **fields}).encode()


def whole_request(session: Session, *headers: bytes, body: bytes | None = None) -> bytes:
    body = chat_body(session) if body is None else body
    lines = b"".join(header + b"\r\n" for header in headers)
    return PATH + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


# --- who may connect -----------------------------------------------------------------------------------------------


@pytest.mark.attack("a call before anybody is admitted")
def test_nobody_is_answered_before_someone_is_admitted(tmp_path: Path) -> None:
    with Setting(tmp_path).gateway() as gateway, gateway.session(grant()) as session:
        assert answer_to(session, whole_request(session)) == b""


def test_another_uid_than_the_admitted_is_not_answered(tmp_path: Path) -> None:
    with Setting(tmp_path).gateway() as gateway, gateway.session(grant()) as session:
        session.admit(os.getuid() + 1)
        assert answer_to(session, whole_request(session)) == b""


@pytest.mark.attack("a process of another user")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("admitted", "heard"), [(NOBODY, True), (0, False)], ids=["the admitted one", "another"])
def test_a_process_of_another_user_is_answered_only_if_it_was_admitted(
    tmp_path: Path, admitted: int, heard: bool
) -> None:
    program = (
        "import os, socket, sys\n"
        "os.setuid(int(sys.argv[2]))\n"
        "client = socket.socket(socket.AF_UNIX)\n"
        "client.settimeout(10)\n"
        "client.connect(sys.argv[1])\n"
        "try:\n"
        "    client.sendall(b'GET /v1/models HTTP/1.0\\r\\n\\r\\n')\n"
        "    print(client.recv(9).decode())\n"
        "except OSError:\n"
        "    pass\n"
    )
    with Setting(tmp_path).gateway() as gateway, gateway.session(grant()) as session:
        session.admit(admitted)
        command = [sys.executable, "-I", "-S", "-c", program, str(session.directory / "model.sock"), str(NOBODY)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout
    assert bool(printed.strip()) == heard


def test_a_closed_sessions_socket_cannot_be_reached(tmp_path: Path) -> None:
    with Setting(tmp_path).gateway() as gateway:
        with gateway.session(grant()) as session:
            session.admit(os.getuid())
        with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
            send(session, "GET", "/v1/models")


def test_a_connection_left_open_is_cut_when_the_session_closes(tmp_path: Path) -> None:
    with Setting(tmp_path).gateway() as gateway:
        with gateway.session(grant()) as session:
            session.admit(os.getuid())
            client = UnixConnection(session.directory / "model.sock")
            client.request("GET", "/v1/models")
            client.getresponse().read()
        with closing(client):
            assert read_to_end(client.sock) == b""


@pytest.mark.attack("a call at another session's cost")
def test_one_sessions_calls_are_not_billed_to_another(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    with (
        Setting(tmp_path, ledger=ledger).gateway() as gateway,
        gateway.session(grant("00001.1.agent")) as one,
        gateway.session(grant("00002.1.agent")) as other,
    ):
        one.admit(os.getuid())
        post(one)
        assert (one.usage.calls, other.usage.calls) == (1, 0)


@pytest.mark.attack("what lies beside the socket")
def test_a_sessions_directory_holds_only_its_socket(session: Session) -> None:
    post(session)
    assert [path.name for path in session.directory.iterdir()] == ["model.sock"]


@pytest.mark.attack("writing beside the socket")
def test_a_sessions_directory_cannot_be_written_by_others(session: Session) -> None:
    assert session.directory.stat().st_mode & 0o777 == 0o755


# --- floods and slow clients -----------------------------------------------------------------------------------------


@pytest.mark.attack("a seventeenth connection")
def test_the_seventeenth_connection_is_told_to_wait(session: Session) -> None:
    clients = [connect(session) for _ in range(HttpLimits().connections)]
    try:
        assert status_of(answer_to(session, b"")) == 429
    finally:
        for client in clients:
            client.close()


def test_a_thousand_connections_do_not_keep_another_session_from_its_model(tmp_path: Path) -> None:
    with (
        Setting(tmp_path).gateway() as gateway,
        gateway.session(grant("00001.1.agent")) as attacker,
        gateway.session(grant("00002.1.agent")) as other,
    ):
        attacker.admit(os.getuid())
        other.admit(os.getuid())
        for _ in range(1_000):
            connect(attacker).close()
        assert post(other).status == 200


def test_calls_of_clients_that_went_away_count_until_they_end(tmp_path: Path) -> None:
    may_answer = threading.Event()
    under_way = threading.Semaphore(0)

    def slow() -> Any:
        under_way.release()
        may_answer.wait(10)
        return says("late")

    with Setting(tmp_path, provider=ScriptedProvider(slow)).session() as session:
        for _ in range(16):
            with closing(connect(session)) as client:
                client.sendall(whole_request(session))
                assert under_way.acquire(timeout=10)
        status = post(session).status
        may_answer.set()
    assert status == 429


def test_who_is_refused_all_the_time_is_not_heard_any_more(tmp_path: Path) -> None:
    with Setting(tmp_path, http=HttpLimits(refusals=5)).session() as session:
        for _ in range(5):
            send(session, "GET", "/nothing")
        assert answer_to(session, whole_request(session)) == b""


def test_who_asks_for_the_models_all_the_time_is_not_heard_any_more(tmp_path: Path) -> None:
    with Setting(tmp_path, http=HttpLimits(refusals=5)).session() as session:
        for _ in range(5):
            assert send(session, "GET", "/v1/models").status == 200
        assert answer_to(session, whole_request(session)) == b""


def test_who_comes_for_nothing_all_the_time_is_not_heard_any_more(tmp_path: Path) -> None:
    with Setting(tmp_path, http=HttpLimits(refusals=5)).session() as session:
        for _ in range(5):
            with closing(connect(session)) as client:
                client.shutdown(socket.SHUT_WR)
                assert read_to_end(client) == b""
        assert answer_to(session, whole_request(session)) == b""


def test_nonsense_does_not_fill_the_transcript(session: Session, tmp_path: Path) -> None:
    for _ in range(120):
        send(session, "POST", "/v1/chat/completions", b"{}")
    lines = (tmp_path / "00001.1.agent.jsonl.gz").read_bytes().count(b"\x1f\x8b\x08")
    assert lines == 50


def _drip_until_cut(client: socket.socket, head: bytes) -> bytes:
    """Send `head`, then a byte now and then; return what comes until the server hangs up."""
    client.sendall(head)
    client.settimeout(0.02)
    while True:
        try:
            return client.recv(65536)
        except TimeoutError:
            try:
                client.sendall(b"x")
            except (BrokenPipeError, ConnectionResetError):
                return b""
        except ConnectionResetError:
            return b""


def test_headers_that_drip_are_cut_off(hasty_session: Session) -> None:
    with closing(connect(hasty_session)) as client:
        assert _drip_until_cut(client, PATH + b"X-Drip: ") == b""


def test_headers_that_drip_on_a_later_request_are_cut_off_too(hasty_session: Session) -> None:
    with closing(UnixConnection(hasty_session.directory / "model.sock")) as client:
        client.request("GET", "/v1/models")
        client.getresponse().read()
        assert _drip_until_cut(client.sock, PATH + b"X-Drip: ") == b""


def test_a_body_that_drips_is_cut_off(hasty_session: Session) -> None:
    with closing(connect(hasty_session)) as client:
        assert _drip_until_cut(client, PATH + b"Content-Length: 1000000\r\n\r\n{") == b""


def test_a_connection_without_a_request_is_cut_off(hasty_session: Session) -> None:
    with closing(connect(hasty_session)) as client:
        assert read_to_end(client) == b""


@pytest.mark.honest
def test_a_slow_model_is_not_cut_off(tmp_path: Path) -> None:
    ticks = threading.Event()

    def slow() -> Any:
        ticks.wait(0.5)
        return says("at last")

    limits = HttpLimits(header_s=0.1, body_s=0.1, idle_s=0.1)
    with Setting(tmp_path, provider=ScriptedProvider(slow), http=limits).session() as session:
        assert post(session).status == 200


# --- sizes and smuggling ---------------------------------------------------------------------------------------------


def test_giant_headers_are_refused(session: Session) -> None:
    request = PATH + b"X-Giant: " + b"x" * 40_000 + b"\r\n\r\n"
    assert status_of(answer_to(session, request)) == 431


def test_headers_without_end_are_refused(session: Session) -> None:
    assert status_of(answer_to(session, PATH + b"X: y\r\n" * 20_000)) == 431


def test_a_giant_body_is_refused_before_it_is_read(session: Session) -> None:
    assert status_of(answer_to(session, PATH + b"Content-Length: 4194305\r\n\r\n")) == 413


@pytest.mark.attack("a giant body that is sent all the same")
def test_a_client_that_sends_its_giant_body_all_the_same_is_told_why(session: Session) -> None:
    request = whole_request(session, body=b" " * 5_000_000)
    assert status_of(answer_to(session, request)) == 413


def test_a_content_length_of_thousands_of_digits_is_refused(session: Session) -> None:
    assert status_of(answer_to(session, PATH + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n")) == 400


def test_chunked_bodies_are_refused(session: Session) -> None:
    request = PATH + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert status_of(answer_to(session, request)) == 411


def test_a_post_without_length_is_refused(session: Session) -> None:
    assert status_of(answer_to(session, PATH + b"\r\n")) == 411


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\ncontent-length:5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5\r\n 6\r\n",
        b"Content-Length : 5\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ],
)
def test_lengths_that_parsers_could_disagree_on_are_refused(session: Session, headers: bytes) -> None:
    assert status_of(answer_to(session, PATH + headers + b"\r\nhello")) == 400


def test_a_transfer_coding_that_hides_its_name_is_refused(session: Session) -> None:
    response = answer_to(session, PATH + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")
    assert 400 <= status_of(response) < 500


def test_what_is_no_http_is_refused(session: Session) -> None:
    assert status_of(answer_to(session, b"\x16\x03\x01\x02\x00\x01\r\n\r\n")) == 400


def test_http2_is_refused(session: Session) -> None:
    assert status_of(answer_to(session, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == 400


def test_an_upgrade_to_another_protocol_is_not_made(session: Session) -> None:
    request = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    assert status_of(answer_to(session, request)) == 200


def test_pipelined_requests_are_answered_one_by_one_in_order(session: Session) -> None:
    first = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    response = answer_to(session, first + whole_request(session) + last)
    statuses = [status_of(b"HTTP/1.1" + part) for part in response.split(b"HTTP/1.1")[1:]]
    assert statuses == [200, 200, 404]


def test_a_smuggled_request_behind_a_refused_one_is_not_answered(session: Session) -> None:
    request = PATH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answer_to(session, request).count(b"HTTP/1.1") == 1


# --- what may be asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/chat/completions/",
        "/v1/files",
        "/v1/responses",
        "/v1/chat/completions/../models",
        "//v1/models",
        "http://api.example.com/v1/models",
        "/v1/models/scripted",
    ],
)
def test_other_paths_do_not_exist(session: Session, path: str) -> None:
    assert send(session, "GET", path).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chat/completions"),
        ("DELETE", "/v1/models"),
        ("HEAD", "/v1/models"),
        ("OPTIONS", "*"),
        ("TRACE", "/v1/models"),
        ("PUT", "/v1/chat/completions"),
        ("CONNECT", "api.example.com:443"),
    ],
)
def test_other_methods_are_not_allowed(session: Session, method: str, path: str) -> None:
    assert send(session, method, path).status == 405


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "openai:gpt-5"},
        {"base_url": "http://attacker.example"},
        {"n": 100},
        {"stream": True},
        {"tools": [{"type": "web_search"}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a.example"}}]}]},
        {"messages": [{"role": "developer", "content": "hi"}]},
        {"messages": [user("hi")] * (MAX_MESSAGES + 1)},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "hi", "tool_call_id": "never-made"}]},
        {"max_tokens": 0},
        {"max_tokens": -1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"x": float("nan")}}}]},
        {"stop": ["x"] * 100_000},
        {f"field{n}": n for n in range(100_000)},
    ],
    ids=(
        "another model",
        "a base url",
        "a hundred answers",
        "a stream",
        "a tool of the provider's",
        "a file's id",
        "an image's address",
        "the developer's role",
        "too many messages",
        "no messages",
        "a result of no call",
        "no output",
        "negative output",
        "temperature NaN",
        "infinite temperature",
        "NaN in a tool",
        "a hundred thousand stops",
        "a hundred thousand fields",
    ),
)
def test_what_is_not_on_the_list_of_fields_is_refused(session: Session, fields: dict[str, object]) -> None:
    response = send(session, "POST", "/v1/chat/completions", chat_body(session, **fields))
    assert response.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 1_000_000,
        b'{"model":' * 100_000,
        b'{"model": "scripted", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "scripted", "messages": [{"role": "user", "content": ' + b"9" * 100_000 + b"}]}",
        b'{"model": "scripted", "messages": [{"role": "user", "content": "x"}], "temperature": 1e999}',
    ],
    ids=(
        "nothing",
        "an open brace",
        "null",
        "a list",
        "no UTF-8",
        "a million lists in each other",
        "a hundred thousand objects in each other",
        "half a character",
        "a number of a hundred thousand digits",
        "a number that is too large",
    ),
)
def test_malformed_json_is_refused(session: Session, body: bytes) -> None:
    assert send(session, "POST", "/v1/chat/completions", body).status == 400


@pytest.mark.attack("asking for more output than is allowed")
def test_an_agent_cannot_have_more_output_than_is_allowed(tmp_path: Path) -> None:
    provider = ScriptedProvider()
    with Setting(tmp_path, provider=provider, output_tokens=100).session() as session:
        post(session, max_tokens=10**9)
    assert provider.output_tokens == [100]


@pytest.mark.attack("reading the host's secrets in a provider's fault")
def test_a_providers_fault_tells_the_agent_nothing_of_the_host(tmp_path: Path) -> None:
    secret = f"/srv/runs/secret {KEY}"
    with Setting(tmp_path, provider=ScriptedProvider(RuntimeError(secret))).session() as session:
        response = post(session)
    assert response.json == {"error": {"message": "The model's provider failed.", "type": "provider_error"}}


@pytest.mark.attack("reading the key, or a path of the host")
def test_no_byte_that_is_received_holds_the_key_or_a_path_of_the_host(session: Session, tmp_path: Path) -> None:
    requests = [
        whole_request(session, b"Connection: close"),
        b"GET /v1/models HTTP/1.0\r\n\r\n",
        b"GET /nothing HTTP/1.0\r\n\r\n",
        b"nonsense\r\n\r\n",
        PATH + b"\r\n",
        whole_request(session, b"Connection: close", body=b"{"),
    ]
    received = b"".join(answer_to(session, request) for request in requests)
    leaks = [KEY, str(tmp_path), str(session.directory), "uvicorn", "Traceback", sys.prefix]
    assert [leak for leak in leaks if leak.encode() in received] == []


# --- money -----------------------------------------------------------------------------------------------------------


def in_parallel(session: Session, calls: int) -> list[int]:
    """Return the statuses of as many calls at once."""

    def one_call(_: int) -> int:
        return post(session).status

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(one_call, range(calls)))


def test_fifty_parallel_calls_at_the_last_cent_stay_under_the_cap(tmp_path: Path) -> None:
    """Each call may cost up to 3 cents and costs 1; 4 cents are left: calls wait for one another, and 2 go through."""
    start = threading.Barrier(50)
    ledger = MemoryLedger()
    provider = ScriptedProvider(says("x", input_tokens=50, output_tokens=50))
    setting = Setting(tmp_path, provider=provider, ledger=ledger, budget=Budget(max_cost_usd=0.04), output_tokens=200)
    with setting.gateway() as gateway:

        def one_call(number: int) -> int:
            with gateway.session(grant(f"{number:05}.1.agent")) as session:
                session.admit(os.getuid())
                start.wait(10)
                return post(session).status

        with ThreadPoolExecutor(50) as pool:
            statuses = list(pool.map(one_call, range(50)))
    outcome = (statuses.count(200), statuses.count(402), ledger.spent().cost_usd)
    assert outcome == (2, 48, pytest.approx(0.02))


@pytest.mark.honest
def test_a_call_that_would_fit_once_others_settle_is_not_refused(tmp_path: Path) -> None:
    """Ten calls that may cost 2.4 cents each, but cost 0.15, all fit into 4 cents, one waiting for the other."""
    setting = Setting(tmp_path, budget=Budget(max_cost_usd=0.04), output_tokens=200)
    with setting.session() as session:
        statuses = in_parallel(session, 10)
    assert statuses == [200] * 10


def test_parallel_calls_of_one_session_stay_within_its_calls(tmp_path: Path) -> None:
    with Setting(tmp_path).session(SessionLimits(calls=3)) as session:
        statuses = in_parallel(session, 10)
    assert sorted(statuses) == [200] * 3 + [402] * 7


def test_hanging_up_does_not_make_a_call_free(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    asked, may_answer = threading.Event(), threading.Event()

    def slow() -> Any:
        asked.set()
        may_answer.wait(10)
        return says("late")

    with Setting(tmp_path, provider=ScriptedProvider(slow), ledger=ledger).session() as session:
        with closing(UnixConnection(session.directory / "model.sock")) as client:
            client.request("POST", "/v1/chat/completions", chat_body(session))
            asked.wait(10)
        may_answer.set()
    assert (session.usage, ledger.spent()) == (used(), used())
