"""Facts as values, and how they lie in rows."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dgm.archive.codestore import CommitId
from dgm.archive.difference import DiffStat
from dgm.core.actions import Action, Diagnosis, Evaluate, EvidenceKind, Expand, Judgement, PastStep, Rejection, Step
from dgm.core.agents import Agent
from dgm.core.controls import StandingControl
from dgm.core.ids import AGENT_ID_DIGITS, AgentId, SessionId, TaskId
from dgm.core.outcomes import NANOS_PER_USD, Measured, Outcome, Usage, Verdict
from dgm.core.oversight import Intervention, Review

Row: TypeAlias = Sequence[Any]

_COMMIT_DIGITS = 40
_HEXADECIMAL = "0123456789abcdef"
YEAR_5000 = 95_617_584_000.0
"""In seconds since 1970: no fact is as late."""
TOO_LONG_S = 1e10
"""Nothing takes as long."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run is, recorded when it was made."""

    name: str
    created_at: float
    dgm_version: str
    image: str
    image_digest: str
    policy: str
    benchmark: str
    model: str
    """The agent's; the configuration has the other roles'."""
    seed: int


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One self-modification that ended, as the archive keeps it: `dgm.core.actions.Step` without the child's code."""

    number: int
    decision: int
    parent: AgentId
    evidence_task: TaskId
    diagnosis: Diagnosis | None
    rejection: Rejection | None
    detail: str
    seconds: float
    patch: str
    exit: str
    child: AgentId | None
    diff_stat: DiffStat | None
    """None when it was rejected."""
    usage: Usage
    sessions: tuple[SessionId, ...]
    at: float
    """When it ended, in seconds since 1970."""
    beside: "BesideStep"


@dataclass(frozen=True, slots=True)
class BesideStep:
    """What is known of a step beside its row, where it is not as most are; see `dgm.core.actions.Step`."""

    editor: AgentId | None = None
    partner: AgentId | None = None
    evidence_kind: EvidenceKind = EvidenceKind.UNRESOLVED
    judgement: Judgement | None = None
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """A process began or went on with the run."""

    at: float
    pid: int
    children: int
    """How many children it was to have grown in the end."""


@dataclass(frozen=True, slots=True)
class End:
    """A process stopped, and why."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of ours that ended an attempt."""

    decision: int
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A step that waited for a person, or still does."""

    decision: int
    step: Step
    """Without the child's code."""
    commit: CommitId
    """Where that lies."""
    code_hash: str
    at: float
    review: Review | None
    reviewed_at: float | None


@dataclass(frozen=True, slots=True)
class InterventionRecord:
    """What a person did to the run."""

    what: Intervention
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A control, and how many measurements there were when it was recorded."""

    control: StandingControl
    evaluations: int
    at: float


@dataclass(frozen=True, slots=True)
class Amount:
    """Usage in whole numbers, so that sums are exact."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    nanos: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.nanos + other.nanos,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    def __neg__(self) -> "Amount":
        return Amount(
            -self.calls,
            -self.input_tokens,
            -self.output_tokens,
            -self.nanos,
            -self.cache_read_tokens,
            -self.cache_write_tokens,
        )

    def __sub__(self, other: "Amount") -> "Amount":
        return self + -other

    @property
    def usage(self) -> Usage:
        """The same for the rest of the program."""
        return Usage(
            calls=self.calls,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.nanos / NANOS_PER_USD,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )

    @property
    def without_cache(self) -> "Amount":
        """The same without what the cache had of it: only settled calls keep that."""
        return replace(self, cache_read_tokens=0, cache_write_tokens=0)


