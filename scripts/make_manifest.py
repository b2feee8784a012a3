"""Writes a benchmark's `manifest.json`: the names of each exercise's tests, from two runs of its reference solution.

Names that differ between the runs are an error: they could not be expected of anybody's solution. Entries of tasks that
are not asked for stay as they are.
"""

import argparse
import fcntl
import os
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from dgm.benchmarks.catalogue import definition_named, exercises_named
from dgm.benchmarks.definition import Definition
from dgm.benchmarks.exercises import ExercisesBenchmark
from dgm.benchmarks.manifest import FILE, Expected, manifest_json, read_manifest
from dgm.config import RunConfig
from dgm.core.errors import DgmError
from dgm.core.ids import SessionId, TaskId
from dgm.core.ports import Sandbox
from dgm.sandbox.images import ensure_image
from dgm.wiring import docker_sandbox

RUNS = 2


def expected_of(benchmark: ExercisesBenchmark, sandbox: Sandbox, task: TaskId) -> Expected:
    """Return a task's entry.

    Raises:
        DgmError: its reference does not pass, or its tests have other names each time.
    """
    name = task.replace("/", "-")
    seen = {
        benchmark.observed_tests(task, sandbox=sandbox, session=SessionId(f"manifest.{name}.{run}"))
        for run in range(RUNS)
    }
    if len(seen) > 1:
        raise DgmError(f"Task {task}: its tests have other names in each run.")
    return Expected(benchmark.content_hash(task), seen.pop())


def attempt(benchmark: ExercisesBenchmark, sandbox: Sandbox, task: TaskId) -> Expected | DgmError:
    """Return a task's entry, or why there is none."""
    try:
        return expected_of(benchmark, sandbox, task)
    except DgmError as error:
        return error


def write(definition: Definition, found: Mapping[TaskId, Expected]) -> None:
    """Put what was found into the benchmark's file, one process at a time: some work on a language each."""
    place = os.open(definition.directory, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        known = {**read_manifest(definition.directory), **found}
        text = manifest_json({task: entry for task, entry in known.items() if task in definition.tasks})
        fresh = definition.directory / f".{FILE}.new"
        fresh.write_text(text, "utf-8")
        fresh.replace(definition.directory / FILE)
    finally:
        os.close(place)


def main() -> int:
    """Parse the arguments, run the references, write the file; return 1 if a task was left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark")
    parser.add_argument("--tasks", default="", help="only these: ids or patterns such as 'go/*', with commas")
    parser.add_argument("--checkout", type=Path, help="of the benchmark's repository; the usual place unless given")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    definition = definition_named(options.benchmark)
    patterns = options.tasks.split(",") if options.tasks else ()
    # Without the manifest that is to be made: it may be of other files.
    benchmark = exercises_named(options.benchmark, patterns, checkout=options.checkout, expected={})
    tasks = [task for stage in benchmark.stages() for task in stage.tasks]
    found: dict[TaskId, Expected] = {}
    with (
        tempfile.TemporaryDirectory() as place,
        docker_sandbox(RunConfig(), Path(place)) as sandbox,
        ThreadPoolExecutor(options.workers) as pool,
    ):
        for image in benchmark.images():
            ensure_image(sandbox.engine, image, say=print)
        for task, entry in zip(tasks, pool.map(partial(attempt, benchmark, sandbox), tasks), strict=True):
            if isinstance(entry, DgmError):
                print(f"{task}: left out: {entry}")
                continue
            print(f"{task}: {len(entry.tests)} tests")
            found[task] = entry
    write(definition, found)
    return int(len(found) < len(tasks))


if __name__ == "__main__":
    sys.exit(main())
