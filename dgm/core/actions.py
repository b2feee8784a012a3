"""What a policy can ask for and what comes back: plain values, so that any executor can carry them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from dgm.core.files import FileTree
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Outcome, Usage


@dataclass(frozen=True, slots=True)
class Expand:
    """Let `parent` modify its own code: one step."""

    parent: AgentId
    step: int
    """Number of the self-modification, from 1."""
    editor: AgentId | None = None
    """The agent that does the editing, where it is not the parent itself."""
    partner: AgentId | None = None
    """A second parent, whose code is merged with the parent's."""


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Run `agent` on `task` and grade what it leaves."""

    agent: AgentId
    task: TaskId
    trial: int


Action: TypeAlias = Expand | Evaluate


class Rejection(StrEnum):
    """Why a step made no child. The step is a fact all the same."""

    NO_DIAGNOSIS = "no diagnosis"  # the model never answered with the JSON asked for
    EMPTY_PATCH = "empty patch"  # the parent changed nothing
    HOSTILE_TREE = "hostile tree"  # what it left is not a tree of plain files
    TOO_LARGE = "too large"
    NOT_AN_AGENT = "not an agent"  # the child does not start, speak the protocol, edit and end
    OUT_OF_BUDGET = "out of budget"  # the session's own limit, with nothing left behind
    NOT_NEW = "not new"  # a model judged the proposal to be nothing new for the archive
    NOTHING_TO_MERGE = "nothing to merge"  # the second parent has nothing that the first lacks
    NOT_APPROVED = "not approved"  # a person looked at it and said no


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A model's answer to why a task was not resolved and what one general change would help.

    Source: Zhang et al. 2025, arXiv:2505.22954, App. B: the five fields of its JSON.
    """

    log_summarization: str
    potential_improvements: tuple[str, ...]
    improvement_proposal: str
    implementation_suggestion: str
    problem_description: str


class EvidenceKind(StrEnum):
    """What a diagnosis is to explain.

    Source: Zhang et al. 2025, arXiv:2505.22954, App. B and C.3.
    """

    UNRESOLVED = "unresolved task"
    EMPTY_PATCHES = "empty patches"
    STOCHASTICITY = "stochasticity"
    CONTEXT_LENGTH = "context length"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model said of whether a proposal is new for the archive, before it was paid for."""

    is_new: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One self-modification attempt, accepted or not."""

    number: int
    parent: AgentId
    evidence_task: TaskId
    """Empty without evidence: for a merge, and where nothing was left unresolved."""
    diagnosis: Diagnosis | None
    child: FileTree | None
    """The child's code, None when the step was rejected."""
    rejection: Rejection | None
    detail: str
    """One sentence: what the child did wrong, or empty."""
    seconds: float
    sessions: tuple[SessionId, ...]
    usage: Usage = field(default_factory=Usage)
    patch: str = ""
    """Unified diff from the parent to what was left, clipped; a rejected child's too."""
    exit: str = ""
    """How the parent's process ended, such as "exit 0"; empty where none was started."""
    evidence_kind: EvidenceKind = EvidenceKind.UNRESOLVED
    judgement: Judgement | None = None
    """None where no model was asked whether the proposal is new."""
    partner: AgentId | None = None
    """The second parent of a merge."""
    conflicts: tuple[str, ...] = ()
    """Paths of a merge that both parents changed in different ways."""


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step that ended, as a diagnosis may be told of it."""

    number: int
    parent: AgentId
    child: AgentId | None
    proposal: str
    """What was to be improved, as a model wrote it; empty where there was no diagnosis."""
    rejection: Rejection | None
    detail: str


ActionResult: TypeAlias = Step | Outcome