def amount_of(usage: Usage) -> Amount:
    """Return a usage with its cost rounded to the nano-dollar."""
    if not math.isfinite(usage.cost_usd):
        raise ValueError(f"a cost of {usage.cost_usd} dollars")
    return Amount(
        calls=usage.calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        nanos=round(usage.cost_usd * NANOS_PER_USD),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


def storable(text: str) -> str:
    """Return `text` without lone surrogates, which a model can write in JSON and no database can store."""
    return text.encode("utf-8", "replace").decode("utf-8")


def stored_outcome(outcome: Outcome) -> Outcome:
    """Return what reading an outcome back gives."""
    return replace(
        outcome,
        summary=storable(outcome.summary),
        patch=storable(outcome.patch),
        flags=tuple(map(storable, outcome.flags)),
        usage=amount_of(outcome.usage).without_cache.usage,
    )


def action_from(
    kind: str,
    agent: str,
    step: int | None,
    task: str | None,
    trial: int | None,
    *,
    editor: str | None = None,
    partner: str | None = None,
) -> Action:
    """Return the action of such values."""
    if kind == "expand" and step is not None:
        return Expand(AgentId(agent), step, editor=optional_agent(editor), partner=optional_agent(partner))
    if kind == "evaluate" and task is not None and trial is not None:
        return Evaluate(AgentId(agent), TaskId(task), trial)
    raise ValueError(f"no action is a {kind!r} like that")


def optional_agent(agent: str | None) -> AgentId | None:
    """Return the id of an agent that may be none."""
    return None if agent is None else AgentId(agent)


def diagnosis_json(diagnosis: Diagnosis | None) -> str | None:
    """Return a diagnosis as ASCII JSON."""
    if diagnosis is None:
        return None
    return json.dumps({name: getattr(diagnosis, name) for name in Diagnosis.__dataclass_fields__})


def diagnosis_from(text: str | None) -> Diagnosis | None:
    """Return the diagnosis in such JSON."""
    if text is None:
        return None
    fields = json.loads(text)
    fields["potential_improvements"] = tuple(fields["potential_improvements"])
    return Diagnosis(**fields)


def proposal_in(text: str | None) -> str:
    """Return what a diagnosis in such JSON proposes, "" where there is none."""
    return "" if text is None else str(json.loads(text)["improvement_proposal"])


def outcome_from(row: Row, flags: tuple[str, ...]) -> Outcome:
    """Return the outcome in (task, trial, verdict, summary, seconds, session, patch, dropped_paths, usage ...)."""
    task, trial, verdict, summary, seconds, session, patch, dropped, *usage = row
    return Outcome(
        task=TaskId(task),
        trial=trial,
        verdict=Verdict(verdict),
        summary=summary,
        seconds=duration_from(seconds),
        session=SessionId(session),
        usage=Amount(*usage).usage,
        patch=patch,
        dropped_paths=paths_from(dropped),
        flags=flags,
    )


def paths_from(text: str) -> tuple[str, ...]:
    """Return the paths in a JSON list."""
    match json.loads(text):
        case [*paths] if all(isinstance(path, str) for path in paths):
            return tuple(paths)
        case _:
            raise ValueError("not a list of paths")


def measured_from(row: Row) -> Measured:
    """Return what policies see in (task, trial, resolved, edited, tokens, nanos, changed lines)."""
    task, trial, resolved, edited, tokens, nanos, changed_lines = row
    return Measured(
        measurement=(TaskId(task), trial),
        resolved=bool(resolved),
        edited=bool(edited),
        tokens=tokens,
        cost_usd=nanos / NANOS_PER_USD,
        changed_lines=changed_lines,
    )


def step_from(row: Row, sessions: tuple[SessionId, ...], beside: BesideStep) -> StepRecord:
    """Return the step in a row of all columns of `steps`."""
    number, decision, parent, task, diagnosis, rejection, detail, seconds, patch, *rest = row
    how, child, files_changed, insertions, deletions, at, *usage = rest
    return StepRecord(
        number=number,
        decision=decision,
        parent=AgentId(parent),
        evidence_task=TaskId(task),
        diagnosis=diagnosis_from(diagnosis),
        rejection=None if rejection is None else Rejection(rejection),
        detail=detail,
        seconds=duration_from(seconds),
        patch=patch,
        exit=how,
        child=optional_agent(child),
        diff_stat=None if files_changed is None else DiffStat(files_changed, insertions, deletions),
        usage=Amount(*usage).usage,
        sessions=sessions,
        at=at,
        beside=beside,
    )


def past_step_from(row: Row, parent: AgentId) -> PastStep:
    """Return the step of a parent in (number, child, diagnosis, rejection, detail)."""
    number, child, diagnosis, rejection, detail = row
    reason = None if rejection is None else Rejection(rejection)
    return PastStep(number, parent, optional_agent(child), proposal_in(diagnosis), reason, detail)


def agent_from(agent: str, parents: tuple[AgentId, ...], generation: int, step: int, created_at: float) -> Agent:
    """Return an agent. Its id becomes a file's name and is shown as it is, so it must be one of ours."""
    if len(agent) != AGENT_ID_DIGITS or agent.strip(_HEXADECIMAL):
        raise ValueError(f"{agent[:60]!r} is no agent's id")
    return Agent(AgentId(agent), parents, generation, step, moment_from(created_at))


def moment_from(seconds: float) -> float:
    """Return a time that a calendar has."""
    if not 0 <= seconds < YEAR_5000:
        raise ValueError(f"{seconds} is no time")
    return seconds


def duration_from(seconds: float) -> float:
    """Return a time that something can have taken."""
    if not 0 <= seconds < TOO_LONG_S:
        raise ValueError(f"nothing takes {seconds} s")
    return seconds


def commit_from(text: str) -> CommitId:
    """Return a commit's hash. It becomes an argument of git, so it must be a hash and no option."""
    if len(text) != _COMMIT_DIGITS or text.strip(_HEXADECIMAL):
        raise ValueError(f"{text[:60]!r} is no commit")
    return CommitId(text)
