"""Evaluating one agent on one task, once."""

from collections.abc import Callable
from random import Random

from dgm.boundary.patches import unified_patch
from dgm.core.actions import Evaluate
from dgm.core.files import changed_paths, only
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.core.tasks import Task
from dgm.evolution.bench import Bench, Job
from dgm.evolution.session import Assignment, SessionResult, run_session


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
    started = bench.clock.monotonic()
    task = bench.benchmark.task(action.task)
    result = session(_assignment(job, action, task, bench), bench)
    base = only(task.workspace, task.solution_paths)
    solution = only(result.tree or {}, task.solution_paths)
    patch = unified_patch(base, solution) if result.tree is not None else ""
    verdict, summary = _verdict(job, task, result, changed=bool(patch), bench=bench)
    return Outcome(
        task=task.id,
        trial=action.trial,
        verdict=verdict,
        summary=summary,
        seconds=bench.clock.monotonic() - started,
        session=job.session("agent"),
        usage=result.usage,
        patch=patch,
        dropped_paths=_dropped_paths(task, result),
    )


def _assignment(job: Job, action: Evaluate, task: Task, bench: Bench) -> Assignment:
    # The seed hangs on the task and the trial, not on the agent: all agents meet the same luck, and a replay meets it
    # again.
    seed = session_seed(bench.run_seed, "evaluate", task.id, action.trial)
    return Assignment(
        grant=Grant(session=job.session("agent"), role=Role.AGENT, seed=seed, limits=session_limits(bench)),
        code=job.code,
        statement=task.statement,
        workspace=task.workspace,
        image=bench.benchmark.image,
        timeout_s=bench.limits.task_timeout_s,
    )


def _verdict(job: Job, task: Task, result: SessionResult, *, changed: bool, bench: Bench) -> tuple[Verdict, str]:
    if result.tree is None:
        return result.failure or Verdict.AGENT_CRASHED, f"nothing could be graded: {result.refusal}"
    if not changed:
        return result.failure or Verdict.EMPTY_PATCH, f"no solution file was changed ({result.exit})"
    solution = only(result.tree, task.solution_paths)
    grade = bench.benchmark.grade(task.id, solution, sandbox=bench.sandbox, session=job.session("grading"))
    if grade.resolved:
        return Verdict.RESOLVED, grade.summary
    return result.failure or Verdict.UNRESOLVED, grade.summary


def _dropped_paths(task: Task, result: SessionResult) -> tuple[str, ...]:
    """Return what it changed outside the solution: not graded, but a signal worth keeping."""
    if result.tree is None:
        return ()
    return tuple(path for path in changed_paths(task.workspace, result.tree) if path not in task.solution_paths)
