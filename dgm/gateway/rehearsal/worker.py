"""How the model works on a repository, whatever for: look, edit, check, end. With a foundation model's weaknesses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dgm.gateway.rehearsal.rewriting import edits, with_slip
from dgm.gateway.rehearsal.session import Session
from dgm.gateway.rehearsal.toolbox import Action, Run, View

EMPTY_REPLY_CHANCE = 0.15
"""Of a session whose first reply is empty."""
GIVES_UP_CHANCE = 0.15
"""Of a session in which the model claims that nothing is to do."""
LOST_TRACK_CHARACTERS = 120_000
_MOST_EDITS_OF_A_FILE = 8
_MOST_VIEWS_OF_A_FILE = 60
_MOST_CHECKS = 3
_LINES_AT_ONCE = 150

_UNCHANGED = re.compile(
    r"unchanged|nothing (?:was|is|has been) (?:yet )?changed|no changes?\b|not changed", re.IGNORECASE
)
_CHECK = re.compile(r"\b(?:check|verify|make sure)\b|\brun (?:the|every|all) (?:tests?|examples?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says next."""

    text: str | None
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Aim:
    """What one file is to become."""

    before: str
    """The file before the session; empty where there is none."""
    after: str


class Work(Protocol):
    """What there is to do in a session."""

    @property
    def slip_chance(self) -> float:
        """Chance of a syntax error in the first edit."""
        ...

    @property
    def check_command(self) -> str:
        """What shows whether it is right; empty where nothing does."""
        ...

    def first_look(self, session: Session) -> Action | None:
        """Return what to do before looking at files, None when it is done."""
        ...

    def files(self) -> tuple[str, ...]:
        """Return the existing files to look at."""
        ...

    def aims(self, session: Session) -> Mapping[str, Aim] | str:
        """Return what files are to become as far as the model knows now, or why it does not know."""
        ...

    def reconsiders(self, session: Session, position: int) -> bool:
        """Whether something was seen since the message at `position` that makes the model write a file again."""
        ...


def next_answer(work: Work, session: Session) -> Answer:
    """Return what the model says next."""
    if session.characters > LOST_TRACK_CHARACTERS:
        return Answer("This has become very long; I have lost track of what is still to do and stop here.")
    if session.replies == 0 and session.happens("empty reply", EMPTY_REPLY_CHANCE):
        return Answer("")
    if not session.toolbox.can_view:
        return Answer("None of the tools that I have shows me a file, so I cannot work on this.")
    look = work.first_look(session) or _view(work, session)
    if look is not None:
        return Answer(None, (look,))
    if not session.edits() and not session.is_told(_UNCHANGED) and session.happens("gives up", GIVES_UP_CHANCE):
        return Answer("I have looked at the code and it is fine as it is: there is nothing to do.")
    aims = work.aims(session)
    if isinstance(aims, str):
        return Answer(aims)
    return _edit(work, session, aims) or _check(work, session) or _end(session, aims)


def _view(work: Work, session: Session) -> Action | None:
    for path in work.files():
        seen = session.seen(path, before_edits=True)
        if seen.views == 0:
            return View(session.full_path(path))
        if session.edits(path) or seen.complete or not seen.head or not session.toolbox.can_view_lines:
            continue
        if seen.views < _MOST_VIEWS_OF_A_FILE:
            start = len(seen.head) + 1
            return View(session.full_path(path), (start, start + _LINES_AT_ONCE - 1))
    return None


def _edit(work: Work, session: Session, aims: Mapping[str, Aim]) -> Answer | None:
    for path, aim in aims.items():
        before = session.text_now(path, aim.before)
        done = session.edits(path)
        if before == aim.after or len(done) >= _MOST_EDITS_OF_A_FILE:
            continue
        if done and not _again(work, session, done[-1].position):
            continue
        calls = edits(session.full_path(path), before, aim.after, seen=session.seen(path), toolbox=session.toolbox)
        if calls:
            if not session.edits() and session.happens("slip", work.slip_chance):
                calls[0] = with_slip(calls[0], before, session.random("where the slip is"))
            return Answer(None, tuple(calls))
    return None


def _again(work: Work, session: Session, position: int) -> bool:
    return session.syntax_error_since(position) or work.reconsiders(session, position)


def _check(work: Work, session: Session) -> Answer | None:
    command = work.check_command
    done = session.edits()
    if not (command and done and session.toolbox.can_run and session.is_told(_CHECK)):
        return None
    runs = session.ran(command)
    if len(runs) >= _MOST_CHECKS or (runs and runs[-1].position > done[-1].position):
        return None
    return Answer("I run it to see whether it is right.", (Run(command),))


def _end(session: Session, aims: Mapping[str, Aim]) -> Answer:
    changed = [path for path in aims if session.edits(path)]
    left = [path for path, aim in aims.items() if path not in changed and aim.before != aim.after]
    if left and not session.toolbox.can_create:
        return Answer("None of the tools that I have changes a file, so I cannot do this.")
    if left:
        return Answer(f"I was not shown the part of {left[0]} that would have to change, so I leave it.")
    return Answer(f"Done: I changed {', '.join(changed)}." if changed else "Nothing is left to do.")
