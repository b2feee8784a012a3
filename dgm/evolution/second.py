"""A second attempt at a task, with what the tests said of the first: as on Aider's leaderboard.

It shows an agent text of hidden tests. So it is reported apart from what the first attempt came to, no run is evolved
by it, and nobody gets it who does not ask for it.
"""

from dgm.core.actions import Evaluate
from dgm.core.outcomes import Outcome
from dgm.evolution.bench import Bench, Job
from dgm.evolution.evaluation import Judged, Start, judged_attempt, session_seed
from dgm.evolution.prompts import prompt

PURPOSE = "second."
"""Begins the purpose of its sessions. The role whose model is called ends it, as every session's."""


def may_follow(first: Judged) -> bool:
    """Return whether there is a second attempt: the first did not resolve the task, and left files to go on from."""
    return first.solution is not None and not first.outcome.resolved


def second_attempt(job: Job, action: Evaluate, first: Judged, bench: Bench) -> Outcome:
    """Put the agent to the task once more, in a fresh sandbox, and grade what it leaves afresh.

    It may leave what it found as it is: the verdict is then an empty patch, and nothing is graded once more.

    Args:
        job: with the agent's code; of the attempt at it that the names of its sessions tell.
        action: as of the first attempt.
        first: one that `may_follow`.
        bench: what is behind the ports.
    Raises:
        OutOfBudgetError, InfrastructureError: it could not be judged; that says nothing of the first attempt.
    """
    return judged_attempt(job, action, bench, _start(action, first, bench)).outcome


def _start(action: Evaluate, first: Judged, bench: Bench) -> Start:
    task = bench.benchmark.task(action.task)
    # What was judged, and no more: what else the first session left in its workspace was dropped before the tests ran.
    pristine = {path: file for path, file in task.workspace.items() if not task.takes(path)}
    statement = prompt(
        "second", statement=task.statement.strip(), summary=first.outcome.summary, output=first.output or "(nothing)"
    )
    seed = session_seed(bench.run_seed, "second", task.id, action.trial)
    return Start(statement, {**pristine, **(first.solution or {})}, seed, purpose=PURPOSE)
