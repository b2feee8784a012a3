"""What sessions cost, and what for: a session's id says which decision it served and which role's model it called."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dgm.archive.records import Amount
from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.ids import AgentId, SessionId, decision_of, purpose_of
from dgm.core.outcomes import Usage
from dgm.core.ports import Role

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class SessionCost:
    """What one session used, with calls that have no end at their worst case."""

    action: Action | None
    """What it was for; None where the run never decided on anything of that number."""
    role: Role
    amount: Amount

    @property
    def agent(self) -> AgentId | None:
        """The agent at work: the measured one, or the one that modified its own code."""
        match self.action:
            case Expand(parent=parent):
                return parent
            case Evaluate(agent=agent):
                return agent
            case None:
                return None


def session_cost(session: SessionId, amount: Amount, actions: Mapping[int, Action]) -> SessionCost:
    """Return the cost of a session by its name; see `dgm.core.ids.session_id`.

    Args:
        session: its id.
        amount: what it used.
        actions: by decision.
    Raises:
        ValueError: its purpose is none for which a model is called.
    """
    return SessionCost(actions.get(decision_of(session)), Role(purpose_of(session)), amount)


def usage_by(key: Callable[[SessionCost], _Key | None], costs: Iterable[SessionCost]) -> dict[_Key, Usage]:
    """Return what was used for each key, added up in whole nano-dollars; costs without a key are left out."""
    sums: dict[_Key, Amount] = defaultdict(Amount)
    for cost in costs:
        found = key(cost)
        if found is not None:
            sums[found] += cost.amount
    return {found: amount.usage for found, amount in sums.items()}


def usage_by_role(costs: Iterable[SessionCost]) -> dict[Role, Usage]:
    """Return what each role used, in the order of `Role`; only those that called a model."""
    found = usage_by(lambda cost: cost.role, costs)
    return {role: found[role] for role in Role if role in found}


def usage_of_lineage(lineage: Sequence[Agent], costs: Iterable[SessionCost]) -> dict[AgentId, Usage]:
    """Return what it took to make and to measure each agent of a lineage, repeated attempts included.

    The step that made an agent counts here, which was its parent's work; an agent's own steps do not.
    """
    made = {agent.step: agent.id for agent in lineage if agent.parent is not None}

    def served(cost: SessionCost) -> AgentId | None:
        return made.get(cost.action.step) if isinstance(cost.action, Expand) else cost.agent

    found = usage_by(served, costs)
    return {agent.id: found.get(agent.id, Usage()) for agent in lineage}
