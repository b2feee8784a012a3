"""Part 1 where the answer is a patch: the model knows what is to change, and where only once it was shown the place."""

from collections.abc import Mapping, Sequence

from dgm.core.errors import MalformedContentError
from dgm.core.hunks import Hunk, hunks_by_path
from dgm.core.tasks import KnownTask
from dgm.gateway.rehearsal.languages import language_of
from dgm.gateway.rehearsal.rewriting import lines_of
from dgm.gateway.rehearsal.session import Session
from dgm.gateway.rehearsal.solver import SLIP_CHANCE, as_far_as_planned, looked_around
from dgm.gateway.rehearsal.toolbox import Action
from dgm.gateway.rehearsal.worker import Aim


class Patching:
    """The work of one session on one task of a repository that is not known on the host; implements `Work`."""

    def __init__(self, known: KnownTask) -> None:
        """Read the patch.

        Raises:
            MalformedContentError: it is none.
        """
        try:
            self._hunks = hunks_by_path(known.patch)
        except MalformedContentError as error:
            raise MalformedContentError(f"The answer of {known.task.id} cannot be read: {error}") from error
        self._language = language_of(self._hunks)

    @property
    def slip_chance(self) -> float:
        """Chance of a syntax error in the first edit."""
        return SLIP_CHANCE

    @property
    def check_command(self) -> str:
        """Nothing: the issue of a repository hardly ever says what to run."""
        return ""

    def first_look(self, session: Session) -> Action | None:
        """List the repository; sometimes search for definitions."""
        return looked_around(session, self._language)

    def files(self) -> tuple[str, ...]:
        """Return the files that the patch changes, as far as they exist."""
        return tuple(path for path, hunks in sorted(self._hunks.items()) if not _is_new(hunks))

    def aims(self, session: Session) -> Mapping[str, Aim] | str:
        """Return the answer as far as its places were shown, or the first part of it."""
        aims = {path: _aim(session, path, hunks) for path, hunks in sorted(self._hunks.items())}
        changed = {path: aim for path, aim in aims.items() if aim.before != aim.after}
        return as_far_as_planned(changed, session) if changed else "I was not shown the code that has to change."

    def reconsiders(self, session: Session, position: int) -> bool:  # noqa: ARG002 - nothing shows it to be wrong
        """Return False: the model believes what it knows."""
        return False


def _is_new(hunks: Sequence[Hunk]) -> bool:
    return hunks[0].line == 0


def _aim(session: Session, path: str, hunks: Sequence[Hunk]) -> Aim:
    if _is_new(hunks):
        return Aim("", "".join(hunk.new for hunk in hunks))
    seen = session.seen(path, before_edits=True)
    before = seen.text if seen.complete or not seen.head else seen.text + "\n"
    return Aim(before, patched(before, hunks))


def patched(text: str, hunks: Sequence[Hunk]) -> str:
    """Return `text` with those places changed that stand in it; one that stands there twice where it is nearest."""
    lines = lines_of(text)
    for hunk in reversed(hunks):
        old = lines_of(hunk.old)
        starts = [start for start in range(len(lines) - len(old) + 1) if lines[start : start + len(old)] == old]
        if old and starts:
            start = min(starts, key=lambda start: abs(start + 1 - hunk.line))
            lines[start : start + len(old)] = lines_of(hunk.new)
    return "".join(lines)
