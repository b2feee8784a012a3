"""Prints what an evaluation on SWE-bench takes beyond the agent's and the official harness's own time.

Instances of our own are worked on by two agents: one writes the gold patch's files down, the other a useless file. So
every evaluation is graded.

- The *agent's process* is what the agent takes: not counted.
- The *harness's own time* goes from the first to the last line of its log: container made and started, patch applied,
  tests run, report written. Not counted; and its clean-up, for which it takes 15 s and we take none, is no part of it.
- The rest of the evaluation's wall-clock is ours and counted: the agent's container with the repository in it, what
  became of that, the patch, the process in which the harness is loaded, the removal of its containers, and the second
  run of a resolved solution's tests, with a test that must fail.

What is done once per instance and kept (its image made ready for agents, the gold patch's runs) happens in a first
evaluation of each, which has a table row of its own.
"""

import json
import math
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path

from dgm.archive.ledger import FileLedger
from dgm.benchmarks.swebench.kept import KEPT_SUFFIX, read_kept
from dgm.config import RunConfig, SweBench
from dgm.core.actions import Evaluate
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId, TaskId
from dgm.core.ports import Attempt
from dgm.evolution import evaluation
from dgm.evolution.bench import Bench, Job
from dgm.evolution.session import Assignment, SessionResult, run_session
from dgm.sandbox.engine import connect
from dgm.wiring import replay_bench
from tests.fakes.instances import SyntheticInstance, built_images, sound_instances, write_records

_TIMES = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - ", re.MULTILINE)
_AGENT = """\
import json, pathlib

workspace = json.load(open("/task/task.json"))["workspace"]
for path, text in json.loads({files!r}).items():
    pathlib.Path(workspace, path).write_text(text)
"""
_USELESS = {"useless.txt": File(b"This file does nothing.\n")}


@dataclass(frozen=True)
class Timed:
    """One evaluation, in seconds."""

    session: float
    """The agent's session without its process."""
    grading: float
    """All else without the harness's own time."""

    @property
    def overhead(self) -> float:
        """All that is ours."""
        return self.session + self.grading


def measure(evaluations: int, workers: int) -> dict[str, list[Timed]]:
    """Return timed evaluations by what they are: the first of each instance, and as many of each kind as asked for."""
    instances = sound_instances()
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "out"
        dataset = write_records(Path(place) / "instances.jsonl", built_images(connect(), instances))
        config = RunConfig(benchmark="swebench", workers=workers, swebench=SweBench(dataset=str(dataset)))
        # The gold patches' runs are kept there: with the user's, the first evaluations would not be first ones.
        os.environ["XDG_CACHE_HOME"] = str(Path(place) / "cache")
        with (
            FileLedger(Path(place) / "calls.jsonl") as ledger,
            replay_bench(config, directory, ledger, say=print) as (bench, executor, _),
        ):
            numbers = count(1)

            def timed(chosen: Iterable[SyntheticInstance], *, resolving: bool) -> list[Timed]:
                jobs = [_job(instance, next(numbers), resolving=resolving) for instance in chosen]
                return list(executor.map(partial(_timed, bench=bench, directory=directory, resolved=resolving), jobs))

            return {
                "first of an instance": timed(instances, resolving=True),
                "unresolved": timed(islice(cycle(instances), evaluations), resolving=False),
                "resolved": timed(islice(cycle(instances), evaluations), resolving=True),
            }


def _job(instance: SyntheticInstance, number: int, *, resolving: bool) -> Job:
    files = instance.gold if resolving else _USELESS
    texts = json.dumps({path: file.content.decode() for path, file in files.items()})
    code: FileTree = {"main.py": File(_AGENT.format(files=texts).encode())}
    return Job(Evaluate(AgentId("0" * 12), TaskId(instance.id), 0), Attempt(number, 1), code)


def _timed(job: Job, *, bench: Bench, directory: Path, resolved: bool) -> Timed:
    agent_s: list[float] = []
    session_s: list[float] = []

    def timed_session(assignment: Assignment, bench: Bench) -> SessionResult:
        began = time.monotonic()
        result = run_session(assignment, bench)
        session_s.append(time.monotonic() - began)
        agent_s.append(result.execution.seconds)
        return result

    assert isinstance(job.action, Evaluate)
    began = time.monotonic()
    outcome = evaluation.evaluate(job, job.action, bench, session=timed_session)
    whole_s = time.monotonic() - began
    assert outcome.resolved is resolved, f"{job.action.task}: {outcome.summary} {outcome.flags}"
    kept = read_kept(directory / "gradings" / f"{job.session('grading')}{KEPT_SUFFIX}")
    harness_s = _span_s(kept.harness_log)
    return Timed(session=session_s[0] - agent_s[0], grading=whole_s - session_s[0] - harness_s)


def _span_s(harness_log: str) -> float:
    """Return the seconds from the first to the last line of the harness's log."""
    times = [datetime.strptime(f"{found},+0000", "%Y-%m-%d %H:%M:%S,%f,%z") for found in _TIMES.findall(harness_log)]
    return (times[-1] - times[0]).total_seconds()


def table(measured: Mapping[str, Sequence[Timed]]) -> str:
    """Return the measurements as a Markdown table."""
    lines = [
        "| evaluations | number | overhead median s | p95 s | of it session s | grading s |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {len(timed)} | {_figures(timed)} |" for name, timed in measured.items()]
    return "\n".join(lines)


def _figures(timed: Sequence[Timed]) -> str:
    overheads = sorted(one.overhead for one in timed)
    p95 = overheads[math.ceil(0.95 * len(overheads)) - 1]
    session = statistics.median(one.session for one in timed)
    grading = statistics.median(one.grading for one in timed)
    return f"{statistics.median(overheads):.2f} | {p95:.2f} | {session:.2f} | {grading:.2f}"


def main(argv: Sequence[str]) -> None:
    """Measure as many evaluations of each kind as are given, else 40, as many at a time as are given, else one."""
    said = [int(word) for word in argv]
    evaluations, workers = said + [40, 1][len(said) :]
    print(table(measure(evaluations, workers)))
    print(f"\nscripts/measure-swebench {evaluations} {workers}: {workers} at a time on {os.cpu_count()} cores.")


if __name__ == "__main__":
    main(sys.argv[1:])
