"""One self-modification: evidence, diagnosis, the parent at work on its own code, the gate."""

from dataclasses import replace
from random import Random

from dgm.boundary.patches import unified_patch
from dgm.core.actions import Diagnosis, Expand, Rejection, Step
from dgm.core.files import FileTree, changed_paths
from dgm.core.ports import Grant, Role
from dgm.evolution.bench import Bench, Job
from dgm.evolution.diagnosis import choose_evidence, contract, diagnose
from dgm.evolution.evaluation import session_limits, session_seed
from dgm.evolution.prompts import prompt
from dgm.evolution.session import Assignment, SessionResult, run_session
from dgm.evolution.validation import probe_child, size_problem


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
    diagnosis, usage = diagnose(job, evidence, bench, step=action.step)
    step = Step(
        number=action.step,
        parent=action.parent,
        evidence_task=evidence.task,
        diagnosis=diagnosis,
        child=None,
        rejection=Rejection.NO_DIAGNOSIS,
        detail="the model never answered with the JSON asked for, or the prompt was too long for it",
        seconds=0.0,
        sessions=(job.session("diagnose"),),
        usage=usage,
    )
    if diagnosis is not None:
        step = _modify(job, step, diagnosis, bench)
    return replace(step, seconds=bench.clock.monotonic() - started)


def _modify(job: Job, step: Step, diagnosis: Diagnosis, bench: Bench) -> Step:
    result = run_session(_assignment(job, step, diagnosis, bench), bench)
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


def _assignment(job: Job, step: Step, diagnosis: Diagnosis, bench: Bench) -> Assignment:
    seed = session_seed(bench.run_seed, "improve", step.number)
    statement = prompt(
        "improve",
        problem_description=diagnosis.problem_description,
        implementation_suggestion=diagnosis.implementation_suggestion,
        files="\n".join(f"- `{path}`, {len(file.content):,} bytes" for path, file in sorted(job.code.items())),
        contract=contract(),
    )
    return Assignment(
        grant=Grant(session=job.session("improve"), role=Role.IMPROVE, seed=seed, limits=session_limits(bench)),
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
