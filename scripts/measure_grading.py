"""Prints how long one grading takes, and how many references resolve, per language, as a Markdown table.

Each task's reference solution is graded, as agents' solutions are: from starting a fresh container to the verdict.
Chance makes the names and contradictions of each grading: `--times 20` shows whether any hurts a right solution. Those
that do not resolve are named with what their grading says; theirs may be shorter than real ones.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dgm.benchmarks.catalogue import exercises_named
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.config import RunConfig
from dgm.core.files import Change
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Sandbox
from dgm.sandbox.images import ensure_image
from dgm.wiring import docker_sandbox


@dataclass(frozen=True)
class Timed:
    """One grading of a reference."""

    task: TaskId
    language: str
    resolved: bool
    seconds: float


def measure(benchmark: ExercisesBenchmark, sandbox: Sandbox, *, workers: int, times: int) -> list[Timed]:
    """Return `times` gradings of each task's reference, `workers` at a time."""

    def timed(task: TaskId) -> Timed:
        solution = benchmark.exercise(task).known.reference
        session = SessionId(f"measure.{task.replace('/', '-')}")
        began = time.monotonic()
        grade = benchmark.grade(task, Change({}, solution), sandbox=sandbox, session=session)
        seconds = time.monotonic() - began
        if not grade.resolved:
            print(f"{task} did not resolve: {grade.summary}", file=sys.stderr, flush=True)
        return Timed(task, benchmark.language(task).name, grade.resolved, seconds)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(timed, [task.id for task in benchmark.tasks()] * times))


def table(gradings: Sequence[Timed]) -> Iterator[str]:
    """Yield the lines of the table: a row for each language, and one for all where there are several."""
    yield "| language | tasks | gradings | resolved | median s | p95 s |"
    yield "|---|---|---|---|---|---|"
    languages = sorted({grading.language for grading in gradings})
    for language in languages:
        yield _row(language, [grading for grading in gradings if grading.language == language])
    if len(languages) > 1:
        yield _row("all", gradings)


def _row(name: str, gradings: Sequence[Timed]) -> str:
    ordered = sorted(grading.seconds for grading in gradings)
    median, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    tasks, resolved = len({grading.task for grading in gradings}), sum(grading.resolved for grading in gradings)
    return f"| {name} | {tasks} | {len(gradings)} | {resolved} | {median:.1f} | {p95:.1f} |"


def main() -> int:
    """Parse the arguments, grade, print; return 1 if a reference did not resolve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark")
    parser.add_argument("--tasks", default="", help="only these: ids or patterns such as 'go/*', with commas")
    parser.add_argument("--checkout", type=Path, help="of the benchmark's repository; the usual place unless given")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--times", type=int, default=1, help="how often each reference is graded")
    options = parser.parse_args()
    patterns = options.tasks.split(",") if options.tasks else ()
    benchmark = exercises_named(options.benchmark, patterns, checkout=options.checkout)
    with tempfile.TemporaryDirectory() as place, docker_sandbox(RunConfig(), Path(place)) as sandbox:
        for image in benchmark.images():
            ensure_image(sandbox.engine, image, say=print)
        gradings = measure(benchmark, sandbox, workers=options.workers, times=options.times)
    print("\n".join(table(gradings)))
    print(f"\n{options.workers} at a time on {os.cpu_count()} cores.")
    return int(not all(grading.resolved for grading in gradings))


if __name__ == "__main__":
    sys.exit(main())
