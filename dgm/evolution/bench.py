"""What the algorithm works with: the ports and settings of one run, and the jobs that it hands to workers."""

from dataclasses import dataclass

from dgm.config import Sessions, Steps
from dgm.core.actions import Action
from dgm.core.files import FileTree
from dgm.core.ids import SessionId, session_id
from dgm.core.outcomes import Outcome
from dgm.core.ports import Attempt, Benchmark, Clock, ModelAccess, Sandbox


@dataclass(frozen=True, slots=True)
class Bench:
    """The ports and settings that an action is carried out with."""

    benchmark: Benchmark
    sandbox: Sandbox
    models: ModelAccess
    limits: Sessions
    steps: Steps
    clock: Clock
    run_seed: int


@dataclass(frozen=True, slots=True)
class Job:
    """One action with all that a worker needs to carry it out: plain values, so that it may run anywhere."""

    action: Action
    attempt: Attempt
    code: FileTree
    """The agent to evaluate, or the parent to expand."""
    evidence: tuple[Outcome, ...] = ()
    """For an expansion: what the parent did not resolve."""

    def session(self, purpose: str) -> SessionId:
        """Return the id of this job's session for `purpose`, unique in the run."""
        return session_id(self.attempt.decision, self.attempt.number, purpose)
