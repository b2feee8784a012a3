"""Known prices: those of genai-prices, where nothing about them is a guess."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import pytest
import tomli_w
from genai_prices.data import providers
from genai_prices.types import ModelInfo, TieredPrices, Usage
from hypothesis import given
from hypothesis import strategies as st

from dgm.config import Endpoint, LongRates, Price, parse_config
from dgm.gateway.price_table import known_price
from dgm.gateway.prices import usage_of
from dgm.gateway.provider import Completion

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OPENAI = Endpoint()
ANTHROPIC = Endpoint(protocol="anthropic")
OPENROUTER = Endpoint(base_url="https://openrouter.ai/api/v1")
ENDPOINTS = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "openrouter": OPENROUTER,
    "groq": Endpoint(base_url="https://api.groq.com/openai/v1"),
    "together": Endpoint(base_url="https://api.together.xyz/v1"),
    "x-ai": Endpoint(base_url="https://api.x.ai/v1"),
}


@cache
def known_entries() -> list[tuple[str, ModelInfo]]:
    """Return the models of some providers that have a price with us, each with its provider's name."""
    models = [(one.id, model) for one in providers if one.id in ENDPOINTS for model in one.models]
    return [(name, model) for name, model in models if known_price(ENDPOINTS[name], model.id, at=NOW) is not None]


@pytest.mark.parametrize(
    ("endpoint", "model", "price"),
    [
        (OPENAI, "o3-mini", Price(input_usd=1.1, output_usd=4.4, cache_read_usd=0.55)),
        (
            ANTHROPIC,
            "claude-opus-5-5",
            Price(input_usd=4.0, output_usd=20.0, cache_read_usd=0.2, cache_write_usd=5.0),
        ),
        (
            ANTHROPIC,
            "claude-haiku-5-5",
            Price(
                input_usd=0.1,
                output_usd=0.5,
                cache_read_usd=0.01,
                cache_write_usd=0.125,
                long=(
                    LongRates(
                        above_input_tokens=100_000,
                        input_usd=0.5,
                        output_usd=2.5,
                        cache_read_usd=0.05,
                        cache_write_usd=0.625,
                    ),
                ),
            ),
        ),
        (OPENROUTER, "openai/o3-mini", Price(input_usd=1.1, output_usd=4.4, cache_read_usd=0.55)),
        (Endpoint(base_url="https://api.openai.com/v1"), "o1", Price(input_usd=15, output_usd=60, cache_read_usd=7.5)),
    ],
)
def test_a_known_model_has_the_tables_price(endpoint: Endpoint, model: str, price: Price) -> None:
    assert known_price(endpoint, model, at=NOW) == price


@pytest.mark.parametrize("at", [datetime(2025, 6, 9, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)])
def test_a_price_is_that_of_the_moment(at: datetime) -> None:
    price = known_price(OPENAI, "o3", at=at)
    assert price is not None
    assert price.input_usd == {9: 10.0, 10: 2.0}[at.day]


@pytest.mark.parametrize("date", ["-20251001", "-2025-10-01", "@20251001", "-latest"])
def test_a_models_snapshot_of_a_date_has_the_models_price(date: str) -> None:
    assert known_price(ANTHROPIC, f"claude-haiku-4-5{date}", at=NOW) == Price(
        input_usd=1.0, output_usd=5.0, cache_read_usd=0.1, cache_write_usd=1.25
    )


@pytest.mark.parametrize(
    ("endpoint", "model"),
    [
        (ANTHROPIC, "claude-opus-9"),
        (ANTHROPIC, "claude-opus-4-80"),
        (ANTHROPIC, "claude-opus-4-5-fast"),
        (ANTHROPIC, "claude-haiku-4-5-v2-20251001"),
        (ANTHROPIC, "claude-sonnet-4-0-turbo"),
        (OPENAI, "gpt-9"),
        (OPENAI, "gpt-5-nano-ultra"),
        (OPENAI, "gpt-4o-2099-01-01"),
        (OPENAI, "ft:gpt-4o-2024-08-06:us::abc"),
        (OPENAI, "text-embedding-3-large"),
        (OPENAI, "claude-opus-5-5"),
        (OPENROUTER, "o3-mini-ultra"),
    ],
)
def test_a_model_that_the_table_does_not_name_in_full_has_no_price(endpoint: Endpoint, model: str) -> None:
    assert known_price(endpoint, model, at=NOW) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/v1",
        "http://127.0.0.1:11434/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com.example.org/v1",
        "https://example.org/api.openai.com/v1",
        "https://eu.api.openai.com/v1",
        "https://[::1/v1",
        "no address",
    ],
)
def test_a_server_that_the_table_does_not_know_has_no_prices(url: str) -> None:
    assert known_price(Endpoint(base_url=url), "o3-mini", at=NOW) is None


@pytest.mark.parametrize(
    ("url", "model"),
    [
        ("https://api.deepseek.com", "deepseek-v4-pro"),  # by the hour of the day
        ("https://api.perplexity.ai", "sonar-pro"),  # by the request
        ("https://api.perplexity.ai", "sonar-deep-research"),  # by the citation
        ("https://openrouter.ai/api/v1", "deepseek/deepseek-r1:free"),  # without an amount
    ],
)
def test_a_price_that_cannot_be_said_exactly_is_not_known(url: str, model: str) -> None:
    assert known_price(Endpoint(base_url=url), model, at=NOW) is None


def test_most_models_have_a_price() -> None:
    assert len(known_entries()) > 900
    assert {name for name, _ in known_entries()} == ENDPOINTS.keys()


def test_every_price_survives_the_file_of_a_run_as_the_decimal_that_it_is() -> None:
    for name, model in known_entries():
        price = known_price(ENDPOINTS[name], model.id, at=NOW)
        assert price is not None
        written = tomli_w.dumps({"prices": {"a:b": price.model_dump(mode="json", exclude_none=True)}})
        assert parse_config(written, source="test").prices == {"a:b": price}
        theirs = model.get_prices(NOW).input_mtok
        base = theirs.base if isinstance(theirs, TieredPrices) else theirs
        assert Decimal(repr(price.input_usd)) == base


@st.composite
def calls(draw: st.DrawFn) -> Completion:
    """Return what a call used, around the thresholds too."""
    edges = st.sampled_from([32_000, 100_000, 128_000, 199_999, 200_000, 200_001, 256_000, 272_000, 272_001])
    tokens = draw(st.integers(0, 1_100_000) | edges)
    read = draw(st.integers(0, tokens))
    written = draw(st.integers(0, tokens - read))
    return Completion(
        content="",
        tool_calls=(),
        finish_reason="stop",
        input_tokens=tokens,
        output_tokens=draw(st.integers(0, 128_000)),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


@given(st.deferred(lambda: st.sampled_from(known_entries())), calls())
def test_a_call_costs_what_the_package_says(known: tuple[str, ModelInfo], call: Completion) -> None:
    name, model = known
    price = known_price(ENDPOINTS[name], model.id, at=NOW)
    assert price is not None
    theirs = model.get_prices(NOW).calc_price(
        Usage(
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            cache_read_tokens=call.cache_read_tokens,
            cache_write_tokens=call.cache_write_tokens,
        )
    )["total_price"]
    assert math.isclose(usage_of(call, price).cost_usd, float(theirs), rel_tol=1e-12, abs_tol=1e-18)
