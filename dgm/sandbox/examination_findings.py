"""What an examination found."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """What became of one check."""

    OK = "ok"
    FAILED = "failed"
    NOT_HERE = "not here"
    """This machine does not offer it, or it cannot be seen from here; no fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """The runtime whose container it is about, or "engine"."""
    name: str
    result: Result
    sentence: str
    """What was seen and, where it is not ok, what to do."""
