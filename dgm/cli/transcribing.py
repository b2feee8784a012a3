"""The verb `transcript`: what a session's model was sent and answered."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.reading import Json, Run, RunsDirectory

if TYPE_CHECKING:
    from dgm.archive.reader import RunReader
    from dgm.cli.answers import Answer
    from dgm.core.actions import Action
    from dgm.core.ids import SessionId
    from dgm.gateway.records import Transcript

_SUFFIX = ".jsonl.gz"
_MOST_NAMED = 5
_CHILD = "child "
_UNKNOWN: "Answer" = {"agent": None, "step": None, "task": None, "trial": None, "result": "no result"}


def transcript(
    run: Run,
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="A session's id or its beginning, such as 12; else they are listed."),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="DIR", help="Of a replay: its number below RUN/replays, or its path."),
    ] = None,
    runs_dir: RunsDirectory = None,
    json_: Json = False,
) -> None:
    """Show a session's conversation with its model; without SESSION, list the sessions."""
    from dgm.archive.reader import read_run
    from dgm.cli.answers import json_text
    from dgm.cli.render import model_line
    from dgm.cli.runs import existing_run_directory

    with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
        transcripts = _transcripts_directory(reader, replay)
        sessions = _sessions_of_replay(transcripts) if replay is not None else _sessions_of_run(reader, transcripts)
        head: Answer = {"run": reader.facts().name, "model": reader.facts().model, "replay": replay}
        if session is None:
            if json_:
                typer.echo(json_text(head | {"sessions": list(sessions.values())}))
            else:
                _list(_title(head, model_line(reader)), sessions)
            return
        found = _found(session, sessions, f"dgm transcript {run}" + (f" --replay {replay}" if replay else ""))
        entry = head | sessions[found]
        records = _read(transcripts, found)
        if json_:
            dumped = [record.model_dump(exclude_unset=True) for record in records.records]
            typer.echo(json_text(entry | {"damage": records.damage, "records": dumped}))
        else:
            _show(_title(head, model_line(reader)), entry, records)


def _transcripts_directory(reader: "RunReader", replay: str | None) -> Path:
    from dgm.core.errors import UnknownNameError

    if replay is None:
        return reader.directory / "transcripts"
    directory = Path(replay) if "/" in replay else reader.directory / "replays" / replay
    if not (directory / "transcripts").is_dir():
        raise UnknownNameError(f"There is no replay in {directory}.")
    return directory / "transcripts"


def _sessions_of_run(reader: "RunReader", transcripts: Path) -> "dict[SessionId, Answer]":
    """Return what is known of each session that called a model or has a transcript, by id."""
    from dgm.core.ids import decision_of, purpose_of

    with reader.snapshot():
        calls, steps, outcomes = reader.calls_by_session(), reader.steps(), reader.outcomes()
        decided = {decision.number: _decided(decision.action) for decision in reader.decisions()}
    ended: dict[SessionId, Answer] = {
        outcome.session: {"agent": agent, "task": outcome.task, "trial": outcome.trial, "result": outcome.verdict.value}
        for agent, found in outcomes.items()
        for outcome in found
    }
    for step in steps:
        result = step.rejection.value if step.rejection else f"{_CHILD}{step.child}"
        about: Answer = {"agent": step.parent, "step": step.number, "task": step.evidence_task, "result": result}
        ended |= dict.fromkeys(step.sessions, about)
    return {
        session: {
            "session": session,
            "role": purpose_of(session),
            **_UNKNOWN,
            **ended.get(session, decided.get(decision_of(session), {})),
            "calls": sum(usage.calls for usage in calls.get(session, ())),
            "tokens": sum(usage.tokens for usage in calls.get(session, ())),
            "cost_usd": sum(usage.cost_usd for usage in calls.get(session, ())),
        }
        for session in sorted(calls.keys() | ended.keys() | set(_files(transcripts)))
    }


def _decided(action: "Action") -> "Answer":
    """Return whose session it is and what for."""
    from dgm.core.actions import Expand

    if isinstance(action, Expand):
        return {"agent": action.parent, "step": action.step}
    return {"agent": action.agent, "task": action.task, "trial": action.trial}


