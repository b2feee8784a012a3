"""A server that speaks Anthropic's messages API, refuses what the vendor refuses, and sends bills.

with AnthropicServer(scripted([Said((text("hello"),))])) as server:
    AnthropicProvider(server.connection, ...).complete(...)
server.billed_usd
"""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias

from dgm.config import Price, Rates
from dgm.gateway.connection import Connection
from tests.fakes.anthropic_brains import Brain, chat_request
from tests.fakes.anthropic_cache import Bill, Input, PromptCache
from tests.fakes.anthropic_rules import Block, RefusedError, Rules, Signed, whole_prefix
from tests.fakes.anthropic_stream import Event, events, signed_block, with_input

KEY = "sk-ant-test-abcdefghijklmnop"
MODEL = "claude-test-5"
PRICE = Price(input_usd=3.0, output_usd=15.0, cache_read_usd=0.3, cache_write_usd=3.75)


@dataclass(frozen=True, slots=True)
class Status:
    """Answers with an error; not billed."""

    status: int
    type: str
    message: str = "no"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    details: Block = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Cut:
    """Breaks the connection after some events; billed, as is all that follows."""

    after: int


@dataclass(frozen=True, slots=True)
class End:
    """Ends the answer in good order after some events."""

    after: int


@dataclass(frozen=True, slots=True)
class Garble:
    """Sends an event that is no JSON in place of one."""

    place: int


@dataclass(frozen=True, slots=True)
class Replace:
    """Sends another event in place of one."""

    place: int
    event: Event


@dataclass(frozen=True, slots=True)
class HangUp:
    """Breaks the connection without a word."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Answers when it is told to."""

    may_answer: threading.Event
    was_asked: threading.Event = field(default_factory=threading.Event)


Misbehaviour: TypeAlias = Status | Cut | End | Garble | Replace | HangUp | Slow

