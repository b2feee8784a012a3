"""Carries out one job: the function that workers run."""

from typing import assert_never

from dgm.core.actions import ActionResult, Evaluate, Expand
from dgm.core.ids import AgentId
from dgm.evolution.bench import Bench, Job
from dgm.evolution.evaluation import evaluate
from dgm.evolution.merge import merge
from dgm.evolution.step import expand, go_on


def perform(job: Job, bench: Bench) -> ActionResult:
    """Return a step for an `Expand` and an outcome for an `Evaluate`.

    Raises:
        OutOfBudgetError, InfrastructureError: it could not be carried out; nothing is scored.
    """
    if job.approved is not None:
        return go_on(job, job.approved, bench)
    match job.action:
        case Expand(partner=str(partner)):
            return merge(job, job.action, AgentId(partner), bench)
        case Expand():
            return expand(job, job.action, bench)
        case Evaluate():
            return evaluate(job, job.action, bench)
        case _ as never:
            assert_never(never)
