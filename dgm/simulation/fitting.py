"""A landscape fitted to what a run recorded: simple estimates, each said with the number of facts that it is from.

What a single run cannot tell is taken from another landscape: how much improvability there is, how it is inherited, and
whether it agrees with quality.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance

from dgm.core.errors import UsageError
from dgm.simulation.chance import Recorded, sigmoid
from dgm.simulation.landscape import Landscape, quality_of

LEAST_CHILDREN = 5
"""Measured children, below which nothing is fitted: the spread of a few changes says nothing."""
_LEAST_SHARE = 0.1
"""Of the variance of the changes, which is taken for true where noise alone would explain all of it."""


@dataclass(frozen=True, slots=True)
class MeasuredAgent:
    """One agent of a recorded run."""

    parent: int | None
    """Place of its parent among the agents; None for the seed agent, which comes first."""
    resolved: tuple[tuple[int, bool], ...]
    """Places of the tasks that it was measured on, in the order of the stages, and whether it resolved them."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What of a recorded run a landscape is fitted to."""

    name: str
    stage_sizes: tuple[int, ...]
    threshold: float
    agents: tuple[MeasuredAgent, ...]
    steps_s: tuple[float, ...]
    """Of each step that ended, the rejected ones too."""
    steps_usd: tuple[float, ...]
    evaluations_s: tuple[float, ...]
    evaluations_usd: tuple[float, ...]
    faults: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A landscape, and in words what it was fitted to."""

    landscape: Landscape
    notes: tuple[str, ...]


def fitted(facts: RunFacts, base: Landscape) -> Fit:
    """Return a landscape like the recorded run; `base` has what cannot be told from it.

    Difficulty: minus the logit of a task's posterior mean share over all agents that tried it, centred. Quality: what
    resolves an agent's posterior mean share of the tasks that it tried. Gains and losses: the children's changes of
    quality, shrunk by the share of their variance that the noise of so few measurements does not explain.

    Raises:
        UsageError: too little was measured.
    """
    measured = [(agent, facts.agents[agent.parent]) for agent in facts.agents if agent.parent is not None]
    measured = [(child, parent) for child, parent in measured if child.resolved and parent.resolved]
    if len(measured) < LEAST_CHILDREN or not facts.steps_s:
        raise UsageError(
            f"Run {facts.name} has {len(measured)} measured children; a fit takes {LEAST_CHILDREN} or more."
        )
    difficulties = _difficulties(facts)
    changes = [_quality(child, difficulties) - _quality(parent, difficulties) for child, parent in measured]
    reliability = _reliability(changes, measured, difficulties)
    gains, losses = [found for found in changes if found > 0], [-found for found in changes if found <= 0]
    seed_score = _posterior_mean(facts.agents[0])
    landscape = replace(
        base,
        name=f"{base.name}, fitted to {facts.name}",
        stage_sizes=facts.stage_sizes,
        threshold=facts.threshold,
        seed_score=seed_score,
        ceiling_score=max(base.ceiling_score, 1 - (1 - seed_score) / 4),
        difficulties=difficulties,
        works=_logit((len(facts.agents) - 1 + 1) / (len(facts.steps_s) + 2)),
        gain=_logit((len(gains) + 1) / (len(changes) + 2)),
        gain_logits=max(0.05, reliability * fmean(gains or [0.0])),
        loss_logits=max(0.05, reliability * fmean(losses or [0.0])),
        evaluation_s=Recorded(facts.evaluations_s),
        evaluation_usd=Recorded(facts.evaluations_usd),
        step_s=Recorded(facts.steps_s),
        step_usd=Recorded(facts.steps_usd),
        faults=facts.faults / (facts.faults + len(facts.steps_s) + len(facts.evaluations_s)),
    )
    return Fit(landscape, _notes(facts, landscape, base, changes=len(changes), reliability=reliability))


def _difficulties(facts: RunFacts) -> tuple[float, ...]:
    tried, resolved = [0] * sum(facts.stage_sizes), [0] * sum(facts.stage_sizes)
    for agent in facts.agents:
        for task, is_resolved in agent.resolved:
            tried[task] += 1
            resolved[task] += is_resolved
    found = [-_logit((some + 1) / (of + 2)) for some, of in zip(resolved, tried, strict=True)]
    return tuple(difficulty - fmean(found) for difficulty in found)


def _posterior_mean(agent: MeasuredAgent) -> float:
    return (sum(is_resolved for _, is_resolved in agent.resolved) + 1) / (len(agent.resolved) + 2)


def _quality(agent: MeasuredAgent, difficulties: Sequence[float]) -> float:
    return quality_of(_posterior_mean(agent), [difficulties[task] for task, _ in agent.resolved])


def _reliability(
    changes: Sequence[float],
    measured: Sequence[tuple[MeasuredAgent, MeasuredAgent]],
    difficulties: Sequence[float],
) -> float:
    """Return the square root of the share of the changes' variance that is not noise of the measurements."""
    noise = fmean(_noise(child, difficulties) + _noise(parent, difficulties) for child, parent in measured)
    return math.sqrt(max(_LEAST_SHARE, 1 - noise / max(variance(changes), 1e-9)))


def _noise(agent: MeasuredAgent, difficulties: Sequence[float]) -> float:
    """Return the variance of an agent's estimated quality: one over the Fisher information of its measurements."""
    quality = _quality(agent, difficulties)
    chances = [sigmoid(quality - difficulties[task]) for task, _ in agent.resolved]
    return 1 / max(math.fsum(chance * (1 - chance) for chance in chances), 1e-9)


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _notes(
    facts: RunFacts, landscape: Landscape, base: Landscape, *, changes: int, reliability: float
) -> tuple[str, ...]:
    agents, steps, evaluations = len(facts.agents), len(facts.steps_s), len(facts.evaluations_s)
    changed = (
        f"{sigmoid(landscape.gain):.0%} of the children better, by {landscape.gain_logits:.2f} logits in the mean, the "
        f"others worse by {landscape.loss_logits:.2f}, from {changes} children, shrunk to {reliability:.0%} for the "
        "noise of their measurements"
    )
    if reliability**2 <= _LEAST_SHARE:
        changed += ", which explains all of it: nothing is known but that gains are small against the noise"
    not_told = (
        f"not told by one run, so taken from landscape {base.name}: improvability, its inheritance, its correlation of "
        f"{base.correlation:g} with quality, dead ends ({base.dead_ends:.0%}), and where gains end"
    )
    return (
        f"seed agent's score {landscape.seed_score:.0%} from {len(facts.agents[0].resolved)} measurements",
        f"difficulties of {len(landscape.difficulties)} tasks from {evaluations} measurements of {agents} agents",
        f"chance of a child {sigmoid(landscape.works):.0%} from {steps} steps",
        changed,
        f"dollars and seconds drawn from those of {steps} steps and {evaluations} measurements",
        not_told,
    )
