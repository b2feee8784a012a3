"""One session: one agent at work in one sandbox."""

import json
from dataclasses import dataclass
from math import inf

from dgm.core.errors import HostileBytesError, ProviderError
from dgm.core.files import Change, File, FileTree
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Changes, Container, ContainerSpec, Execution, Grant, ModelSession
from dgm.core.tasks import Repository
from dgm.evolution.bench import Bench

WORKSPACE = "/workspace"
INTERPRETER = "/usr/bin/python3"
"""The system's own: a task's image may put one before it on the path that is too old for agents."""
SOCKET = "/gateway/model.sock"
# Time for copying in and out around the agent's own limit, before the dead-man timer ends the container.
LIFETIME_MARGIN_S = 120.0
MOST_LOST = 0.05
"""See `run_session`."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What an agent is started with."""

    grant: Grant
    code: FileTree
    statement: str
    workspace: FileTree
    """Laid out in an empty directory; not looked at where there is a `repository`."""
    image: str
    timeout_s: float
    repository: Repository | None = None
    """What the image brings along to work on."""

    @property
    def directory(self) -> str:
        """Where the agent works."""
        return WORKSPACE if self.repository is None else self.repository.directory


@dataclass(frozen=True, slots=True)
class SessionResult:
    """What an agent left and how it ended."""

    left: Changes | None
    """What became of the workspace, None when it was refused; `refusal` says why then."""
    refusal: str
    execution: Execution
    limit_reached: bool
    """It asked for more than its session's calls, tokens or dollars."""
    usage: Usage

    @property
    def tree(self) -> FileTree | None:
        """The workspace as the agent left it, of a repository the changed part; None when it was refused."""
        return None if self.left is None else self.left.change.after

    @property
    def failure(self) -> Verdict | None:
        """Return the verdict that its end alone would give, None when it ended well."""
        if self.execution.timed_out:
            return Verdict.TIMED_OUT
        if self.limit_reached:
            return Verdict.OUT_OF_BUDGET
        if self.left is None or self.execution.exit_code != 0:
            return Verdict.AGENT_CRASHED
        return None

    @property
    def exit(self) -> str:
        """Return how the process ended, for people."""
        if self.execution.timed_out:
            return f"ended after {self.execution.seconds:.0f} s"
        if self.execution.truncated:
            return "ended for its output"
        return f"exit {self.execution.exit_code}"


def run_session(assignment: Assignment, bench: Bench, *, most_lost: float = MOST_LOST) -> SessionResult:
    """Run an agent on its assignment to its end, and take what it left.

    A session that a fault of ours cut short says nothing about the agent. Neither does one that timed out after a
    failing provider, or waiting for money at the run's cap, took a part of its time, since it might have ended well in
    what it lost, nor one that ended badly while a call still waited like that, since agents give up on calls before the
    gateway does.

    Args:
        assignment: what the agent is started with.
        bench: what is behind the ports.
        most_lost: share of its time that the provider may have cost an agent that timed out and is scored for it.
    Raises:
        OutOfBudgetError: the run's cap stopped it: not measured.
        InfrastructureError: a fault of ours stopped it: not measured.
    """
    with bench.models.session(assignment.grant) as line:
        spec = ContainerSpec(
            image=assignment.image,
            kind="agent",
            session=assignment.grant.session,
            lifetime_s=assignment.timeout_s + LIFETIME_MARGIN_S,
            gateway_directory=line.directory,
            repository=assignment.repository,
        )
        with bench.sandbox.container(spec) as container:
            line.admit(container.peer_uid)
            execution = _execute(assignment, container, model=line.model)
            gave_up = line.is_held_up and execution.exit_code not in {0, None}
            left, refusal = _left(assignment, container)
        _raise_fault(line)
    if execution.timed_out or gave_up:  # calls that were under way have ended by now, and may have ended with a fault
        _raise_fault(line)
        lost_s = inf if gave_up else line.lost_s
        if lost_s > most_lost * assignment.timeout_s:
            raise ProviderError(_why_not_scored(line, assignment, gave_up=gave_up))
    return SessionResult(
        left=left, refusal=refusal, execution=execution, limit_reached=line.limit_reached, usage=line.usage
    )


def _execute(assignment: Assignment, container: Container, *, model: str) -> Execution:
    directory = assignment.directory
    settings = {"workspace": directory, "socket": SOCKET, "model": model, "timeout_s": assignment.timeout_s}
    task = {
        "problem.md": File(assignment.statement.encode()),
        "task.json": File(json.dumps(settings).encode()),
    }
    laid_out = {f"agent/{path}": file for path, file in assignment.code.items()}
    laid_out |= {f"task/{path}": file for path, file in task.items()}
    # One copy for both: the keeper owns them, so the agent reads its code and its orders but cannot change them.
    container.write_files(laid_out, directory="/", owner="keeper")
    if assignment.repository is None:
        container.write_files(assignment.workspace, directory=directory, owner="agent")
    return container.execute(
        [INTERPRETER, "/agent/main.py"], timeout_s=assignment.timeout_s, user="agent", directory=directory
    )


def _left(assignment: Assignment, container: Container) -> tuple[Changes | None, str]:
    try:
        if assignment.repository is not None:
            return container.changes(), ""
        return Changes(Change(assignment.workspace, container.read_files(WORKSPACE))), ""
    except HostileBytesError as error:
        return None, str(error)


def _raise_fault(line: ModelSession) -> None:
    """Raise what stopped a call, if it was not the agent's doing."""
    if line.fault is not None:
        raise line.fault


def _why_not_scored(line: ModelSession, assignment: Assignment, *, gave_up: bool) -> str:
    ended = (
        "gave up while a call was held up by"
        if gave_up
        else f"timed out after it lost {line.lost_s:.0f} of its {assignment.timeout_s:.0f} s to"
    )
    return (
        f"An agent {ended} failures or overload of {line.model} or waiting for money at the cap, so it is not scored; "
        "fewer workers, or trying again later, may help."
    )
