"""Part 2: the model carries out an idea of the catalogue on an agent's own code."""

from collections.abc import Mapping

from dgm.gateway.rehearsal.ideas import AnchorMissingError, Idea, with_idea
from dgm.gateway.rehearsal.session import Session
from dgm.gateway.rehearsal.texts import normalised, stands_in
from dgm.gateway.rehearsal.toolbox import Action
from dgm.gateway.rehearsal.worker import Aim

SLIP_CHANCE = 0.08


class Improving:
    """The work of one session on an agent's own code; implements `Work`."""

    def __init__(self, idea: Idea) -> None:
        self._idea = idea

    @property
    def slip_chance(self) -> float:
        """Chance of a syntax error in the first edit."""
        return SLIP_CHANCE

    @property
    def check_command(self) -> str:
        """Runs the agent's own tests."""
        return "python3 -m unittest discover -s tests"

    def first_look(self, session: Session) -> Action | None:  # noqa: ARG002 - the issue names the files
        """Return None: the model goes straight to the files."""
        return None

    def files(self) -> tuple[str, ...]:
        """Return the files that the idea changes."""
        return self._idea.changed_files

    def aims(self, session: Session) -> Mapping[str, Aim] | str:
        """Return the idea's edits of what was shown, or why they cannot be made."""
        shown = {path: session.seen(path, before_edits=True).text for path in self.files()}
        if any(self._idea.marker in text for text in shown.values()):
            return "The code does that already, so there is nothing to change."
        try:
            after = with_idea(shown, self._idea)
        except AnchorMissingError:
            return "I cannot find the place in the code where this would have to go, so I leave it as it is."
        return {path: Aim(shown.get(path, ""), text) for path, text in after.items()}

    def reconsiders(self, session: Session, position: int) -> bool:  # noqa: ARG002 - a failing test does not shake it
        """Return False: the model trusts the issue more than a failing test."""
        return False


def mentions(idea: Idea, conversation: str) -> bool:
    """Whether the normalised `conversation` asks for the idea."""
    return any(stands_in(text, conversation) for text in (idea.proposal, idea.suggestion, idea.problem))


def own_words(idea: Idea, message: str) -> str:
    """Return what an agent's message says of its own: nothing where it hands on the issue."""
    return "" if mentions(idea, normalised(message)) else message
