"""Memory: what was tried before around an agent, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import TypeAlias

from dgm.core.actions import PastStep, Rejection
from dgm.core.agents import AgentTree
from dgm.core.ids import AgentId
from dgm.core.outcomes import Outcome, resolved_by_measurement
from dgm.core.stages import Measurement

MAX_LINEAGE = 10
MAX_SIBLINGS = 20


class Relation(StrEnum):
    """How an earlier modification stands to the agent that is to be modified."""

    LINEAGE = "lineage"  # it made the agent, or one that it comes from
    SIBLING = "sibling"  # it was an attempt to change the same agent


@dataclass(frozen=True, slots=True)
class Modification:
    """An earlier self-modification with its measured effect."""

    step: int
    relation: Relation
    proposal: str
    """As a model wrote it."""
    rejection: Rejection | None
    detail: str
    common: int
    """Measurements that both the parent and the child have; 0 where there is no child."""
    before: int
    """How many of them the parent resolved."""
    after: int
    """How many of them the child resolved."""


def modifications_around(
    agent: AgentId,
    tree: AgentTree,
    *,
    steps_from: Callable[[AgentId], Sequence[PastStep]],
    outcomes_of: Callable[[AgentId], Sequence[Outcome]],
) -> tuple[Modification, ...]:
    """Return what made an agent, from the seed agent on, then what was tried to change it before, oldest first.

    Of each the last ones. An attempt without a proposal and without a child is left out: it says nothing.

    Args:
        agent: the parent of a new step.
        tree: all agents.
        steps_from: the steps that ended of which an agent is the parent.
        outcomes_of: what was measured of an agent.
    """

    @cache
    def resolved(agent: AgentId) -> Mapping[Measurement, bool]:
        return resolved_by_measurement(outcomes_of(agent))

    lineage = [member.id for member in tree.lineage(agent)[-MAX_LINEAGE - 1 :]]
    made = [step for parent, child in pairwise(lineage) for step in steps_from(parent) if step.child == child]
    tried = [step for step in steps_from(agent) if step.proposal or step.child is not None][-MAX_SIBLINGS:]
    return (
        *(_modification(step, Relation.LINEAGE, resolved) for step in made),
        *(_modification(step, Relation.SIBLING, resolved) for step in tried),
    )


_Resolved: TypeAlias = Callable[[AgentId], Mapping[Measurement, bool]]


def _modification(step: PastStep, relation: Relation, resolved: _Resolved) -> Modification:
    shared = _shared(step, resolved)
    return Modification(
        step=step.number,
        relation=relation,
        proposal=step.proposal,
        rejection=step.rejection,
        detail=step.detail,
        common=len(shared),
        before=sum(before for before, _ in shared),
        after=sum(after for _, after in shared),
    )


def _shared(step: PastStep, resolved: _Resolved) -> list[tuple[bool, bool]]:
    """Return for each measurement that both have whether the parent resolved it, and whether the child did."""
    if step.child is None:
        return []
    before, after = resolved(step.parent), resolved(step.child)
    return [(before[measurement], after[measurement]) for measurement in before.keys() & after.keys()]
