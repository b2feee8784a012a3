"""What calls cost, from the tokens that they used and the price of their model."""

from dgm.config import Price, Rates
from dgm.core.averages import FlatRates
from dgm.core.outcomes import Usage
from dgm.gateway.provider import Completion

_MILLION = 1_000_000


def usage_of(completion: Completion, price: Price) -> Usage:
    """Return what a call used and costs."""
    tokens = {
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "cache_read_tokens": completion.cache_read_tokens,
        "cache_write_tokens": completion.cache_write_tokens,
    }
    return Usage(calls=1, cost_usd=flat_rates(price, input_tokens=completion.input_tokens).cost_usd(**tokens), **tokens)


def worst_case(price: Price, *, input_tokens: int, output_tokens: int) -> Usage:
    """Return the most that a call with at most so many tokens can use and cost, whatever the cache does."""
    reachable = [price, *(rates for rates in price.long if rates.above_input_tokens < input_tokens)]
    input_rate = max(max(rates.input_usd, _read_rate(rates), _write_rate(rates)) for rates in reachable)
    output_rate = max(rates.output_usd for rates in reachable)
    cost_usd = (input_tokens * input_rate + output_tokens * output_rate) / _MILLION
    return Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd)


def flat_rates(price: Price, *, input_tokens: int) -> FlatRates:
    """Return what each kind of token costs in calls of so many input tokens."""
    rates = _rates(price, input_tokens)
    return FlatRates(
        input_usd=rates.input_usd,
        output_usd=rates.output_usd,
        cache_read_usd=_read_rate(rates),
        cache_write_usd=_write_rate(rates),
    )


def _rates(price: Price, input_tokens: int) -> Rates:
    """Return the rates that hold for a call of that input, for all of its tokens."""
    exceeded = [rates for rates in price.long if input_tokens > rates.above_input_tokens]
    return max(exceeded, key=lambda rates: rates.above_input_tokens, default=price)


def _read_rate(rates: Rates) -> float:
    return rates.input_usd if rates.cache_read_usd is None else rates.cache_read_usd


def _write_rate(rates: Rates) -> float:
    return rates.input_usd if rates.cache_write_usd is None else rates.cache_write_usd
