"""What the algorithm works with: the ports and settings of one run, and the jobs that it hands to workers."""

from dataclasses import dataclass

from dgm.config import Diagnoses, Integrity, Sessions, Steps
from dgm.core.actions import Action, Step
from dgm.core.files import FileTree
from dgm.core.ids import SessionId, session_id
from dgm.core.memory import Modification
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
    diagnoses: Diagnoses
    integrity: Integrity
    clock: Clock
    run_seed: int


@dataclass(frozen=True, slots=True)
class Job:
    """One action with all that a worker needs to carry it out: plain values, so that it may run anywhere."""

    action: Action
    attempt: Attempt
    code: FileTree
    """The agent to evaluate, or the parent to expand."""
    outcomes: tuple[Outcome, ...] = ()
    """For an expansion: what was measured of the parent, in the order of the stages."""
    editor: FileTree | None = None
    """For an expansion: the agent that does the editing, where it is not the parent."""
    partner: FileTree | None = None
    """For a merge: the second parent's code."""
    ancestor: FileTree | None = None
    """For a merge: the code of both parents' last common ancestor."""
    memory: tuple[Modification, ...] = ()
    """For an expansion: what was tried before, around the parent."""
    proposals: tuple[str, ...] = ()
    """For an expansion that is judged before it is paid for: what was proposed before, in the whole archive."""
    is_held: bool = False
    """For an expansion: whether its child waits to be seen by a person before it first runs."""
    approved: Step | None = None
    """For an expansion whose child was seen and may run: the step with that child."""

    @property
    def unresolved(self) -> tuple[Outcome, ...]:
        """For an expansion: what the parent did not resolve."""
        return tuple(outcome for outcome in self.outcomes if not outcome.resolved)

    def session(self, purpose: str) -> SessionId:
        """Return the id of this job's session for `purpose`, unique in the run."""
        return session_id(self.attempt.decision, self.attempt.number, purpose)
