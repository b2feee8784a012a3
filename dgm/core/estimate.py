"""What a run will use, before it does: sessions, tokens, dollars and hours, each with a range.

The range is to hold the truth nine times of ten. It is made of

- how many steps and sessions there will be: the acceptance rate and the share that goes on to the next stage are known
  only as far as they were seen (`dgm.core.counting`);
- how far agents and steps lie apart in what a session uses: for m more of them after n that were measured, the variance
  of the sum is m s^2 (1 + m/n), the second part for the mean that n samples give; children count as families;
- for a model that was not measured, the ends of an assumption (`dgm.core.averages`), which lie on top of that.

Deviations of the parts are added, not their squares: a run whose agents converse at length does so in all its parts.

Weighed against drawing whole runs at random from the measured sessions: that needs the sessions themselves, which a
table of averages does not have, a seed, and thousands of draws for ends that hold still. This is arithmetic that can be
checked by hand, and `scripts/measure-averages` says how often its ranges held.

Not in it: calls that fail and are repeated, and a machine that is slower or busier than the one that was measured.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

from dgm.core.averages import Amounts, Average, Averages, FlatRates, Stretch
from dgm.core.counting import FAMILY, Count, Growth, Range, Share, among_the_best, growth, range_around, went_on
from dgm.core.ports import Role

_SECONDS_PER_HOUR = 3600
_ROLES = (Role.AGENT, Role.IMPROVE, Role.DIAGNOSE)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a run has still to do."""

    seed_sessions: int
    """Sessions of the seed agent that are due."""
    stage_sessions: tuple[int, ...]
    """Of one child at each stage: tasks times trials."""
    children: int
    """How many are still wanted."""
    steps_allowed: int
    """How many attempts are left for that."""
    workers: int
    due_sessions: int = 0
    """Sessions that children which are there already have still to be measured in."""
    stage_tops: Mapping[int, int] = field(default_factory=dict[int, int])
    """Place in `stage_sessions` -> for how many of the best that stage is; the others are for whoever earns them."""
    most_agent_sessions: int | None = None
    """How many sessions on tasks there can be in all; None where children and stages alone bound them."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What sessions use together."""

    sessions: Range
    calls: Range
    input_tokens: Range
    cached_tokens: Range
    """Of the input tokens: read from the provider's cache."""
    output_tokens: Range
    cost_usd: Range


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will use."""

    steps: Range
    """Self-modification attempts."""
    children: Range
    """How many of them are accepted."""
    roles: Mapping[Role, Totals]
    total: Totals
    hours: Range
    seed_cost_usd: float
    """Expected, of measuring the seed agent."""
    step_cost_usd: float
    """Expected, of one step and of its child's first stage, as often as there is a child."""

    def steps_paid_by(self, budget_usd: float) -> float:
        """Return how many steps so many dollars pay for, once the seed agent is measured; below zero if not even that.

        A step counts with its child's first stage. Only where steps cost anything.
        """
        return (budget_usd - self.seed_cost_usd) / self.step_cost_usd


_Quantity: TypeAlias = Callable[[Amounts, FlatRates], float]
"""What of amounts is asked for, such as dollars. Linear: twice the amounts give twice of it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Sessions of one kind."""

    sessions: Count
    squares: float
    """Expected sum, over the agents or steps that a sample stands for, of the square of their numbers of sessions."""
    average: Average
    rates: FlatRates
    family: int = 1
    """How many samples tell as much as one."""

    def mean(self, quantity: _Quantity, stretch: Stretch) -> float:
        """Return the expected sum of a quantity."""
        return self.sessions.mean * quantity(stretch.of(self.average.mean), self.rates)

    def deviation(self, quantity: _Quantity) -> float:
        """Return the standard deviation of that sum."""
        stretch = self.average.assumption.expected
        mean = quantity(stretch.of(self.average.mean), self.rates)
        spread = quantity(stretch.of(self.average.spread), self.rates)
        apart = spread**2 * self.family * (self.squares + self.sessions.square / self.average.count)
        return (mean**2 * self.sessions.variance + apart) ** 0.5