def _sessions_of_replay(transcripts: Path) -> "dict[SessionId, Answer]":
    """Return the same for the sessions of a replay, as far as their transcripts tell."""
    from dgm.core.ids import purpose_of

    return {
        session: {"session": session, "role": purpose_of(session), **_totals(_read(transcripts, session))}
        for session in _files(transcripts)
    }


def _files(transcripts: Path) -> "list[SessionId]":
    """Return the sessions that have a file; other files are no transcripts of ours."""
    from dgm.core.ids import SessionId
    from dgm.gateway.transcripts import is_session_id

    names = [path.name.removesuffix(_SUFFIX) for path in transcripts.glob(f"*{_SUFFIX}")]
    return sorted(SessionId(name) for name in names if is_session_id(name))


def _read(transcripts: Path, session: "SessionId") -> "Transcript":
    from dgm.gateway.records import read_records
    from dgm.gateway.transcripts import transcript_path

    return read_records(transcript_path(transcripts, session))


def _totals(transcript: "Transcript") -> "Answer":
    used = [record for record in transcript.records if record.usage is not None]
    tokens = [record.usage.input_tokens + record.usage.output_tokens for record in used if record.usage is not None]
    return {"calls": len(used), "tokens": sum(tokens), "cost_usd": sum(record.cost_usd for record in used)}


def _found(wanted: str, sessions: "Mapping[SessionId, Answer]", lister: str) -> "SessionId":
    """Return the session that a user means.

    Raises:
        UnknownNameError: none or several begin like that.
    """
    from dgm.boundary.text import safe_line
    from dgm.core.errors import UnknownNameError

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


def _list(title: str, sessions: "Mapping[SessionId, Answer]") -> None:
    from rich.text import Text

    from dgm.boundary.text import safe_line
    from dgm.cli.screen import plain_table, show

    table = plain_table("session", "of", "task")
    for name in ("calls", "$"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True, overflow="ellipsis")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for entry in sessions.values():
        cells = (
            entry["session"],
            _of(entry),
            entry.get("task") or "",
            f"{entry['calls']:,}",
            f"{entry['cost_usd']:,.3f}",
            _result(entry.get("result", "")),
        )
        table.add_row(*(Text(safe_line(cell)) for cell in cells))
    show(Text(title, style="bold"), table)


def _title(head: "Answer", models: str) -> str:
    from dgm.boundary.text import safe_line

    replay = f", replay {head['replay']}" if head["replay"] else ""
    return f"{safe_line('run ' + head['run'] + replay)}\n{models}"


def _result(words: str) -> str:
    """Return what came of a session, with a child's id as people see it."""
    from dgm.cli.render import short_id
    from dgm.core.ids import AgentId

    return f"{_CHILD}{short_id(AgentId(words.removeprefix(_CHILD)))}" if words.startswith(_CHILD) else words


def _of(entry: "Answer") -> str:
    agent = (entry.get("agent") or "")[:7]
    return f"{agent} step {entry['step']}" if entry.get("step") is not None else agent


def _show(title: str, entry: "Answer", records: "Transcript") -> None:
    from dgm.boundary.text import safe_line
    from dgm.cli.conversation import Part, conversation, print_conversation
    from dgm.cli.screen import console

    head = [
        title,
        safe_line(f"session {entry['session']}{_about(entry)}"),
        f"{entry['calls']:,} calls, {entry['tokens']:,} tokens, ${entry['cost_usd']:,.4f}",
    ]
    parts = list(conversation(records)) or [Part("It has no transcript.")]
    print_conversation([Part("\n".join(head), "bold"), *parts], console())


def _about(entry: "Answer") -> str:
    if not entry.get("agent"):
        return ""
    trial = f", trial {entry['trial']}" if entry["trial"] is not None else ""
    task = f" on {entry['task']}" if entry["task"] else ""
    return f": agent {_of(entry)}{task}{trial}: {entry['result']}"
