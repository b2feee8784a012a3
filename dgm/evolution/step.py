"""One self-modification: evidence, diagnosis, a look at what is proposed, an agent at work on the code, the gate."""

from dataclasses import replace
from random import Random

from dgm.boundary.patches import unified_patch
from dgm.boundary.text import safe_line
from dgm.core.actions import Diagnosis, Expand, Rejection, Step
from dgm.core.files import FileTree, changed_paths
from dgm.core.ids import TaskId
from dgm.core.outcomes import Usage
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.evolution.bench import Bench, Job
from dgm.evolution.diagnosis import contract, diagnose
from dgm.evolution.evaluation import session_limits, session_seed
from dgm.evolution.evidence import Evidence, choose_evidence
from dgm.evolution.interest import judge
from dgm.evolution.prompts import prompt
from dgm.evolution.session import Assignment, SessionResult, run_session
from dgm.evolution.validation import probe_child, size_problem

_NO_DIAGNOSIS = (
    Rejection.NO_DIAGNOSIS,
    "the model never answered with the JSON asked for, or the prompt was too long for it or refused for its content",
)
_NO_BUDGET_FOR_DIAGNOSIS = (Rejection.OUT_OF_BUDGET, "what a session or a step may use was used up without a diagnosis")

_DETAIL_CHARS = 500


def expand(job: Job, action: Expand, bench: Bench) -> Step:
    """Let the parent modify its own code once and return the step, accepted or rejected.

    Source: Zhang et al. 2025, arXiv:2505.22954, section 3 and App. B.

    Args:
        job: with the parent's code and what was measured of it. Where it resolved everything there is nothing to learn
            from, and the step is rejected.
    Raises:
        OutOfBudgetError, InfrastructureError: it could not be carried out; there is no step.
    """
    started = bench.clock.monotonic()
    evidence = choose_evidence(
        job.outcomes,
        bench.benchmark.evidence_kinds,
        Random(f"{bench.run_seed}:evidence:{action.step}"),
        overflowed=bench.models.overflowed,
    )
    step = _unlearned(action) if evidence is None else _diagnosed(job, action, evidence, bench)
    if step.diagnosis is not None:
        step = _judged(job, step, step.diagnosis, bench)
    if step.diagnosis is not None and step.rejection is not Rejection.NOT_NEW:
        step = self_modified(job, step, _statement(job, step.diagnosis), workspace=job.code, bench=bench)
    return replace(step, seconds=bench.clock.monotonic() - started)


def _unlearned(action: Expand) -> Step:
    return Step(
        number=action.step,
        parent=action.parent,
        evidence_task=TaskId(""),
        diagnosis=None,
        child=None,
        rejection=Rejection.NO_DIAGNOSIS,
        detail="nothing that was measured of the parent was left unresolved",
        seconds=0.0,
        sessions=(),
    )


def _diagnosed(job: Job, action: Expand, evidence: Evidence, bench: Bench) -> Step:
    """Return the step with its diagnosis, or rejected for the lack of one."""
    diagnosed = diagnose(job, evidence, bench, step=action.step, limits=_limits_left(bench, Usage()))
    rejection, detail = _NO_DIAGNOSIS if not diagnosed.limit_reached else _NO_BUDGET_FOR_DIAGNOSIS
    return Step(
        number=action.step,
        parent=action.parent,
        evidence_task=evidence.outcome.task,
        diagnosis=diagnosed.diagnosis,
        child=None,
        rejection=rejection,
        detail=detail,
        seconds=0.0,
        sessions=(job.session("diagnose"),),
        usage=diagnosed.usage,
        evidence_kind=evidence.kind,
    )


