"""One self-modification: evidence, diagnosis, the parent at work on its own code, the gate."""

from dataclasses import replace
from random import Random

from dgm.boundary.patches import unified_patch
from dgm.core.actions import Diagnosis, Expand, Rejection, Step
from dgm.core.files import FileTree, changed_paths
from dgm.core.outcomes import Usage
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.evolution.bench import Bench, Job
from dgm.evolution.diagnosis import choose_evidence, contract, diagnose
from dgm.evolution.evaluation import session_limits, session_seed
from dgm.evolution.prompts import prompt
from dgm.evolution.session import Assignment, SessionResult, run_session
from dgm.evolution.validation import probe_child, size_problem

_NO_DIAGNOSIS = (
    Rejection.NO_DIAGNOSIS,
    "the model never answered with the JSON asked for, or the prompt was too long for it or refused for its content",
)
_NO_BUDGET_FOR_DIAGNOSIS = (Rejection.OUT_OF_BUDGET, "what a session or a step may use was used up without a diagnosis")


def expand(job: Job, action: Expand, bench: Bench) -> Step:
    """Let the parent modify its own code once and return the step, accepted or rejected.

    Source: Zhang et al. 2025, arXiv:2505.22954, section 3 and App. B.

    Args:
        job: with the parent's code and what it did not resolve (at least one outcome).
    Raises:
        OutOfBudgetError, InfrastructureError: it could not be carried out; there is no step.
    """
    started = bench.clock.monotonic()
    evidence = choose_evidence(job.evidence, Random(f"{bench.run_seed}:evidence:{action.step}"))
    diagnosed = diagnose(job, evidence, bench, step=action.step, limits=_limits_left(bench, Usage()))
    rejection, detail = _NO_DIAGNOSIS if not diagnosed.limit_reached else _NO_BUDGET_FOR_DIAGNOSIS
    step = Step(
        number=action.step,
        parent=action.parent,
        evidence_task=evidence.task,
        diagnosis=diagnosed.diagnosis,
        child=None,
        rejection=rejection,
        detail=detail,
        seconds=0.0,
        sessions=(job.session("diagnose"),),
        usage=diagnosed.usage,
    )
    if diagnosed.diagnosis is not None:
        step = _modify(job, step, diagnosed.diagnosis, bench)
    return replace(step, seconds=bench.clock.monotonic() - started)


def _modify(job: Job, step: Step, diagnosis: Diagnosis, bench: Bench) -> Step:
    limits = _limits_left(bench, step.usage)
    if limits.calls <= 0 or limits.tokens <= 0 or limits.cost_usd <= 0:
        return replace(step, rejection=Rejection.OUT_OF_BUDGET, detail="its diagnosis used up what a step may use")
    result = run_session(_assignment(job, step, diagnosis, bench, limits), bench)
    child: FileTree = result.tree or {}
    step = replace(
        step,
        sessions=(*step.sessions, job.session("improve")),
        usage=step.usage + result.usage,
        patch=unified_patch(job.code, child) if result.tree is not None else "",
        exit=result.exit,
    )
    rejected = _rejection(job.code, result)
    if rejected is None:
        step = replace(step, sessions=(*step.sessions, job.session("probe")))
        rejected = probe_child(child, job, bench)
    if rejected is not None:
        rejection, detail = rejected
        return replace(step, rejection=rejection, detail=detail)
    return replace(step, rejection=None, detail="", child=child)


def _limits_left(bench: Bench, used: Usage) -> SessionLimits:
    """Return what a session may use in a step that used `used` so far: the less of a session's and the step's."""
    session, step = session_limits(bench), bench.steps
    return SessionLimits(
        calls=session.calls if step.max_calls is None else min(session.calls, step.max_calls - used.calls),
        tokens=session.tokens if step.max_tokens is None else min(session.tokens, step.max_tokens - used.tokens),
        cost_usd=(
            session.cost_usd if step.max_cost_usd is None else min(session.cost_usd, step.max_cost_usd - used.cost_usd)
        ),
    )


def _assignment(job: Job, step: Step, diagnosis: Diagnosis, bench: Bench, limits: SessionLimits) -> Assignment:
    seed = session_seed(bench.run_seed, "improve", step.number)
    statement = prompt(
        "improve",
        problem_description=diagnosis.problem_description,
        implementation_suggestion=diagnosis.implementation_suggestion,
        files="\n".join(f"- `{path}`, {len(file.content):,} bytes" for path, file in sorted(job.code.items())),
        contract=contract(),
    )
    return Assignment(
        grant=Grant(session=job.session("improve"), role=Role.IMPROVE, seed=seed, limits=limits),
        code=job.code,
        statement=statement,
        workspace=job.code,
        image=bench.benchmark.image,
        timeout_s=bench.limits.improve_timeout_s,
    )


def _rejection(parent: FileTree, result: SessionResult) -> tuple[Rejection, str] | None:
    """Return why what the parent left cannot be a child. How the parent ended does not matter, only what it left."""
    if result.tree is None:
        return Rejection.HOSTILE_TREE, result.refusal
    if not changed_paths(parent, result.tree):
        if result.limit_reached:
            return Rejection.OUT_OF_BUDGET, "the parent used up its session before it changed anything"
        return Rejection.EMPTY_PATCH, f"the parent changed nothing ({result.exit})"
    problem = size_problem(result.tree)
    return (Rejection.TOO_LARGE, problem) if problem else None
