"""Finds the provider of each role by the names that users give models."""

from collections.abc import Callable, Mapping, Sequence

from dgm.config import REHEARSAL, RunConfig
from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.ports import Role
from dgm.core.tasks import KnownTask
from dgm.gateway.openai_provider import OpenAiProvider
from dgm.gateway.probe import ProbeProvider
from dgm.gateway.provider import Provider
from dgm.gateway.rehearsal import RehearsalProvider

KEY_VARIABLE = "OPENAI_API_KEY"


def providers_for(
    config: RunConfig, environment: Mapping[str, str], *, known_tasks: Callable[[], Sequence[KnownTask]]
) -> dict[Role, Provider]:
    """Return the provider of each role.

    Args:
        config: names the models.
        environment: holds the keys.
        known_tasks: gives the rehearsal model its answers.
    Raises:
        UnknownNameError: a model that is neither `rehearsal` nor `openai:NAME`.
        ConfigError: a model whose key or price is missing.
    """
    made: dict[str, Provider] = {}
    models = config.models.by_role()
    for model in models.values():
        if model not in made:
            made[model] = _provider(model, config, environment, known_tasks)
    return {role: made[model] for role, model in models.items()} | {Role.PROBE: ProbeProvider()}


def _provider(
    model: str, config: RunConfig, environment: Mapping[str, str], known_tasks: Callable[[], Sequence[KnownTask]]
) -> Provider:
    match model.partition(":"):
        case (name, "", "") if name == REHEARSAL:
            return RehearsalProvider(known_tasks(), latency_s=config.rehearsal.latency_s)
        case ("openai", ":", name) if name:
            return _openai_provider(model, name, config, environment)
        case _:
            raise UnknownNameError(f"There is no model {model!r}; name `rehearsal` or `openai:NAME`.")


def _openai_provider(model: str, name: str, config: RunConfig, environment: Mapping[str, str]) -> OpenAiProvider:
    price = config.prices.get(model)
    if price is None:
        raise ConfigError(
            f'The price of {model} is unknown, so its cost could not be capped; give [prices."{model}"] with input_usd '
            "and output_usd per million tokens in a --config file (0.0 for a model of your own)."
        )
    return OpenAiProvider(
        name,
        price=price,
        api_key=environment.get(KEY_VARIABLE),
        base_url=config.openai.base_url,
        timeout_s=config.openai.timeout_s,
    )
