"""Policies: which parent to expand and what to measure next. One small class each, by name in `POLICIES`."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from dgm.core.actions import Action
from dgm.core.policies.auto import AutoPolicy
from dgm.core.policies.baselines import RandomPolicy, ScoreProportionalPolicy
from dgm.core.policies.dgm import AdaptiveDgmPolicy, DgmPolicy
from dgm.core.policies.hgm import HgmPolicy
from dgm.core.policies.map_elites import MapElitesPolicy
from dgm.core.policies.pareto import ParetoPolicy
from dgm.core.view import ArchiveView


class Policy(Protocol):
    """Names the next action whenever a worker is free."""

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return what a free worker should do, or None when it has to wait for what is in flight.

        The run ends when nothing is in flight and this returns None. It is not asked once the run's bound on
        evaluations is reached. It must not keep state: after a resume it is asked again with the view and the `Random`
        of that decision alone.
        """
        ...


POLICIES: Mapping[str, Callable[[], Policy]] = {
    "auto": AutoPolicy,
    "dgm": DgmPolicy,
    "dgm-adaptive": AdaptiveDgmPolicy,
    "hgm": HgmPolicy,
    "map-elites": MapElitesPolicy,
    "pareto": ParetoPolicy,
    "random": RandomPolicy,
    "score-proportional": ScoreProportionalPolicy,
}
"""What makes each built-in policy, by its name."""
