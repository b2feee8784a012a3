"""The verb `transcript`: what a session's model was sent and answered."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgm.cli.reading import Json, Run, RunsDirectory

if TYPE_CHECKING:
    from dgm.archive.reader import RunReader
    from dgm.cli.answers import Answer
    from dgm.core.ids import SessionId
    from dgm.gateway.records import Transcript

Session = Annotated[
    str | None,
    typer.Argument(metavar="SESSION", help="A session's id or its beginning, such as 12; else they are listed."),
]
Replay = Annotated[
    str | None,
    typer.Option("--replay", metavar="DIR", help="Of a replay: its number below RUN/replays, or its path."),
]


def transcript(
    run: Run, session: Session = None, replay: Replay = None, runs_dir: RunsDirectory = None, json_: Json = False
) -> None:
    """Show a session's conversation with its model; without SESSION, list the sessions."""
    from dgm.archive.reader import read_run
    from dgm.cli.answers import json_text
    from dgm.cli.runs import existing_run_directory
    from dgm.cli.sessions import found_session, head_of, place_of, title_words

    with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
        transcripts = place_of(reader, replay) / "transcripts"
        sessions = _sessions_of_replay(transcripts) if replay is not None else _sessions_of_run(reader, transcripts)
        head = head_of(reader, replay)
        if session is None:
            if json_:
                typer.echo(json_text(head | {"sessions": list(sessions.values())}))
            else:
                _list(title_words(reader, replay), sessions)
            return
        lister = f"dgm transcript {run}" + (f" --replay {replay}" if replay else "")
        found = found_session(session, sessions, lister=lister)
        entry = head | sessions[found]
        records = _read(transcripts, found)
        if json_:
            dumped = [record.model_dump(exclude_unset=True) for record in records.records]
            typer.echo(json_text(entry | {"damage": records.damage, "records": dumped}))
        else:
            _show(title_words(reader, replay), entry, records)


def _sessions_of_run(reader: "RunReader", transcripts: Path) -> "dict[SessionId, Answer]":
    """Return what is known of each session that called a model or has a transcript, by id."""
    from dgm.cli.sessions import known_sessions

    with reader.snapshot():
        calls, known = reader.calls_by_session(), known_sessions(reader)
    return {
        session: {
            **known.about(session),
            "calls": sum(usage.calls for usage in calls.get(session, ())),
            "tokens": sum(usage.tokens for usage in calls.get(session, ())),
            "cost_usd": sum(usage.cost_usd for usage in calls.get(session, ())),
        }
        for session in sorted(calls.keys() | known.ended.keys() | set(_files(transcripts)))
    }


def _sessions_of_replay(transcripts: Path) -> "dict[SessionId, Answer]":
    """Return the same for the sessions of a replay, as far as their transcripts tell."""
    from dgm.core.ids import purpose_of

    return {
        session: {"session": session, "role": purpose_of(session), **_totals(_read(transcripts, session))}
        for session in _files(transcripts)
    }


def _files(transcripts: Path) -> "list[SessionId]":
    """Return the sessions that have a transcript."""
    from dgm.boundary.session_files import sessions_in
    from dgm.gateway.transcripts import TRANSCRIPT_SUFFIX

    return sessions_in(transcripts, suffix=TRANSCRIPT_SUFFIX)


def _read(transcripts: Path, session: "SessionId") -> "Transcript":
    from dgm.gateway.records import read_records
    from dgm.gateway.transcripts import transcript_path

    return read_records(transcript_path(transcripts, session))


def _totals(transcript: "Transcript") -> "Answer":
    used = [record for record in transcript.records if record.usage is not None]
    tokens = [record.usage.input_tokens + record.usage.output_tokens for record in used if record.usage is not None]
    return {"calls": len(used), "tokens": sum(tokens), "cost_usd": sum(record.cost_usd for record in used)}


def _list(title: str, sessions: "Mapping[SessionId, Answer]") -> None:
    from rich.text import Text

    from dgm.boundary.text import safe_line
    from dgm.cli.screen import plain_table, show
    from dgm.cli.sessions import owner_words, result_words

    table = plain_table("session", "of", "task")
    for name in ("calls", "$"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True, overflow="ellipsis")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for entry in sessions.values():
        cells = (
            entry["session"],
            owner_words(entry),
            entry.get("task") or "",
            f"{entry['calls']:,}",
            f"{entry['cost_usd']:,.3f}",
            result_words(entry),
        )
        table.add_row(*(Text(safe_line(cell)) for cell in cells))
    show(Text(title, style="bold"), table)


def _show(title: str, entry: "Answer", records: "Transcript") -> None:
    from dgm.boundary.text import safe_line
    from dgm.cli.conversation import Part, conversation, print_conversation
    from dgm.cli.screen import console
    from dgm.cli.sessions import about_words

    head = [
        title,
        safe_line(f"session {entry['session']}{about_words(entry)}"),
        f"{entry['calls']:,} calls, {entry['tokens']:,} tokens, ${entry['cost_usd']:,.4f}",
    ]
    parts = list(conversation(records)) or [Part("It has no transcript.")]
    print_conversation([Part("\n".join(head), "bold"), *parts], console())
