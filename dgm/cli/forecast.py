"""The estimate of one run, made from its configuration, prices and a basis; and what its caps mean for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from dgm.archive.reader import RunReader
from dgm.cli.basis import Basis
from dgm.config import Price, RunConfig
from dgm.core.averages import Average, Averages, FlatRates
from dgm.core.counting import Count
from dgm.core.estimate import Ahead, Estimate, estimate, most_sessions, reached_stages
from dgm.core.policies.hgm import HgmPolicy, evaluation_budget
from dgm.core.ports import Role
from dgm.core.rules import Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.gateway.prices import flat_rates
from dgm.gateway.provider import FREE
from dgm.wiring import held_out_tasks, plan_of, policy_of

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
    """If every session that there can be used all that a session may cost; none that faults repeat, and with one agent
    that is the best throughout."""
    left_usd: float | None
    """Of the run's cap, None where there is none."""


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a run is; a new one is nowhere."""

    seed: int = 0
    """Measurements of the seed agent on what selection sees."""
    all: int = 0
    """Measurements of all agents on that."""
    due: int = 0
    """Measurements that the children which are there have still to have, by the benchmark's stages."""
    children: int = 0
    steps: int = 0


def new_run_ahead(config: RunConfig, stages: Sequence[Stage]) -> Ahead:
    """Return what a run has to do that does not exist yet.

    Some of it is approximate, here and for a run that goes on:

    - Policies that measure by a rule are taken to measure by the benchmark's stages. With adaptive stopping, agents
      are measured on less where they are hopeless, and on more where they are good in spite of a threshold.
    - How many come to a stage for the best is told as if scores did not rise, which is too few, and as if a run that
      goes on had no children yet, which is too many.
    - Policies hgm and auto divide their bound on evaluations among agents as they like; here each child gets the same.
    - The best agent is taken to be a child with all that is held out to be measured on, and to be one agent throughout
      with all of its repeated trials.
    - A merge counts as any other step, with a diagnosis and a session that modifies code, though it has no diagnosis,
      and no session unless there are conflicts. That is too much; how often conflicts are is not known.
    - The call that judges whether a proposal is new is left out, but not of the most that a run may cost. Proposals
      that are not new save their session.

    Raises:
        ConfigError: its holdout leaves nothing to select by, or holds nothing out.
    """
    held_out = held_out_tasks(config, stages)
    held = len(held_out) * config.trials
    goal = plan_of(config, stages, held_out=held_out, children=config.children, workers=config.workers).goal
    return _ahead(config, goal, _Progress(), seed_held=held, best_held=held if config.children else 0)


def resumed_run_ahead(
    run: RunReader, stages: Sequence[Stage], *, children: int, workers: int, evaluations: int | None = None
) -> Ahead:
    """Return what a run has still to do; approximate as `new_run_ahead` says.

    Args:
        run: as it is now.
        stages: of its benchmark, with the tasks that it is limited to.
        children: how many it is to have grown in the end.
        workers: how many sandboxes are to work at a time.
        evaluations: how many it may take from its beginning on, None where they have no bound.
    """
    config, held_out = run.config(), run.held_out()
    goal = plan_of(config, stages, held_out=held_out, children=children, workers=workers).goal
    outcomes, held = run.outcomes(), len(held_out) * config.trials
    seed, *grown = outcomes
    so_far = _Progress(
        seed=len(outcomes[seed]),
        all=sum(len(found) for found in outcomes.values()),
        due=_due_of_children(run, goal),
        children=len(grown),
        steps=run.steps_done(),
    )
    best = run.best()
    return _ahead(
        config.model_copy(update={"workers": workers}),
        replace(goal, evaluations=evaluations),
        so_far,
        seed_held=held - len(run.held_out_of(seed)),
        best_held=0 if best == seed and children <= len(grown) else held - len(run.held_out_of(best)),
    )


