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
