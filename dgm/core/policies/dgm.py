"""The Darwin Gödel Machine's own choice of parents."""

import math
from collections.abc import Sequence
from random import Random

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.view import AgentState, ArchiveView

SHARPNESS = 10.0  # lambda of the paper
MIDPOINT = 0.5  # alpha 0 of the paper


def parent_weights(states: Sequence[AgentState]) -> list[float]:
    """Return each agent's chance of being chosen as a parent.

    A sigmoid of the score times a bonus for few children. The score is the posterior mean, so that agents measured on
    different numbers of tasks can be compared; the public code compares raw shares.

    Args:
        states: N >= 1 agents.
    Returns:
        N weights in (0, 1] that sum to 1, in the order of `states`.
    Source: Zhang et al. 2025, arXiv:2505.22954, App. C.2.
    """
    raw = [
        1.0 / (1.0 + math.exp(-SHARPNESS * (state.score.mean - MIDPOINT))) / (1.0 + state.children) for state in states
    ]
    total = math.fsum(raw)
    return [weight / total for weight in raw]


class DgmPolicy:
    """Measure every agent as far as its stages go, oldest first; with nothing to measure, expand.

    Eligible as a parent is every agent that was measured, can still edit code, and left a task unresolved (the paper's
    score < 1). The paper draws k parents and waits for all of them; here a parent is drawn whenever a worker is free,
    from what is known then. A parent that is being expanded does not yet count as having the child, as in the paper,
    where k parents are drawn with replacement.
    """

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        for state in view.agents:
            due = view.due(state)
            if due:
                task, trial = due[0]
                return Evaluate(agent=state.agent.id, task=task, trial=trial)
        eligible = [state for state in view.agents if view.is_measured(state) and state.edits and state.unresolved]
        if not eligible or not view.wants_children:
            return None
        chosen = random.choices(eligible, weights=parent_weights(eligible))[0]
        return Expand(parent=chosen.agent.id, step=view.next_step)
