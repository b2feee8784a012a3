"""Savings: what stopping early spared of measuring every agent on everything."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Saving:
    """Measurements that were made, beside those that measuring every agent on everything takes."""

    whole: int
    """What measuring every agent on everything takes, repeated trials of the best not included."""
    made: int
    """How many of these were made."""
    repeated: int
    """Repeated trials of the best on top."""

    @property
    def saved(self) -> int:
        """How many were spared."""
        return self.whole - self.made

    @property
    def share(self) -> float:
        """The share that was spared, in [0, 1]; 0 when there was nothing to measure."""
        return self.saved / self.whole if self.whole else 0.0


def saving_of(attempted: Iterable[int], *, whole: int) -> Saving:
    """Return what was saved on some agents.

    Args:
        attempted: how many measurements each agent has; one that is not measured yet spares nothing and does not count.
        whole: how many there are to make of an agent. What it has beyond is repeated: the rule of repeated trials
            leaves nothing out before it repeats anything.
    """
    counts = [count for count in attempted if count]
    made = sum(min(count, whole) for count in counts)
    return Saving(whole=whole * len(counts), made=made, repeated=sum(counts) - made)
