"""Before money is spent: the estimate, and the question on a real terminal. No Docker: it is asked before that."""

import os
import pty
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dgm.archive.run import RunArchive, create_run, read_run
from dgm.boundary.directories import read_agent_directory
from dgm.config import Price, RunConfig, read_config
from dgm.content import seed_agent_directory
from dgm.core.actions import Evaluate
from dgm.core.ids import TaskId
from tests.e2e.commands import Command
from tests.fakes.runs import outcome

pytestmark = pytest.mark.slow

CONFIG = """
children = 2
models.agent = "openai:local-model"
openai.base_url = "{base_url}"
tasks = ["ferry-lanes", "tide-table"]

[prices."openai:local-model"]
input_usd = {input_usd}
output_usd = 0.0
"""
# A session of its own with this terminal, so that Ctrl-C typed there is a signal to it.
TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
INTERRUPTED = 130
NO_ENGINE = 4
WAIT_S = 60.0


@dataclass
class Endpoint:
    """A server that has no list of models, and says nothing else either."""

    port: int = 0
    asked: list[str] = field(default_factory=list[str])


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a command line on a machine without an engine: whoever goes on ends with exit code 4."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody")
    monkeypatch.setenv("COLUMNS", "80")
    return Command(tmp_path / "runs")


@pytest.fixture
def config(tmp_path: Path, endpoint: Endpoint) -> Path:
    return write_config(tmp_path, f"http://127.0.0.1:{endpoint.port}/v1")


def write_config(directory: Path, base_url: str, *, input_usd: float = 1.0) -> Path:
    path = directory / "config.toml"
    path.write_text(CONFIG.format(base_url=base_url, input_usd=input_usd))
    return path


@dataclass(frozen=True)
class Ended:
    """What stood on the terminal in the end, and the exit code."""

    screen: str
    returncode: int