def estimate(ahead: Ahead, averages: Averages, rates: Mapping[Role, FlatRates]) -> Estimate:
    """Return what a run will use.

    Args:
        ahead: what it has to do.
        averages: of what was measured.
        rates: of the agent's, the improving and the diagnosing role.
    """
    grown = growth(ahead.children, ahead.steps_allowed, averages.accepted)
    reached = reached_stages(grown.children, ahead, averages)
    parts = _parts(ahead, averages, rates, steps=grown.steps, reached=reached)
    everything = [part for role in _ROLES for part in parts[role]]
    sessions = {
        Role.AGENT: _agent_sessions(parts[Role.AGENT], ahead),
        Role.IMPROVE: grown.steps_range(),
        Role.DIAGNOSE: grown.steps_range(),
    }
    return Estimate(
        steps=grown.steps_range(),
        children=grown.children_range(),
        roles={role: _totals(parts[role], sessions[role]) for role in _ROLES},
        total=_totals(everything, _sum_of(sessions.values())),
        hours=_hours(everything, ahead, averages, grown),
        seed_cost_usd=ahead.seed_sessions * _cost_of_one(averages.seed, rates[Role.AGENT]),
        step_cost_usd=_step_cost(ahead, averages, rates),
    )


def most_sessions(ahead: Ahead) -> dict[Role, int]:
    """Return how many sessions of each role there can be at most: every child wanted goes through all stages."""
    agent = ahead.seed_sessions + ahead.due_sessions + ahead.children * sum(ahead.stage_sessions)
    if ahead.most_agent_sessions is not None:
        agent = min(agent, ahead.most_agent_sessions)
    steps = ahead.steps_allowed if ahead.children else 0
    return {Role.AGENT: agent, Role.IMPROVE: steps, Role.DIAGNOSE: steps}


def reached_stages(children: Count, ahead: Ahead, averages: Averages) -> list[Count]:
    """Return how many children come to each stage; nothing is known of a stage that was not measured."""
    gates = len(ahead.stage_sessions) - 1
    passed = [*averages.passed, *[Share(0, 0)] * gates][:gates]
    reached = [children]
    for place, share in enumerate(passed, start=1):
        earned, top = went_on(reached[-1], share), ahead.stage_tops.get(place)
        reached.append(earned if top is None else among_the_best(top, earned, measured=reached[-1].mean))
    return reached


def _parts(
    ahead: Ahead, averages: Averages, rates: Mapping[Role, FlatRates], *, steps: Count, reached: Sequence[Count]
) -> dict[Role, list[_Part]]:
    agent = rates[Role.AGENT]
    return {
        Role.AGENT: [
            _Part(Count(ahead.seed_sessions), ahead.seed_sessions, averages.seed, agent),
            _Part(_child_sessions(ahead, reached), _child_squares(ahead, reached), averages.child, agent, FAMILY),
        ],
        Role.IMPROVE: [_Part(steps, steps.mean, averages.improve, rates[Role.IMPROVE])],
        Role.DIAGNOSE: [_Part(steps, steps.mean, averages.diagnose, rates[Role.DIAGNOSE])],
    }


def _child_sessions(ahead: Ahead, reached: Sequence[Count]) -> Count:
    each = list(zip(ahead.stage_sessions, reached, strict=True))
    mean = sum(sessions * agents.mean for sessions, agents in each) + ahead.due_sessions
    # Who goes on to a later stage went through the earlier ones, so their numbers rise and fall together.
    return Count(mean, sum(sessions * agents.variance**0.5 for sessions, agents in each) ** 2)


def _child_squares(ahead: Ahead, reached: Sequence[Count]) -> float:
    """Return the expected sum of the squares of the children's numbers of sessions."""
    ends = list(accumulate(ahead.stage_sessions))
    grown = [end**2 - begin**2 for begin, end in zip([0, *ends], ends, strict=False)]
    return sum(more * agents.mean for more, agents in zip(grown, reached, strict=True)) + ahead.due_sessions**2


