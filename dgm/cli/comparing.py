"""Replays an agent's sessions against the answers that its run recorded, and says which of them went the same way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from dgm.archive.reader import RunReader
from dgm.benchmarks.catalogue import definition_named, outline_named
from dgm.boundary.text import safe_line
from dgm.cli import exit_codes
from dgm.cli.answers import Answer, json_text
from dgm.cli.render import simulated_note
from dgm.cli.results import kept_results, results_directory, write_result
from dgm.cli.screen import console
from dgm.cli.tampering import signs_answer
from dgm.cli.verdicts import counts_alike, safe_flags, verdict_words
from dgm.config import REHEARSAL
from dgm.core.errors import ArchiveError, UnknownNameError, UsageError
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome
from dgm.evolution.replay import INTERRUPTED, Replayed
from dgm.evolution.replay import replay_recorded as replay_sessions
from dgm.gateway.comparison import ENDED, Comparison, compare
from dgm.gateway.recorded import NotRecordedError, calls_if_any
from dgm.gateway.recording import RecordedCall

if TYPE_CHECKING:
    from dgm.config import RunConfig


class Way(StrEnum):
    """How a replayed session went."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_REPLAYED = "not replayed"


@dataclass(frozen=True, slots=True)
class Session:
    """One recorded session and what came of replaying it."""

    recorded: Outcome
    way: Way
    reason: str = ""
    """Why it could not be replayed; empty otherwise."""
    outcome: Outcome | None = None
    """None where it did not get to a verdict."""
    comparison: Comparison | None = None


def replay_recorded(
    reader: RunReader, agent: str, patterns: Sequence[str], *, config: "RunConfig", out: Path | None, as_json: bool
) -> int:
    """Replay an agent's recorded sessions, show and write what came of it, and return the exit code.

    Those on what is held out from selection come last.

    Args:
        reader: the run; nothing in it is changed.
        agent: its id or its first digits.
        patterns: only these tasks, ids, patterns or stages; all when empty.
        config: the run's, with where exercises lie now and how many sandboxes are to work at a time.
        out: where results go; below the run unless given.
        as_json: whether the answer is printed as JSON, and progress on standard error.
    Raises:
        UsageError: there is nothing to replay.
    """
    found = reader.agent_tree().find(agent)
    recorded = (*reader.outcomes_of(found), *reader.held_out_of(found))
    outcomes = _wanted(recorded, patterns, found, config)
    screen = console(stderr=as_json)
    screen.print(Text(safe_line(f"replaying agent {found} of {reader.facts().name} with the recorded answers")))
    directory = results_directory(out, reader.directory)
    sessions = _replayed(reader, found, outcomes, config, directory, screen)
    answer = _answer(reader, found, sessions)
    write_result(directory, answer)
    if as_json:
        typer.echo(json_text(answer))
    else:
        screen.print(Text("\n".join(_summary(answer, directory))))
    return _exit_code(sessions)


def _wanted(outcomes: Sequence[Outcome], patterns: Sequence[str], agent: AgentId, config: "RunConfig") -> list[Outcome]:
    if not outcomes:
        raise UsageError(f"Agent {agent} was never measured in this run, so there is nothing to replay.")
    wanted: set[TaskId] = set()
    for pattern in patterns:
        fitting = _fitting(outcomes, pattern, config)
        if not fitting:
            raise UnknownNameError(f"Agent {agent} was not measured on {pattern!r}; `dgm show` lists what it was.")
        wanted |= fitting
    return [outcome for outcome in outcomes if not patterns or outcome.task in wanted]


def _fitting(outcomes: Sequence[Outcome], pattern: str, config: "RunConfig") -> set[TaskId]:
    """Return the measured tasks that a pattern fits, those too that the benchmark does not have any more."""
    measured = {outcome.task for outcome in outcomes}
    if ":" not in pattern and pattern not in definition_named(config.benchmark).stage_names:
        return {task for task in measured if fnmatchcase(task, pattern)}
    stages = outline_named(config.benchmark, [pattern], swebench=config.swebench).stages()
    return {task for stage in stages for task in stage.tasks} & measured


def _replayed(
    reader: RunReader,
    agent: AgentId,
    outcomes: Sequence[Outcome],
    config: "RunConfig",
    directory: Path,
    screen: Console,
) -> list[Session]:
    """Return one session for each outcome, in their order; what was interrupted is not replayed."""
    from dgm.wiring import recorded_bench

    transcripts, done = reader.directory / "transcripts", dict[int, Session]()

    def note(number: int, session: Session) -> None:
        done[number] = session
        for line in _progress(f"{len(done)}/{len(outcomes)}", session):
            screen.print(Text(line))

    def found() -> list[Session]:
        return [
            done.get(number, Session(outcome, Way.NOT_REPLAYED, INTERRUPTED)) for number, outcome in enumerate(outcomes)
        ]

    wanted: list[int] = []
    for number, outcome in enumerate(outcomes):
        if reason := _obstacle(transcripts, outcome):
            note(number, Session(outcome, Way.NOT_REPLAYED, reason))
        else:
            wanted.append(number)
    if wanted:
        sessions = [outcomes[number] for number in wanted]
        tasks = [outcome.task for outcome in sessions]
        with (
            kept_results(directory, lambda: _answer(reader, agent, found()), results=done),
            recorded_bench(config, reader, directory, tasks=tasks, say=lambda text: screen.print(Text(text))) as bench,
        ):
            for result in replay_sessions(agent, reader.code(agent), sessions, bench=bench[0], executor=bench[1]):
                recorded = sessions[result.number]
                note(wanted[result.number], _compared(recorded, result, transcripts, directory / "transcripts"))
    return found()


