"""A small run that really happened, for the tests that look at it."""

from pathlib import Path

import pytest

from dgm.benchmarks.catalogue import benchmark_named
from tests.e2e.commands import Command

CONFIG = """
children = {children}
workers = {workers}
seed = {seed}
tasks = [{tasks}]
"""


def write_config(path: Path, *, children: int = 2, workers: int = 2, seed: int = 11) -> Path:
    """Write the configuration of a run on three katas: an easy one and two that the seed agent cannot resolve."""
    stage = benchmark_named("katas").stages()[0].tasks
    names = ", ".join(f'"{task}"' for task in (stage[0], stage[-2], stage[-1]))
    path.write_text(CONFIG.format(children=children, workers=workers, seed=seed, tasks=names))
    return path


@pytest.fixture(scope="session")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return a command line whose directory of runs holds the finished run `small`."""
    runs = tmp_path_factory.mktemp("runs")
    command = Command(runs)
    done = command("run", "small", "--config", str(write_config(runs / "small.toml")))
    assert done.returncode == 0, done.stderr
    return command
