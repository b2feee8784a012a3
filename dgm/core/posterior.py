"""What is known of all agents together: how likely each is to be the best one, and which to take."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from dgm.core.columns import Amounts
from dgm.core.ids import AgentId
from dgm.core.scores import Score

_EVEN_POINTS = 2_049
_POINTS_OF_AN_END = 600
_NEAREST_TO_AN_END = 1e-9
_LENGTH_OF_AN_END = 0.02
"""Where points that lie a constant factor apart come to lie as far apart as the even ones."""
_LOG_OF_NOTHING = -745.0
"""The least logarithm whose exponential is a number above 0."""


def chances_to_be_best(scores: Mapping[AgentId, Score]) -> dict[AgentId, float]:
    """Return for each agent the probability that it resolves the largest share of tasks of all of them.

    Each agent's share theta is Beta(1 + resolved, 1 + unresolved), as in `Score`, whatever the others' are: an agent
    that was not measured can be anything. Agents with the same score have the same chance. Exact up to the grid that is
    integrated on; what it costs hangs on how many different scores there are, not on how many agents.

    Returns:
        N chances in [0, 1] that sum to 1, in the order of `scores`; none where there is no agent.
    """
    counts = Counter(scores.values())
    shares = dict(zip(counts, _chances(list(counts), list(counts.values())), strict=True))
    return {agent: shares[score] for agent, score in scores.items()}


def leading(scores: Mapping[AgentId, Score], *, percentile: float, count: int) -> list[AgentId]:
    """Return the agents of which the lower percentile of the posterior is highest, the first being the one to take.

    At the percentile 2.5 that is the one of `dgm.core.scores.best_of`.

    Args:
        scores: N agents, oldest first; of equals the older one comes first, and unmeasured ones come last.
        percentile: above 0 and up to 50. HGM's final choice is 1 (Wang et al. 2025, arXiv:2510.21614, section 3).
        count: how many to return, if there are so many.
    """
    by_attempted: dict[int, list[AgentId]] = defaultdict(list)
    for agent, score in scores.items():
        by_attempted[score.attempted].append(agent)
    # Of those with equally many attempts, who resolved more is before the others: most quantiles need not be known.
    candidates = {
        agent
        for agents in by_attempted.values()
        for agent in nlargest(count, agents, key=lambda agent: scores[agent].resolved)
    }
    oldest_first = (agent for agent in scores if agent in candidates)
    return nlargest(count, oldest_first, key=lambda agent: scores[agent].rank(percentile / 100))


def _chances(scores: list[Score], counts: list[int]) -> list[float]:
    """Return the chance of one agent of each score, of which there are so many.

    P(all <= x) is the product G of all distribution functions F. Where the maximum lies between two points of the grid,
    which G tells exactly, it is an agent's in proportion to the growth of its log F there: of d(log G) it is a part. So
    the chances sum to 1 whatever the grid is.
    """
    if not scores:
        return []
    logs = _log_distributions(scores)
    growth = np.maximum(np.diff(logs, axis=1), 0.0)
    of_all = np.asarray(counts, np.float64) @ growth
    maximum = np.diff(np.exp(np.asarray(counts, np.float64) @ logs))
    per_growth = np.divide(maximum, of_all, out=np.zeros_like(maximum), where=of_all > 0)
    return [float(chance) for chance in growth @ per_growth]


def _log_distributions(scores: list[Score]) -> Amounts:
    """Return log P(theta <= x) of each score, (scores, points), for the x of the grid."""
    inside = _grid()[1:-1]
    logs = np.zeros((len(scores), len(inside) + 2))
    logs[:, 0] = _LOG_OF_NOTHING
    rows: dict[int, dict[int, int]] = defaultdict(dict)
    for row, score in enumerate(scores):
        rows[score.attempted][score.resolved] = row
    for attempted, of_resolved in rows.items():
        for resolved, above in _survivals(attempted, set(of_resolved), inside):
            below = np.log1p(-np.minimum(above, 1.0), out=np.full_like(inside, _LOG_OF_NOTHING), where=above < 1.0)
            logs[of_resolved[resolved], 1:-1] = np.maximum(below, _LOG_OF_NOTHING)
    return logs


def _survivals(attempted: int, wanted: set[int], x: Amounts) -> Iterator[tuple[int, Amounts]]:
    """Yield (resolved, P(theta > x)) for each count that is wanted of agents with so many attempts.

    P(Beta(1 + s, 1 + n - s) > x) = P(Binomial(n + 1, x) <= s), so one pass over a binomial serves all s.
    """
    tosses = attempted + 1
    log_x, log_rest = np.log(x), np.log1p(-x)
    total = np.zeros_like(x)
    for heads in range(max(wanted) + 1):
        ways = math.lgamma(tosses + 1) - math.lgamma(heads + 1) - math.lgamma(tosses - heads + 1)
        total = total + np.exp(ways + heads * log_x + (tosses - heads) * log_rest)
        if heads in wanted:
            yield heads, total


def _grid() -> NDArray[np.float64]:
    """Return points from 0 to 1: even ones, and many close to both ends, where the best of many agents may lie."""
    end = np.geomspace(_NEAREST_TO_AN_END, _LENGTH_OF_AN_END, _POINTS_OF_AN_END)
    return np.unique(np.concatenate([np.linspace(0.0, 1.0, _EVEN_POINTS), end, 1.0 - end]))
