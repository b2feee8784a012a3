"""Part 1: the model works on a task whose answer it knows, as far as it is led to it."""

import re
from collections.abc import Mapping

from dgm.core.files import FileTree
from dgm.core.tasks import KnownTask
from dgm.gateway.rehearsal.languages import PYTHON, Language, language_of
from dgm.gateway.rehearsal.rewriting import first_place, places
from dgm.gateway.rehearsal.session import Session
from dgm.gateway.rehearsal.texts import normalised
from dgm.gateway.rehearsal.toolbox import Action, Run, View
from dgm.gateway.rehearsal.worker import Aim

SLIP_CHANCE = 0.15
SECOND_LOOK_CHANCE = 0.5
"""Of a session in which the model searches for definitions before it opens a file."""

PLACES_IN_ONE_GO = 2
"""As many places of one file are changed without a plan."""

_PLAN = re.compile(r"\bplan\b|\b(?:every|each) place|\ball (?:the |of the )?places|\bevery file", re.IGNORECASE)
_FAILURE = re.compile(r"Traceback|Failed example|Expected:|FAILED|\bfailed\b|AssertionError")
_COMMAND = re.compile(r"(?:\$ )?((?:python3? |sh |bash |make\b|\./)[^`\n]*)")
_FENCE = "```"
_SECOND_ATTEMPT = re.compile(r"## Second attempt\b")
"""Heads what the host tells of the tests when there was a session on the task before; see `dgm.evolution.second`."""


class Solving:
    """The work of one session on one task; implements `Work`."""

    def __init__(self, known: KnownTask) -> None:
        self._known = known
        self._workspace = known.task.workspace
        self._examples = examples(known.task.statement)
        self._language = language_of(known.reference)

    @property
    def slip_chance(self) -> float:
        """Chance of a syntax error in the first edit."""
        return SLIP_CHANCE

    @property
    def check_command(self) -> str:
        """Runs the examples of the statement, or compiles; empty where neither can be done."""
        if self._language is not PYTHON:
            return self._language.compile(sorted(self._known.reference))
        if not self._examples:
            return ""
        modules = sorted(
            path.removesuffix(".py").replace("/", ".") for path in self._known.reference if path.endswith(".py")
        )
        imports = "".join(f">>> from {module} import *\n" for module in modules)
        return f"python3 -m doctest /dev/stdin <<'EXAMPLES'\n{imports}\n{self._examples}\nEXAMPLES"

    def first_look(self, session: Session) -> Action | None:
        """List the workspace; sometimes search for definitions; run the command that the statement names."""
        shown_by = commands(self._known.task.statement)[:1] if self._known.must_see else []
        return looked_around(session, self._language, *shown_by)

    def files(self) -> tuple[str, ...]:
        """Return the files that the reference changes, as far as they exist."""
        return tuple(path for path in sorted(self._known.reference) if path in self._workspace)

    def aims(self, session: Session) -> Mapping[str, Aim] | str:
        """Return the answer, a plausible wrong one, or the first part of it."""
        wanted = self._wanted(session)
        every = {path: Aim(self._before(session, path), _text(wanted, path)) for path in sorted(wanted)}
        aims = {path: aim for path, aim in every.items() if aim.before != aim.after}
        if not aims:
            return "I cannot tell from what I have seen how it should work, so I leave it as it is."
        return as_far_as_planned(aims, session)

    def _before(self, session: Session, path: str) -> str:
        """Return a file as the session began: the task's own, or what a session before this one left, once seen."""
        if session.is_told(_SECOND_ATTEMPT):
            seen = session.seen(path, before_edits=True)
            if seen.complete or (seen.views and not seen.head):  # all of it was shown, or it is not there any more
                return seen.text
        return _text(self._workspace, path)

    def _wanted(self, session: Session) -> FileTree:
        known = self._known
        if known.must_see:
            seen = any(known.must_see in deed.result for deed in session.deeds)
            return known.reference if seen else known.naive
        doubts = self._saw_failure(session, 0) or session.is_told(_SECOND_ATTEMPT)
        return known.reference if doubts or not known.naive else known.naive

    def reconsiders(self, session: Session, position: int) -> bool:
        """Whether the model saw its solution fail."""
        return self._saw_failure(session, position)

    def _saw_failure(self, session: Session, position: int) -> bool:
        done = session.edits()
        if not done:
            return False
        since = max(position, done[0].position)
        shown = [(deed.position, deed.result) for deed in session.ran(self.check_command)]
        shown += [(told.position, told.text) for told in session.told]
        return any(when > since and _FAILURE.search(text) for when, text in shown)


def looked_around(session: Session, language: Language, *further: str) -> Action | None:
    """Return the next thing to do before files are opened, None when all is done.

    Args:
        session: the conversation so far.
        language: what may be searched for definitions.
        further: commands to run.
    """
    if not session.deeds:
        return View(session.root or ".")
    if session.edits() or not session.toolbox.can_run:
        return None
    search = [language.search] if session.happens("second look", SECOND_LOOK_CHANCE) else []
    return next((Run(command) for command in (*search, *further) if not session.ran(command)), None)


def as_far_as_planned(aims: Mapping[str, Aim], session: Session) -> Mapping[str, Aim]:
    """Return what is done of the aims, one at least: without a plan the first file's, and little of that."""
    in_one_go = len(aims) == 1 and all(places(aim.before, aim.after) <= PLACES_IN_ONE_GO for aim in aims.values())
    if in_one_go or session.is_told(_PLAN):
        return aims
    path, aim = next(iter(aims.items()))
    return {path: Aim(aim.before, first_place(aim.before, aim.after))}


def own_words(statement: str, message: str) -> str:
    """Return what an agent's message says beside the task's statement."""
    return normalised(message).replace(normalised(statement), " ")


def examples(statement: str) -> str:
    """Return the statement's `>>>` examples with their output, blocks parted by an empty line."""
    kept: list[str] = []
    inside = False
    for line in statement.splitlines():
        stripped = line.strip()
        if stripped.startswith(">>>"):
            inside = True
        elif not stripped or stripped.startswith(_FENCE):
            inside = False
        kept.append(stripped if inside and stripped.startswith((">>>", "...")) else line if inside else "")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip("\n")


def commands(statement: str) -> list[str]:
    """Return the shell commands that the statement names, lines of their own before those within a line."""
    lines = (_COMMAND.fullmatch(line.strip()) for line in statement.splitlines())
    inline = (_COMMAND.fullmatch(code) for code in re.findall(r"`([^`\n]+)`", statement))
    return [found[1].strip() for found in (*lines, *inline) if found]


def _text(files: FileTree, path: str) -> str:
    # What is not text cannot be written by a model; it comes out wrong, as it would.
    return files[path].content.decode("utf-8", "replace") if path in files else ""
