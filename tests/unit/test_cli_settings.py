"""Options of the command line, laid over a file of settings."""

from functools import partial
from pathlib import Path

import pytest

from dgm.cli.main import run_command
from dgm.cli.settings import run_settings, said_now
from dgm.config import LongRates, ModelChoice, Price, RunConfig, parse_config
from dgm.core.errors import ConfigError

FILE = """
tasks = ["leap-cake", "bus-card"]
children = 3
unknown_price = "zero"

[models]
improve = "openai:b"
[models.agent]
model = "openai:a"
temperature = 0.5
max_output_tokens = 4000

[prices."openai:a"]
input_usd = 1.0
output_usd = 2.0
[[prices."openai:a".long]]
above_input_tokens = 100000
input_usd = 2.0
output_usd = 4.0

[parameters."openai:*"]
thinking = 1000
extra = { list = [1, 2] }

[openai]
key_variable = "MY_KEY"

[endpoints.mine]
base_url = "https://models.example.org/v1"
"""

settings = partial(
    run_settings,
    benchmark=None,
    tasks=None,
    polyglot_dir=None,
    swebench={},
    model=None,
    improve_model=None,
    diagnose_model=None,
    base_url=None,
    unknown_price=None,
    policy=None,
    children=None,
    workers=None,
    seed=None,
    max_cost=None,
    max_step_cost=None,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(FILE)
    return path


def test_without_options_a_file_says_it_all(file: Path) -> None:
    assert settings(file) == parse_config(FILE, source="test")


def test_without_either_it_is_the_default() -> None:
    assert settings(None) == RunConfig()


def test_options_go_before_the_file_and_leave_the_rest_of_it(file: Path) -> None:
    config = settings(
        file,
        model="mine:c",
        diagnose_model="openai:d",
        base_url="http://localhost:1/v1",
        children=0,
        max_cost=5.0,
        max_step_cost=1.5,
    )
    assert config.models.agent == ModelChoice(model="mine:c", temperature=0.5, max_output_tokens=4000)
    assert (config.models.improve, config.models.diagnose) == (
        ModelChoice(model="openai:b"),
        ModelChoice(model="openai:d"),
    )
    assert (config.openai.base_url, config.openai.key_variable) == ("http://localhost:1/v1", "MY_KEY")
    assert (config.children, config.budget.max_cost_usd, config.steps.max_cost_usd) == (0, 5.0, 1.5)
    assert config.tasks == ("leap-cake", "bus-card")
    assert config.prices["openai:a"].long == (LongRates(above_input_tokens=100_000, input_usd=2.0, output_usd=4.0),)
    assert config.parameters == parse_config(FILE, source="test").parameters


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("refuse", "refuse"),
        ("zero", "zero"),
        ("1.25/10", Price(input_usd=1.25, output_usd=10.0)),
        ("0/0.5", Price(input_usd=0.0, output_usd=0.5)),
    ],
)
def test_an_unknown_price_is_a_word_or_a_price_whatever_the_file_says(
    file: Path, tmp_path: Path, text: str, price: str | Price
) -> None:
    other = tmp_path / "other.toml"
    other.write_text("unknown_price = { input_usd = 9, output_usd = 9, cache_read_usd = 1 }")
    assert [settings(path, unknown_price=text).unknown_price for path in (None, file, other)] == [price] * 3


@pytest.mark.parametrize("text", ["", "Zero", "1", "1/", "/1", "1/2/3", "-1/2", "1e3/2", "nan/1", "1/2 ", "\u0661/2"])
def test_an_unknown_price_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--unknown-price"):
        settings(None, unknown_price=text)


def test_an_address_that_no_model_uses_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^--base-url is where models openai:NAME are served"):
        settings(None, model="anthropic:x", base_url="http://localhost:1")


def test_tasks_of_the_command_line_go_before_those_of_the_file(file: Path) -> None:
    assert settings(file, tasks="go/*, stage:1").tasks == ("go/*", "stage:1")


def test_a_checkout_on_the_command_line_is_told_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", "--benchmark", "polyglot", "--polyglot-dir", "clone", "--runs-dir", "runs"]) == 2
    assert f"there is no directory {tmp_path}/clone" in capsys.readouterr().err


def test_a_checkout_may_be_told_from_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    found = parse_config("polyglot.directory = '~/clone'", source="a file")
    assert found.polyglot.directory == Path("/somewhere/clone")


def test_what_is_said_when_a_run_goes_on_has_a_checkout_only_if_one_is_named() -> None:
    assert said_now(None, None).model_fields_set == set()
    assert said_now(None, None, Path("/clone")).polyglot.directory == Path("/clone")
