"""How many calls one provider is asked at a time: as many as it takes.

A refusal for too much at a time halves the number of calls that may be in flight, and each answer lets it grow a
little: by about one for as many answers as calls may be in flight. That is how TCP shares a line, and for the same
reason: many who do not know of each other find what a provider gives them, and leave some to others. What the provider
says on when to come back holds up all calls to it, not only the one that was told.

A call takes its slot before its money is set aside, and gives both back before it waits to be tried again. So whoever
holds money is in flight and ends by itself: money never lies idle, nothing stands in the books at its worst case that
was not sent, and a call that holds a slot while it waits for money waits for nobody who needs that slot.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from dgm.core.ports import Clock
from dgm.gateway.waiting import AbandonedError, LostTime, Waiter


class HeldError(Exception):
    """The provider asks for a longer pause than a call may take."""

    def __init__(self, held_s: float) -> None:
        super().__init__(f"held for {held_s:.0f} s")
        self.held_s = held_s


@dataclass(frozen=True, slots=True)
class Slot:
    """Leave for one call to be in flight."""

    era: int
    """How often calls were cut down before it."""


class Throttle:
    """One provider's calls over all sessions, first come, first served."""

    def __init__(self, most: int, *, clock: Clock, waiter: Waiter) -> None:
        """Begin with `most` calls at a time, which is also what there are never more of."""
        self._most = most
        self._clock = clock
        self._waiter = waiter
        self._limit = float(most)
        self._in_flight = 0
        self._era = 0
        self._held_until = clock.monotonic()
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def limit(self) -> int:
        """How many calls may be in flight now."""
        return int(self._limit)

    @contextmanager
    def slot(
        self, *, deadline: Callable[[float], float], lost: LostTime, abandoned: Callable[[], bool]
    ) -> Generator[Slot]:
        """Wait for a slot and hold it for the context.

        Args:
            deadline: tells when the call is given up from what time it is, both as the clock counts.
            lost: gets the time in which the provider's overload, and not our own limit alone, made it wait.
            abandoned: whether nobody wants the call any more; looked at whenever something changes and on `wake`.
        Raises:
            HeldError: the provider asked for a pause that lasts beyond the deadline.
            AbandonedError: it was abandoned while it waited.
        """
        slot = self._enter(deadline, lost, abandoned)
        try:
            yield slot
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def answered(self) -> None:
        """Let a little more be asked: the provider answered."""
        with self._changed:
            self._limit = min(self._most, self._limit + 1 / self._limit)
            self._changed.notify_all()

    def overloaded(self, slot: Slot, *, retry_after_s: float | None) -> None:
        """Ask half as much: the provider refused the slot's call for too much at a time.

        Calls that were in flight together are refused together, which counts once. Half of what is in flight, since
        half of a limit that nobody reaches changes nothing.
        """
        with self._changed:
            if slot.era == self._era:
                self._limit = max(1.0, min(self._limit, self._in_flight) / 2)
                self._era += 1
            if retry_after_s is not None:
                self._held_until = max(self._held_until, self._clock.monotonic() + retry_after_s)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let calls that wait look whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def _enter(self, deadline: Callable[[float], float], lost: LostTime, abandoned: Callable[[], bool]) -> Slot:
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._wait_for_turn(ticket, deadline, lost, abandoned)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
            self._in_flight += 1
            return Slot(self._era)

    def _wait_for_turn(
        self, ticket: object, deadline: Callable[[float], float], lost: LostTime, abandoned: Callable[[], bool]
    ) -> None:
        while True:
            now = self._clock.monotonic()
            held_s = self._held_until - now
            if abandoned():
                raise AbandonedError
            if held_s > 0 and self._held_until > deadline(now):
                raise HeldError(held_s)
            if held_s <= 0 and self._queue[0] is ticket and self._in_flight < self.limit:
                return
            is_slowed = held_s > 0 or self._limit < self._most
            with lost.waiting() if is_slowed else nullcontext():
                self._waiter.for_change(self._changed, held_s if held_s > 0 else None)
