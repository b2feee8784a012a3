"""What a run searches with: its policy, its goal, and the tasks that selection never sees."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from random import Random

from dgm.config import RunConfig
from dgm.core.adaptive import Adaptive
from dgm.core.errors import ConfigError
from dgm.core.ids import TaskId
from dgm.core.oversight import Approval
from dgm.core.policies import Policy
from dgm.core.policies.ablations import ABLATED, ABLATIONS
from dgm.core.rules import Rule, Staged, WithBestTrials
from dgm.core.stages import Stage
from dgm.core.view import Goal
from dgm.evolution.plan import STEPS_PER_CHILD, Plan
from dgm.wiring.policies import policy_named


def policy_of(config: RunConfig) -> Policy:
    """Return the policy that a configuration names.

    Raises:
        UnknownNameError: there is none of that name.
        ConfigError: it has no such ablation, or what a distribution offers under that name is no policy.
    """
    policy, ablation = policy_named(config.policy), config.search.ablation
    if ablation is None:
        return policy
    if config.policy not in ABLATED:
        raise ConfigError(
            f"The ablation {ablation} is of the policies {' and '.join(ABLATED)}, not of {config.policy}."
        )
    return ABLATIONS[ablation](policy)


def plan_of(
    config: RunConfig, stages: Sequence[Stage], *, held_out: Collection[TaskId], children: int, workers: int
) -> Plan:
    """Return what a run is to do.

    Args:
        config: of the run.
        stages: of its benchmark.
        held_out: the tasks that selection never sees.
        children: how many it is to have grown in the end.
        workers: how many sandboxes work at a time.
    """
    known = stages if config.search.stage_tops else [replace(stage, top=None) for stage in stages]
    seen = selected_stages(known, held_out)
    goal = Goal(
        stages=seen,
        trials=config.trials,
        rule=rule_of(config, seen),
        children=children,
        steps=children * STEPS_PER_CHILD,
        evaluations=config.search.evaluations,
    )
    return Plan(
        policy=policy_of(config),
        goal=goal,
        workers=workers,
        seed=config.seed,
        merge_rate=config.search.merge_rate,
        judges_proposals=config.diagnoses.interest,
        remembers=config.diagnoses.memory,
        approval=Approval(config.oversight.approve),
    )


def rule_of(config: RunConfig, stages: tuple[Stage, ...]) -> Rule:
    """Return how far agents are measured.

    Args:
        config: of the run.
        stages: those that selection sees.
    """
    search = config.search
    rule: Rule = Staged(stages, config.trials)
    if search.stopping == "adaptive":
        rule = Adaptive(stages, config.trials, top=search.top, least_chance=search.least_chance)
    return WithBestTrials(rule, search.best_trials) if search.best_trials > config.trials else rule


def selected_stages(stages: Sequence[Stage], held_out: Collection[TaskId]) -> tuple[Stage, ...]:
    """Return the stages without what is held out, and without those of which nothing is left."""
    left = (replace(stage, tasks=tuple(task for task in stage.tasks if task not in held_out)) for stage in stages)
    return tuple(stage for stage in left if stage.tasks)


def held_out_tasks(config: RunConfig, stages: Sequence[Stage]) -> frozenset[TaskId]:
    """Return the tasks that selection never sees: of each stage the same share, drawn by the run's seed.

    Raises:
        ConfigError: nothing would be left to select by, or nothing would be held out.
    """
    share = config.search.holdout
    if not share:
        return frozenset()
    random = Random(f"{config.seed}:holdout")
    held_out: set[TaskId] = set()
    for stage in stages:
        held_out.update(random.sample(stage.tasks, round(share * len(stage.tasks))))
    if not held_out or not selected_stages(stages, held_out):
        tasks = sum(len(stage.tasks) for stage in stages)
        raise ConfigError(f"A holdout of {share:g} of {tasks} tasks leaves none to one of both sides.")
    return frozenset(held_out)
