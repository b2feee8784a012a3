"""Runs our own seed agent, changed by ideas of the catalogue, against the rehearsal model without Docker.

For tests and measurements of the rehearsal alone: both sides are code of ours. Agents of a run never start on the host.
"""

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from dgm.boundary.chat import parse_chat_request
from dgm.content import seed_agent_directory
from dgm.core.files import File, FileTree
from dgm.gateway.provider import Provider
from dgm.gateway.rehearsal.ideas import Idea, with_idea

MOST_CALLS = 100


@dataclass(frozen=True, slots=True)
class Session:
    """What one agent did with one problem."""

    workspace: FileTree
    """The files that it left."""
    exit_code: int
    messages: tuple[dict[str, Any], ...]
    """The last conversation that it sent, and the answer to it."""
    stderr: str


def seed_agent() -> dict[str, str]:
    """Return the seed agent's code: path -> text."""
    directory = seed_agent_directory()
    return {
        path.relative_to(directory).as_posix(): path.read_text("utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def with_ideas(code: Mapping[str, str], ideas: Iterable[Idea]) -> dict[str, str]:
    """Return an agent's code with ideas added in their order."""
    changed = dict(code)
    for idea in ideas:
        changed.update(with_idea(changed, idea))
    return changed


def as_tree(texts: Mapping[str, str]) -> dict[str, File]:
    """Return texts as files."""
    return {path: File(text.encode()) for path, text in texts.items()}


def write_tree(directory: Path, files: FileTree) -> None:
    """Write files below a directory."""
    for path, file in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)


def read_tree(directory: Path) -> dict[str, File]:
    """Return the files below a directory, without what Python caches."""
    return {
        path.relative_to(directory).as_posix(): File(path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def run_agent(
    code: FileTree, statement: str, workspace: FileTree, *, provider: Provider, seed: int, directory: Path
) -> Session:
    """Run an agent as a process of this machine on one problem, in an empty `directory`."""
    agent, task, work, scratch = (directory / name for name in ("code", "problem", "work", "scratch"))
    for place in (agent, task, work, scratch):
        place.mkdir()
    write_tree(agent, code)
    write_tree(work, workspace)
    with _model(provider, seed, directory / "model.sock") as conversation:
        settings = {
            "workspace": str(work),
            "socket": str(directory / "model.sock"),
            "model": provider.name,
            "timeout_s": 60,
        }
        (task / "task.json").write_text(json.dumps(settings))
        (task / "problem.md").write_text(statement)
        ended = subprocess.run(
            [sys.executable, "-B", str(agent / "main.py"), str(task)],
            cwd=work,
            env={**os.environ, "TMPDIR": str(scratch)},  # what it compiles must not meet another session's
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return Session(read_tree(work), ended.returncode, tuple(conversation), ended.stderr)


@contextmanager
def _model(provider: Provider, seed: int, path: Path) -> Generator[list[dict[str, Any]]]:
    """Serve `provider` on a unix socket; yield the conversation, which grows."""
    conversation: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        calls = 0

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            Handler.calls += 1
            if Handler.calls > MOST_CALLS:
                self._send(402, {"error": {"message": "the session's calls are used up"}})
                return
            completion = provider.complete(parse_chat_request(body), output_tokens=100_000, seed=seed, kept={})
            message = {
                "role": "assistant",
                "content": completion.content,
                "tool_calls": [call.model_dump() for call in completion.tool_calls],
            }
            conversation[:] = [*json.loads(body)["messages"], message]
            self._send(200, {"choices": [{"message": message, "finish_reason": completion.finish_reason}]})

        def _send(self, status: int, answer: dict[str, Any]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

        def address_string(self) -> str:
            return "agent"

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        try:
            yield conversation
        finally:
            server.shutdown()
            thread.join()
