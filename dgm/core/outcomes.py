"""Outcomes: what came of one agent on one task. N tasks in, N outcomes out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from dgm.core.ids import SessionId, TaskId
from dgm.core.stages import Measurement

NANOS_PER_USD = 1_000_000_000
"""Money is kept and summed in whole nano-dollars, so that a sum does not hang on its order."""


class Verdict(StrEnum):
    """What an evaluation found. All of them are measured and count; only `RESOLVED` counts as resolved.

    A fault of ours is no verdict, and neither is the run's empty purse: such a task stays unmeasured.
    """

    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    EMPTY_PATCH = "empty patch"
    AGENT_CRASHED = "agent crashed"
    TIMED_OUT = "timed out"
    OUT_OF_BUDGET = "out of budget"  # the session's own limit: an agent must not gain by burning it


@dataclass(frozen=True, slots=True)
class Usage:
    """What model calls used. `cost_usd` is what was paid, or the worst case where that is unknown."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    cache_read_tokens: int = 0
    """Of the input tokens: read from the provider's cache."""
    cache_write_tokens: int = 0
    """Of the input tokens: written to it."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
        )

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Outcome:
    """One agent on one task, once."""

    task: TaskId
    trial: int
    """0 for the first try."""
    verdict: Verdict
    summary: str
    """What a person may know of the grading, such as "3 of 5 tests passed"; never a hidden test's text."""
    seconds: float
    """Wall-clock from the first container to the verdict."""
    session: SessionId
    usage: Usage = field(default_factory=Usage)
    patch: str = ""
    """Unified diff that the host made of the solution files, clipped; empty when nothing was changed."""
    dropped_paths: tuple[str, ...] = ()
    """Paths that the agent changed outside the solution, and how many more; they were not graded."""
    flags: tuple[str, ...] = ()
    """Signs of tampering that stand beside the verdict, one sentence each."""

    @property
    def resolved(self) -> bool:
        """Whether it counts as resolved: the tests say so, and nothing says that they were tampered with."""
        return self.verdict is Verdict.RESOLVED and not self.flags


def resolved_by_measurement(outcomes: Iterable[Outcome]) -> dict[Measurement, bool]:
    """Return what one agent was measured on, and whether it resolved that."""
    return {(outcome.task, outcome.trial): outcome.resolved for outcome in outcomes}


@dataclass(frozen=True, slots=True)
class Measured:
    """What policies see of one outcome."""

    measurement: Measurement
    resolved: bool
    edited: bool
    """Whether the agent changed anything that is graded."""
    tokens: int
    cost_usd: float
    changed_lines: int
    """Added and removed lines of its patch."""


def measured(outcome: Outcome) -> Measured:
    """Return what policies see of `outcome`."""
    shown = outcome.patch.partition("\0")[0]
    return Measured(
        measurement=(outcome.task, outcome.trial),
        resolved=outcome.resolved,
        edited=bool(outcome.patch),
        tokens=outcome.usage.tokens,
        cost_usd=round(outcome.usage.cost_usd * NANOS_PER_USD) / NANOS_PER_USD,  # as it is stored
        # The two lines that name a file count too. SQLite, which counts for a resumed run, reads texts up to a NUL.
        changed_lines=shown.count("\n+") + shown.count("\n-"),
    )
