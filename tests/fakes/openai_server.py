"""A local server that speaks both of OpenAI's protocols, refuses what OpenAI refuses, and bills to the last token.

    with OpenAiServer(lambda asked: says("hello")) as server:
        provider = OpenAiProvider(Connection("openai:m", FAKE_MODEL, KEY, server.base_url), ...)

A brain answers: it gets the `ChatRequest` that the server read out of the body, and returns a `Completion`, of which
the server takes what is said, thought and called, under ids of its own. It counts tokens itself: four bytes are one.
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias

from dgm.boundary.chat import ChatRequest
from dgm.gateway.provider import Completion
from tests.fakes.openai_bodies import (
    Bill,
    as_chat,
    call_item,
    chat_request,
    status_fields,
    text_item,
    thinking_fields,
    usage_fields,
)
from tests.fakes.openai_rules import FakeModel, Issued, Json, Refusal, check_chat, check_responses

KEY = "sk-planted-5b1f7c0d9e"
FAKE_MODEL = "fake-model"
BYTES_PER_TOKEN = 4
CACHE_STEP_TOKENS = 128
LEAST_CACHED_TOKENS = 1_024
ACCOUNT_PAGE = "https://platform.example/account/billing"


@dataclass(frozen=True)
class Asked:
    """What the server was asked, for its brain."""

    request: ChatRequest
    output_tokens: int
    seed: int
    body: Json


Brain: TypeAlias = Callable[[Asked], Completion]


class Script:
    """A brain that gives answers in turn, the last for ever after."""

    def __init__(self, *answers: Completion) -> None:
        self._answers = list(answers)
        self.asked: list[Asked] = []

    def __call__(self, asked: Asked) -> Completion:
        self.asked.append(asked)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@dataclass(frozen=True)
class FakeRates:
    """Dollars per million tokens."""

    input_usd: Decimal = Decimal("1.25")
    cached_usd: Decimal = Decimal("0.125")
    cache_write_usd: Decimal = Decimal("1.5625")
    output_usd: Decimal = Decimal(10)


@dataclass(frozen=True)
class Received:
    """One request of any kind."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Json


class HangUp:
    """Close the connection without a word; the call is billed all the same."""


class CutBody:
    """Close the connection in the middle of the answer; the call is billed all the same."""


class MalformedJson:
    """Send half of the answer's JSON as if it were all; the call is billed all the same."""


@dataclass(frozen=True)
class Slow:
    """Answer once `release` is set; `entered` is set when the request is there."""

    release: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)


Misbehaviour: TypeAlias = Refusal | HangUp | CutBody | MalformedJson | Slow


def too_many_requests(**headers: str) -> Refusal:
    """Return a 429 that says how long to wait: `too_many_requests(retry_after_ms="20")`."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    message = f"Rate limit reached for requests. You can increase it by adding a payment method at {ACCOUNT_PAGE}."
    return Refusal(429, message, "rate_limit_exceeded", headers=said)


def no_money() -> Refusal:
    """Return a 429 that no waiting mends."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return Refusal(429, message, "insufficient_quota")


def server_error(status: int) -> Refusal:
    """Return a fault of the vendor's."""
    return Refusal(status, "The server had an error while processing your request.")


def too_long() -> Refusal:
    """Return that the conversation does not fit."""
    message = "Your input exceeds the context window of this model. Please adjust your input and try again."
    return Refusal(400, message, "context_length_exceeded", "messages")


def moderated() -> Refusal:
    """Return a 403 as a gateway to other providers words it."""
    metadata: Json = {"reasons": ["violence"], "flagged_input": "how to...", "provider_name": "Other"}
    return Refusal(403, "The model requires its input to be looked at", metadata=metadata)


