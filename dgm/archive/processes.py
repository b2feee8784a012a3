"""When processes worked on a run, and whether one does."""

from enum import StrEnum
from pathlib import Path

from dgm.archive.facts import Facts
from dgm.archive.lock import is_locked
from dgm.archive.records import duration_from

_FINISHED = "finished"


class RunState(StrEnum):
    """What a run is doing."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"  # `dgm resume` goes on with it


def state_of(directory: Path, facts: Facts) -> RunState:
    """Return whether a process works on a run, finished it, or left it."""
    if is_locked(directory):
        return RunState.RUNNING
    starts, ends = facts.starts(), facts.ends()
    finished = bool(ends) and ends[-1].reason == _FINISHED and (not starts or starts[-1].at <= ends[-1].at)
    return RunState.FINISHED if finished else RunState.INTERRUPTED


def elapsed_seconds(directory: Path, facts: Facts, *, now: float) -> float:
    """Return how long processes worked on a run, together.

    A process that was killed counts until the last fact that it left.

    Args:
        directory: the run's.
        facts: of the run.
        now: seconds since 1970, the end of a span that still runs.
    Raises:
        CorruptArchiveError: that is longer than anything takes.
    """
    starts = [start.at for start in facts.starts()]
    ends = [end.at for end in facts.ends()]
    total = 0.0
    for number, start in enumerate(starts):
        is_last = number + 1 == len(starts)
        limit = float("inf") if is_last else starts[number + 1]
        end = next((at for at in ends if start <= at < limit), None)
        if end is None and is_last and is_locked(directory):
            end = now
        if end is None:
            end = facts.last_sign_of_life(before=limit) or start
        total += max(0.0, end - start)
    with facts.sound():
        return duration_from(total)
