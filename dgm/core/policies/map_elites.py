"""Quality-diversity: parents that behave differently, each the best of its kind."""

from random import Random

import numpy as np

from dgm.core.actions import Action
from dgm.core.columns import Amounts, Numbers
from dgm.core.policies.expansion import expansion
from dgm.core.view import ArchiveView

_SIDE = 64  # cells of the grid in each direction: a doubling each, so that nothing is beyond it


class MapElitesPolicy:
    """A grid of tokens per task by changed lines per task; a cell is drawn, and its best agent is the parent.

    A cell holds the agents between one doubling and the next, so no bounds need to be known. Cells with the fewest
    steps in flight come first, each with the same chance; of equals in a cell the oldest is its elite.

    Source: Mouret and Clune 2015, arXiv:1504.04909.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _elites_of_idle_cells)


def _elites_of_idle_cells(view: ArchiveView, eligible: Numbers) -> Amounts:
    attempted = view.attempted[eligible]
    cells = _doublings(view.tokens[eligible] / attempted) * _SIDE + _doublings(view.changed_lines[eligible] / attempted)
    elites = _elites(view.means[eligible], cells)
    busy = np.bincount(cells, weights=view.expanding[eligible])[cells[elites]]
    weights = np.zeros(eligible.size)
    weights[elites[busy == busy.min()]] = 1.0
    return weights


def _doublings(amounts: Amounts) -> Numbers:
    return np.minimum(np.log2(1.0 + amounts).astype(np.int64), _SIDE - 1)


def _elites(scores: Amounts, cells: Numbers) -> Numbers:
    """Return the place of each cell's best agent, the first of equals."""
    best = np.zeros(_SIDE * _SIDE)
    np.maximum.at(best, cells, scores)
    places = np.flatnonzero(scores == best[cells])
    first = np.unique(cells[places], return_index=True)[1]
    return places[first]
