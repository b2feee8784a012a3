"""The configuration: what it takes, what it says of what it does not take, and that a run's file gives it back."""

import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import BaseModel

from dgm.archive.run import create_run, read_run
from dgm.boundary.directories import read_agent_directory
from dgm.config import (
    Endpoint,
    ModelChoice,
    Models,
    Parameters,
    Price,
    RunConfig,
    config_from,
    parse_config,
    read_config,
)
from dgm.content import seed_agent_directory
from dgm.core.errors import ConfigError
from dgm.core.ports import Role

PRICE = {"input_usd": 1.25, "output_usd": 10.0}
LONG = {"above_input_tokens": 200_000, "input_usd": 2.5, "output_usd": 15.0, "cache_read_usd": 0.25}
EVERYTHING = """
benchmark = "katas"
tasks = ["leap-cake", "bus-card"]
policy = "dgm"
children = 3
workers = 4
seed = -7
trials = 2

[models]
improve = "anthropic:claude-opus-5-5"

[models.agent]
model = "mine:llama"
temperature = 1.0
max_output_tokens = 4096

[models.diagnose]
model = "openai:o1"
max_output_tokens = 9000

[prices."mine:llama"]
input_usd = 0.1
output_usd = 0.30000000000000004
cache_read_usd = 0.0
cache_write_usd = 1e-7
[[prices."mine:llama".long]]
above_input_tokens = 200000
input_usd = 0.2
output_usd = 0.6
[[prices."mine:llama".long]]
above_input_tokens = 100000
input_usd = 0.15
output_usd = 0.45
cache_read_usd = 0.015
cache_write_usd = 0.2

[unknown_price]
input_usd = 1.0
output_usd = 2
[[unknown_price.long]]
above_input_tokens = 1
input_usd = 3.0
output_usd = 4.0

[parameters."mine:*"]
api = "responses"
temperature = false
top_p = false
temperature_with_top_p = false
stop = false
seed = false
parallel_tool_calls = false
output_limit = "max_completion_tokens"
most_output_tokens = 5000
thinking = 2048
effort = "high"
cache = false
[parameters."mine:*".extra]
verbosity = "low"
nested = { list = [1, 2.5, "three", [true]], table = { deep = "x" } }
[parameters."anthropic:*"]
thinking = "adaptive"

[openai]
base_url = "http://localhost:8000/v1"
key_variable = "MY_KEY"
timeout_s = 30.0

[anthropic]
key_file = "~/.keys/anthropic"
timeout_s = 1200.5

[endpoints.mine]
protocol = "anthropic"
base_url = "https://models.example.org"
key_variable = "MY_KEY"
key_file = "/run/keys/mine"
timeout_s = 5.0
[endpoints.other-one_2]
base_url = "https://other.example.org/v1"

[calls]
patience_s = 10.0
concurrency = 3
silent_sessions = 2

[rehearsal]
latency_s = 0.5

[budget]
max_cost_usd = 20.0
max_tokens = 1000000
max_calls = 500

[steps]
max_cost_usd = 2.0
max_tokens = 200000
max_calls = 40

[search]
stage_tops = false
ablation = "greedy"
evaluations = 800
holdout = 0.3
stopping = "adaptive"
top = 5
least_chance = 0.1
best_trials = 4
merge_rate = 0.25

[diagnoses]
memory = false
hidden_tests = true
interest = true

[integrity]
on_tamper = "reject"
control_tasks = 4
control_every = 100

[oversight]
approve = "each"

[sessions]
task_timeout_s = 60.0
improve_timeout_s = 90.0
max_calls = 5
max_tokens = 5000
max_cost_usd = 0.5
max_output_tokens = 2000

[sandbox]
memory_bytes = 536870912
cpus = 0.5
pids = 64
runtime = "runsc"
minimum_free_bytes = 0

[polyglot]
directory = "/srv/polyglot"

[swebench]
dataset = "~/mine.jsonl"
split = "dev"
records_hash = "0123456789012345678901234567890123456789012345678901234567890123"
hints = true
stock = true
grading_timeout_s = 600.0
workspace_bytes = 134217728
disk_bytes = 268435456
image_quota_bytes = 2147483648
"""


def written_and_read(config: RunConfig) -> RunConfig:
    text = tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))
    return parse_config(text, source="run.toml")


