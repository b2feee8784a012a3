"""Models that cannot be asked: one sentence before any engine is touched; nothing made, billed or shown of a key."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from dgm.archive.run import RunState, create_run, read_run
from dgm.boundary.directories import read_agent_directory
from dgm.config import Price, parse_config
from dgm.content import seed_agent_directory
from tests.e2e.test_bad_input import Done, Inside
from tests.fakes.anthropic_server import KEY as ANTHROPIC_KEY
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.openai_server import FAKE_MODEL, OpenAiServer
from tests.fakes.openai_server import KEY as OPENAI_KEY

pytestmark = pytest.mark.slow

WRONG_KEY = "sk-planted-wrong-3a91"


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Return the command line, without keys and with an engine whose absence anyone who looks for it would report."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "MY_KEY"):
        monkeypatch.delenv(variable, raising=False)
    return Inside(tmp_path, capsys)


def never(_: object) -> NoReturn:
    raise AssertionError("nothing may be asked of a model here")


@pytest.fixture
def openai() -> Iterator[OpenAiServer]:
    with OpenAiServer(never) as server:
        yield server


@pytest.fixture
def anthropic() -> Iterator[AnthropicServer]:
    with AnthropicServer(never, models={"claude-test-5": {}}) as server:
        yield server


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port of this machine that nobody listens on and nobody else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def assert_one_sentence(command: Inside, done: Done, exit_code: int, says: str) -> None:
    assert (done.returncode, says in done.stderr) == (exit_code, True), done.stderr
    assert done.stderr.count("\n") == 1
    assert "planted" not in done.stderr
    assert not [path for path in command.runs.iterdir() if path.is_dir()]


def with_config(command: Inside, text: str) -> list[str]:
    path = command.runs / "my.toml"
    path.write_text(text)
    return ["run", "--config", str(path)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--model", "oracle:x"], "There is no model 'oracle:x'; name `rehearsal`, openai:NAME, anthropic:NAME."),
        (["--improve-model", "oracle"], "There is no model 'oracle'"),
        (["--diagnose-model", "anthropic:"], "There is no model 'anthropic:'"),
        (["--model", "openai:o1"], "There is no key for openai:o1: set OPENAI_API_KEY"),
        (["--model", "anthropic:claude-opus-5-5"], "There is no key for anthropic:claude-opus-5-5: set ANTHROPIC_API"),
        (["--diagnose-model", "openai:o1"], "There is no key for openai:o1"),
        (["--model", "openai:gpt-9"], "The price of openai:gpt-9 is unknown"),
        (["--improve-model", "anthropic:claude-opus-9"], "The price of anthropic:claude-opus-9 is unknown"),
        (["--model", "openai:gpt-9", "--unknown-price", "refuse"], "The price of openai:gpt-9 is unknown"),
        (["--model", "openai:gpt-9", "--unknown-price", "zero"], "There is no key for openai:gpt-9"),
        (["--model", "openai:gpt-9", "--unknown-price", "1.25/10"], "There is no key for openai:gpt-9"),
        (["--unknown-price", "free"], "--unknown-price free: say refuse, zero, or dollars"),
        (["--unknown-price", "1.25"], "--unknown-price 1.25: say refuse, zero, or dollars"),
        (["--unknown-price", "-1/2"], "--unknown-price -1/2: say refuse, zero, or dollars"),
        (["--unknown-price", "1/9000000"], "unknown_price.output_usd"),
        (["--base-url", "http://localhost:8000/v1"], "--base-url is where models openai:NAME are served"),
        (
            ["--model", "openai:x", "--base-url", "localhost", "--unknown-price", "zero"],
            "'localhost' is not an address",
        ),
        (["--max-cost", "nan"], "budget.max_cost_usd"),
        (["--max-cost", "0"], "budget.max_cost_usd"),
        (["--max-step-cost", "-1"], "steps.max_cost_usd"),
    ],
)
def test_options_that_cannot_be_followed(command: Inside, options: list[str], says: str) -> None:
    assert_one_sentence(command, command("run", *options), 2, says)


def test_a_key_variable_that_is_not_set_is_named(command: Inside) -> None:
    words = with_config(command, '[models]\nagent = "openai:o1"\n[openai]\nkey_variable = "MY_KEY"')
    assert_one_sentence(command, command(*words), 2, "The environment has no MY_KEY")


def test_a_key_file_that_others_may_read_is_named(command: Inside) -> None:
    file = command.runs / "key"
    file.write_text(WRONG_KEY)
    file.chmod(0o644)
    words = with_config(command, f'[models]\nagent = "anthropic:claude-opus-5-5"\n[anthropic]\nkey_file = "{file}"')
    assert_one_sentence(command, command(*words), 2, f"close it with: chmod 600 {file}")


def test_a_key_that_is_none_is_not_quoted(command: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{WRONG_KEY} and more")
    assert_one_sentence(command, command("run", "--model", "openai:o1"), 2, "characters that no key has")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_dead_endpoint(command: Inside, closed_port: int, provider: str) -> None:
    text = f'unknown_price = "zero"\n[models]\nagent = "{provider}:x"\n'
    words = with_config(command, f'{text}[{provider}]\nbase_url = "http://127.0.0.1:{closed_port}"\n')
    assert_one_sentence(command, command(*words), 4, f"{provider}:x cannot be reached")


def test_a_dead_endpoint_of_a_name_of_its_own(command: Inside, closed_port: int) -> None:
    text = f'unknown_price = "zero"\nmodels.agent = "mine:x"\n[endpoints.mine]\nbase_url = "http://127.0.0.1:{closed_port}"'
    assert_one_sentence(command, command(*with_config(command, text)), 4, "mine:x cannot be reached")


def test_a_model_that_openais_protocol_does_not_list(
    command: Inside, openai: OpenAiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", OPENAI_KEY)
    words = ["--model", "openai:nobody", "--unknown-price", "zero", "--base-url", openai.base_url]
    assert_one_sentence(command, command("run", *words), 2, f"has no model 'nobody'; it has {FAKE_MODEL}")
    assert openai.bodies == []


def test_a_model_that_anthropics_protocol_does_not_know(
    command: Inside, anthropic: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", ANTHROPIC_KEY)
    text = (
        f'unknown_price = "zero"\n[models]\nagent = "anthropic:nobody"\n[anthropic]\nbase_url = "{anthropic.base_url}"'
    )
    assert_one_sentence(command, command(*with_config(command, text)), 2, "no model 'nobody'")
    assert anthropic.requests == []


@pytest.mark.parametrize("role", ["agent", "improve", "diagnose"])
def test_a_wrong_key_is_found_whatever_the_role(
    command: Inside, openai: OpenAiServer, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("MY_KEY", WRONG_KEY)
    text = (
        f'unknown_price = "zero"\nmodels.{role} = "mine:{FAKE_MODEL}"\n'
        f'[endpoints.mine]\nbase_url = "{openai.base_url}"\nkey_variable = "MY_KEY"\n'
    )
    assert_one_sentence(command, command(*with_config(command, text)), 2, "refused the API key (status 401)")
    assert openai.bodies == []


def test_a_run_that_has_lost_its_key_stays_as_it_was(command: Inside) -> None:
    run = command.runs / "mine"
    code = read_agent_directory(seed_agent_directory())
    config = parse_config('models.agent = "openai:o1"', source="test")
    prices = {"openai:o1": Price(input_usd=15.0, output_usd=60.0)}
    with create_run(
        run, config=config, image="python", images={"python": "sha256:0"}, seed_code=code, prices=prices
    ) as archive:
        archive.end("finished")
    done = command("resume", "mine", "--children", "99")
    assert (done.returncode, "There is no key for openai:o1" in done.stderr) == (2, True), done.stderr
    with read_run(run) as reader:
        assert (reader.state(), reader.children_wanted()) == (RunState.FINISHED, 10)
