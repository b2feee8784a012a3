"""The estimate of one run, made from its configuration, prices and a basis; and what its caps mean for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dgm.archive.reader import RunReader
from dgm.cli.basis import Basis
from dgm.config import Price, RunConfig
from dgm.core.averages import Average, FlatRates
from dgm.core.estimate import Ahead, Estimate, estimate, most_sessions
from dgm.core.ports import Role
from dgm.core.stages import Stage, due_measurements
from dgm.evolution.engine import STEPS_PER_CHILD
from dgm.gateway.prices import flat_rates
from dgm.gateway.provider import FREE

_LEAST_STEPS = 3
"""A budget that does not pay for so many is not worth starting with."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """An estimate with what it is made from."""

    config: RunConfig
    basis: Basis
    ahead: Ahead
    estimate: Estimate
    most_cost_usd: float
    """If every session that there can be used all that a session may cost."""
    left_usd: float | None
    """Of the run's cap, None where there is none."""


def new_run_ahead(config: RunConfig, stages: Sequence[Stage]) -> Ahead:
    """Return what a run has to do that does not exist yet."""
    sessions = tuple(len(stage.tasks) * config.trials for stage in stages)
    return Ahead(
        seed_sessions=sum(sessions),
        stage_sessions=sessions,
        children=config.children,
        steps_allowed=config.children * STEPS_PER_CHILD,
        workers=config.workers,
    )


def resumed_run_ahead(run: RunReader, stages: Sequence[Stage], *, children: int, workers: int) -> Ahead:
    """Return what a run has still to do.

    Args:
        run: as it is now.
        stages: of its benchmark, with the tasks that it is limited to.
        children: how many it is to have grown in the end.
        workers: how many sandboxes are to work at a time.
    """
    trials, (seed, *grown) = run.config().trials, run.outcomes().values()
    sessions = tuple(len(stage.tasks) * trials for stage in stages)
    due = [due_measurements(stages, outcomes, trials=trials, all_stages=False) for outcomes in grown]
    return Ahead(
        seed_sessions=sum(sessions) - len(seed),
        stage_sessions=sessions,
        children=max(0, children - len(grown)),
        steps_allowed=max(0, children * STEPS_PER_CHILD - run.steps_done()),
        workers=workers,
        due_sessions=sum(len(measurements) for measurements in due),
    )


def forecast(
    config: RunConfig, prices: Mapping[str, Price], basis: Basis, ahead: Ahead, *, spent_usd: float = 0.0
) -> Forecast:
    """Return the estimate of a run.

    Args:
        config: of the run.
        prices: of each of its models that is not simulated.
        basis: averages.
        ahead: what it has to do.
        spent_usd: what it spent so far.
    """
    cap = config.budget.max_cost_usd
    return Forecast(
        config=config,
        basis=basis,
        ahead=ahead,
        estimate=estimate(ahead, basis.averages, _rates(config, prices, basis)),
        most_cost_usd=_most_cost(config, prices, ahead),
        left_usd=None if cap is None else max(0.0, cap - spent_usd),
    )


def is_free(prices: Mapping[str, Price]) -> bool:
    """Return whether no model costs anything."""
    return all(_is_free(price) for price in prices.values())


def too_little(found: Forecast) -> bool:
    """Return whether the run's budget cannot pay for three steps, or for as many as it may take if that is less."""
    paid = steps_paid(found)
    return paid is not None and paid < min(_LEAST_STEPS, found.ahead.steps_allowed)


def steps_paid(found: Forecast) -> float | None:
    """Return how many steps the budget pays for; below zero if not even for measuring the seed agent.

    None where there is no cap or nothing costs anything.
    """
    if found.left_usd is None or found.estimate.step_cost_usd <= 0:
        return None
    return found.estimate.steps_paid_by(found.left_usd)


def _rates(config: RunConfig, prices: Mapping[str, Price], basis: Basis) -> dict[Role, FlatRates]:
    averages = basis.averages
    typical = {Role.AGENT: averages.child, Role.IMPROVE: averages.improve, Role.DIAGNOSE: averages.diagnose}
    models = config.models.by_role()
    return {
        role: flat_rates(prices.get(models[role], FREE), input_tokens=_input_tokens_per_call(average))
        for role, average in typical.items()
    }


def _input_tokens_per_call(average: Average) -> int:
    amounts = average.assumption.expected.of(average.mean)
    return round(amounts.input_tokens / amounts.calls) if amounts.calls else 0


def _most_cost(config: RunConfig, prices: Mapping[str, Price], ahead: Ahead) -> float:
    sessions, models = most_sessions(ahead), config.models.by_role()
    session_usd = config.sessions.max_cost_usd
    paid = {role for role, model in models.items() if not _is_free(prices.get(model, FREE))}
    step_usd = session_usd * len(paid & {Role.IMPROVE, Role.DIAGNOSE})
    if config.steps.max_cost_usd is not None:
        step_usd = min(step_usd, config.steps.max_cost_usd)
    agent_usd = session_usd if Role.AGENT in paid else 0.0
    return sessions[Role.AGENT] * agent_usd + sessions[Role.IMPROVE] * step_usd


def _is_free(price: Price) -> bool:
    rates = [price, *price.long]
    return not any(
        rate for each in rates for rate in (each.input_usd, each.output_usd, each.cache_read_usd, each.cache_write_usd)
    )
