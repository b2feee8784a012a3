"""Small runs on disk, and the values that they are made of."""

import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

from dgm.archive.run import RunArchive, create_run
from dgm.config import RunConfig
from dgm.core.actions import Diagnosis, Evaluate, Expand, Rejection, Step
from dgm.core.agents import Agent
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Outcome, Usage, Verdict
from dgm.core.ports import Archive

SEED_CODE: FileTree = {"main.py": File(b"print('seed')\n", executable=True), "tools/edit.py": File(b"EDIT = 1\n")}
CREATED_AT = 1_800_000_000.0
OLD_SCHEMAS = (1, 2, 3, 4, 5)
"""Versions of the archive before this one; `schema1.sql` and so on are what they wrote: a rejected step, a measurement,
a call under way, since version 2 what the cache had of the measurement's call, since version 3 the image's digest,
since version 4 a sign that the measurement's tests were tampered with."""


class TickingClock:
    """Each look at it is one second later."""

    def __init__(self, start: float = CREATED_AT) -> None:
        self.time = start - 1

    def now(self) -> float:
        self.time += 1
        return self.time

    def monotonic(self) -> float:
        return self.now()


def new_run(
    directory: Path,
    *,
    config: RunConfig | None = None,
    code: FileTree = SEED_CODE,
    held_out: Collection[TaskId] = (),
) -> RunArchive:
    """Make a run with its seed agent, open for writing."""
    return create_run(
        directory,
        config=config or RunConfig(),
        image="python",
        images={"python": "sha256:" + "0" * 64},
        seed_code=code,
        held_out=held_out,
        clock=TickingClock(),
    )


def run_of_schema(version: int, directory: Path) -> None:
    """Make a run whose archive is one of `OLD_SCHEMAS`."""
    new_run(directory).close()
    (directory / "archive.db").unlink()
    connection = sqlite3.connect(directory / "archive.db")
    connection.executescript(Path(__file__).with_name(f"schema{version}.sql").read_text("utf-8"))
    connection.close()


def pay(archive: Archive, session: str, usage: Usage, *, number: int = 1) -> None:
    """Reserve and settle a call in an archive."""
    archive.reserve_call(SessionId(session), number, worst_case=Usage(calls=1, cost_usd=9.0))
    archive.settle_call(SessionId(session), number, usage=usage)


def diagnosis(proposal: str = "Retry when the reply is empty\nbecause it happens.") -> Diagnosis:
    """Return a diagnosis with that proposal."""
    return Diagnosis("log", ("one", "two"), proposal, "how", "problem")


def step(
    number: int,
    parent: AgentId,
    *,
    child: FileTree | None = None,
    rejection: Rejection | None = None,
    proposal: str | None = None,
) -> Step:
    """Return a step that was accepted if it has a child."""
    return Step(
        number=number,
        parent=parent,
        evidence_task=TaskId("anagram"),
        diagnosis=diagnosis() if proposal is None else diagnosis(proposal),
        child=child,
        rejection=rejection if child is None else None,
        detail="" if child is not None else "It does not start.",
        seconds=2.5,
        sessions=(SessionId(f"{number:05}.1.diagnose"), SessionId(f"{number:05}.1.improve")),
        usage=Usage(calls=2, input_tokens=10, output_tokens=5, cost_usd=0.25),
        patch="--- a/main.py\n",
        exit="exit 0",
    )


def outcome(task: str, verdict: Verdict = Verdict.RESOLVED, *, trial: int = 0, flags: tuple[str, ...] = ()) -> Outcome:
    """Return what came of a task."""
    return Outcome(
        task=TaskId(task),
        trial=trial,
        verdict=verdict,
        summary="3 of 5 tests passed",
        seconds=1.25,
        session=SessionId(f"{task}.agent"),
        usage=Usage(calls=1, input_tokens=7, output_tokens=3, cost_usd=0.000000125),
        patch="+ line\n",
        dropped_paths=("conftest.py",),
        flags=flags,
    )


def grow(archive: Archive, parent: AgentId, code: FileTree, *, proposal: str | None = None) -> Agent:
    """Add a child to an archive."""
    number = archive.steps_done() + 1
    decision = archive.decide(Expand(parent, number))
    child = archive.add_step(decision.number, step(number, parent, child=code, proposal=proposal))
    assert child is not None
    return child


def reject(archive: Archive, parent: AgentId, rejection: Rejection) -> None:
    """Add a step without a child to an archive."""
    number = archive.steps_done() + 1
    decision = archive.decide(Expand(parent, number))
    archive.add_step(decision.number, step(number, parent, rejection=rejection))


def measure(archive: Archive, agent: AgentId, verdicts: Sequence[Verdict]) -> None:
    """Measure an agent on one task per verdict."""
    for number, verdict in enumerate(verdicts):
        task = f"task-{number}"
        decision = archive.decide(Evaluate(agent, TaskId(task), 0))
        archive.add_outcome(decision.number, agent, outcome(task, verdict))