def _due_of_children(run: RunReader, goal: Goal) -> int:
    """Return how many measurements are due of the children that are there, by the benchmark's stages."""
    view = ArchiveView(replace(goal, rule=Staged(goal.stages, goal.trials)))
    for agent in run.agent_tree():
        view.add_agent(agent)
    for agent, found in run.measured():
        view.add_measured(agent, found)
    return sum(len(view.due(child)) for child in {*view.goal.rule.pending(view)} - {0})


def _ahead(config: RunConfig, goal: Goal, so_far: _Progress, *, seed_held: int, best_held: int) -> Ahead:
    children = max(0, goal.children - so_far.children)
    bound = goal.evaluations
    tops = {place: stage.top for place, stage in enumerate(goal.stages) if stage.top is not None}
    if isinstance(policy_of(config), HgmPolicy):
        bound, tops = evaluation_budget(goal), dict[int, int]()
        parts = _divided(goal, so_far, children, budget=bound)
    else:
        parts = _by_stages(config, goal, so_far)
    seed, stage_sessions, due = parts
    left = None if bound is None else max(0, bound - so_far.all)
    return Ahead(
        seed_sessions=(seed if left is None else min(seed, left)) + seed_held,
        stage_sessions=stage_sessions,
        stage_tops=tops,
        children=children,
        steps_allowed=max(0, goal.steps - so_far.steps),
        workers=config.workers,
        due_sessions=(due if left is None else min(due, max(0, left - seed))) + best_held,
        most_agent_sessions=None if left is None else left + seed_held + best_held,
    )


def _by_stages(config: RunConfig, goal: Goal, so_far: _Progress) -> tuple[int, tuple[int, ...], int]:
    """Return the sessions that are due of the seed agent, of a new child at each stage, and of other children."""
    sessions = _stage_sessions(goal)
    tasks = sum(len(stage.tasks) for stage in goal.stages)
    repeated = max(0, config.search.best_trials - config.trials) * tasks
    return max(0, sum(sessions) - so_far.seed), sessions, so_far.due + repeated


def _divided(goal: Goal, so_far: _Progress, children: int, *, budget: int) -> tuple[int, tuple[int, ...], int]:
    """Return the same where a bound on evaluations is divided among agents."""
    sessions = _stage_sessions(goal)
    left = max(0, min(budget, (goal.children + 1) * sum(sessions)) - so_far.all)
    first = min(left, max(0, sessions[0] - so_far.seed))
    if children:
        return first, (min(sum(sessions), ceil((left - first) / children)),), 0
    return first, (0,), left - first


def _stage_sessions(goal: Goal) -> tuple[int, ...]:
    return tuple(len(stage.tasks) * goal.trials for stage in goal.stages)


def _within_bound(ahead: Ahead, averages: Averages) -> Ahead:
    """Return what lies ahead with as many children as a bound on sessions lets a run measure."""
    if ahead.most_agent_sessions is None or not ahead.children:
        return ahead
    reached = reached_stages(Count(ahead.children), ahead, averages)
    each = zip(ahead.stage_sessions, reached, strict=True)
    of_one = sum(sessions * agents.mean for sessions, agents in each) / ahead.children
    left = max(0, ahead.most_agent_sessions - ahead.seed_sessions - ahead.due_sessions)
    return replace(ahead, children=min(ahead.children, ceil(left / of_one)))


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
        estimate=estimate(_within_bound(ahead, basis.averages), basis.averages, _rates(config, prices, basis)),
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
    of_step = [Role.IMPROVE, Role.DIAGNOSE, *([Role.DIAGNOSE] if config.diagnoses.interest else [])]
    step_usd = session_usd * sum(role in paid for role in of_step)
    if config.steps.max_cost_usd is not None:
        step_usd = min(step_usd, config.steps.max_cost_usd)
    agent_usd = session_usd if Role.AGENT in paid else 0.0
    return sessions[Role.AGENT] * agent_usd + sessions[Role.IMPROVE] * step_usd


def _is_free(price: Price) -> bool:
    rates = [price, *price.long]
    return not any(
        rate for each in rates for rate in (each.input_usd, each.output_usd, each.cache_read_usd, each.cache_write_usd)
    )
