"""What most policies have in common: measure by the run's rule, then expand a parent that is drawn by weight."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

import numpy as np

from dgm.core.actions import Action, Expand
from dgm.core.columns import Amounts, Numbers
from dgm.core.policies.drawing import drawn
from dgm.core.view import ArchiveView

Weigh: TypeAlias = Callable[[ArchiveView, Numbers], Amounts]
"""Returns the weight >= 0 of each of the N >= 1 agents of these numbers, at least one above 0."""


def expansion(view: ArchiveView, random: Random, weigh: Weigh) -> Action | None:
    """Measure every agent as far as the run's rule goes, in its order; with nothing to measure, expand.

    Eligible as a parent is every agent that was measured so far, can still edit, and left something unresolved.
    """
    if (due := view.first_due()) is not None:
        return due
    if not view.wants_children:
        return None
    eligible = np.flatnonzero(view.with_evidence & view.settled)
    if not eligible.size:
        return None
    parent = int(eligible[drawn(weigh(view, eligible), random)])
    return Expand(parent=view.agent(parent).id, step=view.next_step)
