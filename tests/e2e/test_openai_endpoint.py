"""A whole evolution over HTTP through the vendor's real SDK, against a server that bills and remembers."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import benchmark_named
from dgm.boundary.chat import parse_chat_request
from dgm.gateway.rehearsal import RehearsalProvider
from tests.e2e.commands import Command
from tests.e2e.conftest import write_config

pytestmark = [pytest.mark.docker, pytest.mark.slow]

KEY = "sk-planted-5b1f7c"
INPUT_USD, OUTPUT_USD = 1.25, 10.0  # per million tokens
MODEL_SETTINGS = f"""
[prices."openai:local-model"]
input_usd = {INPUT_USD}
output_usd = {OUTPUT_USD}
"""


@dataclass
class Vendor:
    """What the server was asked and what it billed."""

    port: int = 0
    keys: set[str] = field(default_factory=set[str])
    calls: int = 0
    billed_usd: float = 0.0


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """Serve OpenAI's chat completions; the rehearsal model answers behind it."""
    model, state, lock = RehearsalProvider(benchmark_named("katas").known_tasks()), Vendor(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions"
            seed, limit = body.pop("seed"), body["max_tokens"]
            answer = model.complete(parse_chat_request(json.dumps(body).encode()), output_tokens=limit, seed=seed)
            with lock:
                state.keys.add(self.headers["Authorization"])
                state.calls += 1
                state.billed_usd += (answer.input_tokens * INPUT_USD + answer.output_tokens * OUTPUT_USD) / 1e6
            message: dict[str, object] = {"role": "assistant", "content": answer.content}
            if answer.tool_calls:
                message["tool_calls"] = [call.model_dump() for call in answer.tool_calls]
            usage = {
                "prompt_tokens": answer.input_tokens,
                "completion_tokens": answer.output_tokens,
                "total_tokens": answer.input_tokens + answer.output_tokens,
            }
            self.reply(
                {
                    "id": "chatcmpl-1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": body["model"],
                    "choices": [{"index": 0, "message": message, "finish_reason": answer.finish_reason}],
                    "usage": usage,
                }
            )

        def reply(self, answer: dict[str, object]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def words(tmp_path: Path, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the words after `run NAME` that use the server."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    config = write_config(tmp_path / "c.toml")
    config.write_text(config.read_text() + MODEL_SETTINGS)
    base_url = f"http://127.0.0.1:{vendor.port}/v1"
    return ["--config", str(config), "--model", "openai:local-model", "--base-url", base_url]


def test_an_evolution_costs_what_the_server_billed_and_its_key_stays_out_of_the_run(
    tmp_path: Path, vendor: Vendor, words: list[str]
) -> None:
    command = Command(tmp_path)
    done = command("run", "real", *words)
    assert done.returncode == 0, done.stderr
    assert vendor.keys == {f"Bearer {KEY}"}
    assert vendor.calls > 10
    assert command.json("status", "real")["cost_usd"] == pytest.approx(vendor.billed_usd, abs=1e-6)
    assert "rehears" not in done.stdout
    written = [path for path in (tmp_path / "real").rglob("*") if path.is_file()]
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
    assert KEY not in done.stdout + done.stderr


def test_at_the_cap_it_stops_within_it_and_goes_on_with_more_money(
    tmp_path: Path, vendor: Vendor, words: list[str]
) -> None:
    command = Command(tmp_path)
    done = command("run", "poor", *words, "--max-cost", "0.2")
    assert done.returncode == 5, done.stdout + done.stderr
    status = command.json("status", "poor")
    assert (status["state"], status["cost_usd"] <= 0.2) == ("interrupted", True)
    assert status["cost_usd"] == pytest.approx(vendor.billed_usd, abs=1e-6)
    assert command("resume", "poor", "--max-cost", "50").returncode == 0
    assert command.json("status", "poor")["state"] == "finished"
    status, tree = command.json("status", "poor"), command.json("tree", "poor")
    assert sum(agent["score"]["attempted"] for agent in tree["agents"]) == status["evaluations"]