class OpenAiServer:
    """The server; a context manager."""

    def __init__(
        self,
        brain: Brain,
        *,
        models: Mapping[str, FakeModel] | None = None,
        rates: FakeRates = FakeRates(),
        key: str = KEY,
    ) -> None:
        self.brain = brain
        self.models = models or {FAKE_MODEL: FakeModel()}
        self.rates = rates
        self.key = key
        self.models_reply: object = None
        """In place of what it says of its models; a `Refusal` is raised."""
        self.requests: list[Received] = []
        self.bills: list[Bill] = []
        self._misbehaviours: dict[int, Misbehaviour] = {}
        self._issued = Issued()
        self._cached: set[str] = set()
        self._lock = threading.Lock()
        self._calls = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for misbehaviour in self._misbehaviours.values():
            if isinstance(misbehaviour, Slow):
                misbehaviour.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def billed_usd(self) -> Decimal:
        """What it billed so far, exactly."""
        with self._lock:
            return sum((bill.cost_usd for bill in self.bills), Decimal(0))

    @property
    def bodies(self) -> list[Json]:
        """The bodies of all calls."""
        return [received.body for received in self.requests if received.method == "POST"]

    def misbehave(self, number: int, how: Misbehaviour) -> None:
        """Do this at call `number`, counted from 1."""
        self._misbehaviours[number] = how

    def received(self, received: Received) -> Misbehaviour | None:
        """Note a request and return what to do wrong with it."""
        with self._lock:
            self.requests.append(received)
            if received.method != "POST":
                return None
            self._calls += 1
            return self._misbehaviours.get(self._calls)

    def admit(self, headers: Mapping[str, str], how: Misbehaviour | None) -> None:
        """Raise what a wrong key or a misbehaviour says; wait as long as a slow one asks for."""
        if headers.get("authorization") != f"Bearer {self.key}":
            raise Refusal(401, f"Incorrect API key provided: {headers.get('authorization')}", "invalid_api_key")
        if isinstance(how, Refusal):
            raise how
        if isinstance(how, Slow):
            how.entered.set()
            how.release.wait()

    def models_answer(self, name: str) -> object:
        """Return one model, or all for the name ""."""
        if isinstance(self.models_reply, Refusal):
            raise self.models_reply
        if self.models_reply is not None:
            return self.models_reply
        if name and name not in self.models:
            raise Refusal(404, f"The model '{name}' does not exist", "model_not_found", "model")
        if name:
            return {"id": name, "object": "model", "created": 0, "owned_by": "fake"}
        return {"object": "list", "data": [{"id": model, "object": "model"} for model in self.models]}

    def answer(self, path: str, body: Json) -> Json:
        """Return the answer to a call, and bill it."""
        model = self.models.get(body["model"])
        if model is None:
            raise Refusal(404, f"The model `{body['model']}` does not exist.", "model_not_found")
        is_chat = path == "/v1/chat/completions"
        with self._lock:
            (check_chat if is_chat else check_responses)(body, model, self._issued)
            prompt = self._prompt(body)
        if len(prompt) > model.context_tokens * BYTES_PER_TOKEN:
            raise too_long()
        limit = body.get("max_output_tokens") or body.get("max_completion_tokens") or body.get("max_tokens")
        request = chat_request(body) if is_chat else chat_request(as_chat(body))
        said = self.brain(Asked(request, limit or 10**6, body.get("seed", 0), body))
        with self._lock:
            number = len(self.bills)
            said = _with_ids_of_its_own(said, number)
            bill = self._bill(body["model"], prompt, said, writes_cache=model.writes_cache)
            make = self._chat_answer if is_chat else self._responses_answer
            return make(said, model, number) | {"model": body["model"], "usage": usage_fields(bill, is_chat=is_chat)}

    def _prompt(self, body: Json) -> bytes:
        """Return all that the model reads, sealed thinking opened; grows at its end with the conversation."""
        parts: list[Json] = [{"tools": body.get("tools")}, *(body.get("messages") or body["input"])]
        text = "".join(json.dumps(part, sort_keys=True, ensure_ascii=False) for part in parts)
        for sealed in {str(part.get("encrypted_content")) for part in parts if part.get("type") == "reasoning"}:
            text = text.replace(sealed, self._issued.thinking[sealed])
        return text.encode()

    def _bill(self, name: str, prompt: bytes, said: Completion, *, writes_cache: bool) -> Bill:
        read = _tokens(prompt)
        steps = range(LEAST_CACHED_TOKENS, read + 1, CACHE_STEP_TOKENS)
        prefixes = {step: sha256(name.encode() + b":" + prompt[: step * BYTES_PER_TOKEN]).hexdigest() for step in steps}
        cached = max((step for step, prefix in prefixes.items() if prefix in self._cached), default=0)
        written = max(prefixes, default=0) - cached if writes_cache else 0
        self._cached.update(prefixes.values())
        calls = "".join(call.function.name + call.function.arguments for call in said.tool_calls)
        output = _tokens(f"{said.content or ''}{said.thinking}{calls}".encode())
        rates = self.rates
        cost_usd = (
            (read - cached - written) * rates.input_usd
            + cached * rates.cached_usd
            + written * rates.cache_write_usd
            + output * rates.output_usd
        ) / 1_000_000
        bill = Bill(read, cached, written, output, cost_usd)
        self.bills.append(bill)
        return bill

    def _chat_answer(self, said: Completion, model: FakeModel, number: int) -> Json:
        in_message, in_call = thinking_fields(said.thinking, model, number)
        calls = [call.model_dump() | in_call for call in said.tool_calls]
        self._issued.fields.update({call["id"]: (in_message, in_call) for call in calls})
        message: Json = {"role": "assistant", "content": said.content, "refusal": None, **in_message}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish_reason}
        return {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0, "choices": [choice]}

    def _responses_answer(self, said: Completion, model: FakeModel, number: int) -> Json:
        calls = [call_item(call.id, call.function.name, call.function.arguments) for call in said.tool_calls]
        texts = [text_item(said.content, number)] if said.content is not None else []
        groups = [[item] for item in (*texts, *calls)] if model.thinks_before_each_call else [[*texts, *calls]]
        output: list[Json] = []
        for place, group in enumerate(groups):
            if said.thinking and group:
                group.insert(0, self._reasoning_item(said.thinking, f"rs_{number}_{place}"))
                self._issued.thoughts += [group] if calls else []
            output += group
        return {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 0,
            "error": None,
            "output": output,
            **status_fields(said),
        }

    def _reasoning_item(self, thinking: str, id_: str) -> Json:
        sealed = f"gAAA{sha256(thinking.encode()).hexdigest()[:8]}{id_}"
        self._issued.thinking[sealed] = thinking
        summary = [{"type": "summary_text", "text": thinking}]
        return {"id": id_, "type": "reasoning", "summary": summary, "encrypted_content": sealed}