def _judged(job: Job, step: Step, diagnosis: Diagnosis, bench: Bench) -> Step:
    """Return the step with what a model says of its proposal, rejected if that is nothing new for the archive.

    Nobody is asked where the run does not want it, nothing was proposed before, or nothing is left to ask with.
    """
    limits = _limits_left(bench, step.usage)
    if not bench.diagnoses.interest or not job.proposals or _are_used_up(limits):
        return step
    judged = judge(job, diagnosis.improvement_proposal, bench, step=step.number, limits=limits)
    step = replace(
        step, judgement=judged.judgement, sessions=(*step.sessions, judged.session), usage=step.usage + judged.usage
    )
    # Without an answer that can be read it goes on: that is the judge's failure and says nothing of the proposal, and a
    # proposal that is carried out twice costs one modification, while one that is wrongly dropped may be lost for good.
    if judged.judgement is None or judged.judgement.is_new:
        return step
    detail = safe_line(judged.judgement.reason, max_chars=_DETAIL_CHARS)
    return replace(step, rejection=Rejection.NOT_NEW, detail=detail or "a model judged it to be nothing new")


def self_modified(job: Job, step: Step, statement: str, *, workspace: FileTree, bench: Bench) -> Step:
    """Let an agent change the code in `workspace` as the statement says and return the step with what came of it.

    Args:
        job: with the parent's code, and the editor's where that is another agent.
        step: as far as it is.
        statement: Markdown.
        workspace: what the editor finds: the parent's code, or more.
        bench: what is behind the ports.
    Raises:
        OutOfBudgetError, InfrastructureError: it could not be carried out; there is no step.
    """
    limits = _limits_left(bench, step.usage)
    if _are_used_up(limits):
        return replace(step, rejection=Rejection.OUT_OF_BUDGET, detail="its diagnosis used up what a step may use")
    result = run_session(_assignment(job, step, statement, workspace, bench, limits), bench)
    child: FileTree = result.tree or {}
    step = replace(
        step,
        sessions=(*step.sessions, job.session("improve")),
        usage=step.usage + result.usage,
        patch=unified_patch(job.code, child) if result.tree is not None else "",
        exit=result.exit,
    )
    rejected = _rejection(job.code, result)
    if rejected is not None:
        rejection, detail = rejected
        return replace(step, rejection=rejection, detail=detail)
    return probed(job, step, child, bench)


def probed(job: Job, step: Step, child: FileTree, bench: Bench) -> Step:
    """Return the step with its child if that is still an agent, else with the reason why it is rejected.

    Where a person is to see the child first, it is left as it is: nothing of it runs here.

    Raises:
        InfrastructureError: it could not be found out.
    """
    if job.is_held:
        return replace(step, rejection=None, detail="", child=child)
    step = replace(step, sessions=(*step.sessions, job.session("probe")))
    rejected = probe_child(child, job.attempt, bench)
    if rejected is not None:
        rejection, detail = rejected
        return replace(step, rejection=rejection, detail=detail)
    return replace(step, rejection=None, detail="", child=child)


def go_on(job: Job, approved: Step, bench: Bench) -> Step:
    """Return what becomes of a step whose child a person has seen and let run.

    Raises:
        InfrastructureError: it could not be found out.
    """
    if approved.child is None:
        raise ValueError("a step without a child cannot be approved")
    return probed(job, replace(approved, child=None), approved.child, bench)


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


def _are_used_up(limits: SessionLimits) -> bool:
    return limits.calls <= 0 or limits.tokens <= 0 or limits.cost_usd <= 0


def _statement(job: Job, diagnosis: Diagnosis) -> str:
    return prompt(
        "improve",
        problem_description=diagnosis.problem_description,
        implementation_suggestion=diagnosis.implementation_suggestion,
        files="\n".join(f"- `{path}`, {len(file.content):,} bytes" for path, file in sorted(job.code.items())),
        contract=contract(),
    )


def _assignment(
    job: Job, step: Step, statement: str, workspace: FileTree, bench: Bench, limits: SessionLimits
) -> Assignment:
    seed = session_seed(bench.run_seed, "improve", step.number)
    return Assignment(
        grant=Grant(session=job.session("improve"), role=Role.IMPROVE, seed=seed, limits=limits),
        code=job.code if job.editor is None else job.editor,
        statement=statement,
        workspace=workspace,
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
