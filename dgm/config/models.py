"""Settings of models: which one does what, where it is reached, what it costs and takes."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, Tag, field_validator, model_validator

from dgm.config.base import OTHER, WORD, Positive, PositiveFloat, Section, WordOrOther
from dgm.core.ports import Role

REHEARSAL = "rehearsal"


class ModelChoice(Section):
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


class Models(Section):
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


class Rates(Section):
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


class Address(Section):
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


class Parameters(Section):
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
            Annotated[Literal["adaptive", "disabled", "default"], Tag(WORD)] | Annotated[Positive, Tag(OTHER)],
            WordOrOther,
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
