"""The Huxley-Gödel Machine: growing and measuring are separate decisions, and a parent is as good as its clade."""

from dataclasses import dataclass
from math import ceil
from random import Random

import numpy as np

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.columns import Amounts, Counts, Numbers
from dgm.core.policies.drawing import generator
from dgm.core.view import ArchiveView, Goal

FIRST_STEPS = 5  # expansions of the seed agent that the paper starts with


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a tree grows: N^alpha >= |T|, with alpha = p/q asked as N^p >= |T|^q, in whole numbers: no rounding."""

    evaluations_power: int
    agents_power: int

    def allows(self, agents: int, *, after: int) -> bool:
        """Return whether there may be one agent more than `agents` after that many evaluations."""
        return after**self.evaluations_power >= agents**self.agents_power

    def evaluations_for(self, agents: int) -> int:
        """Return the least number of evaluations after which there may be one agent more than so many."""
        low, high = 0, agents ** ceil(self.agents_power / self.evaluations_power)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.allows(agents, after=middle) else (middle + 1, high)
        return low


PAPERS_PACE = Pace(3, 5)
"""The paper's alpha is 0.6."""


class HgmPolicy:
    """Expand while N^0.6 >= |T|, else measure one agent on one task; both chosen by Thompson sampling.

    N is the number of evaluations done, |T| that of agents, those being made included. The parent is the best draw of
    Beta(tau (1 + S), tau (1 + F)) with its clade's resolved and unresolved measurements S and F, the agent to measure
    the best draw with its own. tau = B / b grows from 1 as the budget B is used up and b is left, so choices become
    greedy. The seed agent is measured first, on the first stage, and its first five expansions follow.

    What the paper leaves open:

    - An agent's tasks come stage by stage, and within a stage by chance: else all young agents would be judged on its
      first few tasks, which may be its easy ones, and compared with what their elders did on all of them. How far to
      go with an agent is decided here alone, not by the stages' thresholds or the run's rule.
    - B is the run's bound on evaluations; see `evaluation_budget` for a run without one.
    - A parent needs evidence. While there is none, agents are measured instead of expanded, beyond B if it must be.
    - Where nothing can be measured, agents are expanded although N^0.6 < |T|.
    - An action in flight counts as one that will fail: not all workers must work on the same agent. With one worker
      that changes nothing.
    - It ends when the children wanted are there, and B is used up or everything is measured. In the public code tau
      turns negative there.

    Source: Wang et al. 2025, arXiv:2510.21614, section 3 and Alg. 1.
    """

    pace = PAPERS_PACE

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        if not _seed_is_measured(view):
            return _next_of_the_seed(view)
        draws = generator(random)
        parents = np.flatnonzero(view.with_evidence) if view.wants_children else np.empty(0, np.int64)
        if parents.size and self._expands(view):
            return self._expansion(view, parents, draws)
        if (evaluation := self._evaluation(view, draws, parents=parents)) is not None:
            return evaluation
        return self._expansion(view, parents, draws) if parents.size else None

    def worth(self, view: ArchiveView, parents: Numbers, draws: np.random.Generator) -> Amounts:
        """Return how much each of these agents promises as a parent: a draw of its clade's posterior."""
        attempted = view.clade_attempted + view.expanding
        return _drawn(view, parents, resolved=view.clade_resolved, attempted=attempted, draws=draws)

    def _expands(self, view: ArchiveView) -> bool:
        agents = len(view) + view.steps_in_flight
        return view.next_step <= FIRST_STEPS or self.pace.allows(agents, after=view.evaluations)

    def _expansion(self, view: ArchiveView, parents: Numbers, draws: np.random.Generator) -> Expand:
        if view.next_step <= FIRST_STEPS and view.with_evidence[0]:
            parents = parents[:1]
        parent = int(parents[self.worth(view, parents, draws).argmax()])
        return Expand(parent=view.agent(parent).id, step=view.next_step)

    def _evaluation(self, view: ArchiveView, draws: np.random.Generator, *, parents: Numbers) -> Evaluate | None:
        lacks_a_parent = view.wants_children and not parents.size
        overdrawn = _begun(view) >= evaluation_budget(view.goal)
        if view.evaluations_left <= 0 or (overdrawn and not lacks_a_parent):
            return None
        candidates = np.flatnonzero(view.with_untried)
        if not candidates.size:
            return None
        agent = int(candidates[own_worth(view, candidates, draws).argmax()])
        left = next(filter(None, (view.untried_in(stage, agent) for stage in view.goal.stages)))
        return Evaluate(view.agent(agent).id, *left[int(draws.integers(len(left)))])


def evaluation_budget(goal: Goal) -> int:
    """Return B: the run's bound on evaluations, or what growing the children wanted takes at the paper's pace.

    That is the least B at which it allows the last child, and the seed agent's first measurements on top, so that the
    last child, too, can be measured. Where no children are wanted the seed agent alone is, and on everything.
    """
    if goal.evaluations is not None:
        return goal.evaluations
    if not goal.children:
        return sum(len(stage.tasks) for stage in goal.stages) * goal.trials
    return PAPERS_PACE.evaluations_for(goal.children + 1) + _first_measurements(goal)


def sharpness(view: ArchiveView) -> float:
    """Return tau = B / b >= 1, where b is what is left of B; at least one, also when B is overdrawn."""
    budget = evaluation_budget(view.goal)
    return budget / max(1, budget - _begun(view))


def own_worth(view: ArchiveView, numbers: Numbers, draws: np.random.Generator) -> Amounts:
    """Return a draw of the posterior of each of these agents, by its own measurements."""
    attempted = view.attempted + view.evaluating
    return _drawn(view, numbers, resolved=view.resolved, attempted=attempted, draws=draws)


def _first_measurements(goal: Goal) -> int:
    return len(goal.stages[0].tasks) * goal.trials


def _seed_is_measured(view: ArchiveView) -> bool:
    return int(view.attempted[0]) >= _first_measurements(view.goal)


def _next_of_the_seed(view: ArchiveView) -> Action | None:
    begun = int(view.attempted[0] + view.evaluating[0])
    untried = view.untried(0) if begun < _first_measurements(view.goal) else None
    return None if untried is None else Evaluate(view.agent(0).id, *untried)


def _drawn(
    view: ArchiveView, numbers: Numbers, *, resolved: Counts, attempted: Counts, draws: np.random.Generator
) -> Amounts:
    """Return a draw of each posterior, sharpened by tau."""
    tau, successes = sharpness(view), resolved[numbers]
    failures = attempted[numbers] - successes
    return draws.beta(tau * (1 + successes), tau * (1 + failures))


def _begun(view: ArchiveView) -> int:
    return view.evaluations + view.evaluations_in_flight
