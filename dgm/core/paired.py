"""Paired comparison: which of two agents is better, told from the measurements that both have.

Needs no library, unlike `dgm.core.posterior`: a tree shows it for each of its agents.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dgm.core.outcomes import Outcome, resolved_by_measurement
from dgm.core.stages import Measurement


@dataclass(frozen=True, slots=True)
class Paired:
    """One agent beside another."""

    common: int
    """Measurements that both have."""
    better: int
    """How many of them the one resolved and the other did not."""
    worse: int
    """How many of them the other resolved and the one did not."""

    def __post_init__(self) -> None:
        if min(self.better, self.worse) < 0 or self.better + self.worse > self.common:
            raise ValueError(f"{self.better} better and {self.worse} worse of {self.common}")

    @property
    def chance(self) -> float:
        """Probability that the one is the better agent; 1/2 where nothing tells them apart.

        Of the tasks that one of both resolves, let the one resolve a share q. Before anything is seen any q is as
        likely as any other; after it, q ~ Beta(1 + better, 1 + worse), and this is P(q > 1/2). What both resolve, or
        neither, says nothing of which is better: a Bayesian sign test.
        """
        return chance_of_more(self.better, self.worse)


def chance_of_more(better: int, worse: int) -> float:
    """Return P(q > 1/2) for q ~ Beta(1 + better, 1 + worse): that so many coins show heads `better` times or less.

    Exact: a sum of whole numbers, divided once.
    """
    coins = better + worse + 1
    ways = total = 1  # of no head
    for heads in range(better):
        ways = ways * (coins - heads) // (heads + 1)
        total += ways
    return total / 2**coins


def paired(one: Mapping[Measurement, bool], other: Mapping[Measurement, bool]) -> Paired:
    """Return how one agent stands beside another.

    Args:
        one: what was measured of it, and whether it was resolved.
        other: the same of the other agent.
    """
    pairs = [(resolved, other[measurement]) for measurement, resolved in one.items() if measurement in other]
    return Paired(
        common=len(pairs),
        better=sum(here and not there for here, there in pairs),
        worse=sum(there and not here for here, there in pairs),
    )


def paired_outcomes(one: Iterable[Outcome], other: Iterable[Outcome]) -> Paired:
    """Return how one agent stands beside another by their outcomes; see `paired`."""
    return paired(resolved_by_measurement(one), resolved_by_measurement(other))
