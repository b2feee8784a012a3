"""Scores: how good an agent is, and how sure that is.

An agent judged on 8 tasks and one judged on 60 are compared by the posterior mean of a Beta(1, 1) prior, which shrinks
a small sample towards one half; never by the raw share.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome

CREDIBLE_MASS = 0.95
_LOWER_END = (1 - CREDIBLE_MASS) / 2
_QUANTILE_PRECISION = 1e-9


@dataclass(frozen=True, slots=True)
class Score:
    """Resolved of attempted, with the posterior mean and the central 95 % credible interval, all in [0, 1]."""

    resolved: int
    attempted: int

    def __post_init__(self) -> None:
        if not 0 <= self.resolved <= self.attempted:
            raise ValueError(f"{self.resolved} resolved of {self.attempted} attempted")

    @property
    def mean(self) -> float:
        """Posterior mean (resolved + 1) / (attempted + 2)."""
        return (self.resolved + 1) / (self.attempted + 2)

    @property
    def low(self) -> float:
        """Lower end of the credible interval."""
        return self.quantile(_LOWER_END)

    @property
    def high(self) -> float:
        """Upper end of the credible interval."""
        return self.quantile((1 + CREDIBLE_MASS) / 2)

    @property
    def share(self) -> float:
        """Raw share resolved / attempted, 0 when nothing was attempted."""
        return self.resolved / self.attempted if self.attempted else 0.0

    def rank(self, probability: float = _LOWER_END) -> tuple[bool, float]:
        """Return what agents are compared by: that one is measured at all, then its `probability` quantile.

        The lower end of the credible interval unless given: a few lucky tasks must not beat a good record on many.
        """
        return self.attempted > 0, self.quantile(probability)

    def quantile(self, probability: float) -> float:
        """Return the `probability` quantile of Beta(1 + resolved, 1 + unresolved)."""
        return beta_quantile(probability, 1 + self.resolved, 1 + self.attempted - self.resolved)


def score_of(outcomes: Iterable[Outcome]) -> Score:
    """Return the score over all `outcomes`."""
    verdicts = [outcome.resolved for outcome in outcomes]
    return Score(resolved=sum(verdicts), attempted=len(verdicts))


def best_of(scores: Mapping[AgentId, Score]) -> AgentId:
    """Return the measured agent with the highest lower end of its credible interval, the older one of equals.

    Args:
        scores: N >= 1 agents, oldest first.
    """
    rank = cache(Score.rank)  # many agents have the same few scores
    return max(scores, key=lambda agent: rank(scores[agent]))


@cache
def beta_quantile(probability: float, a: int, b: int) -> float:
    """Return x with P(Beta(a, b) <= x) = `probability`, by bisection to 1e-9.

    Args:
        probability: in [0, 1].
        a, b: whole numbers >= 1, so the distribution function is a finite binomial sum.
    """
    low, high = 0.0, 1.0
    while high - low > _QUANTILE_PRECISION:
        middle = (low + high) / 2
        if _beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_cdf(x: float, a: int, b: int) -> float:
    """Return P(Beta(a, b) <= x) as P(Binomial(a + b - 1, x) >= a)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    n = a + b - 1
    log_x, log_rest = math.log(x), math.log1p(-x)
    terms = (
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * log_x + (n - k) * log_rest)
        for k in range(a, n + 1)
    )
    return min(1.0, math.fsum(terms))
