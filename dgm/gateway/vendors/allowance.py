"""How long one call may take and how much may come back, whatever its server does.

The time-outs of the HTTP library are for each part of an answer: a server that sends a byte now and then would hold a
call, its slot and its money for ever, and one that sends without end would fill the memory.
"""

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_SLOWEST_TOKEN_S = 0.05
"""Models at work are several times faster; a long answer may take longer than the wait for its first part."""
_LEAST_BYTES = 4 * 2**20
_BYTES_PER_TOKEN = 512
"""A token has a few; an event of a stream adds some 150 to it."""


@dataclass(slots=True)
class Allowance:
    """What is left of it."""

    until: float
    """As `time.monotonic` counts: what it bounds are waits of the operating system."""
    bytes_left: int

    @property
    def seconds_left(self) -> float:
        """How long is left, at least 0."""
        return max(0.0, self.until - time.monotonic())


current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)
"""Of the call that this thread makes; `dgm.gateway.vendors.bounded_network` keeps to it."""


@contextmanager
def allowed(timeout_s: float, *, output_tokens: int = 0) -> Generator[None]:
    """Bound all that the context receives and how long it waits for it.

    Args:
        timeout_s: for a call that says nothing.
        output_tokens: the most that the answer may have; each adds to time and size.
    """
    until = time.monotonic() + timeout_s + output_tokens * _SLOWEST_TOKEN_S
    token = current.set(Allowance(until, _LEAST_BYTES + output_tokens * _BYTES_PER_TOKEN))
    try:
        yield
    finally:
        current.reset(token)
