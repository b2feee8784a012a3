"""The configuration of a run: read once, checked, frozen, and written into the run as `run.toml`."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from dgm.core.errors import ConfigError
from dgm.core.ports import Role

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

REHEARSAL = "rehearsal"
_PROVIDERS = {REHEARSAL, "openai", "anthropic"}

Positive = Annotated[int, Field(gt=0)]
Duration = Annotated[float, Field(gt=0, le=86_400)]
"""Seconds, at most a day."""
PositiveFloat = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, hide_input_in_errors=True)


_WORD, _OTHER = "(word)", "(other)"


def _word_or_other(value: object) -> str:
    return _WORD if isinstance(value, str) else _OTHER


# Tells which of a word and something else was meant, so that an error is about that one alone.
_WordOrOther = Discriminator(_word_or_other)
_MEANT = {
    "unknown_price": 'should be "refuse", "zero" or a price such as { input_usd = 1.25, output_usd = 10.0 }',
    "thinking": 'should be "adaptive", "disabled", "default" or a number of tokens',
}


class ModelChoice(_Section):
    """The model of one role and how it is asked."""

    model: str
    """`provider:model` or `rehearsal`."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """In place of what the agent asks for; models that take none are asked without."""
    max_output_tokens: Positive | None = None
    """Of one answer; `sessions.max_output_tokens` unless given."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"model": value}
        if not isinstance(value, Mapping | ModelChoice):
            raise ValueError("should be a model's name or a table with `model` and more")  # noqa: TRY004 - pydantic's
        return value  # pyright: ignore[reportUnknownVariableType]


class Models(_Section):
    """Which model does what. A name alone stands for a `ModelChoice` of that name."""

    agent: ModelChoice = ModelChoice(model=REHEARSAL)
    """Drives agents on tasks."""
    improve: ModelChoice | None = None
    """Drives an agent on its own code; the agent's model unless given."""
    diagnose: ModelChoice | None = None
    """Explains failures; the agent's model unless given."""

    def choices(self) -> dict[Role, ModelChoice]:
        """Return the choice for each role that asks a model."""
        return {
            Role.AGENT: self.agent,
            Role.IMPROVE: self.improve or self.agent,
            Role.DIAGNOSE: self.diagnose or self.agent,
        }

    def by_role(self) -> dict[Role, str]:
        """Return the name of the model that plays each role."""
        return {role: choice.model for role, choice in self.choices().items()}

    def rehearses(self) -> bool:
        """Return whether any of them is simulated, so that scores say nothing about real models."""
        return REHEARSAL in self.by_role().values()


Dollars = Annotated[float, Field(ge=0, le=1_000_000)]
"""Up to a dollar for a token: no model costs that, and what is not finite could not be capped."""


class Rates(_Section):
    """Dollars per million tokens."""

    input_usd: Dollars
    output_usd: Dollars
    cache_read_usd: Dollars | None = None
    """For input that was read from the provider's cache; as other input unless given."""
    cache_write_usd: Dollars | None = None
    """For input that was written to it; unless given, as other input, or a quarter more at a vendor's own address."""


class LongRates(Rates):
    """The rates of calls whose input is long; for all of their tokens."""

    above_input_tokens: Positive


class Price(Rates):
    """What one model costs."""

    long: tuple[LongRates, ...] = Field(default=(), strict=False)
    """In any order; of those that a call's input exceeds, the longest holds."""

    @field_validator("long")
    @classmethod
    def _refuse_two_of_one_length(cls, value: tuple[LongRates, ...]) -> tuple[LongRates, ...]:
        if len({rates.above_input_tokens for rates in value}) < len(value):
            raise ValueError("two rates have the same above_input_tokens")
        return value