def _with_ids_of_its_own(said: Completion, number: int) -> Completion:
    """Return an answer whose calls have ids that no other answer's have, as vendors give them."""
    calls = tuple(call.model_copy(update={"id": f"{call.id}_{number}"}) for call in said.tool_calls)
    return replace(said, tool_calls=calls)


def _tokens(content: bytes) -> int:
    return -(-len(content) // BYTES_PER_TOKEN)


def _handler(server: OpenAiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve({}, lambda: server.models_answer(self.path.removeprefix("/v1/models").strip("/")))

        def do_POST(self) -> None:
            body: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._serve(body, lambda: server.answer(self.path, body))

        def _serve(self, body: Json, make: Callable[[], object]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            how = server.received(Received(self.command, self.path, headers, body))
            try:
                server.admit(headers, how)
                content = json.dumps(make()).encode()
            except Refusal as refusal:
                self._send(refusal.status, json.dumps(refusal.body).encode(), refusal.headers)
                return
            if isinstance(how, HangUp):
                self._hang_up()
            elif isinstance(how, CutBody):
                self._send(200, content[: len(content) // 2], {}, length=len(content))
                self._hang_up()
            else:
                self._send(200, content[: len(content) // 2] if isinstance(how, MalformedJson) else content, {})

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def _send(self, status: int, content: bytes, headers: Mapping[str, str], *, length: int | None = None) -> None:
            try:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(length or len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()
            except OSError:  # the client did not wait for a slow answer
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    return Handler
