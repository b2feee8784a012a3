"""A person's commands to a run: through the process that evolves it, or into its archive where none does."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dgm.archive.lock import RunLock, is_locked
from dgm.archive.run import locked_run
from dgm.core.errors import ArchiveError, RunEndedError, RunInUseError, UsageError
from dgm.core.oversight import Approval, Intervene, Intervention, Judge, Review
from dgm.evolution.reviews import Reviews
from dgm.oversight.address import has_socket, remove_leftover
from dgm.oversight.client import ask

_TRIES = 60
_PAUSE_S = 0.25
"""Between tries, while a process is just starting or ending."""


def review_step(directory: Path, decision: int, review: Review, *, pause: Callable[[float], None] = time.sleep) -> str:
    """Say of a step that waits whether its child may run, and return what came of it in one sentence.

    A run that ends at this very moment, so that nobody takes the review any more, has it in its archive all the same.

    Raises:
        UsageError: that step does not wait, or the process of the run takes no command for long.
        ArchiveError, InfrastructureError: it could not be recorded.
    """
    for _ in range(_TRIES):
        try:
            answer = ask(directory, Judge(decision, review))
        except RunEndedError:
            answer = None
        if answer is not None:
            return answer
        if not is_locked(directory):
            with suppress(RunInUseError):  # somebody was faster
                return _recorded(directory, decision, review)
        pause(_PAUSE_S)
    raise UsageError(f"{_name(directory)} is just starting or ending, and takes no commands; try again.")


def intervene(directory: Path, what: Intervention, reason: str) -> str:
    """Pause, go on with or stop a run that a process evolves, and return what came of it in one sentence.

    Raises:
        UsageError: none does, or not that way.
        ArchiveError, InfrastructureError: it could not be carried out.
    """
    answer = ask(directory, Intervene(what, reason))
    if answer is not None:
        return answer
    if is_locked(directory):
        raise UsageError(f"{_name(directory)} is just starting or ending, and takes no commands; try again.")
    raise UsageError(f"{_name(directory)} is not running.")


def remove_stale_socket(directory: Path) -> bool:
    """Remove the control socket that a killed process left in a run's directory; return whether there was one."""
    if not has_socket(directory):
        return False
    try:
        lock = RunLock.acquire(directory)
    except ArchiveError:  # a living process has it, or it is not ours to remove
        return False
    try:
        return remove_leftover(directory)
    finally:
        lock.release()


def _recorded(directory: Path, decision: int, review: Review) -> str:
    with locked_run(directory) as archive:
        step = Reviews(archive, Approval.EACH).judge(decision, review)
    said = "approved" if review.approved else "rejected"
    return f"Step {step.number} is {said}; the run is not under way, and `dgm resume {_name(directory)}` goes on."


def _name(directory: Path) -> str:
    return directory.resolve().name
