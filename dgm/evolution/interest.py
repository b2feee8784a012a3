"""Interest: before a modification is paid for, a model judges whether its proposal is new for the archive.

Source of the idea: Zhang et al. 2024, *OMNI: Open-endedness via Models of human Notions of Interestingness*,
arXiv:2306.01711, where a model picks the tasks that are worth learning. Here it looks at one proposal at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dgm.boundary.answers import parse_judgement
from dgm.core.actions import Judgement
from dgm.core.errors import HostileBytesError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import Grant, Role, SessionLimits
from dgm.evolution.bench import Bench, Job
from dgm.evolution.diagnosis import MAX_TRIES
from dgm.evolution.evaluation import session_seed
from dgm.evolution.prompts import prompt
from dgm.evolution.quoting import quoted

MAX_PROPOSALS_CHARS = 200_000
MAX_PROPOSAL_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of asking whether a proposal is new."""

    judgement: Judgement | None
    """None when no answer could be read."""
    session: SessionId
    usage: Usage


def judge(job: Job, proposal: str, bench: Bench, *, step: int, limits: SessionLimits) -> Judged:
    """Ask the diagnosing model whether `proposal` is new, up to four times until its JSON parses.

    Each further try shows half as many of the earlier proposals, the oldest of them left out.

    Args:
        job: with what was proposed before (at least one).
        proposal: what a step is about to pay for.
        bench: what is behind the ports.
        step: its number.
        limits: on asking.
    Raises:
        OutOfBudgetError, InfrastructureError: the model could not be asked.
    """
    # The last part of its purpose is the role, by which costs are told apart.
    session = job.session(f"interest.{Role.DIAGNOSE}")
    seed = session_seed(bench.run_seed, "interest", step)
    grant = Grant(session=session, role=Role.DIAGNOSE, seed=seed, limits=limits)
    with bench.models.session(grant) as line:
        judgement = None
        for attempt in range(1, MAX_TRIES + 1):
            try:
                judgement = parse_judgement(line.ask(_question(job.proposals, proposal, attempt)))
                break
            except HostileBytesError:
                continue
    return Judged(judgement, session, line.usage)


def _question(proposals: Sequence[str], proposal: str, attempt: int) -> str:
    return prompt(
        "interest",
        proposals="\n".join(_newest(proposals, most=MAX_PROPOSALS_CHARS >> (attempt - 1))),
        new_proposal=quoted(proposal, most=MAX_PROPOSAL_CHARS).strip(),
        attempt=str(attempt),
    )


def _newest(proposals: Sequence[str], *, most: int) -> list[str]:
    """Return the newest of the proposals that have room in `most` characters, each once, in its tags, newest last."""
    kept: list[str] = []
    room = most
    for proposal in dict.fromkeys(reversed(proposals)):
        entry = f"<proposal>\n{quoted(proposal, most=MAX_PROPOSAL_CHARS).strip()}\n</proposal>"
        room -= len(entry) + 1
        if room < 0:
            break
        kept.append(entry)
    return kept[::-1]
