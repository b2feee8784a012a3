"""Searches that tests play through: a policy at work in a world of chance, without an engine."""

from dataclasses import dataclass
from random import Random

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.ids import AgentId
from dgm.core.outcomes import Measured
from dgm.core.policies import POLICIES, Policy
from dgm.core.policies.ablations import ABLATED, ABLATIONS
from dgm.core.view import ArchiveView, Goal
from tests.fakes.views import agent_id_of


@dataclass(frozen=True)
class World:
    """What comes of actions, each with a chance in [0, 1]."""

    seed: int
    resolves: float = 0.5
    edits: float = 0.9
    accepts: float = 0.6
    """That a step makes a child."""


def all_policies() -> dict[str, Policy]:
    """Return every built-in policy, also without one of its parts, by a name for people."""
    found = {name: make() for name, make in POLICIES.items()}
    for name in ABLATED:
        found |= {f"{name} {ablation}": take(POLICIES[name]()) for ablation, take in ABLATIONS.items()}
    return found


@dataclass
class Search:
    """A search as far as it has come: what a policy sees, and all that happened."""

    policy: Policy
    goal: Goal
    world: World
    workers: int

    def __post_init__(self) -> None:
        self.view = ArchiveView(self.goal)
        self.agents: list[Agent] = []
        self.measured: list[tuple[Agent, Measured]] = []
        self.in_flight: list[Action] = []
        self.decisions: list[Action] = []
        self._random = Random(self.world.seed)
        self._add(None, step=0)

    def rebuilt(self) -> ArchiveView:
        """Return a view that is made anew of the same facts, as a resumed run makes it."""
        view = ArchiveView(self.goal, steps_done=self.view.steps_done)
        for agent in self.agents:
            view.add_agent(agent)
        for agent, found in self.measured:
            view.add_measured(agent.id, found)
        for action in self.in_flight:
            view.begin(action)
        return view

    def play(self, *, actions: int = 10**6) -> ArchiveView:
        """Go on until that many actions ended, or nothing is left to do."""
        for _ in range(actions):
            self.fill_workers()
            if not self.in_flight:
                break
            self._end(self.in_flight.pop(self._random.randrange(len(self.in_flight))))
        return self.view

    def fill_workers(self) -> None:
        """Give every free worker something to do, as the engine does."""
        while len(self.in_flight) < self.workers and self.view.evaluations_left > 0:
            action = self.next_action()
            if action is None:
                return
            self.view.begin(action)
            self.in_flight.append(action)
            self.decisions.append(action)

    def next_action(self) -> Action | None:
        """Return what the policy would do next."""
        return self.policy.next_action(self.view, Random(f"{self.world.seed}:{len(self.decisions) + 1}"))

    def _end(self, action: Action) -> None:
        match action:
            case Expand(parent=parent, step=step):
                child = self._add(self._agent(parent), step=step) if self._happens(self.world.accepts) else None
                self.view.end_step(action, child)
            case Evaluate(agent=agent, task=task, trial=trial):
                edited = self._happens(self.world.edits)
                found = Measured(
                    measurement=(task, trial),
                    resolved=edited and self._happens(self.world.resolves),
                    edited=edited,
                    tokens=self._random.randrange(100, 100_000),
                    cost_usd=0.25,
                    changed_lines=self._random.randrange(100) if edited else 0,
                )
                self.measured.append((self._agent(agent), found))
                self.view.end_evaluation(action, found)

    def _add(self, parent: Agent | None, *, step: int) -> Agent:
        number = len(self.agents)
        parents = () if parent is None else (parent.id,)
        generation = 0 if parent is None else parent.generation + 1
        agent = Agent(agent_id_of(number), parents, generation, step=step, created_at=0.0)
        self.agents.append(agent)
        if parent is None:
            self.view.add_agent(agent)
        return agent

    def _agent(self, agent: AgentId) -> Agent:
        return self.agents[int(agent, 16)]

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance
