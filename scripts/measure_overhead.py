"""Prints the overhead of an evaluation: its wall-clock less the time in which the agent's process ran.

The agent's process holds all model and tool time. What is left is ours: two container cycles, copying in and out, the
gateway, and grading with its test run. The seed agent works on every kata with the rehearsal model.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from dgm.archive.ledger import FileLedger
from dgm.boundary.directories import read_agent_directory
from dgm.config import RunConfig
from dgm.content import seed_agent_directory
from dgm.core.actions import Evaluate
from dgm.core.ids import AgentId
from dgm.core.ports import Attempt
from dgm.evolution import evaluation
from dgm.evolution.bench import Bench, Job
from dgm.evolution.session import Assignment, SessionResult, run_session
from dgm.wiring import replay_bench


def measure(workers: int) -> list[tuple[float, float, float]]:
    """Return (whole, agent's process, session less process) in seconds for each kata."""
    config = RunConfig(workers=workers)
    code = read_agent_directory(seed_agent_directory())
    with (
        tempfile.TemporaryDirectory() as directory,
        FileLedger(Path(directory) / "calls.jsonl") as ledger,
        replay_bench(config, Path(directory), ledger, say=print) as (bench, executor, _),
    ):
        tasks = bench.benchmark.tasks()
        jobs = [
            Job(Evaluate(AgentId("0" * 12), task.id, 0), Attempt(number, 1), code)
            for number, task in enumerate(tasks, start=1)
        ]
        return list(executor.map(_timed, jobs, [bench] * len(jobs)))


def _timed(job: Job, bench: Bench) -> tuple[float, float, float]:
    agent_seconds: list[float] = []
    session_seconds: list[float] = []

    def timed_session(assignment: Assignment, bench: Bench) -> SessionResult:
        started = time.monotonic()
        result = run_session(assignment, bench)
        session_seconds.append(time.monotonic() - started)
        agent_seconds.append(result.execution.seconds)
        return result

    assert isinstance(job.action, Evaluate)
    started = time.monotonic()
    evaluation.evaluate(job, job.action, bench, session=timed_session)
    whole = time.monotonic() - started
    return whole, agent_seconds[0], session_seconds[0] - agent_seconds[0]


def main(argv: Sequence[str]) -> None:
    """Measure with one worker and with as many as there are cores, or with the number given."""
    for workers in [int(word) for word in argv] or [1, 2]:
        rows = measure(workers)
        overhead = sorted(whole - agent for whole, agent, _ in rows)
        session = statistics.median(session for _, _, session in rows)
        agent = statistics.median(agent for _, agent, _ in rows)
        print(
            f"{workers} worker(s), {len(rows)} evaluations: overhead median {statistics.median(overhead):.2f} s, "
            f"p95 {overhead[int(0.95 * len(overhead))]:.2f} s (agent's container {session:.2f} s; "
            f"agent's own process {agent:.2f} s, not counted)"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
