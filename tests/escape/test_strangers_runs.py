"""What a run directory can do that a stranger published: to keys, money, the network and the terminal."""

import gzip
import json
import os
import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dgm.archive.run import create_run
from dgm.boundary.directories import read_agent_directory
from dgm.cli.main import run_command
from dgm.config import Price, parse_config
from dgm.content import seed_agent_directory
from dgm.core.actions import Evaluate, Rejection
from dgm.core.files import File
from dgm.core.outcomes import Usage, Verdict
from tests.fakes.runs import SEED_CODE, grow, measure, new_run, outcome, pay, reject

pytestmark = pytest.mark.slow

KEY = "sk-planted-0123456789"
EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\u200b\r\x00\x9b31m"
ODD_NAME = r"\u001b]0;owned\u0007\u001b[2J\u202e\u200b\r\u009b31m"

PRICE = Price(input_usd=0.0, output_usd=0.0)


@pytest.fixture(autouse=True)
def victim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the victim keys, a private file, and an engine whose absence whoever looks for it would report."""
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    secret = tmp_path / "secret"
    secret.write_text(KEY)
    secret.chmod(0o600)


class Listener:
    """A port of this machine; counts who comes."""

    def __init__(self) -> None:
        self.came = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._count)

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _count(self) -> None:
        with suppress(OSError):
            while True:
                client = self._socket.accept()[0]
                self.came += 1
                client.close()


@contextmanager
def published(directory: Path, text: str, model: str) -> Generator[tuple[list[str], str]]:
    """Make a stranger's run; yield options that name where it is, and its agent."""
    config = parse_config(text, source="test")
    code = read_agent_directory(seed_agent_directory())
    with create_run(
        directory / "runs" / "theirs",
        config=config,
        image="python",
        images={"python": "sha256:0"},
        seed_code=code,
        prices={model: PRICE},
    ) as archive:
        agent = archive.agent_tree().root.id
    yield ["--runs-dir", str(directory / "runs")], agent


def words_of(verb: str, agent: str) -> list[str]:
    return ["resume", "theirs", "--yes"] if verb == "resume" else ["replay", "theirs", agent]


STEERS = {
    "address": 'base_url = "{url}"',
    "variable": 'key_variable = "AWS_SECRET_ACCESS_KEY"\nbase_url = "{url}"',
    "file": 'key_file = "{secret}"\nbase_url = "{url}"',
}


@pytest.mark.attack("a published run that sends secrets away")
@pytest.mark.parametrize("verb", ["resume", "replay"])
@pytest.mark.parametrize(
    ("provider", "steer"),
    [
        *[(provider, steer) for provider in ("openai", "anthropic") for steer in STEERS],
        ("endpoints.mine", "variable"),  # without it, a server on this machine gets no key
        ("endpoints.mine", "file"),
    ],
)
def test_no_key_no_variable_and_no_file_goes_where_a_strangers_run_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, provider: str, steer: str
) -> None:
    model = f"{provider.rpartition('.')[2]}:m"
    with Listener() as listener:
        settings = STEERS[steer].format(url=listener.url, secret=tmp_path / "secret")
        text = f'unknown_price = "zero"\nmodels.agent = "{model}"\n[{provider}]\n{settings}\n'
        with published(tmp_path, text, model) as (where, agent):
            assert run_command([*words_of(verb, agent), *where]) == 2
        assert listener.came == 0
    printed = capsys.readouterr()
    assert "a run may come from somebody else" in printed.err
    assert KEY not in printed.out + printed.err


@pytest.mark.honest
@pytest.mark.parametrize("verb", ["resume", "replay"])
@pytest.mark.parametrize("how", ["config", "base-url"])
def test_it_goes_on_once_the_user_has_said_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, how: str
) -> None:
    with Listener() as listener:
        text = 'unknown_price = "zero"\nmodels.agent = "openai:m"\n[openai]\nbase_url = "https://evil.example/v1"\n'
        (tmp_path / "mine.toml").write_text(f'[openai]\nbase_url = "{listener.url}"\n')
        said = ["--config", str(tmp_path / "mine.toml")] if how == "config" else ["--base-url", listener.url]
        with published(tmp_path, text, "openai:m") as (where, agent):
            assert run_command([*words_of(verb, agent), *said, *where]) == 4
        assert listener.came > 0
    assert f"openai:m cannot be reached at {listener.url}" in capsys.readouterr().err


