"""Ports: what the algorithm needs of the world. Adapters implement them; `tests/fakes.py` has a fake for each."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from dgm.core.actions import Action, EvidenceKind, PastStep, Step
from dgm.core.agents import Agent, AgentTree
from dgm.core.files import Change, FileTree
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Measured, Outcome, Usage
from dgm.core.stages import Stage
from dgm.core.tasks import Grade, KnownTask, Repository, Task


class Clock(Protocol):
    """Time as a parameter."""

    def now(self) -> float:
        """Return seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        ...


# --- sandbox -----------------------------------------------------------------------------------------------------

Owner: TypeAlias = Literal["agent", "keeper"]
"""The two users of a container. The keeper owns PID 1 and what the agent must not change."""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What a container is for and how long it may live."""

    image: str
    """Name of an image directory under `sandbox/images/`, such as "python"; with a `repository` the reference of a
    task's own image, which is pulled where it is not there."""
    kind: Literal["agent", "grading"]
    session: SessionId
    lifetime_s: float
    """The container ends itself after this long, whatever happens to the host (dead-man timer)."""
    gateway_directory: Path | None = None
    """Host directory with the session's socket `model.sock`, bound read-only at `/gateway`."""
    repository: Repository | None = None
    """Stands writable at its directory instead of an empty `/workspace`, without any history after its commit."""


@dataclass(frozen=True, slots=True)
class HarnessSpec:
    """What a benchmark's own grading program may make containers of, where that program makes them itself."""

    image: str
    """Reference of a task's own image."""
    session: SessionId
    lifetime_s: float
    """Its containers end themselves after this long."""
    stock: bool = False
    """Whether the program's containers are as it makes them, without our limits."""


class HarnessContainers(Protocol):
    """The containers of one grading by another program; they are gone when the context ends."""

    @property
    def image_id(self) -> str:
        """Digest of the image, to be used instead of its reference, which could be moved to another image."""
        ...

    @property
    def options(self) -> Mapping[str, object]:
        """Keyword arguments of the docker SDK's `containers.create` that go before the program's own; JSON values."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that tell the program where the engine is."""
        ...

    @property
    def overrun(self) -> str:
        """Why its containers were ended early, such as for what they wrote to disk; "" while they were not."""
        ...


@dataclass(frozen=True, slots=True)
class Execution:
    """What a command in a container did."""

    exit_code: int | None
    """None when it was ended by the deadline or the byte cap."""
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool
    """It wrote more than it may; it was ended then."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a repository."""

    change: Change
    """The plain files that were added, removed or differ, bytecode and what the repository ignores left out."""
    left_out: tuple[str, ...] = ()
    """Changed paths that are no plain files, or were none before: links, special files, names that are not taken."""


class Container(Protocol):
    """One live container, made by `Sandbox.container` and gone when that context ends."""

    @property
    def peer_uid(self) -> int:
        """The agent user's uid as the host's kernel sees it."""
        ...

    def write_files(self, files: FileTree, *, directory: str, owner: Owner) -> None:
        """Write `files` below the absolute `directory`, a writable mount of the container.

        Raises:
            SandboxError: they could not be written.
        """
        ...

    def execute(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        output_bytes: int = 1_000_000,
        user: Owner = "agent",
        directory: str = "/workspace",
        environment: dict[str, str] | None = None,
    ) -> Execution:
        """Run a command to its end, its deadline or its byte cap; afterwards nothing that it started lives.

        An exit code, a time-out or too much output is a value.

        Raises:
            SandboxError: the engine failed.
        """
        ...

    def read_files(self, directory: str) -> FileTree:
        """Return the regular files below `directory` after ending every process of the agent user; `.git` left out.

        Raises:
            HostileBytesError: what lies there is not a small tree of plain files.
            SandboxError: the engine failed.
        """
        ...

    def changes(self) -> Changes:
        """Return what became of the repository that the container was made with; ends processes as `read_files` does.

        Raises:
            HostileBytesError: what was changed is not a small set of plain files.
            SandboxError: the engine failed, or the container has no repository.
        """
        ...


