"""What runs and replays are put together from."""

import os
import time
from collections.abc import Callable, Collection, Generator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from dgm.benchmarks.catalogue import benchmark_of, whole_benchmark_of
from dgm.config import Price, RunConfig
from dgm.core.ports import Benchmark, Ledger, Role
from dgm.evolution.bench import Bench
from dgm.gateway.catalogue import check_models, close_models, models_for, prices_for
from dgm.gateway.consent import require_consent
from dgm.gateway.gateway import Gateway, by_role, limits_of
from dgm.gateway.provider import RoleModel
from dgm.gateway.waiting import ThreadWaiter
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import connect
from dgm.sandbox.task_images import Pin, TaskImages
from dgm.wiring.checkouts import require_stock_said

Say = Callable[[str], None]
"""Told what takes time."""
GRADINGS = "gradings"
"""Below a run's or a replay's directory: what is kept of gradings by another program."""


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()


def loaded_benchmark(config: RunConfig, directory: Path | None = None) -> Benchmark:
    """Return the benchmark of a configuration with every task read, so that what is wrong with one is found first.

    Args:
        config: names it.
        directory: what is kept of gradings goes below it; nothing is kept unless given.
    Raises:
        DgmError: see `dgm.benchmarks.catalogue.benchmark_named`.
    """
    benchmark = benchmark_of(config, gradings=directory and directory / GRADINGS)
    benchmark.tasks()
    return benchmark


def prices_now(config: RunConfig) -> dict[str, Price]:
    """Return what each model costs today.

    Raises:
        UnknownNameError, ConfigError: see `dgm.gateway.catalogue.prices_for`.
    """
    return prices_for(config, at=datetime.now(UTC))


def require_consent_now(config: RunConfig, prices: Mapping[str, Price], said: RunConfig) -> None:
    """Require what a user has to say again of a recorded configuration; see `dgm.gateway.consent`.

    Raises:
        ConfigError: it was not said.
    """
    require_stock_said(config, said)
    require_consent(config, prices, said=said, environment=os.environ, at=datetime.now(UTC))


def models_of(
    config: RunConfig, prices: Mapping[str, Price], *, answered: Collection[str] = ()
) -> dict[Role, RoleModel]:
    """Return the models of a configuration; `answered` are those that are known to answer.

    Raises:
        UnknownNameError, ConfigError: see `dgm.gateway.catalogue.models_for`.
    """
    # Every task's answers, also of those that the run leaves out: the rehearsal model knows what it knows.
    known_tasks = whole_benchmark_of(config).known_tasks
    return models_for(config, os.environ, prices=prices, known_tasks=known_tasks, answered=answered)


@contextmanager
def checked_models(models: dict[Role, RoleModel]) -> Generator[dict[Role, RoleModel]]:
    """Return models that can all be asked; on leaving, no connection to them is left."""
    check_models(models)
    try:
        yield models
    finally:
        close_models(models)


def unsaid(_: str) -> None:
    """Say nothing."""


def unpinned(_: str, __: str) -> None:
    """Take every image of a task as it is."""


@contextmanager
def docker_sandbox(
    config: RunConfig, directory: Path, *, say: Say = unsaid, pin: Pin = unpinned
) -> Generator[DockerSandbox]:
    """Return a sandbox on this machine's engine; on leaving, no container of it is left.

    Args:
        config: has its limits.
        directory: of the run, which names it.
        say: told what takes time.
        pin: told which image a task's reference stands for before it is used; see `dgm.sandbox.task_images`.
    """
    engine = connect()
    sandbox = DockerSandbox(
        engine,
        config.sandbox,
        run=directory.name,
        directory=directory,
        task_images=TaskImages(engine, quota_bytes=config.swebench.image_quota_bytes, say=say, pin=pin),
        swebench=config.swebench,
    )
    try:
        yield sandbox
    finally:
        sandbox.close()


@contextmanager
def workers(at_a_time: int, sandbox: DockerSandbox) -> Generator[Executor]:
    """Return what carries out jobs; on leaving, nothing is carried out any more."""
    executor = ThreadPoolExecutor(at_a_time, thread_name_prefix="dgm-worker")
    try:
        yield executor
    finally:
        stop_workers(executor, sandbox)


def stop_workers(executor: Executor, sandbox: DockerSandbox) -> None:
    """Wait for workers that nobody wants the results of, without their containers: that does not take long."""
    executor.shutdown(wait=False, cancel_futures=True)
    sandbox.abort()
    executor.shutdown()


def gateway_of(config: RunConfig, models: Mapping[Role, RoleModel], ledger: Ledger, directory: Path) -> Gateway:
    """Return the gateway to models; transcripts go below `directory`."""
    return Gateway(
        by_role(models),
        ledger=ledger,
        budget=config.budget,
        transcripts=directory / "transcripts",
        clock=SystemClock(),
        waiter=ThreadWaiter(Random()),
        limits=limits_of(config.calls),
    )


def bench_of(config: RunConfig, benchmark: Benchmark, sandbox: DockerSandbox, gateway: Gateway) -> Bench:
    """Return what the algorithm works with."""
    return Bench(
        benchmark,
        sandbox,
        gateway,
        limits=config.sessions,
        steps=config.steps,
        diagnoses=config.diagnoses,
        integrity=config.integrity,
        clock=SystemClock(),
        run_seed=config.seed,
    )