@pytest.mark.attack("a published run with prices of its own")
@pytest.mark.parametrize("verb", ["resume", "replay"])
def test_no_model_is_called_at_a_price_that_a_stranger_made_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    model = "anthropic:claude-opus-4-5"
    text = (
        f'models.agent = "{model}"\nbudget.max_cost_usd = 1.0\n[prices."{model}"]\ninput_usd = 0.0\noutput_usd = 0.0\n'
    )
    with published(tmp_path, text, model) as (where, agent):
        assert run_command([*words_of(verb, agent), *where]) == 2
    assert "so its caps would not hold" in capsys.readouterr().err


READING = [
    ["runs"],
    ["status", "theirs"],
    ["tree", "theirs"],
    ["show", "theirs", "AGENT"],
    ["lineage", "theirs", "AGENT"],
    ["lineage", "theirs", "AGENT", "--diff"],
    ["diff", "theirs", "AGENT"],
    ["transcript", "theirs"],
    ["transcript", "theirs", "1"],
    ["transcript", "theirs", "no\x1b[31m"],
    ["grading", "theirs"],
    ["grading", "theirs", "1"],
    ["grading", "theirs", "1", "--json"],
    ["estimate", "--from", "theirs"],
    ["resume", "theirs"],
    ["--debug", "resume", "theirs"],
    ["replay", "theirs", "AGENT"],
    ["--debug", "replay", "theirs", "AGENT"],
    ["replay", "theirs", "AGENT", "--recorded"],
]


def keep_grading(run: Path) -> None:
    tests = {"success": [EVIL], "failure": [EVIL]}
    report = {"resolved": True, "tests_status": {"FAIL_TO_PASS": tests, "PASS_TO_PASS": tests}, EVIL: EVIL}
    kept = {"report": report, "flags": [EVIL], "log": f"{EVIL}\n{EVIL}", "harness_log": EVIL}
    (run / "gradings").mkdir()
    (run / "gradings" / "00001.1.grading.json.gz").write_bytes(gzip.compress(json.dumps(kept).encode()))


@pytest.fixture
def odd(tmp_path: Path) -> tuple[list[str], str]:
    """Make a run whose every text is as a terminal would not want it."""
    text = (
        f'models.agent = "mine:{ODD_NAME}"\nmodels.improve = "openai:{ODD_NAME}"\n[endpoints.mine]\n'
        f'base_url = "https://evil.example/{ODD_NAME}"\nkey_file = "/{ODD_NAME}"\n'
    )
    config = parse_config(text, source="test")
    evil = f"X = 1 # {EVIL}".encode("utf-8", "replace")
    code = {**SEED_CODE, "x.py": File(evil)}
    with new_run(tmp_path / "runs" / "theirs", config=config, code=code) as archive:
        child = grow(archive, archive.agent_tree().root.id, code, proposal=f"# {EVIL}\n{EVIL}")
        measure(archive, child.id, [Verdict.RESOLVED])
        flagged = outcome(f"{EVIL}__odd-1", flags=(EVIL, f"A test {EVIL} did not run."))
        archive.add_outcome(archive.decide(Evaluate(child.id, flagged.task, 0)).number, child.id, flagged)
        reject(archive, child.id, Rejection.TOO_LARGE)
        pay(archive, "00001.1.agent", Usage(calls=1, input_tokens=5))
        archive.add_fault(1, f"It {EVIL} broke.")
        archive.end(f"fault: {EVIL}")
    keep_grading(tmp_path / "runs" / "theirs")
    return ["--runs-dir", str(tmp_path / "runs")], child.id


@pytest.mark.attack("a published run that writes to the terminal")
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_nothing_that_a_strangers_run_says_reaches_the_terminal_as_a_command(
    odd: tuple[list[str], str], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    where, agent = odd
    run_command([agent if word == "AGENT" else word for word in words] + where)
    printed = capsys.readouterr()
    assert not re.search(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", printed.out + printed.err)
    assert KEY not in printed.out + printed.err


@pytest.mark.attack("a session named as a path")
def test_a_session_cannot_be_named_as_a_path(odd: tuple[list[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    where, _ = odd
    for name in ("../../secret", "/etc/passwd", "..", "a/b"):
        for verb in ("transcript", "grading"):
            assert run_command([verb, "theirs", name, *where]) == 2
            assert "There is no session" in capsys.readouterr().err


def test_a_pipe_or_a_directory_in_a_transcripts_place_is_not_waited_for(odd: tuple[list[str], str]) -> None:
    where, _ = odd
    transcripts = Path(where[1]) / "theirs" / "transcripts"
    os.mkfifo(transcripts / "00008.1.agent.jsonl.gz")
    (transcripts / "00009.1.agent.jsonl.gz").mkdir()
    assert run_command(["transcript", "theirs", "8", *where]) == 0
    assert run_command(["transcript", "theirs", "9", *where]) == 0