class Sandbox(Protocol):
    """Makes containers. Every limit is applied or the container does not start."""

    def container(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """Start a container and remove it when the context ends.

        Raises:
            DiskFullError: less free disk than a session needs.
            SandboxError: it could not be started with every limit in force.
        """
        ...

    def harness(self, spec: HarnessSpec) -> AbstractContextManager[HarnessContainers]:
        """Let another program make containers for one grading, and remove them when the context ends.

        Raises:
            DiskFullError: less free disk than a session needs.
            SandboxError: its image is not there and cannot be had.
        """
        ...


# --- gateway -----------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """What a model is asked for."""

    AGENT = "agent"  # drives an agent on a task
    IMPROVE = "improve"  # drives an agent on its own code
    DIAGNOSE = "diagnose"  # explains a failure, called from the host
    PROBE = "probe"  # a scripted stand-in that checks an agent speaks the protocol; costs nothing


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What one session may use of a model."""

    calls: int = 100
    tokens: int = 2_000_000
    cost_usd: float = 5.0


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave for one session to call one role's model."""

    session: SessionId
    role: Role
    seed: int
    """Given to providers that can be seeded; the same for a session that is done again."""
    limits: SessionLimits = field(default_factory=SessionLimits)


class ModelSession(Protocol):
    """One session's line to a model, made by `ModelAccess.session` and closed when that context ends."""

    @property
    def directory(self) -> Path:
        """Host directory that holds nothing but `model.sock`."""
        ...

    @property
    def model(self) -> str:
        """The name that a request must carry as its `model`."""
        ...

    def admit(self, peer_uid: int) -> None:
        """Let processes of this uid connect; before, nobody can."""
        ...

    def ask(self, prompt: str) -> str:
        """Ask the model one question from the host and return its answer.

        Raises:
            OutOfBudgetError: the run's cap is reached.
            ProviderError: the provider failed.
        """
        ...

    @property
    def usage(self) -> Usage:
        """What the session used so far."""
        ...

    @property
    def fault(self) -> Exception | None:
        """OutOfBudgetError (the run's cap) or ProviderError once one stopped a call of this session, else None.

        Such a session is not the agent's doing and is not scored.
        """
        ...

    @property
    def limit_reached(self) -> bool:
        """Whether a call was refused for the session's own limits."""
        ...

    @property
    def lost_s(self) -> float:
        """Seconds in which calls waited for a failing or overloaded provider, or at the run's cap for money that other
        calls have set aside: neither is the agent's doing.

        Time in which several calls waited at once counts once.
        """
        ...

    @property
    def is_held_up(self) -> bool:
        """Whether a call waits like that at this moment."""
        ...


class ModelAccess(Protocol):
    """The gateway: the only way to a model."""

    def session(self, grant: Grant) -> AbstractContextManager[ModelSession]:
        """Open a line for one session.

        Raises:
            OutOfBudgetError: the run's cap is reached, so no new session starts.
        """
        ...

    def transcript(self, session: SessionId) -> str:
        """Return a closed session's conversation as readable text, control characters removed; "" if it has none."""
        ...

    def overflowed(self, session: SessionId) -> bool:
        """Return whether a closed session's model refused a call as longer than its context."""
        ...


class Ledger(Protocol):
    """Where the gateway writes what calls cost, before and after each. A call with no end counts at its worst case."""

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        """Record that call `number` (from 1) of a session is about to be sent."""
        ...

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        """Record what it used. A call that cannot have been billed settles with zero tokens and cost."""
        ...

    def spent(self) -> Usage:
        """Return what the whole run used, with unsettled calls at their worst case."""
        ...


# --- benchmarks --------------------------------------------------------------------------------------------------


ControlKind: TypeAlias = Literal["base", "reference"]
"""What is graded as a control: a solution that does nothing, or the right one."""


class Benchmark(Protocol):
    """A set of tasks and how a solution is judged."""

    @property
    def name(self) -> str:
        """Its name on the command line."""
        ...

    @property
    def image(self) -> str:
        """Image that agents change their own code in, as in `ContainerSpec.image`."""
        ...

    def images(self) -> tuple[str, ...]:
        """Return every image that it takes, that of its tasks and of their grading included."""
        ...

    def task_images(self) -> tuple[str, ...]:
        """Return the references of the images that tasks bring along, which are pulled when first needed."""
        ...

    def tasks(self) -> tuple[Task, ...]:
        """Return all tasks in a fixed order.

        Raises:
            MalformedContentError: a task directory is not as it must be.
        """
        ...

    def task(self, task: TaskId) -> Task:
        """Return one task.

        Raises:
            UnknownNameError: there is none of that name.
        """
        ...

    def stages(self) -> tuple[Stage, ...]:
        """Return the stages of evaluation; together they hold every task once."""
        ...

    def known_tasks(self) -> tuple[KnownTask, ...]:
        """Return the tasks with their answers, for the rehearsal model."""
        ...

    @property
    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """What a step may learn from beside a task that was not resolved."""
        ...

    def hidden_tests(self, task: TaskId) -> str:
        """Return what solutions of a task are judged by, as text; only for runs that show it to the diagnosing model.

        Raises:
            UnknownNameError: there is no such task.
        """
        ...

    def grade(self, task: TaskId, solution: Change, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge `solution` (files that the task takes, all others are ignored) in a fresh container.

        Raises:
            InfrastructureError: it could not be judged; never a verdict.
        """
        ...

    def control(self, task: TaskId, kind: ControlKind, *, sandbox: Sandbox, session: SessionId) -> Grade:
        """Judge what must not be resolved or what must be, by the path that solutions are judged by.

        Raises:
            InfrastructureError: it could not be judged.
        """
        ...


# --- archive -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy chose, before it is done."""

    number: int
    """From 1; `Random(f"{seed}:{number}")` chose it."""
    action: Action


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a decision."""

    decision: int
    number: int
    """1 for the first; more after a fault of ours or a killed host."""


class Archive(Ledger, Protocol):
    """The facts and the code of one run, open for writing by this process alone."""

    def agent_tree(self) -> AgentTree:
        """Return all agents."""
        ...

    def measured(self) -> Iterable[tuple[AgentId, Measured]]:
        """Yield what policies see of each measurement, in the order of their recording; what is held out too."""
        ...

    def outcomes_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        """Return the measurements of one agent on what selection sees, in the order of their recording."""
        ...

    def held_out_of(self, agent: AgentId) -> tuple[Outcome, ...]:
        """Return the measurements of one agent on what is held out from selection."""
        ...

    def held_out(self) -> frozenset[TaskId]:
        """Return the tasks that are held out from selection."""
        ...

    def best(self) -> AgentId:
        """Return the agent whose score is best by what selection sees; see `dgm.core.scores.best_of`."""
        ...

    def steps_from(self, parent: AgentId) -> tuple[PastStep, ...]:
        """Return the steps that ended of which `parent` is the first parent, oldest first."""
        ...

    def proposals(self) -> tuple[str, ...]:
        """Return what each step that ended was to improve, oldest first, those without a diagnosis left out."""
        ...

    def steps_done(self) -> int:
        """Return how many self-modification attempts ended."""
        ...

    def code(self, agent: AgentId) -> FileTree:
        """Return an agent's code."""
        ...

    def add_seed_agent(self, code: FileTree) -> Agent:
        """Add the root of the tree."""
        ...

    def decide(self, action: Action) -> Decision:
        """Record what was chosen."""
        ...

    def open_decisions(self) -> tuple[Decision, ...]:
        """Return what was chosen and has no result yet, oldest first."""
        ...

    def decision_count(self) -> int:
        """Return how many decisions were recorded."""
        ...

    def begin_attempt(self, decision: int) -> Attempt:
        """Record that a decision is being carried out, once more."""
        ...

    def add_step(self, decision: int, step: Step) -> Agent | None:
        """Record the result of an `Expand` and, if it was accepted, its child: all or nothing."""
        ...

    def add_outcome(self, decision: int, agent: AgentId, outcome: Outcome) -> None:
        """Record the result of an `Evaluate`.

        Raises:
            ArchiveError: this agent was measured on this task and trial before.
        """
        ...

    def add_fault(self, decision: int, message: str) -> None:
        """Record a fault of ours that ended an attempt."""
        ...

    def end(self, reason: str) -> None:
        """Record why the run stopped: "finished", "drained", "stopped", "out of budget" or "fault: ..."."""
        ...