def _obstacle(transcripts: Path, outcome: Outcome) -> str:
    """Return why a session's transcript cannot be replayed from; "" if it can."""
    try:
        calls = calls_if_any(transcripts, outcome.session)
    except (ArchiveError, UsageError) as error:
        return str(error)
    if outcome.usage.calls and not calls:
        return f"Its transcript is missing or empty, and it made {outcome.usage.calls} calls."
    return ""


def _compared(recorded: Outcome, result: Replayed, before: Path, after: Path) -> Session:
    try:
        then, now = calls_if_any(before, recorded.session), calls_if_any(after, recorded.session)
    except (ArchiveError, UsageError) as error:
        return Session(recorded, Way.NOT_REPLAYED, result.fault or str(error))
    comparison = compare(then, now)
    if result.outcome is None and not _left_the_recording(now):
        return Session(recorded, Way.NOT_REPLAYED, result.fault, comparison=comparison)
    difference = comparison.difference
    if difference is not None and difference.what == ENDED and len(then) < recorded.usage.calls:
        reason = f"Its transcript has {len(then)} requests, but it made {recorded.usage.calls} calls."
        return Session(recorded, Way.NOT_REPLAYED, reason, comparison=comparison)
    same = difference is None and result.outcome is not None and counts_alike(result.outcome, recorded)
    way = Way.EQUAL if same else Way.DIFFERENT
    return Session(recorded, way, outcome=result.outcome, comparison=comparison)


def _left_the_recording(calls: Iterable[RecordedCall]) -> bool:
    return any(call.record.error is not None and call.record.error.type == NotRecordedError.__name__ for call in calls)


def _progress(count: str, session: Session) -> list[str]:
    """Return what is said of one session as soon as it is known."""
    recorded, comparison = session.recorded, session.comparison
    head = f"{count}  {safe_line(recorded.task)}  trial {recorded.trial}  {session.way.value}: "
    if session.way is Way.NOT_REPLAYED or comparison is None:
        return [head + safe_line(session.reason)]
    lines = [
        head + f"{comparison.matched} of {comparison.recorded} requests{_loosely(comparison)}, {_verdicts(session)}"
    ]
    if (difference := comparison.difference) is not None:
        lines.append(f"    request {difference.request}: {difference.what}")
        lines += [f"    {line}" for line in difference.diff]
    return lines


def _loosely(comparison: Comparison) -> str:
    return f" ({comparison.loosely} of them after leaving out times and the like)" if comparison.loosely else ""


def _verdicts(session: Session) -> str:
    then = verdict_words(session.recorded)
    if session.outcome is None:
        return f"no verdict (then {then})"
    now = verdict_words(session.outcome)
    return now if now == then else f"{now} (then {then})"


def _answer(reader: RunReader, agent: AgentId, sessions: Sequence[Session]) -> Answer:
    ways = [session.way for session in sessions]
    config = reader.config()
    return {
        "run": reader.facts().name,
        "agent": agent,
        "benchmark": config.benchmark,
        "model": config.models.agent.model,
        "recorded": True,
        "sessions": len(sessions),
        "equal": ways.count(Way.EQUAL),
        "different": ways.count(Way.DIFFERENT),
        "not_replayed": ways.count(Way.NOT_REPLAYED),
        "cost_usd": 0.0,
        "recorded_cost_usd": sum(session.recorded.usage.cost_usd for session in sessions),
        "outcomes": [_session_answer(session) for session in sessions],
    }


def _session_answer(session: Session) -> Answer:
    recorded, comparison, outcome = session.recorded, session.comparison, session.outcome
    return {
        "task": recorded.task,
        "trial": recorded.trial,
        "session": recorded.session,
        "way": session.way.value,
        "reason": safe_line(session.reason),
        "requests": comparison.recorded if comparison else None,
        "matched": comparison.matched if comparison else None,
        "matched_loosely": comparison.loosely if comparison else None,
        "difference": _difference_answer(comparison),
        "verdict": outcome.verdict.value if outcome else None,
        "flags": safe_flags(outcome) if outcome else None,
        "signs": signs_answer(outcome) if outcome else None,
        "recorded_verdict": recorded.verdict.value,
        "recorded_flags": safe_flags(recorded),
        "summary": safe_line(outcome.summary) if outcome else None,
        "seconds": round(outcome.seconds, 3) if outcome else None,
        "cost_usd": 0.0,
        "recorded_cost_usd": recorded.usage.cost_usd,
    }


def _difference_answer(comparison: Comparison | None) -> Answer | None:
    if comparison is None or comparison.difference is None:
        return None
    difference = comparison.difference
    return {"request": difference.request, "what": difference.what, "diff": list(difference.diff)}


def _summary(answer: Answer, directory: Path) -> list[str]:
    score = f"{answer['equal']} of {answer['sessions']} sessions equal"
    lines = [f"agent {answer['agent'][:7]} on {answer['benchmark']}: {score}"]
    if answer["different"]:
        lines.append(f"{answer['different']} went another way than then.")
    if answer["not_replayed"]:
        lines.append(f"{answer['not_replayed']} could not be replayed.")
    lines.append(f"No model was asked: $0.00 now, ${answer['recorded_cost_usd']:,.2f} when they were recorded.")
    if answer["model"] == REHEARSAL:
        lines.append(simulated_note())
    lines.append(f"Results and transcripts are in {directory}.")
    return lines


def _exit_code(sessions: Sequence[Session]) -> int:
    if any(session.reason == INTERRUPTED for session in sessions):
        return exit_codes.INTERRUPTED
    ways = {session.way for session in sessions}
    if Way.DIFFERENT in ways:
        return exit_codes.DIFFERENT
    return exit_codes.NOT_MEASURED if Way.NOT_REPLAYED in ways else 0
