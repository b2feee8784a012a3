"""The paper's ablations: the Darwin Gödel Machine without one of its parts, to see what that part is good for.

Source: Zhang et al. 2025, arXiv:2505.22954, section 4.3 and App. C.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from dgm.core.actions import Action, Expand
from dgm.core.columns import Amounts, Numbers
from dgm.core.policies.expansion import expansion
from dgm.core.view import ArchiveView

if TYPE_CHECKING:
    from dgm.core.policies import Policy


class WithoutSelfImprovement:
    """As another policy, but the seed agent edits every parent's code; what agents learn does not make them improve.

    Parallel steps spread as the other policy's do.
    """

    def __init__(self, policy: "Policy") -> None:
        self._policy = policy

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        action = self._policy.next_action(view, random)
        seed = view.agent(0).id
        if isinstance(action, Expand) and action.parent != seed:
            return replace(action, editor=seed)
        return action


class WithoutOpenEndedness:
    """The archive is only the latest agent that can be a parent; what came before is never gone back to.

    With one worker that is the paper's chain. Parallel steps do not spread: each starts from the agent that is the
    latest when it starts, so that some start from one whose successor is still being made or measured; waiting for it
    would leave all workers but one idle.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _latest)


class Greedy:
    """The parent is always the agent with the best score, the older one of equals.

    The score is the posterior mean, as in `DgmPolicy`. Parallel steps do not spread: all that start before a better
    agent is known start from the same one, which is what greed means.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        return expansion(view, random, _best)


def _without_open_endedness(policy: "Policy") -> "Policy":
    del policy  # nothing is left of its choice
    return WithoutOpenEndedness()


def _greedy(policy: "Policy") -> "Policy":
    del policy  # nothing is left of its choice
    return Greedy()


ABLATIONS: Mapping[str, Callable[["Policy"], "Policy"]] = {
    "no-self-improve": WithoutSelfImprovement,
    "no-open-ended": _without_open_endedness,
    "greedy": _greedy,
}
"""What takes a part out of a policy, by the ablation's name."""

ABLATED = ("dgm", "dgm-adaptive")
"""The policies that have these parts."""


def _latest(view: ArchiveView, eligible: Numbers) -> Amounts:
    del view  # numbers are in the order of creation
    return _only(eligible.size - 1, eligible)


def _best(view: ArchiveView, eligible: Numbers) -> Amounts:
    return _only(int(view.means[eligible].argmax()), eligible)


def _only(place: int, eligible: Numbers) -> Amounts:
    weights = np.zeros(eligible.size)
    weights[place] = 1.0
    return weights
