"""Rules: how far each agent is measured. The paper's stages are one; `dgm.core.adaptive` stops where it is hopeless."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dgm.core.scores import Score
from dgm.core.stages import Measurement, Stage, due_measurements

if TYPE_CHECKING:
    from dgm.core.view import ArchiveView

REPEATED_SHARE = 0.25
"""Of all measurements, while children are wanted: what the best agent's repeated trials may make up."""


class Rule(Protocol):
    """Says what an agent has still to be measured on. It keeps no state: a resumed run asks it again."""

    def due(self, number: int, view: "ArchiveView") -> list[Measurement]:
        """Return what agent `number` has still to be measured on now, in order, what is in flight included."""
        ...

    def is_settled(self, number: int, view: "ArchiveView") -> bool:
        """Whether enough is known of agent `number` for it to be a parent; must hang on its own results alone."""
        ...

    def pending(self, view: "ArchiveView") -> Iterable[int]:
        """Yield every agent for which anything is due, in the order in which they come; maybe others too.

        Asked for every decision: it must not look at each of 100,000 agents one by one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Staged:
    """The paper's rule: a stage for whoever resolved more than its threshold of those before; all for the seed agent.

    A stage with a `top` of K is only for the K best of all agents, the seed agent among them, that are measured on all
    stages before it: who resolved most of these, of equals the earlier agent. That is asked anew for every measurement.
    What agents resolved of the stages before stays as it is, so places are lost and never won back: who falls out has
    nothing due any more and keeps what was measured, what is in flight ends, and measuring comes to an end.

    Who is measured up to there is settled. Stages for the best come after all else that is due, the best agent's first:
    whom others would overtake is not measured on them before.

    Source: Zhang et al. 2025, arXiv:2505.22954, section 4.1.
    """

    stages: tuple[Stage, ...]
    trials: int

    def due(self, number: int, view: "ArchiveView") -> list[Measurement]:
        """Return what is due; see `Rule`."""
        closed = (place for place in self._for_the_best if number not in view.leaders(place))
        return self._due(number, view, until=next(closed, None))

    def is_settled(self, number: int, view: "ArchiveView") -> bool:
        """Whether all that it earned of the stages before the first for the best is measured; see `Rule`."""
        return not self._due(number, view, until=next(iter(self._for_the_best), None))

    def pending(self, view: "ArchiveView") -> Iterable[int]:
        """Return the agents that are not settled, oldest first, then those that the first stage for the best is for.

        Nobody else can have anything due of it or of what comes after it.
        """
        leaders = (view.leaders(place) for place in self._for_the_best[:1])
        return chain(map(int, np.flatnonzero(~view.settled)), *leaders)

    @property
    def _for_the_best(self) -> tuple[int, ...]:
        """Places of the stages that are for the best alone."""
        return tuple(place for place, stage in enumerate(self.stages) if place and stage.top is not None)

    def _due(self, number: int, view: "ArchiveView", *, until: int | None) -> list[Measurement]:
        """Return what is due of the stages before the one at `until`; of all of them for the seed agent."""
        is_seed = number == 0
        stages = self.stages if is_seed else self.stages[:until]
        return due_measurements(stages, view.done(number), trials=self.trials, all_stages=is_seed)


@dataclass(frozen=True, slots=True)
class WithBestTrials:
    """Another rule, and when nothing is due by it: the best agent of the time on each task again, up to `trials` times.

    The best of many looks better than it is. Its repeated trials come before the next expansion and not only when there
    is nothing to expand, since it is the next choice of a parent that a lucky leader misleads: when they show that it
    was luck, another one is the best, and has its own trials. That would starve children where tasks are many, so while
    children are wanted, repeated trials make up a quarter of what is measured at the most. They end: no agent is tried
    more than `trials` times. What is tried first is what the best one was never tried on, also where the rule wants no
    more of it.

    Weighed against trials for all agents (`trials` of the run): that pays the same for agents that nobody will pick.
    Source: more samples for the designs that compete for the best, as in optimal computing budget allocation (Chen et
    al. 2000, Discrete Event Dynamic Systems 10), here for the first of them alone.
    """

    rule: Rule
    trials: int

    def due(self, number: int, view: "ArchiveView") -> list[Measurement]:
        """Return what the rule wants; if nothing, the repeated trials if this is the best agent; see `Rule`."""
        due = self.rule.due(number, view)
        if due or not _may_repeat(view) or number != best_settled(view):
            return due
        return self._missing(view.done(number), view.goal.stages)

    def is_settled(self, number: int, view: "ArchiveView") -> bool:
        """Whether the rule says so: no agent waits for repeated trials to be a parent."""
        return self.rule.is_settled(number, view)

    def pending(self, view: "ArchiveView") -> Iterable[int]:
        """Yield what the rule yields, and the best agent last."""
        yield from self.rule.pending(view)
        if _may_repeat(view) and (best := best_settled(view)) is not None:
            yield best

    def _missing(self, done: Mapping[Measurement, bool], stages: tuple[Stage, ...]) -> list[Measurement]:
        tasks = [task for stage in stages for task in stage.tasks]
        # One trial of all tasks after another: many tries at the first few would weigh those tasks too much.
        wanted = [(task, trial) for trial in range(self.trials) for task in tasks]
        return [measurement for measurement in wanted if measurement not in done]


def best_settled(view: "ArchiveView") -> int | None:
    """Return the settled agent with the highest lower end of its credible interval, the oldest of equals, if any.

    Unsettled ones are left out: their first few results are no record yet, and the rule measures them anyway.
    """
    settled = np.flatnonzero(view.settled & (view.attempted > 0))
    if not settled.size:
        return None
    resolved, attempted = view.resolved[settled], view.attempted[settled]
    # Of those with as many attempts the one that resolved most has the highest end: few are left to work it out for.
    most = np.full(int(attempted.max()) + 1, -1)
    np.maximum.at(most, attempted, resolved)
    leaders = [Score(int(most[count]), int(count)) for count in np.flatnonzero(most >= 0)]
    leader = max(leaders, key=lambda score: score.low)
    return int(settled[np.flatnonzero((resolved == leader.resolved) & (attempted == leader.attempted))[0]])


def _may_repeat(view: "ArchiveView") -> bool:
    """Whether one more repeated trial leaves enough to what new agents need."""
    if not view.wants_children:
        return True
    whole = view.goal.trials * sum(len(stage.tasks) for stage in view.goal.stages)
    begun = view.attempted + view.evaluating
    repeated = int(np.maximum(begun - whole, 0).sum())
    return repeated + 1 <= REPEATED_SHARE * (int(begun.sum()) + 1)
