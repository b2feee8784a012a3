"""How calls wait, and how much of a session's time went by in waiting for its provider."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Protocol

from dgm.core.ports import Clock


class AbandonedError(Exception):
    """Nobody wants the call any more."""


class Waiter(Protocol):
    """Waits, and says by chance how long. Tests let time go by instead."""

    def jitter_s(self, most_s: float) -> float:
        """Return some time in [0, `most_s`]: calls that failed together must not come back together."""
        ...

    def until_set(self, event: threading.Event, most_s: float) -> bool:
        """Wait until `event` is set, at most so long, and return whether it is."""
        ...

    def for_change(self, changed: threading.Condition, most_s: float | None) -> None:
        """Wait until `changed`, which the caller holds, is notified; at most so long if a number is given."""
        ...


@dataclass(frozen=True, slots=True)
class ThreadWaiter:
    """A `Waiter` that waits."""

    random: Random

    def jitter_s(self, most_s: float) -> float:
        """Return some time in [0, `most_s`]."""
        return self.random.uniform(0.0, most_s)

    def until_set(self, event: threading.Event, most_s: float) -> bool:
        """Wait until `event` is set, at most so long."""
        return event.wait(most_s)

    def for_change(self, changed: threading.Condition, most_s: float | None) -> None:
        """Wait for a notification."""
        changed.wait(most_s)


class LostTime:
    """The time in which at least one call of a session waited for its provider. Used from many threads at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._spans: list[tuple[float, float]] = []
        """Disjoint, in order."""
        self._waiting: dict[object, float] = {}
        """When each wait began that goes on."""

    @property
    def total_s(self) -> float:
        """How long it is so far, waits that go on included; time in which several calls waited counts once."""
        with self._lock:
            spans = self._spans
            if self._waiting:
                spans = _joined(spans, min(self._waiting.values()), self._clock.monotonic())
            return sum(end - start for start, end in spans)

    @property
    def goes_on(self) -> bool:
        """Whether a call waits at this moment."""
        with self._lock:
            return bool(self._waiting)

    def add_since(self, start: float) -> None:
        """Add the time from `start`, as the clock counted it, until now."""
        with self._lock:
            self._add_since(start)

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Add the time that the context takes."""
        wait, start = object(), self._clock.monotonic()
        with self._lock:
            self._waiting[wait] = start
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[wait]
                self._add_since(start)

    def _add_since(self, start: float) -> None:
        self._spans = _joined(self._spans, start, self._clock.monotonic())


def _joined(spans: list[tuple[float, float]], start: float, end: float) -> list[tuple[float, float]]:
    """Return disjoint spans in order with one more that ends after all of them."""
    touched = [span for span in spans if span[1] >= start]
    return [*spans[: len(spans) - len(touched)], (min([start, *(first for first, _ in touched)]), end)]
