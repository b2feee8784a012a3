"""Recorded sessions done again in real containers: without their model, its key or its price."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dgm.benchmarks.catalogue import benchmark_named
from tests.e2e.commands import Command

pytestmark = [pytest.mark.docker, pytest.mark.slow]

SESSIONS = 20
VARYING = "python3 -c 'import tempfile, time; print(object(), tempfile.mkdtemp(), time.perf_counter(), \"s\")'; date"


def write_config(path: Path, *, tasks: int, more: str = "") -> Path:
    names = json.dumps([task.id for task in benchmark_named("katas").tasks()][:tasks])
    path.write_text(f"children = 0\nworkers = 2\ntasks = {names}\n{more}")
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return a command line whose run `then` has one agent, measured on 20 tasks."""
    place = tmp_path_factory.mktemp("recorded")
    command = Command(place / "runs")
    done = command("run", "then", "--config", str(write_config(place / "c.toml", tasks=SESSIONS)))
    assert done.returncode == 0, done.stderr
    return command


def seed_of(command: Command, run: str = "then") -> str:
    return command.json("tree", run)["agents"][0]["id"]


def records_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def replay(command: Command, run: str = "then") -> tuple[int, dict[str, Any]]:
    done = command("replay", run, seed_of(command, run), "--recorded", "--json")
    return done.returncode, json.loads(done.stdout)


def tamper(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change a transcript's records, each a gzip member of its own as before."""
    found = records_of(path)
    change(found)
    path.write_bytes(b"".join(gzip.compress(json.dumps(record).encode() + b"\n") for record in found))


def test_twenty_of_twenty_sessions_are_equal_and_a_changed_answer_is_found_where_it_shows(recorded: Command) -> None:
    code, answer = replay(recorded)
    assert (code, answer["sessions"], answer["equal"]) == (0, SESSIONS, SESSIONS)
    assert sum(outcome["requests"] for outcome in answer["outcomes"]) >= SESSIONS

    transcripts = recorded.runs / "then" / "transcripts"
    long = [path for path in sorted(transcripts.iterdir()) if len(records_of(path)) >= 4]

    def say_something_else(found: list[dict[str, Any]]) -> None:
        found[1]["answer"]["content"] = "Something else."

    def do_something_else(found: list[dict[str, Any]]) -> None:
        function = found[2]["answer"]["tool_calls"][0]["function"]
        function.update(name="bash", arguments=json.dumps({"command": "echo changed"}))

    tamper(long[0], say_something_else)
    tamper(long[1], do_something_else)
    code, answer = replay(recorded)
    assert (code, answer["equal"], answer["different"]) == (6, SESSIONS - 2, 2)
    different = {
        outcome["session"]: outcome["difference"] for outcome in answer["outcomes"] if outcome["way"] == "different"
    }
    requests = {session: difference["request"] for session, difference in different.items()}
    names = [path.name.removesuffix(".jsonl.gz") for path in long[:2]]
    assert requests == {names[0]: 3, names[1]: 4}
    assert "+ changed" in different[names[1]]["diff"]


def test_a_conversation_can_be_read(recorded: Command) -> None:
    session = recorded.json("transcript", "then")["sessions"][0]["session"]
    done = recorded("transcript", "then", session)
    assert done.returncode == 0, done.stderr
    assert "\nuser\n" in done.stdout
    assert "── request 1 " in done.stdout


@pytest.fixture
def vendor() -> Iterator[ThreadingHTTPServer]:
    """Serve OpenAI's chat completions: a model that first runs a command whose output is never the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            message: dict[str, Any] = {"role": "assistant", "content": "Done."}
            if asked["messages"][-1]["role"] != "tool":
                function = {"name": "bash", "arguments": json.dumps({"command": VARYING})}
                call = {"id": "call_1", "type": "function", "function": function}
                message = {"role": "assistant", "content": None, "tool_calls": [call]}
            content = json.dumps(
                {
                    "id": "chatcmpl-1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": asked["model"],
                    "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
                }
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_a_paid_model_said_is_replayed_without_its_server_key_and_price(
    tmp_path: Path, vendor: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = '[prices."openai:paid"]\ninput_usd = 2.0\noutput_usd = 10.0\n'
    config = write_config(tmp_path / "c.toml", tasks=2, more=more)
    base_url = f"http://127.0.0.1:{vendor.server_address[1]}/v1"
    command = Command(tmp_path / "runs")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-there-later")
    done = command("run", "paid", "--config", str(config), "--model", "openai:paid", "--base-url", base_url, "--yes")
    assert done.returncode == 0, done.stderr
    before = command.json("status", "paid")

    monkeypatch.delenv("OPENAI_API_KEY")
    vendor.shutdown()
    code, answer = replay(command, "paid")
    assert (code, answer["sessions"], answer["equal"]) == (0, 2, 2)
    assert [outcome["matched_loosely"] for outcome in answer["outcomes"]] == [1, 1]
    # 2 sessions of 2 calls, each 1,000 tokens at $2 and 100 at $10 a million
    assert (answer["cost_usd"], answer["recorded_cost_usd"]) == (0.0, pytest.approx(4 * 0.003))
    assert command.json("status", "paid") == before
