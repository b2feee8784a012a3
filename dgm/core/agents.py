"""Agents and the tree that they grow: who comes from whom."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

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

    A list of children for each agent answers every query in one walk, so no graph library is needed.
    """

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        self._agents: list[Agent] = []
        self._numbers: dict[AgentId, int] = {}
        self._children: list[list[int]] = []
        self._length = 0
        self._extend(agents)

    def add(self, agent: Agent) -> None:
        """Add an agent that is new, after its parent.

        Raises:
            KeyError: its parent is missing.
        """
        if self._length != len(self._agents):
            raise ValueError("a tree as it was does not grow")
        self._extend([agent])

    def _extend(self, agents: Iterable[Agent]) -> None:
        """Add agents, of which there may be a hundred thousand, each after its parent."""
        for number, agent in enumerate(agents, start=self._length):
            if agent.parents:
                self._children[self._numbers[agent.parents[0]]].append(number)
            self._children.append([])
            self._agents.append(agent)
            # Last, since other threads may read trees that share all this.
            self._numbers[agent.id] = number
        self._length = len(self._agents)

    def as_it_is(self) -> "AgentTree":
        """Return the tree of this moment, which stays as it is while this one grows; nothing is copied for it."""
        same = AgentTree()
        same._agents, same._numbers, same._children = self._agents, self._numbers, self._children
        same._length = self._length
        return same

    def __iter__(self) -> Iterator[Agent]:
        return islice(self._agents, self._length)

    def __len__(self) -> int:
        return self._length

    def __contains__(self, agent: AgentId) -> bool:
        return self._numbers.get(agent, self._length) < self._length

    def __getitem__(self, agent: AgentId) -> Agent:
        return self._agents[self._number(agent)]

    @property
    def root(self) -> Agent:
        """The seed agent."""
        return self._agents[0]

    def children(self, agent: AgentId) -> tuple[AgentId, ...]:
        """Return the direct children, oldest first."""
        return tuple(self._agents[number].id for number in self._children_of(self._number(agent)))

    def lineage(self, agent: AgentId) -> tuple[Agent, ...]:
        """Return the path from the seed agent to `agent`, both included."""
        path = [self[agent]]
        while path[-1].parent is not None:
            path.append(self[path[-1].parent])
        return tuple(reversed(path))

    def common_ancestor(self, one: AgentId, other: AgentId) -> AgentId:
        """Return the newest agent that both come from, by second parents too; one of them where the other does."""
        return self._agents[max(self._ancestry(one) & self._ancestry(other))].id

    def _ancestry(self, agent: AgentId) -> set[int]:
        """Return the numbers of an agent and of all that it comes from."""
        found = {self._number(agent)}
        left = list(found)
        while left:
            new = {self._number(parent) for parent in self._agents[left.pop()].parents} - found
            found |= new
            left += new
        return found

    def clade(self, agent: AgentId) -> tuple[AgentId, ...]:
        """Return `agent` and all its descendants, parents before children."""
        found = [self._number(agent)]
        for member in found:  # grows while it is walked
            found.extend(self._children_of(member))
        return tuple(self._agents[member].id for member in found)

    def find(self, prefix: str) -> AgentId:
        """Return the one agent whose id starts with `prefix`.

        Raises:
            UnknownNameError: no agent or more than one matches.
        """
        matches = [agent.id for agent in self if agent.id.startswith(prefix.lower())] if prefix else []
        if len(matches) == 1:
            return matches[0]
        if not matches:
            raise UnknownNameError(f"No agent starts with {prefix!r}; `dgm tree` lists the agents of a run.")
        raise UnknownNameError(f"{prefix!r} is ambiguous: it could be {', '.join(matches[:5])}; type more digits.")

    def _number(self, agent: AgentId) -> int:
        number = self._numbers[agent]
        if number >= self._length:
            raise KeyError(agent)
        return number

    def _children_of(self, number: int) -> list[int]:
        """Return the numbers of an agent's children, without those that came after this tree."""
        children = self._children[number]
        return children[: bisect_left(children, self._length)]