def at_a_terminal(argv: list[str], *, type_: bytes) -> Ended:
    """Run a command at a terminal of its own and type something when it asks."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, *argv],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    screen, typed = b"", False
    try:
        while chunk := read_some(controller):
            screen += chunk
            if not typed and b"[y/N]: " in screen:  # the space is written last, right before it reads
                os.write(controller, type_)
                typed = True
    finally:
        os.close(controller)  # which hangs up on whoever is left
    return Ended(screen.decode().replace("\r\n", "\n"), process.wait(timeout=WAIT_S))


def read_some(descriptor: int) -> bytes:
    """Return what comes next, b"" at the end."""
    ready, _, _ = select.select([descriptor], [], [], WAIT_S)
    assert ready, "it neither ended nor went on"
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # how Linux says that nobody holds the terminal any more
        return b""


def run_words(command: Command, config: Path, *words: str) -> list[str]:
    return command.argv("run", "mine", "--config", str(config), *words)


def test_yes_at_a_terminal_goes_on(command: Command, config: Path) -> None:
    ended = at_a_terminal(run_words(command, config), type_=b"y\n")
    assert "Estimate: $" in ended.screen
    assert "Start? [y/N]:" in ended.screen
    assert (ended.returncode, "engine" in ended.screen) == (NO_ENGINE, True)


# Ctrl-C goes the way of the end of input; a signal that comes right before the read would only be seen after it.
@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"\x04"], ids=["n", "enter", "end"])
def test_anything_else_at_a_terminal_starts_nothing(command: Command, config: Path, typed: bytes) -> None:
    ended = at_a_terminal(run_words(command, config), type_=typed)
    assert ended.screen.endswith("Nothing was started.\n")
    assert ended.returncode == INTERRUPTED
    assert not command.runs.exists()


def test_it_does_not_ask_when_it_was_told_yes(command: Command, config: Path) -> None:
    ended = at_a_terminal(run_words(command, config, "--yes"), type_=b"")
    assert ("Estimate: $" in ended.screen, "Start?" in ended.screen) == (True, False)
    assert ended.returncode == NO_ENGINE


def test_a_cap_does_not_stand_for_a_yes_at_a_terminal(command: Command, config: Path) -> None:
    ended = at_a_terminal(run_words(command, config, "--max-cost", "0.001"), type_=b"n\n")
    assert "does not pay for a single step" in " ".join(ended.screen.split())
    assert ended.returncode == INTERRUPTED


def test_the_question_comes_on_standard_error_so_that_json_stays_clean(command: Command, config: Path) -> None:
    done = command("run", "mine", "--config", str(config), "--max-cost", "5", "--json")
    assert (done.stdout, "Estimate: $" in done.stderr, "Start?" in done.stderr) == ("", True, False)


def test_a_simulated_model_is_not_asked_about(command: Command) -> None:
    ended = at_a_terminal(command.argv("run", "mine", "--children", "1"), type_=b"")
    assert ("Estimate" in ended.screen, "Start?" in ended.screen, ended.returncode) == (False, False, NO_ENGINE)


def test_a_free_model_is_not_asked_about(command: Command, tmp_path: Path, endpoint: Endpoint) -> None:
    free = write_config(tmp_path, f"http://127.0.0.1:{endpoint.port}/v1", input_usd=0.0)
    ended = at_a_terminal(run_words(command, free), type_=b"")
    assert ("Estimate" in ended.screen, "Start?" in ended.screen, ended.returncode) == (False, False, NO_ENGINE)


def test_what_is_wrong_is_said_before_the_question(command: Command, tmp_path: Path) -> None:
    dead = write_config(tmp_path, "http://127.0.0.1:9/v1")
    ended = at_a_terminal(run_words(command, dead), type_=b"")
    assert ("cannot be reached" in ended.screen, "Start?" in ended.screen) == (True, False)


def test_without_a_terminal_a_cap_stands_for_a_yes(command: Command, config: Path) -> None:
    done = command("run", "mine", "--config", str(config), "--max-cost", "5")
    assert (done.returncode, "engine" in done.stderr) == (NO_ENGINE, True)


def test_without_a_terminal_yes_goes_on_without_a_cap(command: Command, config: Path) -> None:
    done = command("run", "mine", "--config", str(config), "--yes")
    assert (done.returncode, "engine" in done.stderr) == (NO_ENGINE, True)


def test_without_a_terminal_a_cap_or_a_yes_it_is_refused_at_once(command: Command, config: Path) -> None:
    done = command("run", "mine", "--config", str(config))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "dgm: There is no terminal to ask on; cap the run's cost with --max-cost USD, or say --yes."
    )
    assert not command.runs.exists()


def make_run(command: Command, settings: RunConfig) -> RunArchive:
    return create_run(
        command.runs / "mine",
        config=settings,
        image="python",
        images={"python": "sha256:0"},
        seed_code=read_agent_directory(seed_agent_directory()),
        prices={"openai:local-model": Price(input_usd=1.0, output_usd=0.0)},
    )


def test_a_run_that_goes_on_asks_too_and_a_no_leaves_it_as_it_was(command: Command, config: Path) -> None:
    make_run(command, read_config(config)).close()
    ended = at_a_terminal(command.argv("resume", "mine", "--config", str(config)), type_=b"n\n")
    assert ("Estimate: $" in ended.screen, ended.returncode) == (True, INTERRUPTED)
    with read_run(command.runs / "mine") as run:
        assert len(run.starts()) == 1


@pytest.mark.parametrize("cap", ["nan", "inf", "0", "-1"])
def test_a_cap_that_is_none_is_refused_when_a_run_goes_on(command: Command, config: Path, cap: str) -> None:
    make_run(command, read_config(config)).close()
    done = command("resume", "mine", "--max-cost", cap)
    assert done.returncode == 2
    assert done.stderr.startswith("dgm: command line: budget.max_cost_usd: input should be ")


def test_a_run_that_goes_on_goes_on_after_a_yes(command: Command, config: Path) -> None:
    make_run(command, read_config(config)).close()
    assert at_a_terminal(command.argv("resume", "mine", "--config", str(config)), type_=b"y\n").returncode == NO_ENGINE


def test_a_run_with_nothing_left_to_do_is_not_asked_about(command: Command, config: Path) -> None:
    with make_run(command, read_config(config).model_copy(update={"children": 0})) as run:
        root = run.agent_tree().root.id
        for task in ("ferry-lanes", "tide-table"):
            run.add_outcome(run.decide(Evaluate(root, TaskId(task), 0)).number, root, outcome(task))
    ended = at_a_terminal(command.argv("resume", "mine", "--config", str(config)), type_=b"")
    assert ("Start?" in ended.screen, ended.returncode) == (False, NO_ENGINE)


def test_a_replay_asks_too_and_a_no_leaves_nothing(command: Command, config: Path) -> None:
    with make_run(command, read_config(config)) as run:
        root = run.agent_tree().root.id
    words = ("replay", "mine", root, "--config", str(config))
    ended = at_a_terminal(command.argv(*words), type_=b"n\n")
    assert "2 sessions with openai:local-model. At most: $10.00 if none has to be repeated." in ended.screen
    assert (ended.returncode, (command.runs / "mine" / "replays").exists()) == (INTERRUPTED, False)
    assert at_a_terminal(command.argv(*words, "--yes"), type_=b"").returncode == NO_ENGINE
