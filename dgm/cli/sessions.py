"""The sessions of a run or of one of its replays: which there are, whose, what for, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dgm.archive.reader import RunReader
from dgm.boundary.text import safe_line
from dgm.cli.answers import Answer
from dgm.cli.render import model_line
from dgm.cli.screen import short_id
from dgm.cli.verdicts import safe_flags
from dgm.core.actions import Action, Expand
from dgm.core.errors import UnknownNameError
from dgm.core.ids import AgentId, SessionId, decision_of, purpose_of

_MOST_NAMED = 5
_CHILD = "child "
_GRADING = ".grading"
_UNKNOWN: Answer = {"agent": None, "step": None, "task": None, "trial": None, "result": "no result", "flags": []}


@dataclass(frozen=True, slots=True)
class Known:
    """What a run's facts say of its sessions."""

    ended: Mapping[SessionId, Answer]
    """Of those that came to something."""
    decided: Mapping[int, Answer]
    """By the decision that they served."""

    def about(self, session: SessionId) -> Answer:
        """Return whose session it is, what for, and what came of it; of a grading, what came of the agent's session."""
        graded = SessionId(f"{session.removesuffix(_GRADING)}.agent") if session.endswith(_GRADING) else session
        found = self.ended.get(session) or self.ended.get(graded) or self.decided.get(decision_of(session), {})
        return {"session": session, "role": purpose_of(session), **_UNKNOWN, **found}


def known_sessions(reader: RunReader) -> Known:
    """Return what is known of a run's sessions."""
    ended: dict[SessionId, Answer] = {
        outcome.session: {
            "agent": agent,
            "task": outcome.task,
            "trial": outcome.trial,
            "result": outcome.verdict.value,
            "flags": safe_flags(outcome),
        }
        for of_agents in (reader.outcomes(), reader.held_out_outcomes())
        for agent, found in of_agents.items()
        for outcome in found
    }
    for step in reader.steps():
        result = step.rejection.value if step.rejection else f"{_CHILD}{step.child}"
        about: Answer = {"agent": step.parent, "step": step.number, "task": step.evidence_task, "result": result}
        ended |= dict.fromkeys(step.sessions, about)
    return Known(ended, {decision.number: _decided(decision.action) for decision in reader.decisions()})


def _decided(action: Action) -> Answer:
    """Return whose session it is and what for."""
    if isinstance(action, Expand):
        return {"agent": action.parent, "step": action.step}
    return {"agent": action.agent, "task": action.task, "trial": action.trial}


def place_of(reader: RunReader, replay: str | None) -> Path:
    """Return the directory of a run, or of a replay of it.

    Args:
        reader: the run.
        replay: number of a replay below the run, or its path.
    Raises:
        UnknownNameError: there is no such replay.
    """
    if replay is None:
        return reader.directory
    directory = Path(replay) if "/" in replay else reader.directory / "replays" / replay
    if not (directory / "transcripts").is_dir():
        raise UnknownNameError(f"There is no replay in {directory}.")
    return directory


def found_session(wanted: str, sessions: Mapping[SessionId, Answer], *, lister: str) -> SessionId:
    """Return the session that a user means.

    Args:
        wanted: its id, or how that begins.
        sessions: those that there are.
        lister: command that lists them.
    Raises:
        UnknownNameError: none or several begin like that.
    """
    shown = safe_line(wanted, max_chars=100)
    numbered = [session for session in sessions if (session.lstrip("0") + ".").startswith(wanted.lstrip("0") + ".")]
    fitting = numbered if wanted.lstrip("0") and numbered else [name for name in sessions if name.startswith(wanted)]
    fitting = [name for name in fitting if name == wanted] or fitting
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnknownNameError(f"There is no session {shown!r}; `{lister}` lists those that there are.")
    more = f" and {len(fitting) - _MOST_NAMED} more" if len(fitting) > _MOST_NAMED else ""
    raise UnknownNameError(f"{shown!r} could be {', '.join(map(safe_line, fitting[:_MOST_NAMED]))}{more}.")


def head_of(reader: RunReader, replay: str | None) -> Answer:
    """Return what an answer about sessions begins with."""
    return {"run": reader.facts().name, "model": reader.facts().model, "replay": replay}


def title_words(reader: RunReader, replay: str | None) -> str:
    """Return which run or replay it is, and its models."""
    words = f"run {reader.facts().name}" + (f", replay {replay}" if replay else "")
    return f"{safe_line(words)}\n{model_line(reader)}"


def owner_words(entry: Answer) -> str:
    """Return whose session it is."""
    agent = (entry.get("agent") or "")[:7]
    return f"{agent} step {entry['step']}" if entry.get("step") is not None else agent


def result_words(entry: Answer) -> str:
    """Return what came of a session, with a child's id as people see it."""
    words = entry.get("result", "") + (", flagged" if entry.get("flags") else "")
    return f"{_CHILD}{short_id(AgentId(words.removeprefix(_CHILD)))}" if words.startswith(_CHILD) else words


def about_words(entry: Answer) -> str:
    """Return all of that in one line, "" where nothing is known."""
    if not entry.get("agent"):
        return ""
    trial = f", trial {entry['trial']}" if entry["trial"] is not None else ""
    task = f" on {entry['task']}" if entry["task"] else ""
    return f": agent {owner_words(entry)}{task}{trial}: {result_words(entry)}"
