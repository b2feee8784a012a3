"""How probabilities are said: which of two agents is better, and which of all is the best."""

from collections.abc import Mapping
from typing import Any

from dgm.core.ids import AgentId
from dgm.core.paired import Paired
from dgm.core.scores import Score

_LEAST_SAID = 0.005
"""What rounds to 0.00 or 1.00 and is neither is said otherwise."""


def probability(chance: float) -> str:
    """Return a probability with two decimals; what is not certain never looks so."""
    if 0 < chance < _LEAST_SAID:
        return "<0.01"
    # Sums of a grid may be some roundings below 1.
    return ">0.99" if 1 - _LEAST_SAID < chance < 1 - 1e-9 else f"{chance:.2f}"


def equation(chance: float) -> str:
    """Return a probability such as "P = 0.81" or "P > 0.99"."""
    said = probability(chance)
    return f"P {said[0]} {said[1:]}" if said[0] in "<>" else f"P = {said}"


def signed(number: float, *, decimals: int) -> str:
    """Return a number with its sign; nothing that rounds to 0 is called negative."""
    return f"{round(number, decimals) + 0.0:+.{decimals}f}"


def better_cell(paired: Paired | None) -> str:
    """Return the probability that an agent is better than its parent, "-" where nothing can tell."""
    return probability(paired.chance) if paired is not None and paired.common else "-"


def paired_words(paired: Paired, *, trials: int) -> str:
    """Return how an agent stands beside another, such as "on 8 common tasks 3 better, 1 worse: P = 0.81".

    Args:
        paired: of their measurements.
        trials: how often the run tries each task.
    """
    if not paired.common:
        return "nothing measured that both have: P = 0.50"
    what = "task" if trials == 1 else "trial"
    many = "s" if paired.common > 1 else ""
    counts = f"{paired.better} better, {paired.worse} worse"
    return f"on {paired.common} common {what}{many} {counts}: {equation(paired.chance)}"


def paired_answer(paired: Paired) -> dict[str, Any]:
    """Return {common, better, worse, chance}."""
    return {
        "common": paired.common,
        "better": paired.better,
        "worse": paired.worse,
        "chance": round(paired.chance, 6),
    }


def chances_to_be_best(scores: Mapping[AgentId, Score]) -> dict[AgentId, float]:
    """Return each agent's probability to be the best one; see `dgm.core.posterior.chances_to_be_best`."""
    # Takes numpy, which most screens do without.
    from dgm.core.posterior import chances_to_be_best as chances

    return chances(scores)