def _agent_sessions(parts: Sequence[_Part], ahead: Ahead) -> Range:
    seed, children = (part.sessions for part in parts)
    around = range_around(children.mean, children.variance**0.5)
    least, most = seed.mean + ahead.due_sessions, most_sessions(ahead)[Role.AGENT]
    return Range(
        low=min(most, max(least, seed.mean + around.low)),
        expected=min(most, seed.mean + children.mean),
        high=min(most, seed.mean + around.high),
    )


def _totals(parts: Sequence[_Part], sessions: Range) -> Totals:
    return Totals(
        sessions=sessions,
        calls=_range(parts, lambda amounts, _: amounts.calls),
        input_tokens=_range(parts, lambda amounts, _: amounts.input_tokens),
        cached_tokens=_range(parts, lambda amounts, _: amounts.cache_read_tokens),
        output_tokens=_range(parts, lambda amounts, _: amounts.output_tokens),
        cost_usd=_range(parts, Amounts.cost_usd),
    )


def _range(parts: Sequence[_Part], quantity: _Quantity) -> Range:
    """Return the range of the sum of a quantity over all parts."""
    beliefs = [part.average.assumption for part in parts]
    expected = _sum(parts, quantity, [belief.expected for belief in beliefs])
    around = range_around(expected, sum(part.deviation(quantity) for part in parts))
    if expected <= 0:
        return around
    low = _sum(parts, quantity, [belief.low for belief in beliefs]) / expected
    high = _sum(parts, quantity, [belief.high for belief in beliefs]) / expected
    return Range(around.low * low, expected, around.high * high)


def _sum(parts: Sequence[_Part], quantity: _Quantity, stretches: Sequence[Stretch]) -> float:
    return sum(part.mean(quantity, stretch) for part, stretch in zip(parts, stretches, strict=True))


def _sum_of(ranges: Iterable[Range]) -> Range:
    each = list(ranges)
    return Range(
        low=sum(one.low for one in each), expected=sum(one.expected for one in each), high=sum(one.high for one in each)
    )


def _hours(parts: Sequence[_Part], ahead: Ahead, averages: Averages, grown: Growth) -> Range:
    """Return the hours at so many workers: their share of the work, and waiting for what cannot be done side by side.

    Source: R. L. Graham, Bounds on Multiprocessing Timing Anomalies, 1969: at most work/w + (1 - 1/w) chain, where the
    chain is the longest one of things that wait for each other: here the seed agent on one task, then one child's
    attempts and one task of each stage.
    """
    work = _range(parts, lambda amounts, _: amounts.seconds)
    if work.expected <= 0:
        return work
    chain = _seconds_of_one(averages.seed) if ahead.seed_sessions else 0.0
    if ahead.children:
        chain += grown.steps.mean / ahead.children * _seconds_of_one(averages.improve)
        chain += len(ahead.stage_sessions) * _seconds_of_one(averages.child)
    share = 1 / ahead.workers + (1 - 1 / ahead.workers) * min(1.0, chain / work.expected)
    hours = share / _SECONDS_PER_HOUR
    return Range(work.low * hours, work.expected * hours, work.high * hours)


def _step_cost(ahead: Ahead, averages: Averages, rates: Mapping[Role, FlatRates]) -> float:
    first_stage = ahead.stage_sessions[0] * _cost_of_one(averages.child, rates[Role.AGENT])
    return (
        _cost_of_one(averages.diagnose, rates[Role.DIAGNOSE])
        + _cost_of_one(averages.improve, rates[Role.IMPROVE])
        + averages.accepted.mean * first_stage
    )


def _cost_of_one(average: Average, rates: FlatRates) -> float:
    return average.assumption.expected.of(average.mean).cost_usd(rates)


def _seconds_of_one(average: Average) -> float:
    return average.assumption.expected.of(average.mean).seconds
