"""When a call that failed is tried again."""

from dataclasses import dataclass

from dgm.core.errors import ProviderError
from dgm.gateway.provider import UnbilledError
from dgm.gateway.waiting import Waiter

_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Retries:
    """How long and how often one call is tried, and how long is waited before each further attempt.

    The wait is drawn from zero to a bound that doubles (exponential backoff with full jitter).
    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    patience_s: float = 900.0
    """From when the first attempt was sent."""
    costly_failures: int = 5
    """That many which may have been billed: each stays in the books at its worst case."""
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0

    def wait_s(self, attempt: int, error: ProviderError, waiter: Waiter) -> float:
        """Return how long to wait after attempt number `attempt` (from 1) failed: never less than the provider asks."""
        bound_s = self.first_wait_s * 2 ** min(attempt - 1, _MOST_DOUBLINGS)
        jitter_s = waiter.jitter_s(min(bound_s, self.longest_wait_s))
        return jitter_s + max(_asked_s(error), 0.0)


@dataclass(slots=True)
class Tries:
    """The attempts at one call."""

    retries: Retries
    waiter: Waiter
    failed: int = 0
    costly: int = 0
    began: float | None = None
    """When the first attempt was sent."""

    def note_sent(self, now: float) -> None:
        """Begin to lose patience, unless it is a further attempt."""
        self.began = now if self.began is None else self.began

    def deadline(self, now: float) -> float:
        """Return when the call is given up: waiting for the first attempt uses up no patience."""
        return (now if self.began is None else self.began) + self.retries.patience_s

    def wait_after(self, error: ProviderError, *, now: float) -> float:
        """Return how long to wait before the next attempt, after one failed with `error`.

        Raises:
            ProviderError: there is no next attempt; `error` itself where it was the only one.
        """
        self.failed += 1
        self.costly += not isinstance(error, UnbilledError)
        left_s = self.deadline(now) - now
        if _asked_s(error) > max(left_s, 0.0):
            raise ProviderError(f"{_words(error)}; {self.too_long(_asked_s(error))}") from error
        wait_s = self.retries.wait_s(self.failed, error, self.waiter)
        if self.costly < self.retries.costly_failures and wait_s <= left_s:
            return wait_s
        if self.failed == 1:
            raise error
        seconds = self.retries.patience_s - left_s
        raise ProviderError(f"{_words(error)}; it was tried {self.failed} times in {seconds:.0f} s.") from error

    def too_long(self, asked_s: float) -> str:
        """Return that a provider asks for more patience than there is."""
        return f"it asks to wait {asked_s:.0f} s more, and a call is tried for {self.retries.patience_s:.0f} s in all."


def _words(error: ProviderError) -> str:
    return str(error).rstrip(".")


def _asked_s(error: ProviderError) -> float:
    asked = error.retry_after_s if isinstance(error, UnbilledError) else None
    return 0.0 if asked is None else asked
