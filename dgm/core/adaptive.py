"""Adaptive stopping: an agent is measured on while it can still come to the top."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from dgm.core.columns import Amounts, Counts, Flags
from dgm.core.stages import Measurement, Stage, measurements

if TYPE_CHECKING:
    from dgm.core.view import ArchiveView


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Measure on whoever may still come to the archive's top; all for the seed agent, the first stage for every agent.

    The order of the stages' tasks is kept, their thresholds are not. Beyond the first stage an agent is measured on
    while its chance to come to the top is at least `least_chance`: the probability that its posterior mean, once it has
    as many results as there are to measure, reaches what the agent at place `top` of all other settled ones stands at
    now. The results that are missing are drawn from the beta-binomial distribution that a Beta(1, 1) prior and the
    agent's own results so far make. Where others do not fill the top, it is 1.

    All of it hangs on the facts of the moment. A lucky agent at the top keeps others out for a while only: it is
    measured on, falls, and those that it kept out are due again. So at rest the top is measured on everything, unless
    the limit is high.

    Not covered: tasks differ, and where the first stage's are harder than the rest, its results promise too little.
    Results in flight do not count before they are there, so with W workers an agent may be measured W - 1 times too
    often. As with any stopping rule, those that were stopped are estimated low: compare intervals, not shares.

    What it does to made-up agents (`scripts/measure-stopping 16 80`: three landscapes, 48 archives of up to 81 agents,
    10 and 50 tasks, top 3; 2026-11-22, commit ded4a15): at a chance of 0.05 it saves 40 to 49 % of measuring all on
    everything, and stopped the agent that is truly best in 8 archives; on average over a landscape's archives that one
    was 0.0 to 0.7 points better than the best one measured in full. The paper's stages save 50 to 61 % and stopped it
    in 9, by 2.6 to 3.0 points.

    Weighed against two other designs. A race (Maron & Moore 1994) drops an agent when its Hoeffding interval lies below
    the leaders': it holds for any distribution, and with some 60 tasks such intervals are so wide that it hardly drops
    anyone. Drawing the others' qualities from their posteriors too, which gives the probability to be in the true top,
    is kinder to late agents; it takes chance or integrals over all of the archive, while what selection goes by are the
    very means compared here, and this is a sum that a table holds.

    Source: predictive probability stopping, Lee & Liu 2008, Clinical Trials 5(2): 93-106, with the bar set by the other
    agents instead of a fixed response rate; racing, Maron & Moore 1994, Advances in NIPS 6.
    """

    stages: tuple[Stage, ...]
    trials: int
    top: int
    """How many agents are the top, >= 1."""
    least_chance: float
    """In (0, 1)."""

    def due(self, number: int, view: "ArchiveView") -> list[Measurement]:
        """Return what is due; see `Rule`."""
        done = view.done(number)
        missing = [each for each in self._all() if each not in done]
        first = [each for each in measurements(self.stages[0], trials=self.trials) if each not in done]
        if number == 0 or not missing:
            return missing
        return first or (missing if self._hopeful(view, slice(number, number + 1)).all() else [])

    def is_settled(self, number: int, view: "ArchiveView") -> bool:
        """Whether the first stage is measured, for the seed agent everything."""
        done = view.done(number)
        wanted = self._all() if number == 0 else measurements(self.stages[0], trials=self.trials)
        return all(each in done for each in wanted)

    def pending(self, view: "ArchiveView") -> Iterable[int]:
        """Return the agents that are not settled or may come to the top, oldest first."""
        return map(int, np.flatnonzero(view.with_untried & (~view.settled | self._hopeful(view, slice(None)))))

    def _all(self) -> list[Measurement]:
        return [each for stage in self.stages for each in measurements(stage, trials=self.trials)]

    def _hopeful(self, view: "ArchiveView", numbers: slice) -> Flags:
        """Whether the chance of each of these agents is at least the least; means nothing for unsettled ones."""
        resolved, attempted, means = view.resolved[numbers], view.attempted[numbers], view.means
        settled = np.flatnonzero(view.settled)
        if len(settled) <= self.top:
            return np.ones(len(resolved), np.bool_)
        leading = settled[np.argpartition(means[settled], -self.top - 1)[-self.top - 1 :]]
        outside, last = leading[np.argsort(means[leading])[:2]]
        # Who is in the top already is compared with the first one outside: its own place is no bar to it.
        is_in_top = means[numbers] >= means[last]
        return resolved >= np.where(
            is_in_top,
            self._fewest(view, int(outside))[np.minimum(attempted, self._whole)],
            self._fewest(view, int(last))[np.minimum(attempted, self._whole)],
        )

    def _fewest(self, view: "ArchiveView", rival: int) -> Counts:
        """Return how many must be resolved by now, by the number of attempts, for the least chance to reach a rival."""
        needed = needed_to_reach(int(view.resolved[rival]), int(view.attempted[rival]), self._whole)
        return least_resolved(self._whole, needed, self.least_chance)

    @property
    def _whole(self) -> int:
        """Number of results of an agent that is measured on everything."""
        return self.trials * sum(len(stage.tasks) for stage in self.stages)


def needed_to_reach(resolved: int, attempted: int, whole: int) -> int:
    """Return how many of `whole` one must have resolved for a posterior mean as high as `resolved` of `attempted` has.

    Everything is always enough, also against one that has more attempts and so a mean that cannot be reached.
    """
    return min(whole, -((resolved + 1) * (whole + 2) // -(attempted + 2)) - 1)  # rounded up


@lru_cache(maxsize=1024)
def least_resolved(whole: int, needed: int, least_chance: float) -> Counts:
    """Return for each number of attempts how many of them must be resolved for the least chance; one more if none do.

    Args:
        whole: results that there will be, W.
        needed: how many of them must be resolved, in [0, W].
        least_chance: in (0, 1).
    Returns:
        W + 1 counts for 0 to W attempts.
    """
    fewest = np.zeros(whole + 1, np.int64)
    for attempted, chances in chances_to_reach(whole, needed):
        fewest[attempted] = np.searchsorted(chances, least_chance)  # they rise with what is resolved
    fewest.flags.writeable = False  # it is the cache's
    return fewest


def chances_to_reach(whole: int, needed: int) -> Iterator[tuple[int, Amounts]]:
    """Yield, from `whole` attempts down to none, the chances to have resolved `needed` in the end, by those so far.

    With r of n resolved the next one is with probability (r + 1) / (n + 2), so the chance is the mean of two chances
    with one attempt more. That adds up the same terms as the beta-binomial sum, for all r and n at once.

    Yields:
        n and the n + 1 chances for 0 to n resolved.
    """
    chances = (np.arange(whole + 1) >= needed).astype(np.float64)
    yield whole, chances
    for attempted in range(whole - 1, -1, -1):
        success = (np.arange(attempted + 1) + 1.0) / (attempted + 2.0)
        chances = success * chances[1:] + (1.0 - success) * chances[:-1]
        yield attempted, chances