def settings(section: type[BaseModel], values: dict[str, Any], path: str = "") -> set[str]:
    """Return the settings of a section that `values` leaves at their defaults."""
    left: set[str] = set()
    for name, field in section.model_fields.items():
        kind = field.annotation
        if name not in values:
            left.add(path + name)
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(values[name], dict):
            left |= settings(kind, values[name], f"{path}{name}.")
    return left


def test_a_runs_file_gives_the_configuration_back() -> None:
    config = parse_config(EVERYTHING, source="test")
    assert written_and_read(config) == config


def test_that_holds_for_every_setting() -> None:
    left = {"openai.key_file", "anthropic.base_url", "anthropic.key_variable"}  # `endpoints.mine` has them
    assert settings(RunConfig, tomllib.loads(EVERYTHING)) == left


@pytest.mark.parametrize(
    "config",
    [
        RunConfig(),
        RunConfig(unknown_price="zero"),
        RunConfig(unknown_price=Price(input_usd=0.0, output_usd=0.0)),
        RunConfig(models=Models(agent=ModelChoice(model="openai:a", temperature=0))),
        RunConfig(parameters={"a:[b]*": Parameters(thinking="disabled")}),
    ],
)
def test_so_it_does_for_defaults_and_words(config: RunConfig) -> None:
    assert written_and_read(config) == config


def test_so_does_a_run(tmp_path: Path) -> None:
    config, prices = parse_config(EVERYTHING, source="test"), {"mine:llama": Price(input_usd=0.1, output_usd=1 / 3)}
    code = read_agent_directory(seed_agent_directory())
    create_run(
        tmp_path / "run", config=config, image="python", images={"python": "sha256:0"}, seed_code=code, prices=prices
    ).close()
    with read_run(tmp_path / "run") as run:
        assert (run.config(), run.prices()) == (config, prices)


def test_an_older_runs_file_is_still_read() -> None:
    text = """
    benchmark = "katas"
    tasks = []
    [models]
    agent = "openai:a"
    diagnose = "openai:b"
    [prices."openai:a"]
    input_usd = 1.0
    output_usd = 2.0
    [openai]
    timeout_s = 600.0
    [rehearsal]
    latency_s = 0.0
    [budget]
    """
    config = parse_config(text, source="run.toml")
    assert config.models.choices() == {
        Role.AGENT: ModelChoice(model="openai:a"),
        Role.IMPROVE: ModelChoice(model="openai:a"),
        Role.DIAGNOSE: ModelChoice(model="openai:b"),
    }
    assert config.prices == {"openai:a": Price(input_usd=1.0, output_usd=2.0)}


def test_a_role_without_a_model_is_the_agents_with_all_that_belongs_to_it() -> None:
    models = Models(agent=ModelChoice(model="a:b", temperature=0.5, max_output_tokens=7))
    assert models.choices()[Role.DIAGNOSE] == ModelChoice(model="a:b", temperature=0.5, max_output_tokens=7)


