"""Names of things, each with a type of its own so that they cannot be mixed up."""

import hashlib
from typing import NewType

AgentId = NewType("AgentId", str)
"""12 hexadecimal digits; may be abbreviated by a user like a git commit."""

TaskId = NewType("TaskId", str)
"""A task's name within its benchmark, such as "anagram"; may contain "/"."""

SessionId = NewType("SessionId", str)
"""One agent run in one sandbox: "00012.1.agent" is decision 12, attempt 1."""

AGENT_ID_DIGITS = 12
_MOST_DIGITS = 9


def agent_id(*, run_seed: int, step: int, parent: AgentId | None, code_hash: str) -> AgentId:
    """Return the id of the agent that a step makes.

    It hangs on where the agent comes from and on its code, not on the clock, so a resumed run names its agents as an
    uninterrupted one would. Two children with the same code are two agents, since the step differs.

    Args:
        run_seed: the run's seed.
        step: number of the self-modification, 0 for the seed agent.
        parent: None for the seed agent.
        code_hash: hash of the agent's tree of files, in hexadecimal.
    """
    origin = f"{run_seed}:{step}:{parent or ''}:{code_hash}"
    return AgentId(hashlib.sha256(origin.encode()).hexdigest()[:AGENT_ID_DIGITS])


def session_id(decision: int, attempt: int, purpose: str) -> SessionId:
    """Return the name of the session that an attempt at a decision has for a purpose, unique in the run."""
    return SessionId(f"{decision:05d}.{attempt}.{purpose}")


def decision_of(session: SessionId) -> int:
    """Return the number of the decision that a session served, 0 where its name tells none."""
    number = session.partition(".")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS else 0


def purpose_of(session: SessionId) -> str:
    """Return what a session was for: mostly the role whose model it called."""
    return session.rpartition(".")[2]