class Address(_Section):
    """Where a provider is reached, and with which key."""

    base_url: str | None = None
    """Such as a local vLLM's or Ollama's address ending in /v1; the vendor's own unless given."""
    key_variable: str | None = None
    """Environment variable that holds the key. Unless given, the vendor's own name for it, which is read only for the
    vendor's own address and for one on this machine; see `dgm.gateway.keys`."""
    key_file: str | None = None
    """File that holds the key and nothing else, by its whole path or from ~, open to its owner alone; goes before the
    variable."""
    timeout_s: PositiveFloat = 600.0
    """For one call."""


class Endpoint(Address):
    """A provider: whatever speaks one of the two protocols."""

    protocol: Literal["openai", "anthropic"] = "openai"


class Parameters(_Section):
    """What a model takes beside messages and tools. What is not given here is as `dgm.gateway.parameters` has it."""

    api: Literal["chat", "responses"] | None = None
    """Of the openai protocol: chat completions or responses."""
    temperature: bool | None = None
    """Whether it takes one; else it is left out."""
    top_p: bool | None = None
    temperature_with_top_p: bool | None = None
    """Whether it takes both in one request; else top_p is left out."""
    stop: bool | None = None
    seed: bool | None = None
    parallel_tool_calls: bool | None = None
    output_limit: Literal["max_tokens", "max_completion_tokens"] | None = None
    """Name of the field for the most output tokens."""
    most_output_tokens: Positive | None = None
    """The most that the model takes there; what is asked for beyond is lowered to it."""
    thinking: (
        Annotated[
            Annotated[Literal["adaptive", "disabled", "default"], Tag(_WORD)] | Annotated[Positive, Tag(_OTHER)],
            _WordOrOther,
        ]
        | None
    ) = None
    """Of the anthropic protocol; a number is a budget in tokens, "default" leaves it to the model."""
    effort: str | None = None
    """How hard it thinks, in the vendor's words, such as "high"."""
    cache: bool | None = None
    """Of the anthropic protocol: whether breakpoints of the prompt cache are set."""
    extra: Mapping[str, JsonValue] | None = None
    """Added to each request's body as it is."""


class Calls(_Section):
    """How a provider is called."""

    patience_s: PositiveFloat = 900.0
    """How long one call is tried again while its provider fails or refuses for now."""
    concurrency: Positive = 64
    """Calls to one provider at a time; fewer while it says that it is overloaded."""
    silent_sessions: Positive = 10
    """That many sessions in a row without one good answer stop the run."""


class Rehearsal(_Section):
    """The simulated model."""

    latency_s: float = Field(default=0.0, ge=0)
    """Added to every answer, to rehearse a run at a real model's pace."""


class Budget(_Section):
    """Caps on the whole run; none where not given."""

    max_cost_usd: PositiveFloat | None = None
    max_tokens: Positive | None = None
    max_calls: Positive | None = None


class Steps(_Section):
    """Caps on one step: its diagnosis and the session on the parent's own code; none where not given."""

    max_cost_usd: PositiveFloat | None = None
    max_tokens: Positive | None = None
    max_calls: Positive | None = None


class Sessions(_Section):
    """Limits of one session: one agent at work in one sandbox."""

    task_timeout_s: Duration = 600.0
    """For a task; the paper's Polyglot limit."""
    improve_timeout_s: Duration = 1800.0
    """For a self-modification; the paper's limit."""
    max_calls: Positive = 100
    max_tokens: Positive = 2_000_000
    max_cost_usd: PositiveFloat = 5.0
    max_output_tokens: Positive = 16_384
    """Of one answer; what a request asks for beyond it is lowered to it."""


