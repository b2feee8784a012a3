"""The configuration of a run: read once, checked, frozen, and written into the run as `run.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.core.errors import ConfigError
from dgm.core.ports import Role

REHEARSAL = "rehearsal"

Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Models(_Section):
    """Which model does what, each `provider:model` or `rehearsal`."""

    agent: str = REHEARSAL
    """Drives agents on tasks."""
    improve: str | None = None
    """Drives an agent on its own code; the agent's model unless given."""
    diagnose: str | None = None
    """Explains failures; the agent's model unless given."""

    def by_role(self) -> dict[Role, str]:
        """Return the name of the model that plays each role."""
        return {
            Role.AGENT: self.agent,
            Role.IMPROVE: self.improve or self.agent,
            Role.DIAGNOSE: self.diagnose or self.agent,
        }

    def rehearses(self) -> bool:
        """Return whether any of them is simulated, so that scores say nothing about real models."""
        return REHEARSAL in self.by_role().values()


class Price(_Section):
    """Dollars per million tokens of one model."""

    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)


class OpenAi(_Section):
    """The `openai` provider, or anything that speaks its protocol."""

    base_url: str | None = None
    """Such as a local vLLM's or Ollama's address ending in /v1; OpenAI's own unless given."""
    timeout_s: PositiveFloat = 600.0
    """For one call."""


class Rehearsal(_Section):
    """The simulated model."""

    latency_s: float = Field(default=0.0, ge=0)
    """Added to every answer, to rehearse a run at a real model's pace."""


class Budget(_Section):
    """Caps on the whole run; none where not given."""

    max_cost_usd: PositiveFloat | None = None
    max_tokens: Positive | None = None
    max_calls: Positive | None = None


class Sessions(_Section):
    """Limits of one session: one agent at work in one sandbox."""

    task_timeout_s: PositiveFloat = 600.0
    """For a task; the paper's Polyglot limit."""
    improve_timeout_s: PositiveFloat = 1800.0
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
    pids: Positive = 256
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
    workers: Positive = 2
    seed: int = 0
    trials: Positive = 1
    """How often each task is tried."""
    models: Models = Models()
    prices: Mapping[str, Price] = {}
    """By `provider:model`; a model without a price is refused, since its cost could not be capped."""
    openai: OpenAi = OpenAi()
    rehearsal: Rehearsal = Rehearsal()
    budget: Budget = Budget()
    sessions: Sessions = Sessions()
    sandbox: SandboxLimits = SandboxLimits()


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
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = "is not a known key" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise ConfigError(f"{source}: {key}: {reason}.") from error


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
