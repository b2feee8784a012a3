"""Providers that do what a test says, and what a client needs to talk to the gateway as an agent does."""

import gzip
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from dgm.boundary.chat import ChatRequest
from dgm.config import Budget, Price
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import Clock, Grant, Ledger, Role, SessionLimits
from dgm.gateway.gateway import Gateway, GatewayLimits, by_role
from dgm.gateway.provider import Completion, KeptTurns, Provider, RoleModel, byte_bound
from dgm.gateway.retries import Retries
from dgm.gateway.server import HttpLimits
from dgm.gateway.session import Session
from dgm.gateway.waiting import ThreadWaiter, Waiter
from tests.fakes.gateway import MemoryLedger

NO_WAITS = Retries(costly_failures=3, first_wait_s=0.0)
USD_PER_TOKEN = 0.0001


def says(text: str, *, input_tokens: int = 10, output_tokens: int = 5) -> Completion:
    """Return an answer without tool calls."""
    return Completion(text, (), "stop", input_tokens, output_tokens)


class ScriptedProvider:
    """Gives answers or raises exceptions in turn, the last for ever after."""

    def __init__(self, *script: Completion | Exception | Callable[[], Completion], name: str = "scripted") -> None:
        self.name = name
        self._script = list(script) or [says("hello")]
        self._lock = threading.Lock()
        self.requests: list[ChatRequest] = []
        self.output_tokens: list[int] = []

    price = Price(input_usd=USD_PER_TOKEN * 1e6, output_usd=USD_PER_TOKEN * 1e6)

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:  # noqa: ARG002
        return byte_bound(request)

    def complete(self, request: ChatRequest, *, output_tokens: int, seed: int, kept: KeptTurns) -> Completion:  # noqa: ARG002
        with self._lock:
            self.requests.append(request)
            self.output_tokens.append(output_tokens)
            step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Completion) else step()


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Setting:
    """What a gateway under test is made of."""

    transcripts: Path
    provider: Provider = field(default_factory=ScriptedProvider)
    ledger: Ledger = field(default_factory=MemoryLedger)
    budget: Budget = field(default_factory=Budget)
    http: HttpLimits = field(default_factory=HttpLimits)
    retries: Retries = NO_WAITS
    close_wait_s: float = 10.0
    output_tokens: int = 100
    clock: Clock = field(default_factory=SystemClock)
    waiter: Waiter = field(default_factory=lambda: ThreadWaiter(Random(0)))
    concurrency: int = 64
    silent_sessions: int = 10

    def gateway(self) -> Gateway:
        return Gateway(
            by_role(dict.fromkeys(Role, RoleModel(self.provider, self.output_tokens))),
            self.ledger,
            budget=self.budget,
            transcripts=self.transcripts,
            clock=self.clock,
            waiter=self.waiter,
            limits=GatewayLimits(
                http=self.http,
                retries=self.retries,
                concurrency=self.concurrency,
                silent_sessions=self.silent_sessions,
                close_wait_s=self.close_wait_s,
            ),
        )

    @contextmanager
    def session(self, limits: SessionLimits = SessionLimits()) -> Generator[Session, None, None]:  # noqa: B008
        """Open a gateway and one session that this process may connect to."""
        with self.gateway() as gateway, gateway.session(grant(limits=limits)) as session:
            session.admit(os.getuid())
            yield session


def grant(name: str = "00001.1.agent", *, role: Role = Role.AGENT, limits: SessionLimits | None = None) -> Grant:
    return Grant(SessionId(name), role, seed=0, limits=limits or SessionLimits())


def used(*, input_tokens: int = 10, output_tokens: int = 5) -> Usage:
    """Return what one call of a `ScriptedProvider` uses."""
    price = ScriptedProvider.price
    cost_usd = (input_tokens * price.input_usd + output_tokens * price.output_usd) / 1e6
    return Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)


class UnixConnection(http.client.HTTPConnection):
    """A client as an agent has it."""

    def __init__(self, path: Path, *, timeout_s: float = 10.0) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def records(transcript: Path) -> list[dict[str, Any]]:
    """Return the records of a whole transcript."""
    return [json.loads(line) for line in gzip.decompress(transcript.read_bytes()).splitlines()]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def post(session: Session, messages: Iterable[dict[str, Any]] = (user("hi"),), **fields: object) -> Response:
    """Post a chat request as an agent would."""
    body = json.dumps({"model": session.model, "messages": list(messages), **fields}).encode()
    return send(session, "POST", "/v1/chat/completions", body)


def send(session: Session, method: str, path: str, body: bytes | None = None) -> Response:
    connection = UnixConnection(session.directory / "model.sock")
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return Response(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()
