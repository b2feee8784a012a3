"""What each model takes beside messages and tools: one table, which `[parameters."NAME"]` of a configuration extends.

A request parameter that a model does not take is left out, since the agent that chose it cannot know the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import JsonValue

from dgm.config import Endpoint, Parameters


@dataclass(frozen=True, slots=True)
class ModelParameters:
    """`dgm.config.Parameters` with nothing left open; see there for each field."""

    api: Literal["chat", "responses"] = "chat"
    temperature: bool = True
    top_p: bool = True
    temperature_with_top_p: bool = True
    stop: bool = True
    seed: bool = False
    parallel_tool_calls: bool = True
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    most_output_tokens: int | None = None
    thinking: Literal["adaptive", "disabled", "default"] | int = "default"
    effort: str | None = None
    cache: bool = True
    extra: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


_NO_SAMPLING = Parameters(temperature=False, top_p=False)
_REASONING = Parameters(
    api="responses",
    temperature=False,
    top_p=False,
    stop=False,
    output_limit="max_completion_tokens",
    most_output_tokens=128_000,
)
_OPENAI = Parameters(output_limit="max_completion_tokens")  # the older name is deprecated there
_WORK_ALIKE = Parameters(api="chat", seed=True)  # they have chat completions, and mostly a seed, deprecated at OpenAI

# By protocol and the endpoint's own name for a model, so that those behind a proxy are known too. Only the first row
# that matches counts. Retired models are here where the paper used them.
_TABLE: tuple[tuple[str, Parameters], ...] = (
    # Of OpenAI's reasoning models only the first one called chat takes sampling parameters. With tools, all but those
    # reason only behind the responses API: newer ones refuse function tools with reasoning in chat completions.
    ("openai:gpt-5-chat*", Parameters(output_limit="max_completion_tokens", most_output_tokens=16_384)),
    (
        "openai:*chat-latest",
        _NO_SAMPLING.model_copy(update={"output_limit": "max_completion_tokens", "most_output_tokens": 16_384}),
    ),
    ("openai:gpt-[5-9]*", _REASONING),
    ("openai:o[1-9]*", _REASONING.model_copy(update={"parallel_tool_calls": False, "most_output_tokens": 100_000})),
    ("openai:gpt-4.1*", Parameters(most_output_tokens=32_768)),
    ("openai:gpt-4o*", Parameters(most_output_tokens=16_384)),
    # Claude up to 4.6 takes a temperature (in the older version of the API), from 4.1 on not beside top_p.
    ("anthropic:claude-3*", Parameters(most_output_tokens=8_192)),
    ("anthropic:claude-opus-4-[012]*", Parameters(temperature_with_top_p=False, most_output_tokens=32_000)),
    ("anthropic:claude-*-4-[0-5]*", Parameters(temperature_with_top_p=False, most_output_tokens=64_000)),
    ("anthropic:claude-*-4-6*", Parameters(temperature_with_top_p=False, most_output_tokens=128_000)),
    ("anthropic:claude-*", _NO_SAMPLING.model_copy(update={"most_output_tokens": 128_000})),
)


def parameters_for(name: str, endpoint: Endpoint, overrides: Mapping[str, Parameters]) -> ModelParameters:
    """Return what a model takes.

    Args:
        name: `provider:model`.
        endpoint: where it is called.
        overrides: by pattern of `name`, as configured; the first that matches and says something of a parameter
            decides it, then the table.
    """
    rows = [row for pattern, row in overrides.items() if fnmatchcase(name, pattern)]
    thinking = next((row.thinking for row in rows if row.thinking is not None), "default")
    if thinking not in {"default", "disabled"}:
        rows.append(_NO_SAMPLING)  # a model that is told to think takes none beside that
    if endpoint.protocol == "openai" and endpoint.base_url is not None:
        rows.append(_WORK_ALIKE)
    rows += _row(f"{endpoint.protocol}:{name.partition(':')[2]}")
    if endpoint.protocol == "openai" and endpoint.base_url is None:
        rows.append(_OPENAI)
    decided: dict[str, object] = {}
    for row in rows:
        for key, value in row.model_dump(exclude_none=True).items():
            decided.setdefault(key, value)
    return ModelParameters(**decided)  # pyright: ignore[reportArgumentType]  # the fields of both are the same


def _row(known_as: str) -> list[Parameters]:
    return [row for pattern, row in _TABLE if fnmatchcase(known_as, pattern)][:1]
