"""What a policy sees: the tree with its measurements, and what is in flight.

Weighed against a frozen view made anew for every decision: that is simpler, and takes seconds per decision where there
are 100,000 agents. This one is told each event once and answers from sums. It equals one that is made anew of the same
facts, which tests assert, so a resumed run sees what an uninterrupted one would.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.clades import CladeSums
from dgm.core.columns import Amounts, Column, Counts, Flags, Grid
from dgm.core.ids import AgentId
from dgm.core.outcomes import Measured
from dgm.core.rules import Rule
from dgm.core.stages import Measurement, Stage, measurements


@dataclass(frozen=True, slots=True)
class Goal:
    """What a run is to come to, and what of it policies may choose from."""

    stages: tuple[Stage, ...]
    """The tasks that selection sees; none that is held out."""
    trials: int
    rule: Rule
    """How far each agent is measured, for policies that leave that to it."""
    children: int
    """How many children the run is to grow."""
    steps: int
    """How many attempts it may take for that."""
    evaluations: int | None = None
    """How many measurements it may take; no bound unless given."""


@dataclass(slots=True)
class _Record:
    agent: Agent
    done: dict[Measurement, bool] = field(default_factory=dict[Measurement, bool])


class ArchiveView:
    """The archive as a policy sees it. Agents have numbers in the order of their creation; the seed agent has 0.

    Arrays have one entry per agent, at its number. They are the view's own: policies must not write to them.
    """

    def __init__(self, goal: Goal, *, steps_done: int = 0) -> None:
        self.goal = goal
        self.steps_done = steps_done
        """Self-modification attempts that ended, the rejected ones too."""
        self._all = tuple(found for stage in goal.stages for found in measurements(stage, trials=goal.trials))
        tasks = [task for stage in goal.stages for task in stage.tasks]
        self._columns_of_tasks = {task: column for column, task in enumerate(tasks)}
        self._before_stages = {  # that are for the best, by their place
            place: frozenset(found for each in goal.stages[:place] for found in measurements(each, trials=goal.trials))
            for place, stage in enumerate(goal.stages)
            if place and stage.top is not None
        }
        self._leaders: dict[int, list[tuple[int, int]]] = {place: [] for place in self._before_stages}
        self._in_flight: defaultdict[int, set[Measurement]] = defaultdict(set)  # by the agent's number
        # Numbers of the agents for which these are to be found out again, once they are asked for: an archive that is
        # read would else ask its rule for every result instead of every agent.
        self._stale_settled: set[int] = set()
        self._stale_untried: set[int] = set()
        self._records: list[_Record] = []
        self._numbers: dict[AgentId, int] = {}
        self._evaluations, self._evaluations_in_flight, self._steps_in_flight = 0, 0, 0
        self._resolved, self._attempted = Column(np.int64), Column(np.int64)
        self._clades = CladeSums(self._resolved, self._attempted)
        self._children, self._expanding, self._evaluating = Column(np.int64), Column(np.int64), Column(np.int64)
        self._tokens, self._changed_lines = Column(np.int64), Column(np.int64)
        self._cost_usd = Column(np.float64)
        self._edits, self._settled, self._untried = Column(np.bool_), Column(np.bool_), Column(np.bool_)
        self._wins = Column(np.int16, len(tasks))

    # What happened.

    def add_agent(self, agent: Agent) -> int:
        """Add an agent that is new in the archive, after its parent, and return its number."""
        number = len(self._records)
        parent = None if agent.parent is None else self._numbers[agent.parent]
        self._records.append(_Record(agent))
        self._numbers[agent.id] = number
        for column in self._columns():
            column.append()
        self._clades.add_agent(parent)
        if parent is not None:
            self._children.rows[parent] += 1
        self._stale_settled.add(number)
        self._stale_untried.add(number)
        return number

    def begin(self, action: Action) -> None:
        """Note that an action is in flight."""
        match action:
            case Expand(parent=parent):
                self._expanding.rows[self._numbers[parent]] += 1
                self._steps_in_flight += 1
            case Evaluate(agent=agent, task=task, trial=trial):
                number = self._numbers[agent]
                self._in_flight[number].add((task, trial))
                self._evaluating.rows[number] += 1
                self._evaluations_in_flight += 1
                self._stale_untried.add(number)

    def end_step(self, step: Expand, child: Agent | None) -> None:
        """Note that an expansion in flight ended, with a child or without."""
        self._expanding.rows[self._numbers[step.parent]] -= 1
        self._steps_in_flight -= 1
        self.steps_done += 1
        if child is not None:
            self.add_agent(child)

    def end_evaluation(self, evaluation: Evaluate, found: Measured) -> None:
        """Note that an evaluation in flight ended."""
        number = self._numbers[evaluation.agent]
        self._in_flight[number].discard(found.measurement)
        if not self._in_flight[number]:
            del self._in_flight[number]
        self._evaluating.rows[number] -= 1
        self._evaluations_in_flight -= 1
        self.add_measured(evaluation.agent, found)

    def add_measured(self, agent: AgentId, found: Measured) -> None:
        """Note what was measured of an agent. What is held out from selection is not seen."""
        number, (task, trial) = self._numbers[agent], found.measurement
        if task not in self._columns_of_tasks:
            return
        self._records[number].done[found.measurement] = found.resolved
        self._evaluations += 1
        self._resolved.rows[number] += found.resolved
        self._attempted.rows[number] += 1
        self._tokens.rows[number] += found.tokens
        self._cost_usd.rows[number] += found.cost_usd
        self._changed_lines.rows[number] += found.changed_lines
        self._edits.rows[number] |= found.edited
        if trial < self.goal.trials:
            self._wins.rows[number, self._columns_of_tasks[task]] += found.resolved
        self._clades.add_measured(number, resolved=found.resolved)
        self._rank(number, found.measurement)
        self._stale_settled.add(number)
        self._stale_untried.add(number)

    # What is known of each agent.

    def __len__(self) -> int:
        return len(self._records)

    def agent(self, number: int) -> Agent:
        """Return an agent."""
        return self._records[number].agent

    def number(self, agent: AgentId) -> int:
        """Return an agent's number."""
        return self._numbers[agent]

    def done(self, number: int) -> Mapping[Measurement, bool]:
        """Return what was measured of an agent, and whether it was resolved, in the order of the results."""
        return self._records[number].done

    @property
    def resolved(self) -> Counts:
        """Number of measurements that each agent resolved."""
        return self._resolved.rows

    @property
    def attempted(self) -> Counts:
        """Number of measurements of each agent."""
        return self._attempted.rows

    @property
    def means(self) -> Amounts:
        """Posterior mean of each agent's score; see `dgm.core.scores`."""
        return (self._resolved.rows + 1.0) / (self._attempted.rows + 2.0)

    @property
    def clade_resolved(self) -> Counts:
        """Number of measurements that each agent and its descendants resolved."""
        return self._clades.resolved

    @property
    def clade_attempted(self) -> Counts:
        """Number of measurements of each agent and its descendants."""
        return self._clades.attempted

    @property
    def children(self) -> Counts:
        """Number of each agent's children in the archive."""
        return self._children.rows

    @property
    def expanding(self) -> Counts:
        """Number of steps in flight of which each agent is the parent."""
        return self._expanding.rows

    @property
    def evaluating(self) -> Counts:
        """Number of each agent's evaluations in flight."""
        return self._evaluating.rows

    @property
    def tokens(self) -> Counts:
        """Number of tokens that each agent's measurements took."""
        return self._tokens.rows

    @property
    def cost_usd(self) -> Amounts:
        """Dollars that each agent's measurements took."""
        return self._cost_usd.rows

    @property
    def changed_lines(self) -> Counts:
        """Number of lines that each agent added or removed in its measurements."""
        return self._changed_lines.rows

    @property
    def wins(self) -> Grid:
        """How often each agent, the rows, resolved each task, the columns in the order of the stages.

        Of the trials that every agent has: what the best one is tried on beyond them would make it look better.
        """
        return self._wins.rows

    @property
    def with_evidence(self) -> Flags:
        """Whether each agent can be a parent at all: it edited something, and left something to learn from."""
        return self._edits.rows & (self._resolved.rows < self._attempted.rows)

    @property
    def settled(self) -> Flags:
        """Whether each agent was measured as far as the goal's rule wants of a parent."""
        rows, rule = self._settled.rows, self.goal.rule
        while self._stale_settled:
            number = self._stale_settled.pop()
            rows[number] = rule.is_settled(number, self)
        return rows

    @property
    def with_untried(self) -> Flags:
        """Whether there is anything that each agent was not measured on, and is not being measured on."""
        rows = self._untried.rows
        while self._stale_untried:
            number = self._stale_untried.pop()
            begun = len(self._records[number].done) + len(self._in_flight.get(number, ()))
            certainly = begun < len(self._all)  # spares looking in most cases
            rows[number] = certainly or self.untried(number) is not None
        return rows

    # What can be done next.

    def untried(self, number: int) -> Measurement | None:
        """Return the first thing, in the order of the stages, that an agent was not and is not being measured on."""
        return next(self._untried_among(self._all, number), None)

    def untried_in(self, stage: Stage, number: int) -> list[Measurement]:
        """Return all of a stage, in its order, that an agent was not and is not being measured on."""
        return list(self._untried_among(measurements(stage, trials=self.goal.trials), number))

    def due(self, number: int) -> list[Measurement]:
        """Return what an agent has still to be measured on by the goal's rule, without what is in flight."""
        in_flight = self._in_flight.get(number, ())
        return [each for each in self.goal.rule.due(number, self) if each not in in_flight]

    def first_due(self) -> Evaluate | None:
        """Return what the goal's rule wants measured first."""
        for number in self.goal.rule.pending(self):
            for task, trial in self.due(number):
                return Evaluate(self.agent(number).id, task, trial)
        return None

    def leaders(self, place: int) -> list[int]:
        """Return the agents that come first of those that are measured on all stages before one, best first.

        Who resolved most of these stages comes first, of equals the earlier agent.

        Args:
            place: of a stage in the goal's, not the first, that has a `top`: so many are returned, or all there are.
        """
        return [number for _, number in self._leaders[place]]

    @property
    def evaluations(self) -> int:
        """Number of measurements that ended."""
        return self._evaluations

    @property
    def evaluations_in_flight(self) -> int:
        """Number of evaluations in flight."""
        return self._evaluations_in_flight

    @property
    def evaluations_left(self) -> float:
        """How many more measurements may be begun; infinite where there is no bound."""
        if self.goal.evaluations is None:
            return float("inf")
        return self.goal.evaluations - self._evaluations - self._evaluations_in_flight

    @property
    def steps_in_flight(self) -> int:
        """Number of steps in flight."""
        return self._steps_in_flight

    @property
    def wants_children(self) -> bool:
        """Whether another step may start: children are missing and attempts are left."""
        kept, pending = len(self._records) - 1, self.steps_in_flight
        return kept + pending < self.goal.children and self.steps_done + pending < self.goal.steps

    @property
    def next_step(self) -> int:
        """Number of the next step."""
        return self.steps_done + self.steps_in_flight + 1

    # How.

    def _rank(self, number: int, measured: Measurement) -> None:
        """Let an agent take its place among the leaders with the last of the results that its place hangs on."""
        done = self._records[number].done
        for place, before in self._before_stages.items():
            if measured in before and done.keys() >= before:
                leaders = self._leaders[place]
                insort(leaders, (-sum(done[each] for each in before), number))
                del leaders[self.goal.stages[place].top :]

    def _untried_among(self, wanted: Iterable[Measurement], number: int) -> Iterator[Measurement]:
        done, in_flight = self._records[number].done, self._in_flight.get(number, ())
        return (each for each in wanted if each not in done and each not in in_flight)

    def _columns(self) -> Iterator[Column[np.int16] | Column[np.int64] | Column[np.float64] | Column[np.bool_]]:
        yield from (self._resolved, self._attempted, self._children, self._expanding, self._evaluating)
        yield from (self._tokens, self._changed_lines, self._cost_usd)
        yield from (self._edits, self._settled, self._untried, self._wins)
