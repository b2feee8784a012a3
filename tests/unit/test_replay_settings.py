"""What a replay is done with: the run's settings, with the user's laid over them."""

from datetime import UTC, datetime

from dgm.cli.replaying import replay_config
from dgm.config import REHEARSAL, RunConfig, parse_config
from dgm.core.ports import Role
from dgm.gateway.catalogue import models_for, prices_for

RUN = parse_config(
    """
    tasks = ["a"]
    [models]
    agent = { model = "openai:then", temperature = 0.5 }
    improve = "openai:dear"
    diagnose = "anthropic:dear"
    [openai]
    base_url = "http://localhost:1/v1"
    timeout_s = 5.0
    [budget]
    max_cost_usd = 1.0
    """,
    source="run",
)


def test_another_model_is_asked_as_the_runs_was() -> None:
    settings = replay_config(RUN, RunConfig(), {"models": {"agent": {"model": "openai:now"}}, "trials": None})
    assert (settings.models.agent.model, settings.models.agent.temperature) == ("openai:now", 0.5)


def test_models_that_are_never_asked_need_no_price() -> None:
    said = parse_config('prices."openai:then" = { input_usd = 1.0, output_usd = 2.0 }', source="file")
    prices = prices_for(replay_config(RUN, said, {}), at=datetime(2026, 1, 1, tzinfo=UTC))
    assert list(prices) == ["openai:then"]


def test_models_that_are_never_asked_need_no_key() -> None:
    said = parse_config('models.agent = "rehearsal"', source="file")
    models = models_for(replay_config(RUN, said, {}), {}, prices={}, known_tasks=list)
    assert models[Role.AGENT].provider.name == REHEARSAL


def test_one_setting_of_a_section_leaves_the_others() -> None:
    said = parse_config("[openai]\ntimeout_s = 9.0", source="file")
    settings = replay_config(RUN, said, {})
    assert (settings.openai.base_url, settings.openai.timeout_s) == ("http://localhost:1/v1", 9.0)


def test_the_runs_caps_do_not_hold_and_another_benchmark_has_other_tasks() -> None:
    assert replay_config(RUN, RunConfig(), {}).budget.max_cost_usd is None
    assert replay_config(RUN, RunConfig(), {"benchmark": "other"}).tasks == ()
