"""The event loop of a simulated run: `dgm.evolution.engine.Engine` on a virtual clock.

It tells the view the same things in the same order and draws each choice from the same `Random`, so that with one
worker it decides what the engine decides of the same results; a test compares the two. Merges are not simulated.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias, assert_never

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.ids import AgentId
from dgm.core.outcomes import Measured
from dgm.core.policies import Policy
from dgm.core.rules import Rule, Staged
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from dgm.simulation.course import Course, Recorder, Span
from dgm.simulation.landscape import Landscape
from dgm.simulation.world import SEED_AGENT, Effort, World

STEPS_PER_CHILD = 3  # as in the engine


@dataclass(frozen=True, slots=True)
class Setting:
    """How a simulated run is carried out and when it ends."""

    workers: int = 1
    children: int = 80
    """How many children it is to grow."""
    steps: int | None = None
    """How many attempts it may take for that; three for each child, as in a real run, unless given."""
    evaluations: int | None = None
    """How many measurements it may take; no bound unless given."""
    trials: int = 1
    rule: Callable[[tuple[Stage, ...], int], Rule] = Staged
    """What makes the rule, of the stages and the trials."""
    round_size: int | None = None
    """With a barrier: that many steps begin together, and all that they lead to ends before the next. None: no barrier.
    """

    def goal(self, stages: tuple[Stage, ...]) -> Goal:
        """Return what policies are told."""
        return Goal(
            stages=stages,
            trials=self.trials,
            rule=self.rule(stages, self.trials),
            children=self.children,
            steps=self.children * STEPS_PER_CHILD if self.steps is None else self.steps,
            evaluations=self.evaluations,
        )


@dataclass(frozen=True, slots=True)
class Happening:
    """A decision that was started or ended, for whoever watches."""

    at_s: float
    number: int
    """Of the decision, from 1."""
    action: Action
    is_start: bool


Watch: TypeAlias = Callable[[Happening], None]


class Rounds:
    """A policy under a barrier: steps begin in rounds, and a round waits for all that the one before it led to.

    That is how the public code of Zhang et al. 2025 works (two or four steps a round). A round that is as large as the
    number of workers is the most that a barrier can make of them.
    """

    def __init__(self, policy: Policy, *, size: int) -> None:
        self._policy = policy
        self._size = size

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return the next action; see `Policy`."""
        action = self._policy.next_action(view, random)
        begins_round = isinstance(action, Expand) and (view.next_step - 1) % self._size == 0
        return None if begins_round and (view.steps_in_flight or view.evaluating.any()) else action


@dataclass(frozen=True, slots=True)
class _Ended:
    """What came of a decision, to be told when its time comes."""

    action: Action
    result: Agent | Measured | None
    """A step's child, None where there is none; what an evaluation found."""
    effort: Effort


def simulate(
    policy: Policy, landscape: Landscape, setting: Setting | None = None, *, seed: int, watch: Watch | None = None
) -> Course:
    """Carry out one run of a policy on a landscape and return its course. The same arguments give the same course.

    Args:
        policy: without state, as in a real run.
        landscape: one of `PRESETS`, or another one.
        setting: workers and bounds; one worker and 80 children unless given.
        seed: of the landscape's chance and of the policy's choices.
        watch: is told each start and each end, in the order of virtual time.
    """
    return _Loop(policy, World(landscape, seed), setting or Setting(), seed=seed, watch=watch).run()


class _Loop:
    def __init__(
        self, policy: Policy, world: World, setting: Setting, *, seed: int, watch: Watch | None = None
    ) -> None:
        self._policy = policy if setting.round_size is None else Rounds(policy, size=setting.round_size)
        self._world = world
        self._workers = setting.workers
        self._seed = seed
        self._watch = watch
        self._view = ArchiveView(setting.goal(world.stages()))
        self._decisions = 0
        self._now = 0.0
        self._in_flight: list[tuple[float, int, _Ended]] = []
        self._recorder = Recorder(world)

    def run(self) -> Course:
        self._add(Agent(_id_of(SEED_AGENT), (), 0, step=SEED_AGENT, created_at=0.0))
        while True:
            self._fill_workers()
            if not self._in_flight:
                return self._recorder.course(workers=self._workers, seconds=self._now, steps=self._view.steps_done)
            self._now = self._in_flight[0][0]
            while self._in_flight and self._in_flight[0][0] == self._now:
                _, number, ended = heapq.heappop(self._in_flight)
                self._record(number, ended)

    def _fill_workers(self) -> None:
        while len(self._in_flight) < self._workers:
            action = self._next_action()
            if action is None:
                if self._view.evaluations_left <= 0 or not self._view.wants_children:
                    self._recorder.ran_out(self._now)
                return
            self._start(action)

    def _next_action(self) -> Action | None:
        if self._view.evaluations_left <= 0:
            return None
        return self._policy.next_action(self._view, Random(f"{self._seed}:{self._decisions + 1}"))

    def _start(self, action: Action) -> None:
        self._decisions += 1
        self._view.begin(action)
        ended = self._carried_out(action)
        end = self._now + ended.effort.seconds
        heapq.heappush(self._in_flight, (end, self._decisions, ended))
        self._recorder.started(Span(self._now, end, is_step=isinstance(action, Expand)))
        if self._watch is not None:
            self._watch(Happening(self._now, self._decisions, action, is_start=True))

    def _carried_out(self, action: Action) -> _Ended:
        match action:
            case Evaluate(agent=agent, task=task, trial=trial):
                found, effort = self._world.evaluated(self._origin(agent), (task, trial))
                return _Ended(action, found, effort)
            case Expand(parent=parent, step=step, editor=editor):
                makes_child, effort = self._world.expanded(
                    step, parent=self._origin(parent), editor=self._origin(editor or parent)
                )
                return _Ended(action, self._child(step, parent) if makes_child else None, effort)
            case _ as never:
                assert_never(never)

    def _child(self, step: int, parent: AgentId) -> Agent:
        generation = self._view.agent(self._view.number(parent)).generation + 1
        return Agent(_id_of(step), (parent,), generation, step=step, created_at=0.0)

    def _origin(self, agent: AgentId) -> int:
        return self._view.agent(self._view.number(agent)).step

    def _record(self, number: int, ended: _Ended) -> None:
        self._recorder.paid(ended.effort)
        match ended.action, ended.result:
            case Evaluate() as action, Measured() as found:
                self._view.end_evaluation(action, found)
                self._recorder.measured(self._view.number(action.agent), self._view, at_s=self._now)
            case Expand() as action, Agent() as child:
                self._view.end_step(action, child)
                self._recorder.grown(child.step)
            case Expand() as action, None:
                self._view.end_step(action, None)
            case action, result:
                raise TypeError(f"{action} came back with {result}")
        if self._watch is not None:
            self._watch(Happening(self._now, number, ended.action, is_start=False))

    def _add(self, agent: Agent) -> None:
        self._view.add_agent(agent)
        self._recorder.grown(agent.step)


def _id_of(step: int) -> AgentId:
    return AgentId(f"{step:012x}")
