"""Time as a port."""

from typing import Protocol


class Clock(Protocol):
    """Time as a parameter."""

    def now(self) -> float:
        """Return seconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment; never goes back."""
        ...
