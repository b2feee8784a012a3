"""What the algorithm needs of models, and where their costs are written."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage


class Role(StrEnum):
    """What a model is asked for."""

    AGENT = "agent"  # drives an agent on a task
    IMPROVE = "improve"  # drives an agent on its own code
    DIAGNOSE = "diagnose"  # explains a failure, called from the host
    PROBE = "probe"  # a scripted stand-in that checks an agent speaks the protocol; costs nothing


MOST_CALLS_AT_ONCE = 16
"""Of one session."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What one session may use of a model."""

    calls: int = 100
    tokens: int = 2_000_000
    cost_usd: float = 5.0


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave for one session to call one role's model."""

    session: SessionId
    role: Role
    seed: int
    """Given to providers that can be seeded; the same for a session that is done again."""
    limits: SessionLimits = field(default_factory=SessionLimits)


class ModelSession(Protocol):
    """One session's line to a model, made by `ModelAccess.session` and closed when that context ends."""

    @property
    def directory(self) -> Path:
        """Host directory that holds nothing but `model.sock`."""
        ...

    @property
    def model(self) -> str:
        """The name that a request must carry as its `model`."""
        ...

    def admit(self, peer_uid: int) -> None:
        """Let processes of this uid connect; before, nobody can."""
        ...

    def ask(self, prompt: str) -> str:
        """Ask the model one question from the host and return its answer.

        Raises:
            OutOfBudgetError: the run's cap is reached.
            ProviderError: the provider failed.
        """
        ...

    @property
    def usage(self) -> Usage:
        """What the session used so far."""
        ...

    @property
    def fault(self) -> Exception | None:
        """OutOfBudgetError (the run's cap) or ProviderError once one stopped a call of this session, else None.

        Such a session is not the agent's doing and is not scored.
        """
        ...

    @property
    def limit_reached(self) -> bool:
        """Whether a call was refused for the session's own limits."""
        ...

    @property
    def lost_s(self) -> float:
        """Seconds in which calls waited for a failing or overloaded provider, or at the run's cap for money that other
        calls have set aside: neither is the agent's doing.

        Time in which several calls waited at once counts once.
        """
        ...

    @property
    def is_held_up(self) -> bool:
        """Whether a call waits like that at this moment."""
        ...


class ModelAccess(Protocol):
    """The gateway: the only way to a model."""

    def session(self, grant: Grant) -> AbstractContextManager[ModelSession]:
        """Open a line for one session.

        Raises:
            OutOfBudgetError: the run's cap is reached, so no new session starts.
        """
        ...

    def transcript(self, session: SessionId) -> str:
        """Return a closed session's conversation as readable text, control characters removed; "" if it has none."""
        ...

    def overflowed(self, session: SessionId) -> bool:
        """Return whether a closed session's model refused a call as longer than its context."""
        ...


class Ledger(Protocol):
    """Where the gateway writes what calls cost, before and after each. A call with no end counts at its worst case."""

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        """Record that call `number` (from 1) of a session is about to be sent."""
        ...

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        """Record what it used. A call that cannot have been billed settles with zero tokens and cost."""
        ...

    def spent(self) -> Usage:
        """Return what the whole run used, with unsettled calls at their worst case."""
        ...

    def usage_by_role(self) -> Mapping[Role, Usage]:
        """Return what each role that called a model used; together what `spent` says."""
        ...
