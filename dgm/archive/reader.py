"""Reads a run: needs no Docker, no lock and no right to write, also while another process evolves it."""

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from dgm.archive import costs, results
from dgm.archive.agent_code import AgentCode
from dgm.archive.codestore import REPOSITORY
from dgm.archive.database import DATABASE, open_for_reading
from dgm.archive.difference import DiffStat
from dgm.archive.facts import Facts
from dgm.archive.prices import read_prices
from dgm.archive.processes import RunState, elapsed_seconds, state_of
from dgm.archive.records import (
    Amount,
    ControlRecord,
    End,
    Fault,
    HeldRecord,
    InterventionRecord,
    RunFacts,
    Start,
    StepRecord,
    amount_of,
)
from dgm.config import Bounds, Price, RunConfig, read_config, with_bounds
from dgm.core.actions import PastStep, Rejection
from dgm.core.agents import AgentTree
from dgm.core.errors import ConfigError, CorruptArchiveError
from dgm.core.files import File
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.monitoring import Event
from dgm.core.outcomes import Measured, Outcome, Usage
from dgm.core.oversight import Approval, HeldStep
from dgm.core.paired import Paired
from dgm.core.ports import Decision, Role
from dgm.core.scores import Score, best_of
from dgm.core.tampering import Tampering

RUN_TOML = "run.toml"


