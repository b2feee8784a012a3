"""The verb `grading`: what judging a solution left behind."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dgm.cli.reading import Json, Run, RunsDirectory
from dgm.cli.transcribing import Replay, Session

if TYPE_CHECKING:
    from dgm.archive.reader import RunReader
    from dgm.benchmarks.swebench.harness import Results
    from dgm.benchmarks.swebench.kept import KeptGrading
    from dgm.cli.answers import Answer
    from dgm.cli.conversation import Part
    from dgm.core.ids import SessionId

_SHOWN_LINES = 200
"""Of what the tests printed; its end says most."""
_SHOWN_TESTS = 20
_GOLD = ".gold"


def grading(
    run: Run, session: Session = None, replay: Replay = None, runs_dir: RunsDirectory = None, json_: Json = False
) -> None:
    """Show what the official harness said of a solution of SWE-bench; without SESSION, list the gradings.

    The report, what is flagged, and the end of what the tests printed; --json has all of it and the patch.
    """
    from dgm.archive.reader import read_run
    from dgm.cli.answers import json_text
    from dgm.cli.runs import existing_run_directory
    from dgm.cli.sessions import found_session, head_of, place_of, title_words

    with read_run(existing_run_directory(run, runs=runs_dir)) as reader:
        directory = place_of(reader, replay) / "gradings"
        sessions = _sessions(reader, directory, replay)
        head, title = head_of(reader, replay), title_words(reader, replay)
    if session is None:
        if json_:
            typer.echo(json_text(head | {"gradings": list(sessions.values())}))
        else:
            _list(title, sessions)
        return
    lister = f"dgm grading {run}" + (f" --replay {replay}" if replay else "")
    # The gold patch's run has the name of the grading that it was made for, and more.
    meant = {name: entry for name, entry in sessions.items() if name.endswith(_GOLD) == session.endswith(_GOLD)}
    found = found_session(session, meant, lister=lister)
    kept = _read(directory, found)
    if json_:
        typer.echo(json_text(head | sessions[found] | _answer(kept)))
    else:
        _show(title, sessions[found], kept)


def _sessions(reader: "RunReader", directory: Path, replay: str | None) -> "dict[SessionId, Answer]":
    """Return what is known of each grading that was kept, by id; of a replay's, the id alone."""
    from dgm.benchmarks.swebench.kept import KEPT_SUFFIX
    from dgm.boundary.session_files import sessions_in
    from dgm.cli.sessions import known_sessions

    found = sessions_in(directory, suffix=KEPT_SUFFIX)
    if replay is not None:
        return {session: {"session": session} for session in found}
    with reader.snapshot():
        known = known_sessions(reader)
    about = {session: known.about(session) for session in found}
    return {
        session: entry | ({"result": "gold patch"} if session.endswith(_GOLD) else {})
        for session, entry in about.items()
    }


def _read(directory: Path, session: "SessionId") -> "KeptGrading":
    from dgm.benchmarks.swebench.kept import KEPT_SUFFIX, read_kept
    from dgm.boundary.session_files import session_file

    return read_kept(session_file(directory, session, suffix=KEPT_SUFFIX))


def _answer(kept: "KeptGrading") -> "Answer":
    from dgm.boundary.text import safe_line, safe_text

    return {
        "summary": safe_line(kept.summary),
        # Exact, so that it can be judged elsewhere: JSON in ASCII has nothing that a terminal obeys.
        "patch": kept.patch,
        "report": kept.report,
        "seconds": kept.seconds,
        "flags": [safe_line(flag) for flag in kept.flags],
        "log": safe_text(kept.log),
        "harness_log": safe_text(kept.harness_log),
    }


def _list(title: str, sessions: "Mapping[SessionId, Answer]") -> None:
    from rich.text import Text

    from dgm.boundary.text import safe_line
    from dgm.cli.screen import plain_table, show
    from dgm.cli.sessions import owner_words, result_words

    table = plain_table("session", "of", "task", "result")
    for entry in sessions.values():
        cells = (entry["session"], owner_words(entry), entry.get("task") or "", result_words(entry))
        table.add_row(*(Text(safe_line(cell)) for cell in cells))
    note = () if sessions else ("No grading was kept: only those of benchmark swebench are.",)
    show(Text(title, style="bold"), table, *note)


def _show(title: str, entry: "Answer", kept: "KeptGrading") -> None:
    from dgm.boundary.text import safe_line
    from dgm.cli.conversation import Part, print_conversation
    from dgm.cli.screen import console
    from dgm.cli.sessions import about_words

    about = safe_line(f"grading {entry['session']}{about_words(entry)}")
    print_conversation([Part(f"{title}\n{about}", "bold"), *_parts(kept)], console())


def _parts(kept: "KeptGrading") -> "Iterator[Part]":
    """Yield what people are shown, all of it safe to print."""
    from dgm.boundary.text import safe_line
    from dgm.cli.conversation import Part

    yield Part("\n".join(_report_lines(kept)))
    yield from (Part(f"flagged: {safe_line(flag)}", "bold red") for flag in kept.flags)
    for name, text in (("harness", kept.harness_log), ("tests", kept.log)):
        yield Part(f"\nwhat the {name} printed", "bold")
        yield Part(_end_of(text), "", 1)


def _report_lines(kept: "KeptGrading") -> list[str]:
    from dgm.boundary.text import safe_line

    report, found = kept.official, f"found: {safe_line(kept.summary)}"
    if report is None:
        return [found, "official report: none"]
    lines = [found, f"official report: {'resolved' if report.resolved else 'not resolved'}"]
    if kept.seconds is not None:
        lines.append(f"its tests took {kept.seconds:,.1f} s")
    if report.tests_status is None:
        return [*lines, "no test's result could be read"]
    status = report.tests_status
    return lines + _results("FAIL_TO_PASS", status.fail_to_pass) + _results("PASS_TO_PASS", status.pass_to_pass)


def _results(name: str, results: "Results") -> list[str]:
    from dgm.boundary.text import safe_line

    failed = [f"  failed: {safe_line(test)}" for test in results.failure[:_SHOWN_TESTS]]
    more = len(results.failure) - len(failed)
    rest = [f"  and {more:,} more"] if more else []
    return [f"{name}: {len(results.success):,} of {results.total:,} passed", *failed, *rest]


def _end_of(text: str) -> str:
    from dgm.boundary.text import safe_text

    lines = safe_text(text).strip("\n").split("\n")
    left_out = len(lines) - _SHOWN_LINES
    first = [f"({left_out:,} lines before are left out; --json has them)"] if left_out > 0 else []
    return "\n".join(first + lines[-_SHOWN_LINES:]) or "(nothing)"
