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


@dataclass(frozen=True, slots=True)
class Step:
    """One self-modification attempt, accepted or not."""

    number: int
    parent: AgentId
    evidence_task: TaskId
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


ActionResult: TypeAlias = Step | Outcome
