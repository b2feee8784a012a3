"""Finds the provider of each role by the names that users give models."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from dgm.config import REHEARSAL, Endpoint, Price, Rates, RunConfig
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.ports import Role
from dgm.core.tasks import KnownTask
from dgm.gateway.connection import Connection
from dgm.gateway.keys import key_for
from dgm.gateway.parameters import parameters_for
from dgm.gateway.price_table import known_price
from dgm.gateway.probe import ProbeProvider
from dgm.gateway.provider import FREE, Provider, RoleModel
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.vendors.anthropic_provider import AnthropicProvider
from dgm.gateway.vendors.openai_provider import OpenAiProvider

BILLED_BY = frozenset({"service_tier", "speed", "inference_geo"})
"""What a request may hold that changes its price; the table of known prices is without."""
_CACHE_WRITE = 1.25
"""What both vendors take for input that is written to their caches, for each dollar of other input."""


def prices_for(config: RunConfig, *, at: datetime) -> dict[str, Price]:
    """Return the price of each model that a configuration names, as it is at a moment.

    Raises:
        UnknownNameError: no provider is called that.
        ConfigError: a price is unknown and the configuration does not say what then.
    """
    return {model: _price(model, config, at) for model in config.models.by_role().values() if model != REHEARSAL}


def models_for(
    config: RunConfig,
    environment: Mapping[str, str],
    *,
    prices: Mapping[str, Price],
    known_tasks: Callable[[], Sequence[KnownTask]],
    answered: Collection[str] = (),
) -> dict[Role, RoleModel]:
    """Return the model of each role.

    Args:
        config: names the models.
        environment: holds the keys.
        prices: of each model that is not simulated.
        known_tasks: gives the rehearsal model its answers.
        answered: names of models that gave this run answers before.
    Raises:
        UnknownNameError: no provider is called that.
        ConfigError: a key or a price is missing, or a key unusable.
    """
    made: dict[str, Provider] = {}
    for model in config.models.by_role().values():
        if model not in made:
            made[model] = (
                RehearsalProvider(known_tasks(), latency_s=config.rehearsal.latency_s)
                if model == REHEARSAL
                else _provider(
                    _connection(model, config, environment, has_answered=model in answered),
                    config,
                    _recorded_price(model, prices),
                )
            )
    output_tokens = config.sessions.max_output_tokens
    models = {
        role: RoleModel(made[choice.model], choice.max_output_tokens or output_tokens, choice.temperature)
        for role, choice in config.models.choices().items()
    }
    return models | {Role.PROBE: RoleModel(ProbeProvider(), output_tokens)}


def check_models(models: Mapping[Role, RoleModel]) -> None:
    """Return if every model can be asked; costs nothing. Else they are closed.

    Raises:
        ConfigError: a key is refused, or a provider has no such model.
        ProviderError: a provider cannot be reached.
    """
    try:
        for provider in _providers(models):
            provider.check()
    except BaseException:
        close_models(models)
        raise


def close_models(models: Mapping[Role, RoleModel]) -> None:
    """Close the connections that were kept for further calls; there will be none."""
    for provider in _providers(models):
        provider.close()


def _providers(models: Mapping[Role, RoleModel]) -> Iterable[Provider]:
    return {model.provider.name: model.provider for model in models.values()}.values()


def _recorded_price(model: str, prices: Mapping[str, Price]) -> Price:
    if model not in prices:  # of a run whose files do not fit together
        raise ConfigError(f"There is no price of {model} beside those of the run's other models, in its prices.toml.")
    return prices[model]


def _price(model: str, config: RunConfig, at: datetime) -> Price:
    endpoint, name = endpoint_of(model, config)
    if (given := config.prices.get(model)) is not None:
        return with_cache_writes(given, endpoint)
    if BILLED_BY.isdisjoint(parameters_for(model, endpoint, config.parameters).extra):
        known = known_price(endpoint, name, at=at)
        if known is not None:
            return known
    if config.unknown_price == "refuse":
        raise ConfigError(
            f'The price of {model} is unknown, so its cost could not be capped; give [prices."{model}"] with input_usd '
            "and output_usd per million tokens in a --config file, or --unknown-price IN/OUT, or --unknown-price zero "
            "for a model of your own."
        )
    return FREE if config.unknown_price == "zero" else with_cache_writes(config.unknown_price, endpoint)


def with_cache_writes(price: Price, endpoint: Endpoint) -> Price:
    """Return a price that a user gave with what a vendor takes for writing to its cache, where that was left out.

    Both vendors take more for it than for other input, so a cap would not hold without.
    """
    if endpoint.base_url is not None:
        return price
    long = tuple(rates.model_copy(update=_cache_write(rates)) for rates in price.long)
    return price.model_copy(update={"long": long, **_cache_write(price)})


def _cache_write(rates: Rates) -> dict[str, float]:
    return {} if rates.cache_write_usd is not None else {"cache_write_usd": rates.input_usd * _CACHE_WRITE}


def _connection(model: str, config: RunConfig, environment: Mapping[str, str], *, has_answered: bool) -> Connection:
    endpoint, name = endpoint_of(model, config)
    return Connection(
        name=model,
        model=name,
        api_key=key_for(model.partition(":")[0], endpoint, environment),
        base_url=endpoint.base_url,
        timeout_s=endpoint.timeout_s,
        has_answered=has_answered,
    )


def _provider(connection: Connection, config: RunConfig, price: Price) -> Provider:
    endpoint, _ = endpoint_of(connection.name, config)
    parameters = parameters_for(connection.name, endpoint, config.parameters)
    make = AnthropicProvider if endpoint.protocol == "anthropic" else OpenAiProvider
    return make(connection, price=price, parameters=parameters)


def endpoint_of(model: str, config: RunConfig) -> tuple[Endpoint, str]:
    """Return where a model is called, and the name that it has there.

    Raises:
        UnknownNameError: no provider is called that.
    """
    provider, _, name = model.partition(":")
    endpoint = config.endpoint(provider)
    if endpoint is None or not name:
        providers = ", ".join(["openai:NAME", "anthropic:NAME", *(f"{other}:NAME" for other in config.endpoints)])
        raise UnknownNameError(f"There is no model {model!r}; name `{REHEARSAL}`, {providers}.")
    return endpoint, name