RATE_LIMITED = Status(429, "rate_limit_error", "This request would exceed your rate limit.", {"retry-after": "2"})
OVERLOADED = Status(529, "overloaded_error", "Overloaded")
BROKEN = Status(500, "api_error", "Internal server error")
OVERFLOW = Status(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
OUT_OF_CREDIT = Status(
    400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans."
)


class AnthropicServer:
    """The API at a port of this machine, while it is entered."""

    def __init__(
        self,
        brain: Brain,
        *,
        rules: Rules = Rules(),  # noqa: B008 - frozen
        rates: Rates = PRICE,
        models: Mapping[str, Block] | None = None,
        least_cached_tokens: int = 1_024,
        tool_prompt_tokens: int = 346,
    ) -> None:
        """Begin with an empty cache and nothing billed.

        Args:
            brain: gives the answers.
            rules: what is refused.
            rates: what is billed.
            models: what it tells of each of its models; None if it has no way to ask for them.
            least_cached_tokens: of a prefix that is cached.
            tool_prompt_tokens: that it adds to requests with tools.
        """
        self.brain = brain
        self.requests: list[Block] = []
        """All that were posted."""
        self.versions: list[str | None] = []
        self.headers: list[dict[str, str]] = []
        self.inputs: list[Input] = []
        """Of the answers that were billed."""
        self.models = models
        self.misbehaviour: dict[int, Misbehaviour] = {}
        """By the number of the request, from 1."""
        self._rules = rules
        self._bill = Bill(rates)
        self._cache = PromptCache(least_tokens=least_cached_tokens, bytes_per_token=4, added_tokens=tool_prompt_tokens)
        self._signed: dict[str, Signed] = {}
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def base_url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def connection(self) -> Connection:
        """Where to call it, and as whom."""
        return Connection(f"anthropic:{MODEL}", MODEL, KEY, self.base_url, timeout_s=10.0)

    @property
    def billed_usd(self) -> Decimal:
        """What it was owed so far, exactly."""
        return self._bill.dollars

    @property
    def cached_share(self) -> float:
        """The share of all input tokens that were read from the cache."""
        return sum(used.read for used in self.inputs) / sum(used.all for used in self.inputs)

    def noted(self, body: Block, headers: dict[str, str]) -> Misbehaviour | None:
        """Note a request, and return how to misbehave."""
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            self.versions.append(headers.get("anthropic-version"))
            return self.misbehaviour.get(len(self.requests))

    def answered(self, body: Block, version: str | None) -> Iterator[Event]:
        """Return the events of the answer to a request, and bill it.

        Raises:
            RefusedError: the vendor would refuse it.
        """
        with self._lock:
            self._rules.check(body, version=version, signed=self._signed)
        said = self.brain(chat_request(body))
        with self._lock:
            content = [signed_block(block) for block in said.content]
            whole = [with_input(block) for block in content]
            if any("thinking" in block["type"] for block in whole):
                turn = Signed(whole_prefix(body), whole)
                self._signed.update({block["id"]: turn for block in whole if block["type"] == "tool_use"})
            used = self._cache.input_of(body)
            self.inputs.append(used)
        self._bill.charge(used, said.tokens)
        return events(said, content, used, body["model"])


def _handler(server: AnthropicServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if server.models is None:
                self._send(404, b"<html>not here</html>", {"content-type": "text/html"})
            elif self._has_key():
                model = self.path.rpartition("/")[2]
                found = server.models.get(model)
                if found is None:
                    self._send_error(Status(404, "not_found_error", f"model: {model}"))
                else:
                    self._send(200, json.dumps({"type": "model", "id": model, **found}).encode(), {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            misbehaviour = server.noted(body, headers)
            if not self._has_key():
                return
            if self.path != "/v1/messages":
                self._send_error(Status(404, "not_found_error", self.path))
            elif isinstance(misbehaviour, Status):
                self._send_error(misbehaviour)
            else:
                self._answer(body, misbehaviour)

        def _answer(self, body: Block, misbehaviour: Misbehaviour | None) -> None:
            try:
                answer = list(server.answered(body, self.headers["anthropic-version"]))
            except RefusedError as refused:
                self._send_error(Status(400, "invalid_request_error", str(refused)))
                return
            if isinstance(misbehaviour, HangUp):
                self._hang_up()
                return
            if isinstance(misbehaviour, Slow):
                misbehaviour.was_asked.set()
                misbehaviour.may_answer.wait()
            self.send_response(200)
            self._send_headers({"content-type": "text/event-stream", "transfer-encoding": "chunked"})
            if self._send_events(answer, misbehaviour):
                self._send_chunk(b"")

        def _send_events(self, answer: list[Event], misbehaviour: Misbehaviour | None) -> bool:
            """Send an answer; False once the connection is broken."""
            for place, (name, data) in enumerate(answer):
                sent = f"event: {name}\ndata: {json.dumps(data)}\n\n"
                match misbehaviour:
                    case Cut(after) if after == place:
                        self._hang_up()
                        return False
                    case End(after) if after == place:
                        return True
                    case Garble(wrong) if wrong == place:
                        sent = f"event: {name}\ndata: {json.dumps(data)[:-2]}\n\n"
                    case Replace(wrong, (other, instead)) if wrong == place:
                        sent = f"event: {other}\ndata: {json.dumps(instead)}\n\n"
                    case _:
                        pass
                self._send_chunk(sent.encode())
            return True

        def _send_chunk(self, data: bytes) -> None:
            try:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            except OSError:  # the client has gone
                self.close_connection = True

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _has_key(self) -> bool:
            if self.headers["authorization"] == f"Bearer {KEY}":
                return True
            self._send_error(
                Status(401, "authentication_error", f"invalid bearer token {self.headers['authorization']}")
            )
            return False

        def _send_error(self, error: Status) -> None:
            told = {"type": error.type, "message": error.message, **error.details}
            self._send(
                error.status,
                json.dumps({"type": "error", "error": told, "request_id": "req_1"}).encode(),
                error.headers,
            )

        def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            self._send_headers({"content-type": "application/json", "content-length": str(len(content)), **headers})
            self.wfile.write(content)

        def _send_headers(self, headers: Mapping[str, str]) -> None:
            self.close_connection = True
            for name, value in {**headers, "connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler
