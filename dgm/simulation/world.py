"""A world: one landscape by one seed. What happens in it hangs on what is done, never on when or in which order."""

import math
from dataclasses import dataclass
from random import Random

from dgm.core.ids import TaskId
from dgm.core.outcomes import Measured
from dgm.core.stages import Measurement, Stage
from dgm.simulation.chance import Draws, Spread, draws, normal, sigmoid
from dgm.simulation.landscape import Landscape, Traits, quality_of, true_score

SEED_AGENT = 0
"""Agents are named by the step that made them; the seed agent by 0."""
_MOST_FAULTS = 2  # the engine gives a run up at the third fault of one decision; here it goes away before
_USD_PER_TOKEN = 3e-6
_USUAL_LINES = 30


@dataclass(frozen=True, slots=True)
class Effort:
    """What it took to carry a decision out, repeated attempts included."""

    seconds: float
    cost_usd: float
    faults: int


class World:
    """What is true of every agent, and what comes of measuring and modifying them."""

    def __init__(self, landscape: Landscape, seed: int) -> None:
        self.landscape = landscape
        self._seed = seed
        difficulties = list(landscape.all_difficulties())
        if not landscape.difficulties:  # which tasks are in the first stage is as good as chance
            Random(f"{seed}:difficulties").shuffle(difficulties)
        self._difficulties = {TaskId(f"task-{number:03d}"): found for number, found in enumerate(difficulties)}
        self._all = tuple(difficulties)
        self._seed_quality = quality_of(landscape.seed_score, self._all)
        self._ceiling = quality_of(landscape.ceiling_score, self._all)
        self._traits = {SEED_AGENT: Traits(self._seed_quality, 0.0)}
        self._true_scores: dict[int, float] = {}

    def stages(self) -> tuple[Stage, ...]:
        """Return the tasks, by stage."""
        tasks, found = iter(self._difficulties), list[Stage]()
        for size in self.landscape.stage_sizes:
            found.append(Stage(tuple(next(tasks) for _ in range(size)), above=self.landscape.threshold))
        return tuple(found)

    def traits(self, agent: int) -> Traits:
        """Return what is true of an agent."""
        return self._traits[agent]

    def add(self, agent: int, traits: Traits) -> None:
        """Let an agent be there of which this is true."""
        self._traits[agent] = traits

    def true_score(self, agent: int) -> float:
        """Return the share of all tasks that an agent is expected to resolve."""
        if agent not in self._true_scores:
            self._true_scores[agent] = true_score(self._traits[agent].quality, self._all)
        return self._true_scores[agent]

    def evaluated(self, agent: int, measurement: Measurement) -> tuple[Measured, Effort]:
        """Measure an agent once. It hangs on the seed, the agent, the task and the trial alone."""
        task, trial = measurement
        chance = draws(f"{self._seed}:evaluation:{agent}:{task}:{trial}")
        traits, landscape = self._traits[agent], self.landscape
        effort = self._effort(chance, landscape.evaluation_s, landscape.evaluation_usd, math.exp(traits.thrift))
        found = Measured(
            measurement=measurement,
            resolved=chance[7] < sigmoid(traits.quality - self._difficulties[task]),
            edited=True,
            tokens=round(effort.cost_usd / _USD_PER_TOKEN),
            cost_usd=effort.cost_usd,
            changed_lines=round(_USUAL_LINES * math.exp(traits.edit_size)),
        )
        return found, effort

    def expanded(self, step: int, *, parent: int, editor: int) -> tuple[bool, Effort]:
        """Let `editor` modify `parent` once and return whether there is a child, which has the step's number.

        All draws hang on the seed, the step and the parent alone; what they come to hangs on the editor too.
        """
        chance = draws(f"{self._seed}:step:{step}:{parent}")
        landscape, edits = self.landscape, self._traits[editor]
        effort = self._effort(chance, landscape.step_s, landscape.step_usd, math.exp(edits.thrift))
        works = chance[7] < sigmoid(landscape.works + landscape.works_slope * edits.improvability)
        if works:
            child_chance = draws(f"{self._seed}:child:{step}:{parent}")
            self.add(step, self._child(self._traits[parent], edits, child_chance))
        return works, effort

    def _child(self, parent: Traits, editor: Traits, chance: Draws) -> Traits:
        gains, size, mutation, deception, thrift, edit_size, _, _ = chance
        landscape = self.landscape
        skill = (parent.improvability + editor.improvability) / 2
        gain_chance = sigmoid(landscape.gain + landscape.gain_slope * skill)
        is_gain = gains < gain_chance
        share, mean = size, landscape.loss_logits
        if is_gain:
            mean = landscape.gain_logits * self._room(parent.quality)
        change = -mean * math.log(share)  # exponential: the share of larger ones is `share`
        rank = 1 - gain_chance * share if is_gain else (1 - gain_chance) * share
        improvability = self._inherited(parent.improvability, normal(rank), normal(mutation))
        if is_gain and deception < landscape.dead_ends:
            change *= landscape.dead_end_gain
            improvability = min(improvability, landscape.dead_end_improvability)
        return Traits(
            quality=parent.quality + (change if is_gain else -change),
            improvability=improvability,
            thrift=parent.thrift + landscape.thrift_mutation * normal(thrift),
            edit_size=parent.edit_size + landscape.thrift_mutation * normal(edit_size),
        )

    def _room(self, quality: float) -> float:
        """Return how much of what the seed agent can gain an agent can still gain."""
        return max(0.0, self._ceiling - quality) / max(self._ceiling - self._seed_quality, 1e-9)

    def _inherited(self, parents: float, quality_step: float, mutation: float) -> float:
        """Return a child's improvability, which stays standard normal in the long run where nothing selects.

        Args:
            parents: the parent's improvability.
            quality_step: what became of quality, as a standard normal number.
            mutation: another one.
        """
        heritability, correlation = self.landscape.heritability, self.landscape.correlation
        change = correlation * quality_step + math.sqrt(1 - correlation**2) * mutation
        return heritability * parents + math.sqrt(1 - heritability**2) * change

    def _effort(self, chance: Draws, seconds: Spread, dollars: Spread, thrift: float) -> Effort:
        """Return what an action takes. An attempt that ends with a fault takes as much as one that does not."""
        faults = (
            sum(1 for draw in chance[:_MOST_FAULTS] if draw < self.landscape.faults) if self.landscape.faults else 0
        )
        if faults and chance[0] >= self.landscape.faults:
            faults = 0  # the second attempt is made only where the first one failed
        attempts = faults + 1
        return Effort(
            seconds=attempts * seconds.at(chance[2], chance[3]),
            cost_usd=attempts * thrift * dollars.at(chance[4], chance[5]),
            faults=faults,
        )
