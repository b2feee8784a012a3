"""What calls cost, and the most that they may cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.config import LongRates, Price
from dgm.core.outcomes import Usage
from dgm.gateway.prices import usage_of, worst_case
from dgm.gateway.provider import FREE, Completion

PLAIN = Price(input_usd=2.0, output_usd=10.0)
CACHED = Price(input_usd=2.0, output_usd=10.0, cache_read_usd=0.5, cache_write_usd=2.5)
LONG = Price(
    input_usd=1.0,
    output_usd=5.0,
    long=(
        LongRates(above_input_tokens=2_000, input_usd=4.0, output_usd=20.0),
        LongRates(above_input_tokens=1_000, input_usd=2.0, output_usd=10.0, cache_read_usd=0.25),
    ),
)
ROUNDING = 1 + 1e-12  # of floats; the purse allows for more


def call(input_tokens: int, output_tokens: int = 0, *, read: int = 0, written: int = 0) -> Completion:
    return Completion("", (), "stop", input_tokens, output_tokens, cache_read_tokens=read, cache_write_tokens=written)


@pytest.mark.parametrize(
    ("used", "price", "cost_usd"),
    [
        (call(1_000_000, 100_000), PLAIN, 3.0),
        (call(1_000_000, read=400_000, written=100_000), PLAIN, 2.0),
        (call(1_000_000, read=400_000, written=100_000), CACHED, 1.45),
        (call(1_000, 1_000), LONG, 0.006),
        (call(1_001, 1_000), LONG, 0.012002),
        (call(2_000, 1_000, read=1_000), LONG, 0.01225),
        (call(2_001, 1_000, read=1_000), LONG, 0.028004),
        (call(1_000_000, 1_000_000), FREE, 0.0),
    ],
)
def test_a_call_costs_its_tokens_times_their_rates(used: Completion, price: Price, cost_usd: float) -> None:
    assert usage_of(used, price).cost_usd == pytest.approx(cost_usd, rel=1e-12)


def test_usage_holds_the_calls_tokens() -> None:
    assert usage_of(call(100, 20, read=30, written=40), FREE) == Usage(
        calls=1, input_tokens=100, output_tokens=20, cache_read_tokens=30, cache_write_tokens=40
    )


def test_more_cached_input_than_input_is_no_discount() -> None:
    assert usage_of(call(10, read=1_000_000), CACHED).cost_usd == 0.5


@pytest.mark.parametrize(("price", "cost_usd"), [(PLAIN, 0.012), (CACHED, 0.0125), (LONG, 0.006)])
def test_the_worst_case_takes_the_dearest_input(price: Price, cost_usd: float) -> None:
    assert worst_case(price, input_tokens=1_000, output_tokens=1_000).cost_usd == pytest.approx(cost_usd)


def test_the_worst_case_of_long_input_is_not_below_that_of_short_input() -> None:
    cheaper = Price(input_usd=3.0, output_usd=3.0, long=(LongRates(above_input_tokens=10, input_usd=1, output_usd=1),))
    assert worst_case(cheaper, input_tokens=11, output_tokens=1).cost_usd == pytest.approx(36e-6)


rates = st.floats(0, 1_000) | st.sampled_from([0.0, 0.1, 1 / 3])
maybe = st.none() | rates


@st.composite
def prices(draw: st.DrawFn) -> Price:
    long = [
        LongRates(
            above_input_tokens=threshold,
            input_usd=draw(rates),
            output_usd=draw(rates),
            cache_read_usd=draw(maybe),
            cache_write_usd=draw(maybe),
        )
        for threshold in draw(st.sets(st.integers(1, 2_000), max_size=3))
    ]
    return Price(
        input_usd=draw(rates),
        output_usd=draw(rates),
        cache_read_usd=draw(maybe),
        cache_write_usd=draw(maybe),
        long=tuple(long),
    )


@given(prices(), st.integers(0, 2_500), st.integers(0, 2_500), st.data())
def test_no_call_within_its_tokens_costs_more_than_the_worst_case(
    price: Price, input_tokens: int, output_tokens: int, data: st.DataObject
) -> None:
    used = data.draw(st.integers(0, input_tokens))
    read = data.draw(st.integers(0, used))
    written = data.draw(st.integers(0, used - read))
    paid = usage_of(call(used, data.draw(st.integers(0, output_tokens)), read=read, written=written), price)
    worst = worst_case(price, input_tokens=input_tokens, output_tokens=output_tokens)
    assert paid.cost_usd <= worst.cost_usd * ROUNDING
    assert paid.tokens <= worst.tokens
