"""Policies to compare others with: they look at next to nothing."""

from random import Random

import numpy as np

from dgm.core.actions import Action
from dgm.core.columns import Amounts, Numbers
from dgm.core.policies.expansion import expansion
from dgm.core.view import ArchiveView


class RandomPolicy:
    """Every agent that can be a parent has the same chance. Parallel steps spread because their draws are apart.

    Source: none; what any policy must beat.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _alike)


class ScoreProportionalPolicy:
    """An agent's chance is in proportion to its score, the posterior mean, and is shared by its steps in flight.

    Source: fitness-proportionate selection, Holland 1975, "Adaptation in Natural and Artificial Systems".
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _by_score)


def _alike(view: ArchiveView, eligible: Numbers) -> Amounts:
    del view
    return np.ones(eligible.size)


def _by_score(view: ArchiveView, eligible: Numbers) -> Amounts:
    return view.means[eligible] / (1.0 + view.expanding[eligible])
