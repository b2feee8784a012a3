"""Known prices: the table of the package genai-prices as that package brought it. Nothing is fetched.

A wrong price is a wrong cap, so a price is known only where nothing about it is a guess: the provider by its own
address, the model by its full name, and everything that a call of ours is billed for by what `Price` can say.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dgm.config import Endpoint, LongRates, Price

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic, ModelInfo, Provider, TieredPrices

_RATES = {
    "input_mtok": "input_usd",
    "output_mtok": "output_usd",
    "cache_read_mtok": "cache_read_usd",
    "cache_write_mtok": "cache_write_usd",
}
# Of what our calls never have: other media, the vendors' own tools, caches that are kept for an hour.
_NEVER_BILLED = re.compile(r"audio|image|video|document|_searches_|cache_write_1h")
_DATE = re.compile(r"[-@](latest|\d{8}|\d{4}-\d{2}-\d{2})$")


def known_price(endpoint: Endpoint, model: str, *, at: datetime) -> Price | None:
    """Return what a model costs at a moment, None if the table does not know it for certain.

    Args:
        endpoint: where it is called.
        model: the endpoint's own name for it.
        at: an aware time; prices change.
    """
    provider = _provider(endpoint)
    if provider is None:
        return None
    name = model.lower()
    entry = next((one for one in provider.models if one.is_match(name)), None)
    if entry is None or not _names(entry.match, name) or _hangs_on_the_hour(entry):
        return None
    values = {key: value for key, value in vars(entry.get_prices(at)).items() if value is not None}
    return _price({key: value for key, value in values.items() if not _NEVER_BILLED.search(key)})


def _provider(endpoint: Endpoint) -> "Provider | None":
    from genai_prices.data import providers

    if endpoint.base_url is None:
        return next(one for one in providers if one.id == endpoint.protocol)
    return next((one for one in providers if _is_served_at(one, endpoint.base_url)), None)


def _is_served_at(provider: "Provider", url: str) -> bool:
    """Return whether an address is the provider's; its patterns alone would also match `api.openai.com.example`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme != "https" or not parts.hostname:
        return False
    host = f"https://{parts.hostname}"
    match = re.match(provider.api_pattern, host + parts.path)
    return match is not None and match.end() >= len(host)


def _names(clause: "MatchLogic", name: str) -> bool:
    """Return whether a clause that an entry is found by gives the whole name, but for a date at its end.

    The table is also matched by what names begin with or hold, which would give a model that came after it a price.
    """
    from genai_prices.types import ClauseAnd, ClauseContains, ClauseEquals, ClauseOr, ClauseRegex, ClauseStartsWith

    match clause:
        case ClauseEquals():
            return clause.is_match(name)
        case ClauseRegex(regex=regex):
            return re.fullmatch(regex, name) is not None
        case ClauseStartsWith(starts_with=text) | ClauseContains(contains=text):
            return name.startswith(text.lower()) and len(text) >= len(_DATE.sub("", name))
        case ClauseOr(or_=clauses):
            return any(_names(one, name) for one in clauses)
        case ClauseAnd(and_=clauses):
            return clause.is_match(name) and any(_names(one, name) for one in clauses)
        case _:
            return False


def _hangs_on_the_hour(entry: "ModelInfo") -> bool:
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    return not isinstance(entry.prices, ModelPrice) and any(
        isinstance(one.constraint, TimeOfDateConstraint) for one in entry.prices
    )


def _price(values: "Mapping[str, Decimal | TieredPrices]") -> Price | None:
    from genai_prices.types import TieredPrices

    if not {"input_mtok", "output_mtok"} <= values.keys() <= _RATES.keys():
        return None
    thresholds = {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    if any(threshold < 1 for threshold in thresholds):
        return None
    long = [LongRates(above_input_tokens=start, **_rates(values, start + 1)) for start in sorted(thresholds)]
    return Price(**_rates(values, 0), long=tuple(long))


def _rates(values: "Mapping[str, Decimal | TieredPrices]", input_tokens: int) -> dict[str, float]:
    """Return the rates of a call with so much input; above a threshold they hold for all of its tokens."""
    return {_RATES[key]: float(_at(value, input_tokens)) for key, value in values.items()}


def _at(value: "Decimal | TieredPrices", input_tokens: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    exceeded = [tier.price for tier in value.tiers if input_tokens > tier.start]  # in ascending order of their start
    return exceeded[-1] if exceeded else value.base
