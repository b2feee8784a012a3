"""Time that goes by only when somebody waits."""

import threading
from collections.abc import Callable


class FakeTime:
    """A clock and a waiter: whoever waits for a while moves the clock on instead. All jitter is a share of the most."""

    def __init__(self, *, jitter: float = 1.0) -> None:
        self._jitter = jitter
        self._lock = threading.Lock()
        self._seconds = 0.0
        self.waits: list[float] = []
        """How long each further attempt was waited for."""
        self.blocked = threading.Event()
        """Set once somebody waits for what others do."""
        self.when_blocked: Callable[[], None] = lambda: None

    def now(self) -> float:
        return 1_000_000.0 + self.monotonic()

    def monotonic(self) -> float:
        with self._lock:
            return self._seconds

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        with self._lock:
            self._seconds += seconds

    def jitter_s(self, most_s: float) -> float:
        return most_s * self._jitter

    def until_set(self, event: threading.Event, most_s: float) -> bool:
        if event.is_set():
            return True
        self.waits.append(most_s)
        self.advance(most_s)
        return event.is_set()

    def for_change(self, changed: threading.Condition, most_s: float | None) -> None:
        if most_s is None:
            self.blocked.set()
            self.when_blocked()
            changed.wait(30)
        else:
            self.advance(most_s)
