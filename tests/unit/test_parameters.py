"""What models take: the table, and what a configuration says before it."""

from dataclasses import replace

import pytest

from dgm.config import Endpoint, Parameters
from dgm.gateway.parameters import ModelParameters, parameters_for

OPENAI, ANTHROPIC = Endpoint(), Endpoint(protocol="anthropic")
ELSEWHERE = Endpoint(base_url="https://models.example.org/v1")
CLAUDE_ELSEWHERE = Endpoint(base_url="https://models.example.org", protocol="anthropic")

PLAIN = ModelParameters(output_limit="max_completion_tokens")
REASONING = replace(
    PLAIN, api="responses", temperature=False, top_p=False, stop=False, seed=False, most_output_tokens=128_000
)
O_SERIES = replace(REASONING, parallel_tool_calls=False, most_output_tokens=100_000)
CLAUDE = ModelParameters(temperature=False, top_p=False, most_output_tokens=128_000)
OLDER_CLAUDE = ModelParameters(temperature_with_top_p=False, most_output_tokens=64_000)


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("gpt-4o", replace(PLAIN, most_output_tokens=16_384)),
        ("gpt-4.1-mini", replace(PLAIN, most_output_tokens=32_768)),
        ("gpt-5-chat-latest", replace(PLAIN, most_output_tokens=16_384)),
        ("gpt-5.3-chat-latest", replace(PLAIN, temperature=False, top_p=False, most_output_tokens=16_384)),
        ("gpt-5", REASONING),
        ("gpt-5.1-codex-max", REASONING),
        ("gpt-5.6-sol", REASONING),
        ("gpt-6.1-sol", REASONING),
        ("o1", O_SERIES),
        ("o3-mini", O_SERIES),
        ("o4-mini-2025-04-16", O_SERIES),
        ("something-new", PLAIN),
    ],
)
def test_what_a_model_of_openais_takes(model: str, takes: ModelParameters) -> None:
    assert parameters_for(f"openai:{model}", OPENAI, {}) == takes


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-5-sonnet-20241022", ModelParameters(most_output_tokens=8_192)),
        ("claude-3-5-haiku-latest", ModelParameters(most_output_tokens=8_192)),
        ("claude-opus-4-20250514", replace(OLDER_CLAUDE, most_output_tokens=32_000)),
        ("claude-opus-4-1", replace(OLDER_CLAUDE, most_output_tokens=32_000)),
        ("claude-sonnet-4-20250514", OLDER_CLAUDE),
        ("claude-sonnet-4-5-20250929", OLDER_CLAUDE),
        ("claude-haiku-4-5", OLDER_CLAUDE),
        ("claude-opus-4-5", OLDER_CLAUDE),
        ("claude-sonnet-4-6", replace(OLDER_CLAUDE, most_output_tokens=128_000)),
        ("claude-opus-4-7", CLAUDE),
        ("claude-opus-5-5", CLAUDE),
        ("claude-fable-5-2", CLAUDE),
        ("claude-opus-9", CLAUDE),
        ("no-claude", ModelParameters()),
    ],
)
def test_what_a_model_of_anthropics_takes(model: str, takes: ModelParameters) -> None:
    assert parameters_for(f"anthropic:{model}", ANTHROPIC, {}) == takes


@pytest.mark.parametrize(
    ("name", "endpoint", "takes"),
    [
        ("mine:llama", ELSEWHERE, ModelParameters(seed=True)),
        ("openai:llama", ELSEWHERE, ModelParameters(seed=True)),
        ("openai:gpt-6-sol", ELSEWHERE, replace(REASONING, api="chat", seed=True)),
        ("mine:gpt-6-sol", ELSEWHERE, replace(REASONING, api="chat", seed=True)),
        ("mine:claude-opus-5-5", CLAUDE_ELSEWHERE, CLAUDE),
        ("mine:glm-5", CLAUDE_ELSEWHERE, ModelParameters()),
    ],
)
def test_a_model_elsewhere_takes_what_its_name_says_in_chat_completions(
    name: str, endpoint: Endpoint, takes: ModelParameters
) -> None:
    assert parameters_for(name, endpoint, {}) == takes


def test_a_configuration_goes_before_the_table() -> None:
    overrides = {"openai:gpt-6*": Parameters(api="chat", temperature=True, extra={"verbosity": "low"})}
    assert parameters_for("openai:gpt-6-sol", OPENAI, overrides) == replace(
        REASONING, api="chat", temperature=True, extra={"verbosity": "low"}
    )
    assert parameters_for("openai:gpt-5", OPENAI, overrides) == REASONING


def test_of_two_patterns_the_first_that_says_something_decides() -> None:
    overrides = {
        "openai:my-big": Parameters(stop=False),
        "openai:my-*": Parameters(stop=True, temperature=False, effort="high"),
    }
    assert parameters_for("openai:my-big", OPENAI, overrides) == replace(
        PLAIN, stop=False, temperature=False, effort="high"
    )
    assert parameters_for("openai:my-small", OPENAI, overrides) == replace(PLAIN, temperature=False, effort="high")


@pytest.mark.parametrize("thinking", ["adaptive", 4_096])
def test_a_model_that_is_told_to_think_gets_no_sampling_parameters(thinking: str | int) -> None:
    overrides = {"anthropic:*": Parameters.model_validate({"thinking": thinking})}
    taken = parameters_for("anthropic:claude-sonnet-4-5", ANTHROPIC, overrides)
    assert (taken.thinking, taken.temperature, taken.top_p) == (thinking, False, False)


@pytest.mark.parametrize("thinking", ["default", "disabled"])
def test_a_model_that_is_not_told_to_think_keeps_them(thinking: str) -> None:
    overrides = {"anthropic:*": Parameters.model_validate({"thinking": thinking})}
    taken = parameters_for("anthropic:claude-sonnet-4-5", ANTHROPIC, overrides)
    assert (taken.thinking, taken.temperature, taken.top_p) == (thinking, True, True)


@pytest.mark.parametrize("name", sorted(Parameters.model_fields))
def test_every_parameter_of_a_configuration_reaches_the_model(name: str) -> None:
    values = {
        "api": "responses",
        "output_limit": "max_completion_tokens",
        "most_output_tokens": 7,
        "thinking": 7,
        "effort": "low",
        "extra": {"a": [1, {"b": None}]},
        "seed": True,
    }
    value = values.get(name, False)
    overrides = {"mine:*": Parameters.model_validate({name: value})}
    taken = parameters_for("mine:x", Endpoint(base_url="http://localhost"), overrides)
    assert getattr(taken, name) == value
