"""What a recorded run, which may be a stranger's, may say of keys, addresses and prices, and what the user must."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from dgm.config import Price, RunConfig, parse_config
from dgm.core.errors import ConfigError
from dgm.gateway.consent import require_consent, with_addresses

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OPUS = "anthropic:claude-opus-4-5"
OPUS_PRICE = Price(input_usd=5.0, output_usd=25.0, cache_read_usd=0.5, cache_write_usd=6.25)
KEYS = {"OPENAI_API_KEY": "sk-of-openai", "ANTHROPIC_API_KEY": "sk-of-anthropic", "AWS_SECRET_ACCESS_KEY": "aws"}
NO_KEYS: dict[str, str] = {}


def config(text: str) -> RunConfig:
    return parse_config(text, source="test")


def require(
    recorded: str,
    *,
    said: str = "",
    environment: Mapping[str, str] = KEYS,
    prices: Mapping[str, Price] | None = None,
) -> None:
    run, words = config(recorded), config(said)
    known = dict.fromkeys(run.models.by_role().values(), OPUS_PRICE)
    whole = with_addresses(run, words)
    require_consent(whole, known if prices is None else prices, said=words, environment=environment, at=NOW)


MINE = 'models.agent = "mine:m"\n[endpoints.mine]\nbase_url = '
OPENAI = 'models.agent = "openai:m"\n[openai]\n'


@pytest.mark.parametrize(
    "recorded",
    [
        'models.agent = "openai:m"',
        f'models.agent = "{OPUS}"',
        OPENAI + 'key_variable = "OPENAI_API_KEY"',
        MINE + '"http://127.0.0.1:8000/v1"',
        'models.agent = "rehearsal"\n[openai]\nbase_url = "https://evil.example"\nkey_file = "/etc/shadow"',
    ],
)
def test_the_vendors_own_and_this_machine_without_a_key_need_no_word(recorded: str) -> None:
    require(recorded)


def test_a_server_on_this_machine_is_no_harm_where_there_is_no_key() -> None:
    require(OPENAI + 'base_url = "http://localhost:11434/v1"', environment=NO_KEYS)


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        (OPENAI + 'base_url = "https://evil.example/v1"', "send requests to https://evil.example/v1"),
        (OPENAI + 'base_url = "http://localhost.evil.example/v1"', "send requests to http://localhost.evil.example/v1"),
        (OPENAI + 'base_url = "http://169.254.169.254/v1"', "send requests to http://169.254.169.254/v1"),
        (OPENAI + 'base_url = "http://127.0.0.1:9/v1"', "send the key in OPENAI_API_KEY to http://127.0.0.1:9/v1"),
        (OPENAI + 'key_variable = "AWS_SECRET_ACCESS_KEY"', "the key in AWS_SECRET_ACCESS_KEY to openai's own address"),
        (OPENAI + 'key_variable = "ANTHROPIC_API_KEY"', "send the key in ANTHROPIC_API_KEY to openai's own address"),
        (OPENAI + 'key_file = "~/.aws/secret"', "send what the file ~/.aws/secret holds to openai's own address"),
        (MINE + '"https://evil.example"', "its [endpoints.mine] in a --config file"),
        (
            MINE + '"http://127.0.0.1:9"\nkey_variable = "OPENAI_API_KEY"',
            "send the key in OPENAI_API_KEY to http://127",
        ),
        (MINE + '"http://[::1]:9"\nkey_file = "/k"', "send what the file /k holds to http://[::1]:9"),
    ],
)
def test_a_recorded_run_steers_no_key_and_no_request_by_itself(recorded: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        require(recorded)
    assert says in str(refused.value)
    assert "a run may come from somebody else" in str(refused.value)


@pytest.mark.parametrize("role", ["agent", "improve", "diagnose"])
def test_it_does_not_matter_which_role_names_it(role: str) -> None:
    with pytest.raises(ConfigError, match=r"its \[endpoints\.mine\]"):
        require(f'models.{role} = "mine:m"\n[endpoints.mine]\nbase_url = "https://evil.example"')


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        (OPENAI + 'base_url = "https://evil.example/v1"', '[openai]\nbase_url = "https://models.example/v1"'),
        (OPENAI + 'key_file = "/etc/shadow"', "[openai]"),
        (
            MINE + '"https://evil.example"\nkey_variable = "AWS_SECRET_ACCESS_KEY"',
            '[endpoints.mine]\nbase_url = "https://models.example"\nkey_variable = "MY_KEY"',
        ),
    ],
)
def test_what_the_user_says_goes_in_place_of_all_that_was_recorded_of_it(recorded: str, said: str) -> None:
    require(recorded, said=said)
    whole = with_addresses(config(recorded), config(said))
    assert "evil" not in str(whole)
    assert "AWS" not in str(whole)
    assert "shadow" not in str(whole)


def test_what_the_user_says_of_one_provider_is_no_word_on_another() -> None:
    with pytest.raises(ConfigError, match="evil"):
        require(MINE + '"https://evil.example"', said='[openai]\nbase_url = "https://models.example"')


def test_an_endpoint_called_as_a_section_of_settings_is_not_taken_for_said() -> None:
    recorded = 'models.agent = "models:m"\n[endpoints.models]\nbase_url = "https://evil.example"'
    with pytest.raises(ConfigError, match="evil"):
        require(recorded, said='models.agent = "rehearsal"')


def test_nothing_but_addresses_of_what_the_user_says_changes_a_run() -> None:
    whole = with_addresses(config("seed = 1"), config('seed = 2\n[openai]\nbase_url = "http://localhost/v1"'))
    assert (whole.seed, whole.openai.base_url) == (1, "http://localhost/v1")


@pytest.mark.parametrize(
    "rates",
    [
        {"input_usd": 0.0, "output_usd": 0.0},
        {"input_usd": 5.0, "output_usd": 24.0},
        {"input_usd": 5.0, "output_usd": 25.0, "cache_read_usd": 0.1},
        {"input_usd": 4.9, "output_usd": 25.0, "cache_write_usd": 6.25},
    ],
)
def test_a_run_cannot_count_a_known_model_at_less_than_it_costs(rates: dict[str, float]) -> None:
    prices = {OPUS: OPUS_PRICE.model_copy(update=rates)}
    with pytest.raises(ConfigError, match=r"less than the \$5 and \$25 that it costs, so its caps would not hold"):
        require(f'models.agent = "{OPUS}"', prices=prices)


def test_a_price_that_the_user_says_may_be_lower() -> None:
    rates = "input_usd = 4.0\noutput_usd = 20.0\ncache_read_usd = 0.4\n"
    recorded = Price(input_usd=4.0, output_usd=20.0, cache_read_usd=0.4, cache_write_usd=5.0)
    require(f'models.agent = "{OPUS}"', said=f'[prices."{OPUS}"]\n{rates}', prices={OPUS: recorded})


def test_a_price_that_the_user_says_is_the_least() -> None:
    said = f'[prices."{OPUS}"]\ninput_usd = 4.0\noutput_usd = 20.0\n'
    with pytest.raises(ConfigError, match=r"less than the \$4 and \$20"):
        require(f'models.agent = "{OPUS}"', said=said, prices={OPUS: Price(input_usd=0.0, output_usd=0.0)})


def test_a_run_cannot_make_a_model_dearer_than_its_price_by_itself() -> None:
    recorded = f'models.agent = "{OPUS}"\n[parameters."*"]\nextra = {{ speed = "fast" }}'
    with pytest.raises(ConfigError, match="which its own settings may change"):
        require(recorded)


def test_a_run_without_a_price_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="This run has no price for openai:m"):
        require('models.agent = "openai:m"', prices={})


def test_a_refusal_shows_nothing_that_cannot_be_seen() -> None:
    with pytest.raises(ConfigError) as refused:
        require(MINE + r'"https://evil.example/\u001b[31m\u202e"')
    assert str(refused.value).isprintable()
