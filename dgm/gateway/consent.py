"""What a recorded run may decide about keys, addresses and money when it is gone on with or replayed.

A run directory can come from a stranger, and its `run.toml` could name any variable or file of this user's as a key and
the stranger's server as the place to send it to, its `prices.toml` prices at which no cap ever holds. So what a run
recorded counts only where it can do no harm; else the user says it again, now: in a --config file or with --base-url.

Two rules were weighed. One asks whether this user made the run on this machine: it would spare the owner from saying
anything again. But every copied file belongs to whoever copied it, so it takes a secret or a list outside of the run,
which another machine, a container or a cleared home has not; and it trusts all that such a run says, also where others
can write to its directory. The other, which this is, asks what the settings say: it needs no state and can be read off
the run. It leaves the common ways alone (a vendor's own address with the vendor's own variable, a server on this
machine that gets no key) and costs one option for the rest, which the user gave when the run was started.
"""

from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime

from dgm.boundary.text import safe_line
from dgm.config import REHEARSAL, Endpoint, Price, RunConfig
from dgm.core.errors import ConfigError
from dgm.gateway.catalogue import BILLED_BY, endpoint_of, with_cache_writes
from dgm.gateway.keys import VARIABLES, is_on_this_machine
from dgm.gateway.parameters import parameters_for
from dgm.gateway.price_table import known_price
from dgm.gateway.prices import flat_rates

_SLACK = 1e-9
_MAX_CHARS = 120


def with_addresses(recorded: RunConfig, said: RunConfig) -> RunConfig:
    """Return a run's configuration with the addresses that the user says now; all else stays as it is recorded.

    Args:
        recorded: the run's.
        said: what the user says; only what is set there counts.
    """
    own = {name: getattr(said, name) for name in ("openai", "anthropic") if name in said.model_fields_set}
    return recorded.model_copy(update={**own, "endpoints": {**recorded.endpoints, **said.endpoints}})


def require_consent(
    config: RunConfig,
    prices: Mapping[str, Price],
    *,
    said: RunConfig,
    environment: Mapping[str, str],
    at: datetime,
) -> None:
    """Return if nothing that was only recorded sends a key or money where the user may not want it.

    Args:
        config: what is to be done: the run's configuration with what the user says laid over it.
        prices: at which its calls are counted.
        said: see `with_addresses`.
        environment: holds the keys; only whether there is one is looked at.
        at: now, an aware time.
    Raises:
        ConfigError: the user has to say something again.
        UnknownNameError: no provider is called that.
    """
    for model in dict.fromkeys(config.models.by_role().values()):
        if model != REHEARSAL:
            endpoint, name = endpoint_of(model, config)
            provider = model.partition(":")[0]
            if not _is_said(provider, said):
                _require_harmless(provider, endpoint, environment)
            if model not in prices:
                raise ConfigError(f"This run has no price for {safe_line(model, max_chars=_MAX_CHARS)}.")
            _require_whole_price(model, config, prices[model], _least(model, name, endpoint, said, at), said)


def _is_said(provider: str, said: RunConfig) -> bool:
    # Not any field that is set: a stranger may call an endpoint "models".
    return provider in said.endpoints or (provider in VARIABLES and provider in said.model_fields_set)


def _require_harmless(provider: str, endpoint: Endpoint, environment: Mapping[str, str]) -> None:
    variable = VARIABLES.get(provider)
    key = _named_key(endpoint, variable)
    is_local = endpoint.base_url is not None and is_on_this_machine(endpoint.base_url)
    if not key and is_local and variable and environment.get(variable, "").strip():
        key = f"the key in {variable}"  # another user of this machine may be listening there
    if not key and (is_local or endpoint.base_url is None):
        return
    where = safe_line(endpoint.base_url or f"{provider}'s own address", max_chars=_MAX_CHARS)
    section = provider if provider in VARIABLES else f"endpoints.{provider}"
    option = f"--base-url {where}, or " if provider == "openai" and endpoint.base_url else ""
    raise ConfigError(
        f"This run's own settings send {key or 'requests'} to {where}, and a run may come from somebody else. "
        f"If that is right, say so: {option}its [{section}] in a --config file."
    )


def _named_key(endpoint: Endpoint, own_variable: str | None) -> str:
    """Return in words the key that an endpoint names, "" for none and for a vendor's own."""
    if endpoint.key_file is not None:
        return f"what the file {safe_line(endpoint.key_file, max_chars=_MAX_CHARS)} holds"
    if endpoint.key_variable not in {None, own_variable}:
        return f"the key in {safe_line(endpoint.key_variable or '', max_chars=_MAX_CHARS)}"
    return ""


def _least(model: str, name: str, endpoint: Endpoint, said: RunConfig, at: datetime) -> Price | None:
    """Return the price below which calls must not be counted: what the user says, or else what is known."""
    given = said.prices.get(model)
    return known_price(endpoint, name, at=at) if given is None else with_cache_writes(given, endpoint)


def _require_whole_price(model: str, config: RunConfig, price: Price, least: Price | None, said: RunConfig) -> None:
    extra = parameters_for(model, endpoint_of(model, config)[0], config.parameters).extra
    is_dearer = model not in said.prices and not BILLED_BY.isdisjoint(extra)
    if not is_dearer and (least is None or not _is_below(price, least)):
        return
    why = (
        "which its own settings may change"
        if least is None or is_dearer
        else f"less than the ${least.input_usd:g} and ${least.output_usd:g} that it costs"
    )
    raise ConfigError(
        f"This run counts {safe_line(model, max_chars=_MAX_CHARS)} at ${price.input_usd:g} and ${price.output_usd:g} "
        f"per million tokens of input and output, {why}, so its caps would not hold. If that is right, say so: "
        f"its [prices] in a --config file."
    )


def _is_below(price: Price, least: Price) -> bool:
    """Return whether any kind of token costs less than it must, in calls of any length."""
    lengths = [0, *(rates.above_input_tokens + 1 for rates in (*price.long, *least.long))]
    return any(
        ours < theirs - _SLACK
        for length in lengths
        for ours, theirs in zip(
            astuple(flat_rates(price, input_tokens=length)),
            astuple(flat_rates(least, input_tokens=length)),
            strict=True,
        )
    )
