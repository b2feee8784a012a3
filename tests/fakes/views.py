"""Views of archives that tests make up."""

from collections.abc import Sequence
from dataclasses import dataclass

from dgm.core.actions import Action
from dgm.core.agents import Agent
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Measured
from dgm.core.rules import Rule, Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal

TASKS = tuple(TaskId(f"task-{number}") for number in range(12))


@dataclass(frozen=True)
class Member:
    """One agent of an archive that a test makes up: it resolved the first `resolved` of the first `attempted` tasks."""

    resolved: int
    attempted: int
    parent: int = 0
    """Number of its parent; not looked at for the seed agent, which comes first."""
    edited: bool = True
    tokens: int = 1_000
    """Of each task."""
    changed_lines: int = 10
    """Of each task."""


def agent_id_of(number: int) -> AgentId:
    """Return the id of a made-up agent."""
    return AgentId(f"{number:012x}")


def goal_of(
    *,
    tasks: int = 12,
    trials: int = 1,
    children: int = 99,
    evaluations: int | None = None,
    stages: tuple[Stage, ...] | None = None,
    rule: Rule | None = None,
) -> Goal:
    """Return a goal of one stage unless others are given."""
    chosen = stages or (Stage(TASKS[:tasks], above=0.0),)
    return Goal(
        chosen,
        trials=trials,
        rule=rule or Staged(chosen, trials),
        children=children,
        steps=3 * children,
        evaluations=evaluations,
    )


def view_of(members: Sequence[Member], goal: Goal | None = None, *, in_flight: Sequence[Action] = ()) -> ArchiveView:
    """Return what a policy sees of made-up agents."""
    view = ArchiveView(goal or goal_of(), steps_done=len(members) - 1)
    generations: list[int] = []
    for number, member in enumerate(members):
        parents = () if number == 0 else (agent_id_of(member.parent),)
        generations.append(0 if number == 0 else generations[member.parent] + 1)
        view.add_agent(Agent(agent_id_of(number), parents, generations[number], step=number, created_at=0.0))
    for number, member in enumerate(members):
        for task in range(member.attempted):
            view.add_measured(agent_id_of(number), _measured(member, task))
    for action in in_flight:
        view.begin(action)
    return view


def _measured(member: Member, task: int) -> Measured:
    return Measured(
        measurement=(TASKS[task], 0),
        resolved=task < member.resolved,
        edited=member.edited,
        tokens=member.tokens,
        cost_usd=member.tokens / 1_000_000,
        changed_lines=member.changed_lines,
    )
