"""Second parents of merges."""

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from dgm.core.actions import Expand
from dgm.core.ids import AgentId
from dgm.core.view import ArchiveView

if TYPE_CHECKING:
    from dgm.core.policies import Policy

DRAWS = 16


def with_partner(action: Expand, policy: "Policy", view: ArchiveView, random: Random) -> Expand:
    """Return the expansion with a second parent, which the policy itself draws; as it is where it draws none that fits.

    Neither of two parents comes from the other, by any of its own parents: what it has, the other one has already. A
    policy that always names the same agent therefore never merges, nor does an archive that is one line.

    Args:
        action: what the policy chose.
        policy: is asked up to `DRAWS` times; what it answers besides is let go.
        view: as the policy saw it when it chose: `action` is not in flight there yet.
        random: of this decision, so that a resumed run draws the same.
    """
    ancestry = _ancestry(view, action.parent)
    for _ in range(DRAWS):
        other = policy.next_action(view, random)
        if not isinstance(other, Expand) or other.parent in ancestry:
            continue
        if action.parent not in _ancestry(view, other.parent):
            return replace(action, partner=other.parent)
    return action


def _ancestry(view: ArchiveView, agent: AgentId) -> set[AgentId]:
    """Return an agent and all that it comes from, by second parents too."""
    found = {agent}
    left = [agent]
    while left:
        new = [parent for parent in view.agent(view.number(left.pop())).parents if parent not in found]
        found.update(new)
        left += new
    return found
