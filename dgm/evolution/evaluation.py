"""Evaluating one agent on one task, once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from random import Random

from dgm.boundary.patches import unified_patch
from dgm.core.actions import Evaluate
from dgm.core.files import Change, FileTree
from dgm.core.ids import SessionId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.core.tampering import REFUSED, rejecting, signs_of
from dgm.core.tasks import Grade, Task
from dgm.evolution.bench import Bench, Job
from dgm.evolution.session import Assignment, SessionResult, run_session

MAX_DROPPED_PATHS = 300
"""That are recorded of one measurement; an agent can leave 20,000 of a thousand bytes each."""


@dataclass(frozen=True, slots=True)
class Start:
    """What an agent starts from when it is put to a task."""

    statement: str
    workspace: FileTree
    seed: int
    """Of its model."""
    purpose: str = ""
    """What the names of its sessions begin with, so that they are unique; empty, or ends with a dot."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of it."""

    outcome: Outcome
    solution: FileTree | None
    """What it left of what is graded; None where it left no plain tree of files."""
    output: str
    """What failed tests and the compiler said. Hidden tests can be read out of it: for a second attempt alone."""


def session_limits(bench: Bench) -> SessionLimits:
    """Return what one session may use of a model."""
    limits = bench.limits
    return SessionLimits(calls=limits.max_calls, tokens=limits.max_tokens, cost_usd=limits.max_cost_usd)


def session_seed(*parts: object) -> int:
    """Return a seed in [0, 2^31) that hangs on `parts` alone, such as the run's seed, a task and a trial."""
    return Random(":".join(str(part) for part in parts)).randrange(2**31)


def evaluate(
    job: Job,
    action: Evaluate,
    bench: Bench,
    *,
    session: Callable[[Assignment, Bench], SessionResult] = run_session,
) -> Outcome:
    """Run the agent on the task in one sandbox, grade what it left in another, and return the outcome.

    Whatever the agent does is a verdict. A crash or a time-out does not lose its work: what it left is graded, and
    counts when it resolves the task.

    Raises:
        OutOfBudgetError, InfrastructureError: it could not be measured; there is no outcome.
    """
    return judged_attempt(job, action, bench, first_start(action, bench), session=session).outcome


def first_start(action: Evaluate, bench: Bench) -> Start:
    """Return the task as it is."""
    task = bench.benchmark.task(action.task)
    # The seed hangs on the task and the trial, not on the agent: all agents meet the same luck, and a replay meets it
    # again.
    seed = session_seed(bench.run_seed, "evaluate", task.id, action.trial)
    return Start(task.statement, task.workspace, seed)


def judged_attempt(
    job: Job,
    action: Evaluate,
    bench: Bench,
    start: Start,
    *,
    session: Callable[[Assignment, Bench], SessionResult] = run_session,
) -> Judged:
    """Do what `evaluate` does, from any start; errors as there."""
    started = bench.clock.monotonic()
    task = bench.benchmark.task(action.task)
    result = session(_assignment(job, task, start, bench), bench)
    solution = None if result.left is None else result.left.change.only(task.takes)
    patch = "" if solution is None else unified_patch(solution.before, solution.after)
    verdict, grade = _verdict(job, task, start, result, solution=solution, bench=bench)
    outcome = Outcome(
        task=task.id,
        trial=action.trial,
        verdict=verdict,
        summary=grade.summary,
        seconds=bench.clock.monotonic() - started,
        session=_agent_session(job, start),
        usage=result.usage,
        patch=patch,
        dropped_paths=_dropped_paths(task, result),
        flags=grade.flags,
    )
    if bench.integrity.on_tamper == "reject":
        outcome = rejecting(outcome)
    # Last: what is rejected tells how many paths there were.
    outcome = replace(outcome, dropped_paths=recorded_paths(outcome.dropped_paths))
    return Judged(outcome, None if solution is None else solution.after, grade.output)


def _agent_session(job: Job, start: Start) -> SessionId:
    return job.session(f"{start.purpose}agent")


def _assignment(job: Job, task: Task, start: Start, bench: Bench) -> Assignment:
    session, limits = _agent_session(job, start), session_limits(bench)
    return Assignment(
        grant=Grant(session=session, role=Role.AGENT, seed=start.seed, limits=limits),
        code=job.code,
        statement=start.statement,
        workspace=start.workspace,
        image=task.image,
        timeout_s=bench.limits.task_timeout_s or task.timeout_s,
        repository=task.repository,
    )


def _verdict(
    job: Job, task: Task, start: Start, result: SessionResult, *, solution: Change | None, bench: Bench
) -> tuple[Verdict, Grade]:
    if solution is None:
        refused = Grade(resolved=False, summary=f"{REFUSED}{result.refusal}")
        return result.failure or Verdict.AGENT_CRASHED, refused
    if not solution.paths:
        unchanged = Grade(resolved=False, summary=f"no solution file was changed ({result.exit})")
        return result.failure or Verdict.EMPTY_PATCH, unchanged
    session = job.session(f"{start.purpose}grading")
    grade = bench.benchmark.grade(task.id, solution, sandbox=bench.sandbox, session=session)
    if grade.resolved:
        return Verdict.RESOLVED, grade
    return result.failure or Verdict.UNRESOLVED, grade


def _dropped_paths(task: Task, result: SessionResult) -> tuple[str, ...]:
    """Return what it changed outside the solution: not graded, but a signal worth keeping."""
    if result.left is None:
        return ()
    dropped = (path for path in result.left.change.paths if not task.takes(path))
    return tuple(sorted({*dropped, *result.left.left_out}))


def recorded_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the paths that are recorded of those that were dropped, and behind them how many more there are.

    Signs of tampering go first, each kind of them in turn, so that every kind that is there is recorded.
    """
    more = len(paths) - MAX_DROPPED_PATHS
    if more <= 0:
        return tuple(paths)
    kinds = [[sign.path for sign in found] for _, found in groupby(signs_of(paths, ()), key=lambda sign: sign.kind)]
    first = [path for turn in zip_longest(*kinds) for path in turn if path is not None]
    kept = list(dict.fromkeys([*first, *paths]))[:MAX_DROPPED_PATHS]
    return (*sorted(kept), f"and {more:,} more")
