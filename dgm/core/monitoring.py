"""Monitoring: how much of a run explores and how much exploits, told from its facts.

After B-STaR (Zeng et al. 2024, arXiv:2412.17256), which watches whether new answers are still diverse and whether the
reward still tells them apart. Of a tree of agents the like of it is

- the entropy of parent choice: near 0 the policy always takes the same parent, near its most any;
- the share of children that behave in a new way: that resolve a set of tasks which no earlier agent resolved;
- the gain for what is paid: how much the best agent's certain score rose, part by part.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import NANOS_PER_USD
from dgm.core.scores import Score
from dgm.core.stages import Measurement

PARTS = 4
RECENT_STEPS = 20
_MILLION = 1_000_000


class Event(NamedTuple):
    """A step that ended, or a measurement that selection saw. A tuple, as a run may have a million of them."""

    agent: AgentId
    """The parent of a step, or the measured agent."""
    measurement: Measurement | None
    """None for a step."""
    resolved: bool
    nanos: int
    """What it took, in nano-dollars."""
    tokens: int


@dataclass(frozen=True, slots=True)
class Choice:
    """How evenly parents were chosen."""

    steps: int
    bits: float
    """Entropy of the share of steps that each agent was the parent of."""
    most_bits: float
    """What it would be if all agents, or as many as there were steps, had been chosen equally often."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """How many children behave as no agent before them."""

    new: int
    children: int
    """Those that were measured on all that is compared."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the run, and what it gained."""

    events: int
    """Steps and measurements that ended in it."""
    low_before: float
    """Lower end of the best agent's credible interval when it began."""
    low_after: float
    """The same when it ended. It falls where further measurements show that the best agent was lucky."""
    cost_usd: float
    tokens: int

    @property
    def gain(self) -> float:
        """Increase of that lower end, in (-1, 1)."""
        return self.low_after - self.low_before

    @property
    def gain_per_usd(self) -> float | None:
        """Increase for each dollar, None where it cost none."""
        return self.gain / self.cost_usd if self.cost_usd else None

    @property
    def gain_per_million_tokens(self) -> float | None:
        """Increase for each million tokens, None where it took none."""
        return self.gain * _MILLION / self.tokens if self.tokens else None


def parent_choice(parents: Sequence[AgentId], *, agents: int) -> Choice:
    """Return how evenly parents were chosen.

    Args:
        parents: of each step, in order.
        agents: how many there are to choose from.
    """
    return Choice(len(parents), entropy_bits(Counter(parents).values()), math.log2(max(1, min(len(parents), agents))))


def entropy_bits(counts: Collection[int]) -> float:
    """Return the entropy of shares in proportion to `counts` (each >= 1), in bits; 0 where there are none."""
    total = sum(counts)
    return math.fsum(count / total * math.log2(total / count) for count in counts)


def new_behaviour(agents: Iterable[AgentId], events: Iterable[Event], *, tasks: Collection[TaskId]) -> Novelty:
    """Return how many children resolve another set of tasks than every agent before them.

    A task counts as resolved where more than half of its trials were. An agent that was not measured on all of the
    tasks is not looked at.

    Args:
        agents: all, oldest first, the seed agent being the first.
        events: of the run.
        tasks: what is compared, such as those of the first stage, which every agent is measured on.
    """
    compared = frozenset(tasks)
    balance: dict[AgentId, dict[TaskId, int]] = defaultdict(dict)
    for event in events:
        if event.measurement is not None and event.measurement[0] in compared:
            of_agent, task = balance[event.agent], event.measurement[0]
            of_agent[task] = of_agent.get(task, 0) + (1 if event.resolved else -1)
    seen: set[frozenset[TaskId]] = set()
    new = children = 0
    for number, agent in enumerate(agents):
        of_agent = balance.get(agent, {})
        if not compared or len(of_agent) < len(compared):
            continue
        behaviour = frozenset(task for task, count in of_agent.items() if count > 0)
        if number > 0:
            children += 1
            new += behaviour not in seen
        seen.add(behaviour)
    return Novelty(new, children)


def gains(events: Sequence[Event], *, parts: int = PARTS) -> list[Part]:
    """Return equal parts of the run, by events, from its first step that ended on; fewer where there are too few.

    What comes before it measures the seed agent, from which gains are counted.

    Args:
        events: in the order of their recording.
        parts: how many, >= 1.
    """
    first = next((number for number, event in enumerate(events) if event.measurement is None), len(events))
    length = len(events) - first
    ends = sorted({first + length * part // parts for part in range(parts + 1)})
    counts: dict[AgentId, tuple[int, int]] = {}
    _count(counts, events[: ends[0]])
    found: list[Part] = []
    low = _best_low(counts)
    for begin, end in pairwise(ends):
        part = events[begin:end]
        _count(counts, part)
        before, low = low, _best_low(counts)
        nanos = sum(event.nanos for event in part)
        tokens = sum(event.tokens for event in part)
        found.append(Part(len(part), before, low, nanos / NANOS_PER_USD, tokens))
    return found


def _count(counts: dict[AgentId, tuple[int, int]], events: Iterable[Event]) -> None:
    for event in events:
        if event.measurement is not None:
            resolved, attempted = counts.get(event.agent, (0, 0))
            counts[event.agent] = (resolved + event.resolved, attempted + 1)


def _best_low(counts: Mapping[AgentId, tuple[int, int]]) -> float:
    """Return the lower end of the best agent's interval, an unmeasured agent's where none was measured."""
    most: dict[int, int] = {}
    for resolved, attempted in counts.values() or [(0, 0)]:
        most[attempted] = max(resolved, most.get(attempted, 0))  # the best of those with equally many attempts
    return max(Score(resolved, attempted).low for attempted, resolved in most.items())
