"""The lines of a tree on a screen, and which agents a large one leaves out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import nlargest

from dgm.core.agents import Agent, AgentTree
from dgm.core.ids import AgentId
from dgm.core.scores import Score

_NEWEST = 5
_DEEPEST_GUIDES = 24
"""Columns of tree guides that are drawn; deeper ones are cut on the left, so that what stands beside them fits."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Agents that have no line of their own: those below an agent that come after its last one that has."""

    count: int
    best: Score
    """The score of the best of them."""


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line of a tree."""

    content: Agent | LeftOut
    guides: str
    """Lines that lead to it, two columns for each generation; "┄" where agents in between are left out."""


def tree_lines(tree: AgentTree, scores: Mapping[AgentId, Score], *, most: int | None) -> list[TreeLine]:
    """Return the lines of a tree, children below their parent and the oldest first.

    Of a tree with more agents than lines, the seed agent, the newest and the best ones with their lineages are shown.

    Args:
        tree: N >= 1 agents.
        scores: of all of them.
        most: how many lines there may be, >= 2; as many as agents unless given.
    """
    forest = _Forest(tree, scores)
    if most is None or len(tree) <= most:
        return list(_lines(forest, forest.numbers))
    wanted = list(dict.fromkeys(_by_interest(forest, most)))
    fewest, too_many = most // 2, min(most, len(wanted)) + 1
    while fewest + 1 < too_many:
        middle = (fewest + too_many) // 2
        if middle + forest.folds(wanted[:middle]) <= most:
            fewest = middle
        else:
            too_many = middle
    shown = wanted[:fewest]
    # One agent takes no more room than to say that one is left out.
    shown += [members[0] for members in _left_out(forest.owners(shown)).values() if len(members) == 1]
    return list(_lines(forest, shown))


class _Forest:
    """Agents by number in the order of their creation, so that parents come before their children."""

    def __init__(self, tree: AgentTree, scores: Mapping[AgentId, Score]) -> None:
        self.agents = list(tree)
        self.scores = [scores[agent.id] for agent in self.agents]
        numbers = {agent.id: number for number, agent in enumerate(self.agents)}
        self.parents = [numbers[agent.parents[0]] if agent.parents else 0 for agent in self.agents]
        self.children = Counter(self.parents[1:])
        rank = cache(Score.rank)  # many agents have the same few scores
        self.ranks = [rank(score) for score in self.scores]

    @property
    def numbers(self) -> range:
        """Of all agents."""
        return range(len(self.agents))

    def ancestors(self, number: int) -> Iterator[int]:
        """Yield what an agent comes from, its parent first."""
        while number:
            number = self.parents[number]
            yield number

    def owners(self, shown: Sequence[int]) -> list[int]:
        """Return for each agent the last one of its lineage, itself included, that is shown; the seed agent is."""
        found = [0] * len(self.agents)
        is_shown = set(shown)
        for number, parent in enumerate(self.parents):
            found[number] = number if number in is_shown else found[parent]
        return found

    def folds(self, shown: Sequence[int]) -> int:
        """Return how many lines it takes to say what is left out: one below each shown agent that lacks a child."""
        children_shown = Counter(self.parents[number] for number in shown if number)
        return sum(children_shown[number] < self.children[number] for number in shown)


def _left_out(owners: Sequence[int]) -> dict[int, list[int]]:
    """Return the agents that are not shown, by the last one of their lineage that is."""
    found: dict[int, list[int]] = {}
    for number, owner in enumerate(owners):
        if number != owner:
            found.setdefault(owner, []).append(number)
    return found


def _by_interest(forest: _Forest, most: int) -> Iterator[int]:
    """Yield agents in the order in which a screen should have room for them, some of them again."""
    best, *others = nlargest(most, forest.numbers, key=forest.ranks.__getitem__)
    yield 0
    yield best
    # A third of the screen for one lineage: what is nearer to the agent says more of it.
    yield from _first(most // 3, forest.ancestors(best))
    yield from forest.numbers[-_NEWEST:]
    for number in others:
        yield number
        yield from _first(most // 3, forest.ancestors(number))


def _first(count: int, numbers: Iterator[int]) -> Iterator[int]:
    for _, number in zip(range(count), numbers, strict=False):
        yield number


def _lines(forest: _Forest, shown: Sequence[int]) -> Iterator[TreeLine]:
    owners = forest.owners(shown)
    left_out = _left_out(owners)
    below: dict[int, list[int]] = {number: [] for number in shown}
    for number in sorted(shown):
        if number:
            below[owners[forest.parents[number]]].append(number)
    left: list[tuple[Agent | LeftOut, int, str, str]] = [(forest.agents[0], 0, "", "")]
    while left:  # a lineage may be longer than Python's recursion limit
        content, number, to_it, below_it = left.pop()
        yield TreeLine(content, to_it if len(to_it) <= _DEEPEST_GUIDES else "… " + to_it[2 - _DEEPEST_GUIDES :])
        if isinstance(content, LeftOut):
            continue
        entries: list[tuple[Agent | LeftOut, int]] = [(forest.agents[child], child) for child in below[number]]
        if number in left_out:
            entries.append((_summary(forest, left_out[number]), 0))
        for place, (entry, child) in enumerate(reversed(entries)):
            is_near = isinstance(entry, LeftOut) or forest.parents[child] == number
            corner, on = ("├", "│ ") if place else ("└", "  ")
            # No more of the guides than is drawn, and enough to see that they are cut.
            before = below_it[-_DEEPEST_GUIDES:]
            left.append((entry, child, before + corner + ("─" if is_near else "┄"), before + on))


def _summary(forest: _Forest, members: Sequence[int]) -> LeftOut:
    return LeftOut(len(members), forest.scores[max(members, key=forest.ranks.__getitem__)])