def test_providers_are_found_by_name() -> None:
    config = parse_config(EVERYTHING, source="test")
    assert config.endpoint("openai") == Endpoint(
        base_url="http://localhost:8000/v1", key_variable="MY_KEY", timeout_s=30.0
    )
    assert config.endpoint("anthropic") == Endpoint(
        protocol="anthropic", key_file="~/.keys/anthropic", timeout_s=1200.5
    )
    assert config.endpoint("mine") == config.endpoints["mine"]
    assert (config.endpoint("nobody"), config.endpoint("rehearsal")) == (None, None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("childern = 1", "childern: is not a known key."),
        ("children = 'Many'", "children: input should be a valid integer."),
        ("tasks = 'bus-card'", "tasks: should be a list."),
        ("sessions = 1", "sessions: should be a table of settings."),
        ("[budget]\nmax_cost_usd = nan", "budget.max_cost_usd: input should be a finite number."),
        ("[budget]\nmax_cost_usd = inf", "budget.max_cost_usd: input should be a finite number."),
        ("[models]\nagnet = 'a'", "models.agnet: is not a known key."),
        ("[models]\nagent = 3", "models.agent: should be a model's name or a table with `model` and more."),
        ("[models.agent]\ntemperature = 1", "models.agent.model: is missing."),
        (
            "[models.agent]\nmodel = 'a'\ntemperature = 3",
            "models.agent.temperature: input should be less than or equal to 2.",
        ),
        ("[models.agent]\nmodel = 'a'\ntop_p = 1", "models.agent.top_p: is not a known key."),
        (
            "unknown_price = 'foo'",
            'unknown_price: should be "refuse", "zero" or a price such as { input_usd = 1.25, output_usd = 10.0 }.',
        ),
        (
            "unknown_price = 3",
            'unknown_price: should be "refuse", "zero" or a price such as { input_usd = 1.25, output_usd = 10.0 }.',
        ),
        ("unknown_price = { input_usd = 1 }", "unknown_price.output_usd: is missing."),
        ("prices = 3", "prices: should be a table of settings."),
        ("[prices]\nx = 3", "prices.x: should be a table of settings."),
        ('[prices."openai:x"]\ninput_usd = 1', 'prices."openai:x".output_usd: is missing.'),
        (
            '[prices."openai:x"]\ninput_usd = -1\noutput_usd = 1',
            'prices."openai:x".input_usd: input should be greater than or equal to 0.',
        ),
        (
            '[prices."openai:x"]\ninput_usd = 1\noutput_usd = inf',
            'prices."openai:x".output_usd: input should be a finite number.',
        ),
        (
            '[parameters."openai:x"]\nthinking = "hard"',
            'parameters."openai:x".thinking: should be "adaptive", "disabled", "default" or a number of tokens.',
        ),
        (
            '[parameters."openai:x"]\nthinking = 0',
            'parameters."openai:x".thinking: should be "adaptive", "disabled", "default" or a number of tokens.',
        ),
        (
            '[parameters."openai:x"]\napi = "grpc"',
            "parameters.\"openai:x\".api: input should be 'chat' or 'responses'.",
        ),
        ('[parameters."openai:x"]\ntop_k = 1', 'parameters."openai:x".top_k: is not a known key.'),
        ("[endpoints.mine]", "endpoints: mine needs a base_url."),
        ("[endpoints.openai]\nbase_url = 'x'", "endpoints: openai is there already; choose another name."),
        ("[endpoints.rehearsal]\nbase_url = 'x'", "endpoints: rehearsal is there already; choose another name."),
        (
            '[endpoints."a b"]\nbase_url = "x"',
            "endpoints: 'a b' cannot be a name; take letters, digits, - and _.",
        ),
        (
            "[endpoints.mine]\nbase_url = 'x'\nprotocol = 'grpc'",
            "endpoints.mine.protocol: input should be 'openai' or 'anthropic'.",
        ),
        ("[steps]\nmax_cost_usd = 0", "steps.max_cost_usd: input should be greater than 0."),
        ("[calls]\npatience_s = 0", "calls.patience_s: input should be greater than 0."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_that_names_the_key(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, source="my.toml")
    assert str(caught.value) == f"my.toml: {says}"


def test_two_rates_for_one_length_are_refused() -> None:
    values = {"prices": {"a:b": {**PRICE, "long": [LONG, LONG]}}}
    with pytest.raises(ConfigError, match=r"prices.\"a:b\".long: two rates have the same above_input_tokens"):
        config_from(values, source="test")


def test_rates_for_two_lengths_are_taken() -> None:
    values = {"prices": {"a:b": {**PRICE, "long": [LONG, {**LONG, "above_input_tokens": 1}]}}}
    assert [rates.above_input_tokens for rates in config_from(values, source="test").prices["a:b"].long] == [200_000, 1]


def test_a_value_that_stands_in_the_wrong_place_is_not_quoted(tmp_path: Path) -> None:
    # Someone may have put a key there; with --debug the whole chain of exceptions is shown.
    path = tmp_path / "my.toml"
    path.write_text('[openai]\nkey = "sk-planted-1"\ntimeout_s = "sk-planted-2"')
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert "planted" not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"binary\.toml cannot be read"):
        read_config(path)


def test_numbers_may_be_written_whole() -> None:
    config = parse_config("unknown_price = { input_usd = 1, output_usd = 2 }", source="test")
    assert config.unknown_price == Price(input_usd=1.0, output_usd=2.0)
