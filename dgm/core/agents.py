"""Agents and the tree that they grow: who comes from whom."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dgm.core.errors import UnknownNameError
from dgm.core.ids import AgentId


@dataclass(frozen=True, slots=True)
class Agent:
    """One node of the archive tree. Its code lies in the run's git repository under `refs/agents/<id>`."""

    id: AgentId
    parents: tuple[AgentId, ...]
    """Empty for the seed agent, one for a child; the first is the parent in the tree."""
    generation: int
    """Number of edges to the seed agent."""
    step: int
    """Number of the self-modification that made it, 0 for the seed agent."""
    created_at: float
    """Seconds since 1970."""

    @property
    def parent(self) -> AgentId | None:
        """The agent whose code was modified, None for the seed agent."""
        return self.parents[0] if self.parents else None


class AgentTree:
    """Agents in the order of their creation, with the queries a tree has.

    A dictionary of children answers every query in one walk, so no graph library is needed.
    """

    def __init__(self, agents: Iterable[Agent]) -> None:
        self._agents: dict[AgentId, Agent] = {}
        self._children: dict[AgentId, list[AgentId]] = {}
        for agent in agents:
            self._agents[agent.id] = agent
            self._children[agent.id] = []
            if agent.parent is not None:
                self._children[agent.parent].append(agent.id)

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def __len__(self) -> int:
        return len(self._agents)

    def __getitem__(self, agent: AgentId) -> Agent:
        return self._agents[agent]

    @property
    def root(self) -> Agent:
        """The seed agent."""
        return next(iter(self._agents.values()))

    def children(self, agent: AgentId) -> tuple[AgentId, ...]:
        """Return the direct children, oldest first."""
        return tuple(self._children[agent])

    def lineage(self, agent: AgentId) -> tuple[Agent, ...]:
        """Return the path from the seed agent to `agent`, both included."""
        path = [self._agents[agent]]
        while path[-1].parent is not None:
            path.append(self._agents[path[-1].parent])
        return tuple(reversed(path))

    def clade(self, agent: AgentId) -> tuple[AgentId, ...]:
        """Return `agent` and all its descendants, parents before children."""
        found = [agent]
        for member in found:  # grows while it is walked
            found.extend(self._children[member])
        return tuple(found)

    def find(self, prefix: str) -> AgentId:
        """Return the one agent whose id starts with `prefix`.

        Raises:
            UnknownNameError: no agent or more than one matches.
        """
        matches = [agent for agent in self._agents if agent.startswith(prefix.lower())] if prefix else []
        if len(matches) == 1:
            return matches[0]
        if not matches:
            raise UnknownNameError(f"No agent starts with {prefix!r}; `dgm tree` lists the agents of a run.")
        raise UnknownNameError(f"{prefix!r} is ambiguous: it could be {', '.join(matches[:5])}; type more digits.")
