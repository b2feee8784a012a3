"""Prints what rules of stopping save on the agents of simulated runs, and what that costs, as a Markdown table.

All rules measure the same agents, in the order in which a run made them, with the same results on the same tasks.
Figures are means over seeds, with 95 % intervals. What stopping does to the choice of parents is not in them.
"""

import argparse
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from dgm.core.actions import Action
from dgm.core.adaptive import Adaptive
from dgm.core.agents import Agent
from dgm.core.policies.dgm import DgmPolicy
from dgm.core.rules import Rule, Staged
from dgm.core.saving import saving_of
from dgm.core.scores import Score, best_of
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.simulation.landscape import PRESETS, Landscape
from dgm.simulation.loop import Setting, simulate
from dgm.simulation.world import World

MakeRule = Callable[[tuple[Stage, ...], int], Rule]


def everything(stages: tuple[Stage, ...], trials: int) -> Rule:
    """Return the rule that measures every agent on everything."""
    return Staged(tuple(replace(stage, above=-1.0) for stage in stages), trials)


RULES: Mapping[str, MakeRule] = {
    "everything": everything,
    "the paper's stages": Staged,
    **{
        f"adaptive, top 3, chance {chance:g}": partial(Adaptive, top=3, least_chance=chance)
        for chance in (0.01, 0.05, 0.2)
    },
}


@dataclass(frozen=True)
class MadeUp:
    """The agents of one run, oldest first."""

    agents: Sequence[Agent]
    world: World

    def true_score(self, number: int) -> float:
        """Return the share of all tasks that an agent is expected to resolve."""
        return self.world.true_score(self.agents[number].step)


class _Shown(DgmPolicy):
    """Policy dgm; keeps the view that it was shown last."""

    view: ArchiveView

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return what policy dgm chooses."""
        self.view = view
        return super().next_action(view, random)


def made_up(landscape: Landscape, *, seed: int, children: int) -> MadeUp:
    """Return the agents that policy dgm grows when all are measured on everything."""
    policy, world = _Shown(), World(landscape, seed)
    simulate(policy, landscape, Setting(children=children, rule=everything), seed=seed)
    agents = [policy.view.agent(number) for number in range(len(policy.view))]
    steps = {agent.id: agent.step for agent in agents}
    for agent in agents[1:]:  # what a step makes hangs on the seed and its parent alone
        (parent,) = agent.parents
        world.expanded(agent.step, parent=steps[parent], editor=steps[parent])
    return MadeUp(agents, world)


@dataclass(frozen=True)
class Found:
    """What a rule came to."""

    saved: float
    """Share of what measuring all agents on everything takes."""
    stopped_best: bool
    """Whether the agent that is truly best was not measured on everything."""
    stopped_lead: float
    """By how much its true score is above that of the best one which was; 0 where it was itself."""
    lost: float
    """By how much the true score of the agent that is picked is below the best one's."""


def found(made: MadeUp, make_rule: MakeRule) -> Found:
    """Measure agents by a rule: with one worker, all that is due before the next agent comes."""
    stages = made.world.stages()
    goal = Goal(stages, trials=1, rule=make_rule(stages, 1), children=len(made.agents) - 1, steps=len(made.agents))
    view = ArchiveView(goal)
    for agent in made.agents:
        view.add_agent(agent)
        while (due := view.first_due()) is not None:
            view.begin(due)
            step = view.agent(view.number(due.agent)).step
            view.end_evaluation(due, made.world.evaluated(step, (due.task, due.trial))[0])
    whole = sum(len(stage.tasks) for stage in stages)
    attempted = view.attempted.tolist()
    best = max(range(len(view)), key=made.true_score)
    best_in_full = max(made.true_score(number) for number in range(len(view)) if attempted[number] == whole)
    scores = {made.agents[n].id: Score(int(view.resolved[n]), attempted[n]) for n in range(len(view))}
    picked = view.number(best_of(scores))
    return Found(
        saved=saving_of(attempted, whole=whole).share,
        stopped_best=attempted[best] < whole,
        stopped_lead=made.true_score(best) - best_in_full,
        lost=made.true_score(best) - made.true_score(picked),
    )


def mean(values: Sequence[float], digits: int = 1) -> str:
    """Return a mean with the half width of its 95 % interval."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):,.{digits}f} ± {1.96 * spread / math.sqrt(len(values)):.{digits}f}"


def row(landscape: Landscape, name: str, runs: Sequence[Found]) -> str:
    """Return a line of the table."""
    cells = (
        landscape.name,
        name,
        mean([100 * run.saved for run in runs]),
        f"{sum(run.stopped_best for run in runs)} of {len(runs)}",
        mean([100 * run.stopped_lead for run in runs]),
        mean([100 * run.lost for run in runs]),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="?", default=40)
    parser.add_argument("children", type=int, nargs="?", default=80)
    parser.add_argument("tasks", type=int, nargs="*", default=[10, 50], help="of each stage")
    options = parser.parse_args()
    print("| landscape | rule | saved, % | best agent stopped | its lead, points | picked below best, points |")
    print("|---|---|---:|---:|---:|---:|")
    for preset in PRESETS.values():
        landscape = replace(preset, stage_sizes=tuple(options.tasks))
        made = [made_up(landscape, seed=seed, children=options.children) for seed in range(options.seeds)]
        for name, rule in RULES.items():
            print(row(landscape, name, [found(each, rule) for each in made]), flush=True)


if __name__ == "__main__":
    main()
