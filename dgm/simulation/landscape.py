"""Landscapes: how good made-up agents are, how good they are to build on, and what it takes to find out.

An agent has a latent *quality* (a logit: it resolves a task with the chance sigmoid(quality - difficulty), the Rasch
model) and a latent *improvability* (standard normal over time): how well it edits, and how well it can be built on. A
step changes both, by one generator for all landscapes; they differ in what is written at `PRESETS` alone.

What is from a paper says so; everything else is an assumption. A landscape is no evidence that a policy is better on
real agents: it shows what follows if improvement works like this. It leaves out what diagnoses find, merges, memory,
tasks that some agents resolve for reasons of their own, stages for the best agents alone, and that a time limit fails a
task; costs do not hang on quality, and improvement is a walk, with no idea that is found only once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dgm.simulation.chance import LogNormal, Spread, normal, sigmoid

_PRECISION = 1e-9
_EVALUATION_USD = LogNormal(1.2, 0.8)
_STEP_USD = LogNormal(6.0, 0.6)
_EVALUATION_S = LogNormal(450.0, 1.0, tail_chance=0.05, limit=3600.0)
_STEP_S = LogNormal(1200.0, 0.8, tail_chance=0.05, limit=3600.0)
_FARTHEST = 40.0  # logits; chances beyond are 0 or 1 for all that matters


@dataclass(frozen=True, slots=True)
class Landscape:
    """The parameters of a made-up world. Qualities and difficulties are logits; names end with other units."""

    name: str
    about: str
    """What it stands for, in a few words."""

    stage_sizes: tuple[int, ...] = (10, 50)
    """Tasks of each stage. Source: Zhang et al. 2025, arXiv:2505.22954, section 4.1 (both benchmarks' first two)."""
    threshold: float = 0.4
    """A stage is for who resolved more than this share of those before. Source: the same."""
    seed_score: float = 0.2
    """Expected share of the tasks that the seed agent resolves. Source: the same, SWE-bench."""
    difficulty_spread: float = 2.0
    """Standard deviation of the tasks' difficulties. Assumption: most tasks are resolved nearly always or never."""
    difficulties: tuple[float, ...] = ()
    """Of each task, in the order of the stages, where they are known; else drawn with the spread."""

    works: float = -0.35
    """Logit of the chance that an editor of improvability 0 makes a child that still works."""
    works_slope: float = 0.7
    """By how much one of improvability of the editor raises it. Assumption."""
    gain: float = -1.0
    """Logit of the chance that a child is better than its parent, at improvability 0. Assumption: most are not."""
    gain_slope: float = 0.8
    """By how much one of improvability, the mean of the parent's and the editor's, raises it. Assumption."""
    gain_logits: float = 0.65
    """Mean gain of a child that is better, as far from the ceiling as the seed agent; exponential. Calibrated."""
    loss_logits: float = 0.35
    """Mean loss of a child that is not better; exponential. Assumption: small against the gains."""
    ceiling_score: float = 0.85
    """Where nothing more can be gained; gains shrink in proportion to the distance. Assumption."""

    heritability: float = 0.9
    """Share of the parent's improvability that a child keeps; the rest is mutation. Assumption."""
    correlation: float = 0.0
    """Of what a step does to quality with what it does to improvability, in [-1, 1]."""
    dead_ends: float = 0.0
    """Share of the gains that are deceptive: larger, and nothing good comes of who has them."""
    dead_end_gain: float = 1.5
    """How many times as large those gains are. Assumption."""
    dead_end_improvability: float = -3.0
    """Improvability of an agent in a dead end; heritable like any other. Assumption."""

    evaluation_usd: Spread = _EVALUATION_USD
    """Source: USD 1.2 a task of SWE-bench Verified, as public leaderboards state for models of 2025; spread assumed."""
    step_usd: Spread = _STEP_USD
    """Diagnosis, modification and probe. Assumption: some evaluations' worth."""
    evaluation_s: Spread = _EVALUATION_S
    """Heavy-tailed up to the time limit of a task. Limit: Wang et al. 2025, arXiv:2510.21614; the rest assumed."""
    step_s: Spread = _STEP_S
    """The same for a step."""
    thrift_mutation: float = 0.2
    """Standard deviation of what a step adds to the logarithm of an agent's costs and edits. Assumption."""
    faults: float = 0.02
    """Share of the attempts that end with a fault of ours, paid for and tried again. Assumption."""

    def __post_init__(self) -> None:
        if not -1.0 <= self.correlation <= 1.0:
            raise ValueError(f"a correlation of {self.correlation}")
        if self.difficulties and len(self.difficulties) != sum(self.stage_sizes):
            raise ValueError(f"{len(self.difficulties)} difficulties for {sum(self.stage_sizes)} tasks")

    def all_difficulties(self) -> tuple[float, ...]:
        """Return one difficulty for each task: those that are known, else evenly spread quantiles of a normal one."""
        if self.difficulties:
            return self.difficulties
        tasks = sum(self.stage_sizes)
        return tuple(self.difficulty_spread * normal((task + 0.5) / tasks) for task in range(tasks))


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of an agent and seen by no policy."""

    quality: float
    """A logit."""
    improvability: float
    thrift: float = 0.0
    """Logarithm of how many times the usual dollars it takes."""
    edit_size: float = 0.0
    """Logarithm of how many times the usual lines it changes."""


def true_score(quality: float, difficulties: Sequence[float]) -> float:
    """Return the expected share of the tasks that an agent resolves, in [0, 1]."""
    return math.fsum(sigmoid(quality - difficulty) for difficulty in difficulties) / len(difficulties)


def quality_of(score: float, difficulties: Sequence[float]) -> float:
    """Return the quality that resolves this share of the tasks, within 40 logits of 0."""
    low, high = -_FARTHEST, _FARTHEST
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (middle, high) if true_score(middle, difficulties) < score else (low, middle)
    return (low + high) / 2


PRESETS: Mapping[str, Landscape] = {
    found.name: found
    for found in (
        Landscape(
            "agree",
            "what makes agents better makes them easier to improve",
            correlation=0.6,
            works=-0.25,
            gain_logits=0.55,
        ),
        Landscape(
            "disagree",
            "what makes agents better makes them harder to improve",
            correlation=-0.3,
            works=0.1,
            gain_logits=0.68,
        ),
        Landscape("rugged", "some gains are large and lead nowhere", dead_ends=0.4, works=0.6, gain_logits=0.6),
    )
}
"""Landscapes by name. `gain_logits` and `works` are calibrated so that policy `dgm` comes from 20 % to about 50 % in 80
attempts, half of which make a child, as in Zhang et al. 2025; `scripts/measure-policies-simulated` shows how well. What
the paper says of the ablations was not calibrated to."""
