"""Money: nothing is sent before its worst case is set aside, and everything sent is in the ledger, whatever happens.

The run's `Purse` is shared by all sessions; each session has an `Account` that draws on it and has limits of its own.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from dgm.config import Budget
from dgm.core.errors import InfrastructureError, OutOfBudgetError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import Ledger, Role, SessionLimits
from dgm.gateway.waiting import AbandonedError

UNBILLED = Usage(calls=1)
"""What a call that cannot have been billed settles with."""
NO_CALL = Usage()
"""What it settles with when it was only put off: the next attempt is the call, and the agent knows of one alone."""

_ROUNDING_USD = 1e-9  # sums of floats: ten dimes must fit into a dollar


class SessionLimitError(Exception):
    """A call does not fit into the session's own limits."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one call."""

    session: SessionId
    number: int
    worst_case: Usage


class Purse:
    """What the run has left. One lock over all sessions, so that no two calls can spend the same dollar."""

    def __init__(self, budget: Budget, ledger: Ledger) -> None:
        self._budget = budget
        self._ledger = ledger
        # Probes cost nothing, and no cap counts them.
        paid = (usage for role, usage in ledger.usage_by_role().items() if role is not Role.PROBE)
        self._spent = sum(paid, Usage())
        self._pending: dict[tuple[SessionId, int], Usage] = {}
        self._changed = threading.Condition()
        self._closed = False

    def require_money(self) -> None:
        """Return if anything is left for another session.

        Raises:
            OutOfBudgetError: the run's cap is reached.
        """
        with self._changed:
            if not self._fits(Usage(calls=1), strictly=True):
                raise OutOfBudgetError(f"{self._cap()} The run's budget is used up.")

    def reserve(
        self,
        reservation: Reservation,
        *,
        abandoned: Callable[[], bool],
        waiting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Set a call's worst case aside and record it in the ledger.

        Where it does not fit only because of calls that are under way it waits for them: what they cost in the end is
        mostly far below their worst case, and parallel workers must not stop a run early.

        Args:
            reservation: what to set aside.
            abandoned: whether nobody wants the call any more; looked at when something settles and on `wake`.
            waiting: entered for as long as it waits, and not at all where it need not.
        Raises:
            OutOfBudgetError: it does not fit with nothing under way.
            AbandonedError: it was abandoned while it waited; what it waited for may yet be left.
        """
        worst = reservation.worst_case
        with self._changed:
            if self._must_wait(worst, abandoned):
                with waiting():
                    self._changed.wait_for(lambda: not self._must_wait(worst, abandoned))
            self._pending[reservation.session, reservation.number] = worst
        try:
            self._ledger.reserve_call(reservation.session, reservation.number, worst_case=worst)
        except BaseException:
            self._release(reservation, Usage())
            raise

    def settle(self, reservation: Reservation, usage: Usage) -> bool:
        """Replace a call's worst case by what it used.

        Returns:
            Whether the ledger has it: after `close` that is left at the worst case.
        """
        is_booked = not self._closed
        try:
            if is_booked:
                self._ledger.settle_call(reservation.session, reservation.number, usage=usage)
        except BaseException:
            self.keep(reservation)
            raise
        self._release(reservation, usage)
        return is_booked

    def keep(self, reservation: Reservation) -> None:
        """Count a call at its worst case for good; the ledger does so already."""
        self._release(reservation, reservation.worst_case)

    def wake(self) -> None:
        """Let calls that wait look whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Write nothing to the ledger any more, which may be closed after this."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _release(self, reservation: Reservation, usage: Usage) -> None:
        with self._changed:
            del self._pending[reservation.session, reservation.number]
            self._spent += usage
            self._changed.notify_all()

    def _must_wait(self, worst: Usage, abandoned: Callable[[], bool]) -> bool:
        """Return whether a call fits only once others have settled; raise as `reserve` does."""
        if self._fits(sum(self._pending.values(), worst)):
            return False
        if not self._pending or not self._fits(worst):
            raise OutOfBudgetError(f"{self._cap()} The next call may take {_words(worst)}, which is not left.")
        if abandoned() or self._closed:
            raise AbandonedError
        return True

    def _fits(self, more: Usage, *, strictly: bool = False) -> bool:
        """Return whether `more` is left; with `strictly`, also a little of what `more` has none of."""
        total, budget = self._spent + more, self._budget
        cost_usd = total.cost_usd + (_ROUNDING_USD if strictly else -_ROUNDING_USD)
        return (
            (budget.max_cost_usd is None or cost_usd <= budget.max_cost_usd)
            and (budget.max_tokens is None or total.tokens + int(strictly) <= budget.max_tokens)
            and (budget.max_calls is None or total.calls <= budget.max_calls)
        )

    def _cap(self) -> str:
        budget = self._budget
        caps = (
            f"${budget.max_cost_usd:g}" if budget.max_cost_usd is not None else "",
            f"{budget.max_tokens} tokens" if budget.max_tokens is not None else "",
            f"{budget.max_calls} calls" if budget.max_calls is not None else "",
        )
        return f"Of the run's cap of {' and '.join(filter(None, caps))}, {_words(self._spent)} is spent."


class Account:
    """What one session used, and what it may still use. Numbers the session's calls from 1."""

    def __init__(self, session: SessionId, limits: SessionLimits, purse: Purse) -> None:
        self._session = session
        self._limits = limits
        self._purse = purse
        self._lock = threading.Lock()
        self._last_number = 0
        self._answered = Usage()
        self._lost = Usage()
        self._pending: dict[int, Usage] = {}
        self._final: Usage | None = None

    @property
    def usage(self) -> Usage:
        """What was used so far; calls whose price is unknown count at their worst case."""
        with self._lock:
            return self._final if self._final is not None else self._answered + self._lost

    def require(self, worst_case: Usage) -> None:
        """Return if the session's limits leave room for a call now.

        Raises:
            SessionLimitError: they do not.
        """
        with self._lock:
            self._require_within_limits(worst_case)

    def reserve(
        self,
        worst_case: Usage,
        *,
        abandoned: Callable[[], bool],
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Reservation:
        """Set aside what a call may use; see `Purse.reserve`.

        Raises:
            SessionLimitError: it does not fit into the session's limits.
            OutOfBudgetError: it does not fit into what the run has left.
            AbandonedError: it was abandoned while it waited for what others have set aside.
            InfrastructureError: `finish` was called.
        """
        with self._lock:
            if self._final is not None:
                raise InfrastructureError("The session is closed.")
            self._require_within_limits(worst_case)
            self._last_number += 1
            reservation = Reservation(self._session, self._last_number, worst_case)
            self._pending[reservation.number] = worst_case
        try:
            self._purse.reserve(reservation, abandoned=abandoned, waiting=waiting)
        except BaseException:
            with self._lock:
                del self._pending[reservation.number]
            raise
        return reservation

    def settle(self, reservation: Reservation, usage: Usage) -> bool:
        """Record what a call used, and return whether the ledger has it."""
        with self._lock:
            del self._pending[reservation.number]
            self._answered += usage
        return self._purse.settle(reservation, usage)

    def lose(self, reservation: Reservation) -> None:
        """Count a call that failed at its worst case, since it may have been billed."""
        with self._lock:
            del self._pending[reservation.number]
            self._lost += reservation.worst_case
        self._purse.keep(reservation)

    def finish(self) -> None:
        """Fix `usage`. Calls still under way count at their worst case there; the ledger may yet learn better."""
        with self._lock:
            self._final = sum(self._pending.values(), self._answered + self._lost)

    def _require_within_limits(self, worst_case: Usage) -> None:
        limits = self._limits
        # Calls lost to the provider are paid for by the run, but must not eat up what the agent may use.
        total = sum(self._pending.values(), self._answered + worst_case)
        if total.calls > limits.calls:
            raise SessionLimitError(f"The session's {limits.calls} calls are used up.")
        if total.tokens > limits.tokens:
            raise SessionLimitError(f"This call could go over the session's {limits.tokens} tokens.")
        if total.cost_usd > limits.cost_usd + _ROUNDING_USD:
            raise SessionLimitError(f"This call could go over the session's ${limits.cost_usd:g}.")


def _words(usage: Usage) -> str:
    return f"${usage.cost_usd:.4f}, {usage.tokens} tokens and {usage.calls} calls"
