"""The Darwin Gödel Machine's own choice of parents."""

from random import Random

import numpy as np

from dgm.core.actions import Action
from dgm.core.columns import Amounts, Counts, Numbers
from dgm.core.policies.expansion import expansion
from dgm.core.view import ArchiveView

SHARPNESS = 10.0  # lambda of the paper
MIDPOINT = 0.5  # alpha 0 of the paper
_TOP = 3  # whose mean is the adaptive midpoint


def parent_weights(scores: Amounts, children: Counts, *, midpoint: float = MIDPOINT) -> Amounts:
    """Return each agent's chance of being chosen as a parent: a sigmoid of its score times a bonus for few children.

    Args:
        scores: N >= 1 scores in [0, 1].
        children: how many children each has, those under way included.
        midpoint: the score at which the sigmoid is one half.
    Returns:
        N weights in (0, 1] that sum to 1.
    Source: Zhang et al. 2025, arXiv:2505.22954, App. C.2.
    """
    raw = 1.0 / (1.0 + np.exp(-SHARPNESS * (scores - midpoint))) / (1.0 + children)
    return raw / raw.sum()


class DgmPolicy:
    """Measure every agent as far as the run's rule goes, in its order; with nothing to measure, expand.

    Eligible as a parent is every agent that was measured, can still edit code, and left a task unresolved (the paper's
    score < 1). The score is the posterior mean, so that agents measured on different numbers of tasks can be compared;
    the public code compares raw shares. The paper draws k parents and waits for all of them; here a parent is drawn
    whenever a worker is free, and a step in flight counts as a child, so that parallel steps spread.

    Source: Zhang et al. 2025, arXiv:2505.22954, App. C.2.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _fixed)


class AdaptiveDgmPolicy:
    """As `DgmPolicy`, with the sigmoid's midpoint where the three best agents are, so that it moves as scores rise.

    The three best of those that can be a parent; of fewer where there are fewer.

    Source: Zhang et al., HyperAgents (DGM-H).
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _adaptive)


def _fixed(view: ArchiveView, eligible: Numbers) -> Amounts:
    return parent_weights(view.means[eligible], (view.children + view.expanding)[eligible])


def _adaptive(view: ArchiveView, eligible: Numbers) -> Amounts:
    scores = view.means[eligible]
    best = np.partition(scores, -min(_TOP, scores.size))[-_TOP:]
    return parent_weights(scores, (view.children + view.expanding)[eligible], midpoint=float(best.mean()))