class SandboxLimits(_Section):
    """Limits of one container."""

    memory_bytes: Annotated[int, Field(ge=256 * 2**20)] = 1024 * 2**20
    cpus: PositiveFloat = 1.0
    pids: Annotated[int, Field(gt=0, le=4_096)] = 256
    runtime: str | None = None
    """OCI runtime such as "runsc"; the engine's default unless given."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 1024 * 2**20
    """No session starts with less free disk than this."""


class RunConfig(_Section):
    """Everything that a run's results hang on."""

    benchmark: str = "katas"
    tasks: tuple[str, ...] = Field(default=(), strict=False)
    """Only these tasks of the benchmark, in its order; all of them when empty."""
    policy: str = "dgm"
    children: Annotated[int, Field(ge=0)] = 10
    """How many children to grow; up to three times as many self-modifications are tried for that."""
    workers: Annotated[int, Field(gt=0, le=256)] = 2
    seed: int = 0
    trials: Annotated[int, Field(gt=0, le=1_000)] = 1
    """How often each task is tried."""
    models: Models = Models()
    prices: Mapping[str, Price] = {}
    """By `provider:model`; goes before the table of known prices."""
    unknown_price: Annotated[
        Annotated[Literal["refuse", "zero"], Tag(_WORD)] | Annotated[Price, Tag(_OTHER)], _WordOrOther
    ] = "refuse"
    """What a model costs whose price is neither given nor known: nothing, a price, or it is not called."""
    parameters: Mapping[str, Parameters] = {}
    """By `provider:model`, where * stands for anything; goes before the built-in table."""
    openai: Address = Address()
    """The provider of models `openai:...`."""
    anthropic: Address = Address()
    """The provider of models `anthropic:...`."""
    endpoints: Mapping[str, Endpoint] = {}
    """Further providers by the name that stands before a model's colon."""
    calls: Calls = Calls()
    rehearsal: Rehearsal = Rehearsal()
    budget: Budget = Budget()
    steps: Steps = Steps()
    sessions: Sessions = Sessions()
    sandbox: SandboxLimits = SandboxLimits()

    @field_validator("endpoints")
    @classmethod
    def _refuse_taken_names(cls, value: Mapping[str, Endpoint]) -> Mapping[str, Endpoint]:
        for name, endpoint in value.items():
            if name in _PROVIDERS:
                raise ValueError(f"{name} is there already; choose another name")
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
                raise ValueError(f"{name!r} cannot be a name; take letters, digits, - and _")
            if endpoint.base_url is None:
                raise ValueError(f"{name} needs a base_url")
        return value

    def endpoint(self, provider: str) -> Endpoint | None:
        """Return the endpoint of a provider's name, None if there is none."""
        match provider:
            case "openai":
                return Endpoint(protocol="openai", **self.openai.model_dump())
            case "anthropic":
                return Endpoint(protocol="anthropic", **self.anthropic.model_dump())
            case _:
                return self.endpoints.get(provider)


def parse_config(text: str, *, source: str) -> RunConfig:
    """Return the configuration that a TOML text gives.

    Args:
        text: TOML.
        source: named in errors, such as a file's path.
    Raises:
        ConfigError: it is no TOML, has an unknown key or a wrong value.
    """
    try:
        return config_from(tomllib.loads(text), source=source)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error


def config_from(values: Mapping[str, Any], *, source: str) -> RunConfig:
    """Return the configuration that nested `values` give; see `parse_config`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{source}: {_key(first)}: {_reason(first)}.") from error


def _key(error: "ErrorDetails") -> str:
    """Return the key that an error is about as TOML writes it."""
    parts = [str(part) for part in error["loc"] if part not in {_WORD, _OTHER}]
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part) for part in parts)


def _reason(error: "ErrorDetails") -> str:
    *_, parent, last = ("", *error["loc"])
    if last in {_WORD, _OTHER}:
        return _MEANT[str(parent)]
    match error["type"]:
        case "extra_forbidden":
            return "is not a known key"
        case "missing":
            return "is missing"
        case "model_type" | "model_attributes_type" | "mapping_type" | "dict_type":
            return "should be a table of settings"
        case "tuple_type":
            return "should be a list"
        case "value_error":
            return str(error.get("ctx", {}).get("error"))  # a sentence of ours
        case _:
            return error["msg"][:1].lower() + error["msg"][1:]


def read_config(path: Path) -> RunConfig:
    """Return the configuration in a file.

    Raises:
        ConfigError: it cannot be read or is wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    return parse_config(text, source=str(path))
