"""Parents by the tasks that they are best at, so that an agent which alone can do something is kept in play."""

from random import Random

import numpy as np

from dgm.core.actions import Action
from dgm.core.columns import Amounts, Grid, Numbers
from dgm.core.policies.expansion import expansion
from dgm.core.view import ArchiveView


class ParetoPolicy:
    """An agent's weight is the number of tasks on which no other is better, each shared among equals.

    Only agents that can be parents compete, and a task that none of them resolved counts for nobody. A weight is
    shared by the agent's steps in flight, so that parallel steps spread.

    Source: Agrawal et al. 2025, GEPA, arXiv:2507.19457, Alg. 2, which counts each of several equals fully.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _by_titles)


def _by_titles(view: ArchiveView, eligible: Numbers) -> Amounts:
    return titles(view.wins[eligible]) / (1.0 + view.expanding[eligible])


def titles(wins: Grid) -> Amounts:
    """Return the number of tasks that each agent is best at, shared among equals; ones if nobody resolved anything.

    Args:
        wins: how often each of N >= 1 agents, the rows, resolved each task, the columns.
    """
    best = wins.max(axis=0)
    # Single precision counts whole numbers up to 2^24, and 100,000 agents on 200 tasks are weighed at every decision.
    champions = (wins == np.where(best > 0, best, -1)).astype(np.float32)
    shares = 1.0 / np.maximum(champions.sum(axis=0), 1.0)
    held = (champions @ shares).astype(np.float64)
    return held if held.any() else np.ones(len(wins))
