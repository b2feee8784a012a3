"""How many steps, children and sessions a run will have, as far as that is known before it.

A step is taken for a toss of a coin whose bias is the acceptance rate. The rate is not known either: it is Beta(1 +
accepted, 1 + rejected), the posterior under a uniform prior. So is the share of children that go on to the next stage,
with families in place of children: one good change is inherited by all that come of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.9
"""A range is to hold the truth this often."""
FAMILY = 4
"""So many children of one tree tell as much as one that has nothing to do with the others.

Measured in rehearsals on katas: the number of children that went on to the second stage varied between runs (its
variance) 2.7 times as much as tosses of a coin for 5 children in 12 runs, 3.8 times for 10 in 6, 3.4 times for 20 in 5.
"""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of those that were seen did something, such as steps that made a child."""

    some: int
    of: int

    def posterior(self, *, family: int = 1) -> tuple[float, float]:
        """Return a and b of Beta(a, b), where those that were seen came in families that did all the same."""
        return 1 + self.some / family, 1 + (self.of - self.some) / family

    @property
    def mean(self) -> float:
        """Mean of the posterior."""
        return (1 + self.some) / (2 + self.of)


@dataclass(frozen=True, slots=True)
class Range:
    """What is expected, and between which ends it will lie nine times of ten."""

    low: float
    expected: float
    high: float


@dataclass(frozen=True, slots=True)
class Count:
    """A number that is not known yet: its mean and its variance."""

    mean: float
    variance: float = 0.0

    @property
    def square(self) -> float:
        """Mean of its square."""
        return self.mean**2 + self.variance


@dataclass(frozen=True, slots=True)
class Growth:
    """How a run may grow: each way with its probability. They sum to 1."""

    ways: tuple[tuple[float, int, int], ...]
    """(probability, steps, accepted children)."""

    @property
    def steps(self) -> Count:
        """Self-modification attempts."""
        return _count([(chance, steps) for chance, steps, _ in self.ways])

    @property
    def children(self) -> Count:
        """Accepted children."""
        return _count([(chance, children) for chance, _, children in self.ways])

    def steps_range(self) -> Range:
        """Return the quantiles of the number of steps."""
        return _quantiles([(chance, steps) for chance, steps, _ in self.ways])

    def children_range(self) -> Range:
        """Return the quantiles of the number of children."""
        return _quantiles([(chance, children) for chance, _, children in self.ways])


def growth(children: int, steps_allowed: int, accepted: Share) -> Growth:
    """Return how many steps it may take to grow `children` children, and how many there will be.

    Args:
        children: how many are wanted, >= 0.
        steps_allowed: where the run gives up, >= 0.
        accepted: of the steps that were seen.
    """
    if children == 0:
        return Growth(((1.0, 0, 0),))
    enough = [
        (_chance(children, steps, accepted, log_orders=_log_choose(steps - 1, children - 1)), steps, children)
        for steps in range(children, steps_allowed + 1)
    ]
    too_few = [
        (_chance(kept, steps_allowed, accepted, log_orders=_log_choose(steps_allowed, kept)), steps_allowed, kept)
        for kept in range(min(children, steps_allowed + 1))
    ]
    return Growth((*enough, *too_few))


def went_on(agents: Count, passed: Share) -> Count:
    """Return how many of so many agents go on to the next stage: a beta-binomial number of families."""
    a, b = passed.posterior(family=FAMILY)
    share, families, square = a / (a + b), agents.mean / FAMILY, agents.square / FAMILY**2
    within = share * (1 - share) * ((a + b) * families + square) / (a + b + 1)
    return Count(share * agents.mean, FAMILY**2 * within + share**2 * agents.variance)


def among_the_best(top: int, earned: Count, *, measured: float) -> Count:
    """Return how many of those that earned a stage come to it where it is for the best at the moment alone.

    The n-th of agents that come one after another, in any order of their scores, is among the best K of them with the
    chance min(1, K/n): K (1 + ln(n/K)) of n in all, with the seed agent as the first. Where scores rise it is more.

    Args:
        top: K, how many are the best at any moment.
        earned: how many children earned the stage.
        measured: how many are measured on all stages before it.
    """
    agents = measured + 1
    places = top * (1 + math.log(agents / top)) if agents > top else agents
    share = min(1.0, places / earned.mean) if earned.mean else 1.0
    return Count(share * earned.mean, share * (1 - share) * earned.mean + share**2 * earned.variance)


def range_around(mean: float, deviation: float) -> Range:
    """Return the range of a log-normal sum with that mean and standard deviation; it never falls below zero."""
    if mean <= 0:
        return Range(0.0, 0.0, 0.0)
    log_variance = math.log1p((deviation / mean) ** 2)
    middle, reach = math.log(mean) - log_variance / 2, _NORMAL_QUANTILE * math.sqrt(log_variance)
    return Range(math.exp(middle - reach), mean, math.exp(middle + reach))


_NORMAL_QUANTILE = 1.6448536269514722  # 95 %: five in a hundred lie beyond each end


def _chance(kept: int, steps: int, accepted: Share, *, log_orders: float) -> float:
    """Return the chance that `kept` of so many steps are accepted, in one of that many orders."""
    a, b = accepted.posterior()
    return math.exp(log_orders + _log_beta(a + kept, b + steps - kept) - _log_beta(a, b))


def _log_choose(all_of_them: int, some: int) -> float:
    return math.lgamma(all_of_them + 1) - math.lgamma(some + 1) - math.lgamma(all_of_them - some + 1)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _count(weighted: Sequence[tuple[float, int]]) -> Count:
    mean = math.fsum(chance * number for chance, number in weighted)
    return Count(mean, math.fsum(chance * (number - mean) ** 2 for chance, number in weighted))


def _quantiles(weighted: Sequence[tuple[float, int]]) -> Range:
    tail = (1 - LEVEL) / 2
    return Range(_quantile(weighted, tail), _count(weighted).mean, _quantile(weighted, 1 - tail))


def _quantile(weighted: Sequence[tuple[float, int]], probability: float) -> float:
    ordered, below = sorted((number, chance) for chance, number in weighted), 0.0
    for number, chance in ordered:
        below += chance
        if below >= probability:
            return number
    return ordered[-1][0]