class RunReader:
    """All facts and all code of one run. Close it, or use it as a context."""

    def __init__(self, directory: Path, facts: Facts) -> None:
        self.directory = directory
        self._facts = facts
        self._code = AgentCode(directory / REPOSITORY, facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._facts.connection.close()

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """Answer all queries in this context from one moment, however much is written meanwhile."""
        with self._facts.lock:
            if self._facts.connection.in_transaction:
                yield
                return
            self._facts.rows("BEGIN")
            try:
                yield
            finally:
                self._facts.rows("COMMIT")

    # What the run is, and who works on it.

    def facts(self) -> RunFacts:
        """Return what the run is."""
        return self._run

    def config(self) -> RunConfig:
        """Return the configuration that the run was made with, with the bounds that it last went on with."""
        try:
            return with_bounds(self._config, self.bounds())
        except ConfigError as error:
            raise CorruptArchiveError(f"{self.directory / DATABASE} has bounds that there are not: {error}") from error

    def made_with(self) -> RunConfig:
        """Return the configuration that the run was made with."""
        return self._config

    def bounds(self) -> Bounds:
        """Return what was said anew about the run's bounds, until now."""
        return next((said for _, said in reversed(self._facts.bounds())), Bounds())

    def bounds_since(self) -> tuple[tuple[float, Bounds], ...]:
        """Return since when which bounds held that were said anew, oldest first."""
        return tuple(self._facts.bounds())

    def prices(self) -> dict[str, Price]:
        """Return what each model cost when the run was made; the run's calls are billed at that."""
        return read_prices(self.directory)

    def images(self) -> Mapping[str, str]:
        """Return the digest of every image that the run's results hang on, by name.

        A run from before they were recorded has the one in which its agents change their own code.
        """
        return {self._run.image: self._run.image_digest} | self._facts.images()

    def children_wanted(self) -> int:
        """Return how many children the run is to have grown in the end."""
        starts = self._facts.starts()
        return starts[-1].children if starts else self.config().children

    def state(self) -> RunState:
        """Return whether a process works on the run, finished it, or left it."""
        return state_of(self.directory, self._facts)

    def starts(self) -> tuple[Start, ...]:
        """Return when processes began or went on with the run."""
        return tuple(self._facts.starts())

    def ends(self) -> tuple[End, ...]:
        """Return when and why processes stopped."""
        return tuple(self._facts.ends())

    def elapsed_seconds(self, *, now: float) -> float:
        """Return how long processes worked on the run, together, until `now` in seconds since 1970."""
        return elapsed_seconds(self.directory, self._facts, now=now)

    def faults(self) -> tuple[Fault, ...]:
        """Return the faults of ours."""
        return tuple(self._facts.faults())

    # Agents, and what was measured of them.

    def agent_tree(self) -> AgentTree:
        """Return all agents."""
        try:
            return AgentTree(self._facts.agents())
        except KeyError as error:
            raise CorruptArchiveError(f"{self.directory / DATABASE} has an agent whose parent is missing.") from error

    def agent_count(self) -> int:
        """Return how many agents there are, the seed agent among them."""
        return self._facts.count("agents")

    def seed_agent(self) -> AgentId:
        """Return the root of the tree."""
        return self._facts.agent_ids(most=1)[0]

    def held_out(self) -> frozenset[TaskId]:
        """Return the tasks that selection never sees; what is measured on them is in no score but `held_out_scores`."""
        return self._held_out

    def outcomes(self) -> dict[AgentId, tuple[Outcome, ...]]:
        """Return the run's measurements of every agent on what selection sees, those without any included."""
        found = self._facts.outcomes()
        return {agent: tuple(found.get(agent, ())) for agent in self._facts.agent_ids()}

    def outcomes_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        """Return the run's measurements of one agent on what selection sees, in the order of their recording."""
        return tuple(self._facts.outcomes_of(agent))

    def held_out_outcomes(self) -> dict[AgentId, tuple[Outcome, ...]]:
        """Return the measurements on what is held out from selection, of the agents that have any."""
        return {agent: tuple(found) for agent, found in self._facts.held_out_outcomes().items()}

    def held_out_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        """Return the measurements of one agent on what is held out from selection."""
        return tuple(self._facts.held_out_of(agent))

    def measured(self) -> Iterator[tuple[AgentId, Measured]]:
        """Yield what policies see of each measurement, in the order of their recording; what is held out too."""
        return self._facts.measured()

    def scores(self) -> dict[AgentId, Score]:
        """Return the score of every agent by what selection sees, oldest first."""
        found, unmeasured = self._facts.scores(), Score(0, 0)
        return {agent: found.get(agent, unmeasured) for agent in self._facts.agent_ids()}

    def held_out_scores(self) -> dict[AgentId, Score]:
        """Return the score of the agents that were measured on what is held out from selection."""
        return self._facts.held_out_scores()

    def best(self) -> AgentId:
        """Return the agent whose score is best by what selection sees; see `dgm.core.scores.best_of`."""
        return best_of(self.scores())

    def paired_with_parents(self, agents: Collection[AgentId] | None = None) -> dict[AgentId, Paired]:
        """Return how agents (all unless given) stand beside their parents, where both were measured on the same."""
        return results.paired_with_parents(self._facts, agents)

    def events(self) -> list[Event]:
        """Return the steps that ended and what selection saw of measurements, in the order of their recording."""
        return results.events(self._facts)

    def tampering(self, agents: Collection[AgentId] | None = None) -> dict[AgentId, Tampering]:
        """Return what the measurements of agents (all unless given) show, of those that were measured."""
        return results.tampering_by_agent(self._facts, agents)

    def evaluation_count(self) -> int:
        """Return how many measurements were recorded."""
        return self._facts.count("evaluations")

    def flagged_count(self) -> int:
        """Return how many measurements are resolved by their verdict and do not count, since they are flagged."""
        return self._facts.flagged_count()

    # Steps, and the decisions that they and measurements come from.

    def steps(self) -> tuple[StepRecord, ...]:
        """Return all self-modifications that ended, the rejected ones too."""
        return tuple(self._facts.steps())

    def steps_done(self) -> int:
        """Return how many self-modification attempts ended."""
        return self._facts.count("steps")

    def steps_from(self, parent: AgentId) -> tuple[PastStep, ...]:
        """Return the steps that ended of which `parent` is the first parent, oldest first."""
        return tuple(self._facts.steps_from(parent))

    def steps_to(self, agents: Collection[AgentId]) -> dict[AgentId, StepRecord]:
        """Return the steps that made some agents, by agent; none for the seed agent."""
        return {step.child: step for step in self._facts.steps_to(agents) if step.child is not None}

    def step_of(self, agent: AgentId) -> StepRecord | None:
        """Return the step that made an agent, None for the seed agent."""
        return self.steps_to([agent]).get(agent)

    def child_of_step(self, number: int) -> AgentId | None:
        """Return the agent that a step made, None for a step that was rejected or has not ended."""
        return self._facts.child_of_step(number)

    def rejected_from(self, parent: AgentId) -> tuple[StepRecord, ...]:
        """Return the steps that made no child of which `parent` is the first parent, oldest first."""
        return tuple(self._facts.rejected_from(parent))

    def rejections(self) -> dict[Rejection, int]:
        """Return how many steps were rejected, by the reason."""
        return self._facts.rejections()

    def proposals(self) -> tuple[str, ...]:
        """Return what each step that ended was to improve, oldest first, those without a diagnosis left out."""
        return tuple(filter(None, self._facts.proposals().values()))

    def decisions(self) -> tuple[Decision, ...]:
        """Return all that the policy chose."""
        return tuple(self._facts.decisions())

    def open_decisions(self) -> tuple[Decision, ...]:
        """Return what was chosen and has no result yet, oldest first."""
        return tuple(self._facts.open_decisions())

    def decision_count(self) -> int:
        """Return how many decisions were recorded."""
        return self._facts.count("decisions")

    # Code.

    def code(self, agent: AgentId) -> dict[str, File]:
        """Return an agent's code.

        Raises:
            CorruptArchiveError: it is missing, damaged, or not what was stored.
        """
        return self._code.of_agent(agent)

    def diff(self, before: AgentId, after: AgentId) -> str:
        """Return the unified diff between two agents' code; as hostile as that code."""
        return self._code.diff(before, self._code.commit_of(after))

    def diff_stat(self, before: AgentId, after: AgentId) -> DiffStat:
        """Return the size of that diff."""
        return self._code.diff_stat(before, self._code.commit_of(after))

    # Persons and controls.

    def held(self) -> tuple[HeldStep, ...]:
        """Return the steps that wait for a person, or for their child to be tried after its review, oldest first.

        Raises:
            CorruptArchiveError: a child's code is missing, damaged, or not what was stored.
        """
        return tuple(
            HeldStep(
                found.decision,
                replace(found.step, child=self._code.of_held(found)),
                at=found.at,
                review=found.review,
            )
            for found in self._facts.held_without_result()
        )

    def held_records(self) -> tuple[HeldRecord, ...]:
        """Return every step that ever waited for a person, with what was said of it, by decision."""
        return tuple(self._facts.held())

    def held_diff(self, held: HeldRecord) -> str:
        """Return the unified diff from a step's parent to the child that waits; as hostile as that child."""
        return self._code.diff(held.step.parent, held.commit)

    def waiting(self) -> tuple[HeldRecord, ...]:
        """Return the steps whose child may not run before a person has said so, by decision.

        What waited before that was no longer wanted is let go of, though nobody has looked at it.
        """
        if not Approval(self.config().oversight.approve).is_wanted(approvals=self.approvals()):
            return ()
        return tuple(found for found in self._facts.held_without_result() if found.review is None)

    def approvals(self) -> int:
        """Return how many children a person approved."""
        return self._facts.approvals()

    def interventions(self) -> tuple[InterventionRecord, ...]:
        """Return what persons did to the run as a whole, oldest first."""
        return tuple(self._facts.interventions())

    def controls(self) -> tuple[ControlRecord, ...]:
        """Return what became of all controls, oldest first."""
        return tuple(self._facts.controls())

    def control_count(self) -> int:
        """Return how many controls were recorded."""
        return self._facts.count("controls")

    def evaluations_since_control(self) -> int:
        """Return how many measurements were recorded since the last controls that all passed; all if none did."""
        return self._facts.evaluations_since_control()

    # Money.

    def spent(self) -> Usage:
        """Return what the whole run used, with calls that have no end at their worst case."""
        return self._facts.spent().usage

    def unsettled(self) -> Usage:
        """Return the worst case of the calls that have no end: under way, or nobody knows what they were billed."""
        return sum(self._facts.unsettled().values(), Amount()).usage

    def usage_by_agent(self) -> dict[AgentId, Usage]:
        """Return what each agent used: its evaluations and its modifications of its own code, repeated ones too.

        A session belongs to the agent of the decision that it is named after.
        """
        found = costs.usage_by(lambda cost: cost.agent, self._facts.session_costs())
        return {agent: found.get(agent, Usage()) for agent in self._facts.agent_ids()}

    def usage_by_role(self) -> dict[Role, Usage]:
        """Return what each role that called a model used; together exactly what `spent` says."""
        return {role: amount.usage for role, amount in self._facts.spent_by_role().items()}

    def usage_by_role_of(self, agent: AgentId) -> dict[Role, Usage]:
        """Return what each role used for one agent; together exactly what `usage_by_agent` says of it."""
        return costs.usage_by_role(cost for cost in self._facts.session_costs() if cost.agent == agent)

    def calls_by_session(self) -> dict[SessionId, list[Usage]]:
        """Return what each call of each session used, in their order, those without an end at their worst case."""
        return {
            session: [amount.usage for amount in amounts] for session, amounts in self._facts.calls_by_session().items()
        }

    def lineage_usages(self, agent: AgentId) -> dict[AgentId, Usage]:
        """Return what it took to make and to measure each agent from the seed agent to `agent`, in that order."""
        return costs.usage_of_lineage(self.agent_tree().lineage(agent), self._facts.session_costs())

    def lineage_usage(self, agent: AgentId) -> Usage:
        """Return what it took to arrive at an agent: to make and to measure it and all that it comes from."""
        return sum((amount_of(usage) for usage in self.lineage_usages(agent).values()), Amount()).usage

    # How.

    @cached_property
    def _held_out(self) -> frozenset[TaskId]:
        return self._facts.held_out()

    @cached_property
    def _run(self) -> RunFacts:
        return self._facts.run()

    @cached_property
    def _config(self) -> RunConfig:
        try:
            config = read_config(self.directory / RUN_TOML)
        except ConfigError as error:
            raise CorruptArchiveError(str(error)) from error
        if "stage_tops" in config.search.model_fields_set:
            return config
        # Of a run from before it was recorded: whoever passed was measured on all stages, and is as it goes on.
        return config.model_copy(update={"search": config.search.model_copy(update={"stage_tops": False})})


def read_run(directory: Path) -> RunReader:
    """Open a run for reading.

    Raises:
        CorruptArchiveError: it is not a run, or a damaged one.
        NewerArchiveError: a newer version wrote it.
    """
    path = directory / DATABASE
    return RunReader(directory, Facts(open_for_reading(path), path))
