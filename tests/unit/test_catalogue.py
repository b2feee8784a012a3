"""Which model plays which role, at what price, and what is said of names, prices and keys that are not there."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from dgm.config import Price, RunConfig, parse_config
from dgm.core.errors import ConfigError, ProviderError, UnknownNameError
from dgm.core.ports import Role
from dgm.core.tasks import KnownTask
from dgm.gateway.catalogue import check_models, models_for, prices_for
from dgm.gateway.provider import FREE, RoleModel
from dgm.gateway.vendors.anthropic_provider import AnthropicProvider
from dgm.gateway.vendors.openai_provider import OpenAiProvider
from dgm.wiring import check_replay
from tests.fakes.providers import ScriptedProvider

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEYS = {"OPENAI_API_KEY": "sk-of-openai", "ANTHROPIC_API_KEY": "sk-of-anthropic"}
OWN = Price(input_usd=1.0, output_usd=2.0)
MINE = '[endpoints.mine]\nbase_url = "https://models.example.org/v1"\n'


def config(text: str) -> RunConfig:
    return parse_config(text, source="test")


def known_tasks() -> Sequence[KnownTask]:
    return ()


def models(of: RunConfig, environment: Mapping[str, str] = KEYS) -> dict[Role, RoleModel]:
    return models_for(of, environment, prices=prices_for(of, at=NOW), known_tasks=known_tasks)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ('models.agent = "openai:o3-mini"', Price(input_usd=1.1, output_usd=4.4, cache_read_usd=0.55)),
        ('models.agent = "mine:llama"\nunknown_price = "zero"\n' + MINE, FREE),
        ('models.agent = "mine:llama"\nunknown_price = { input_usd = 1, output_usd = 2 }\n' + MINE, OWN),
        ('models.agent = "mine:llama"\nprices."mine:llama" = { input_usd = 1, output_usd = 2 }\n' + MINE, OWN),
        (
            'models.agent = "openai:gpt-new"\nunknown_price = { input_usd = 1, output_usd = 2 }',
            Price(input_usd=1.0, output_usd=2.0, cache_write_usd=1.25),
        ),
        (
            'models.agent = "openai:o1"\nprices."openai:o1" = { input_usd = 1, output_usd = 2, cache_write_usd = 1 }',
            Price(input_usd=1.0, output_usd=2.0, cache_write_usd=1.0),
        ),
    ],
)
def test_a_price_is_the_given_one_or_the_known_one_or_what_is_said_for_unknown_ones(text: str, price: Price) -> None:
    assert list(prices_for(config(text), at=NOW).values()) == [price]


def test_a_model_without_a_price_among_those_that_a_run_recorded_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"^There is no price of openai:o1 .*prices\.toml\.$"):
        models_for(config('models.agent = "openai:o1"'), KEYS, prices={}, known_tasks=known_tasks)


def test_long_calls_too_have_a_price_for_cache_writes() -> None:
    text = """
    models.agent = "openai:gpt-new"
    [prices."openai:gpt-new"]
    input_usd = 1
    output_usd = 2
    long = [{ above_input_tokens = 9, input_usd = 2, output_usd = 3 }]
    """
    (price,) = prices_for(config(text), at=NOW).values()
    assert [rates.cache_write_usd for rates in (price, *price.long)] == [1.25, 2.5]


def test_only_models_that_cost_something_have_a_price() -> None:
    text = '[models]\nagent = "rehearsal"\nimprove = "openai:o1"\ndiagnose = "openai:o1"'
    assert list(prices_for(config(text), at=NOW)) == ["openai:o1"]


@pytest.mark.parametrize("role", ["agent", "improve", "diagnose"])
def test_an_unknown_price_is_refused_whatever_the_role(role: str) -> None:
    with pytest.raises(ConfigError, match=r"^The price of mine:llama is unknown.*\[prices\.\"mine:llama\"\]"):
        prices_for(config(f'models.{role} = "mine:llama"\n{MINE}'), at=NOW)


@pytest.mark.parametrize("extra", ['service_tier = "priority"', 'speed = "fast"', 'inference_geo = "us"'])
def test_what_changes_a_price_makes_it_unknown(extra: str) -> None:
    text = f'models.agent = "anthropic:claude-opus-5-5"\n[parameters."anthropic:*".extra]\n{extra}'
    with pytest.raises(ConfigError, match="is unknown"):
        prices_for(config(text), at=NOW)


@pytest.mark.parametrize("name", ["oracle", "oracle:x", "openai", "openai:", ":x", "", "rehearsal:x", "Openai:x"])
def test_an_unknown_model_is_answered_with_those_that_there_are(name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        prices_for(config(f'models.agent = "{name}"\n{MINE}'), at=NOW)
    assert str(caught.value) == (
        f"There is no model {name!r}; name `rehearsal`, openai:NAME, anthropic:NAME, mine:NAME."
    )


@pytest.mark.parametrize(
    ("model", "says"),
    [("openai:o1", "OPENAI_API_KEY"), ("anthropic:claude-opus-5-5", "ANTHROPIC_API_KEY")],
)
def test_a_missing_key_is_named(model: str, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"^There is no key for {model}: set {says}"):
        models(config(f'models.agent = "{model}"'), {})


def test_each_role_has_its_model_temperature_and_output_limit() -> None:
    text = """
    [models]
    improve = "anthropic:claude-3-5-sonnet-20241022"
    diagnose = { model = "openai:o1", max_output_tokens = 5000 }
    [models.agent]
    model = "openai:o3-mini"
    temperature = 1.0
    [sessions]
    max_output_tokens = 3000
    """
    found = models(config(text))
    assert {role: (one.provider.name, one.output_tokens, one.temperature) for role, one in found.items()} == {
        Role.AGENT: ("openai:o3-mini", 3000, 1.0),
        Role.IMPROVE: ("anthropic:claude-3-5-sonnet-20241022", 3000, None),
        Role.DIAGNOSE: ("openai:o1", 5000, None),
        Role.PROBE: ("probe", 3000, None),
    }
    assert isinstance(found[Role.AGENT].provider, OpenAiProvider)
    assert isinstance(found[Role.IMPROVE].provider, AnthropicProvider)
    assert found[Role.DIAGNOSE].provider.price == Price(input_usd=15.0, output_usd=60.0, cache_read_usd=7.5)


def test_roles_with_one_model_share_its_provider() -> None:
    found = models(config('[models]\nagent = { model = "openai:o1", temperature = 0.5 }\nimprove = "openai:o1"'))
    assert found[Role.AGENT].provider is found[Role.IMPROVE].provider is found[Role.DIAGNOSE].provider
    assert [found[role].temperature for role in (Role.AGENT, Role.IMPROVE, Role.DIAGNOSE)] == [0.5, None, 0.5]


def test_an_endpoint_of_ones_own_speaks_the_protocol_that_it_says() -> None:
    text = MINE + 'protocol = "anthropic"\n[unknown_price]\ninput_usd = 1\noutput_usd = 1\n[models]\nagent = "mine:x"'
    provider = models(config(text), {})[Role.AGENT].provider
    assert (type(provider), provider.name) == (AnthropicProvider, "mine:x")


class Checked(ScriptedProvider):
    """Notes that it was checked, and may fail then."""

    def __init__(self, name: str, fault: Exception | None = None) -> None:
        super().__init__(name=name)
        self.fault = fault
        self.checks = 0
        self.is_closed = False

    def check(self) -> None:
        self.checks += 1
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        self.is_closed = True


def test_each_model_is_checked_once() -> None:
    first, second = Checked("a:1"), Checked("a:2")
    check_models({Role.AGENT: RoleModel(first, 1), Role.IMPROVE: RoleModel(second, 1), Role.PROBE: RoleModel(first, 1)})
    assert (first.checks, second.checks) == (1, 1)
    assert not first.is_closed


def test_a_provider_that_is_not_there_is_an_error_and_no_connection_stays_open() -> None:
    there, dead = Checked("a:1"), Checked("a:2", ProviderError("a:2 cannot be reached."))
    with pytest.raises(ProviderError, match="cannot be reached"):
        check_models({Role.AGENT: RoleModel(there, 1), Role.DIAGNOSE: RoleModel(dead, 1)})
    assert (there.is_closed, dead.is_closed) == (True, True)


def test_models_are_closed_once_a_run_is_done_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Checked("a:1")

    def made(*_: object, **__: object) -> dict[Role, RoleModel]:
        return {Role.AGENT: RoleModel(provider, 1)}

    monkeypatch.setattr("dgm.wiring.parts.models_for", made)
    check_replay(RunConfig(), said=RunConfig())
    assert provider.is_closed
