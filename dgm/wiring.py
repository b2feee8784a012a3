"""The only composer: puts adapters behind the ports. Nothing else knows both the algorithm and Docker."""

import logging
import os
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dgm.archive.run import RunArchive, create_run, locked_run
from dgm.benchmarks.catalogue import benchmark_named
from dgm.boundary.directories import read_agent_directory
from dgm.config import RunConfig
from dgm.core.actions import ActionResult
from dgm.core.errors import ArchiveError, DgmError
from dgm.core.policies import policy_named
from dgm.core.ports import Benchmark, Ledger, Role
from dgm.core.view import AgentState
from dgm.evolution.bench import Bench, Job
from dgm.evolution.engine import Ending, Engine, Plan, Watcher
from dgm.evolution.perform import perform
from dgm.gateway.catalogue import providers_for
from dgm.gateway.directories import remove_own_directories
from dgm.gateway.gateway import Gateway
from dgm.gateway.provider import Provider
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import connect
from dgm.sandbox.images import ensure_image
from dgm.sandbox.reaper import collect_garbage

log = logging.getLogger(__name__)

Say = Callable[[str], None]


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()


def check_names(config: RunConfig) -> None:
    """Look up everything that a configuration names, so that a wrong name is found before anything is made.

    Raises:
        UnknownNameError: no such benchmark, task, policy or model.
        ConfigError: a model whose key or price is missing.
    """
    policy_named(config.policy)
    benchmark_named(config.benchmark, config.tasks)
    _providers(config)


@dataclass(slots=True)
class LiveRun:
    """A run that is open for writing, with everything that evolving it takes."""

    name: str
    config: RunConfig
    archive: RunArchive
    bench: Bench
    sandbox: DockerSandbox
    engine: Engine | None = None
    draining: bool = False
    """Whether it was asked to stop once what is in flight has ended."""

    def evolve(self, watcher: Watcher, *, children: int, workers: int) -> Ending:
        """Carry out the run's policy until it ends; records why.

        Raises:
            InfrastructureError: a fault of ours that did not go away.
            ArchiveError: a result could not be recorded.
        """
        plan = Plan(
            policy=policy_named(self.config.policy),
            stages=self.bench.benchmark.stages(),
            children=children,
            trials=self.config.trials,
            workers=workers,
            seed=self.config.seed,
        )
        executor = ThreadPoolExecutor(workers, thread_name_prefix="dgm-worker")
        self.engine = Engine(self.archive, plan, executor=executor, perform=self._perform, watcher=watcher)
        if self.draining:  # before there was an engine to tell
            self.engine.drain()
        try:
            ending = self.engine.run()
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)  # `abandon` is next
            raise
        except BaseException as fault:
            _stop_workers(executor, self.sandbox)
            with suppress(DgmError):  # on a full disk, the fault is what the user is to read
                self.archive.end(f"fault: {fault}")
            raise
        executor.shutdown()
        self.archive.end(_END_REASONS[ending])
        return ending

    def _perform(self, job: Job) -> ActionResult:
        return perform(job, self.bench)

    def is_measured(self, state: AgentState) -> bool:
        """Return whether an agent has no measurement left to be made."""
        return not state.due(self.bench.benchmark.stages(), trials=self.config.trials)

    def drain(self) -> None:
        """Let what is in flight end, start nothing more. May be called from a signal handler."""
        self.draining = True
        if self.engine is not None:
            self.engine.drain()

    def abandon(self) -> None:
        """Give up what is in flight and leave nothing of it on the machine; the process is to end after this."""
        self.sandbox.close()
        remove_own_directories()
        with suppress(DgmError):
            self.archive.end("stopped")


_END_REASONS = {
    Ending.FINISHED: "finished",
    Ending.EXHAUSTED: "finished",
    Ending.DRAINED: "drained",
    Ending.OUT_OF_BUDGET: "out of budget",
}


@contextmanager
def new_run(directory: Path, config: RunConfig, *, seed_agent: Path, say: Say) -> Generator[LiveRun]:
    """Make a run with its seed agent and open it.

    Everything that can be wrong with the input is found before the run is made.

    Raises:
        UsageError, ArchiveError, InfrastructureError: see `dgm.core.errors`.
    """
    code = read_agent_directory(seed_agent)
    policy_named(config.policy)
    benchmark = benchmark_named(config.benchmark, config.tasks)
    providers = _providers(config)
    with docker_sandbox(config, directory) as sandbox:
        digest = ensure_image(sandbox.engine, benchmark.image, say=say)
        with (
            create_run(directory, config=config, image=benchmark.image, image_digest=digest, seed_code=code) as archive,
            _gateway(config, providers, archive, directory) as models,
        ):
            yield _live_run(directory, config, archive, benchmark, sandbox, models)


@contextmanager
def resumed_run(directory: Path, *, children: int, max_cost_usd: float | None, say: Say) -> Generator[LiveRun]:
    """Open a run that was interrupted, or that is to grow to `children` children.

    Args:
        directory: the run.
        children: how many it is to have grown in the end.
        max_cost_usd: another cap on the whole run, what was spent before included; as configured unless given.
        say: told what takes time.
    Everything that can be wrong is found before it is recorded that the run goes on.

    Raises:
        UsageError, ArchiveError, InfrastructureError: it cannot be opened, or its image is not the one it was measured
            in; see `dgm.core.errors`.
    """
    with locked_run(directory) as archive:
        config = _with_cap(archive.config(), max_cost_usd)
        benchmark = benchmark_named(config.benchmark, config.tasks)
        providers = _providers(config)
        with docker_sandbox(config, directory) as sandbox:
            collect_garbage(sandbox.engine, everything=False)  # what the killed process left, if it was killed
            _require_same_image(archive, ensure_image(sandbox.engine, benchmark.image, say=say))
            archive.start(children=children)
            with _gateway(config, providers, archive, directory) as models:
                yield _live_run(directory, config, archive, benchmark, sandbox, models)


def _with_cap(config: RunConfig, max_cost_usd: float | None) -> RunConfig:
    """A cap may change while a run grows: unlike the other settings, no result hangs on it."""
    if max_cost_usd is None:
        return config
    return config.model_copy(update={"budget": config.budget.model_copy(update={"max_cost_usd": max_cost_usd})})


def _require_same_image(archive: RunArchive, digest: str) -> None:
    """Scores measured in different images must not be mixed in one tree."""
    recorded = archive.facts().image_digest
    if digest != recorded:
        raise ArchiveError(
            f"This run was measured in image {recorded[:19]}, but the image here is {digest[:19]}; "
            "scores from both cannot be compared. Start a new run, or load the old image into the engine."
        )


def _stop_workers(executor: Executor, sandbox: DockerSandbox) -> None:
    """Wait for workers that nobody wants the results of, without their containers: that does not take long."""
    executor.shutdown(wait=False, cancel_futures=True)
    sandbox.abort()
    executor.shutdown()


@contextmanager
def replay_bench(config: RunConfig, directory: Path, ledger: Ledger, *, say: Say) -> Generator[tuple[Bench, Executor]]:
    """Return what replaying an agent takes; transcripts go below `directory`."""
    benchmark = benchmark_named(config.benchmark, config.tasks)
    providers = _providers(config)
    with docker_sandbox(config, directory) as sandbox:
        ensure_image(sandbox.engine, benchmark.image, say=say)
        with _gateway(config, providers, ledger, directory) as models:
            executor = ThreadPoolExecutor(config.workers, thread_name_prefix="dgm-worker")
            try:
                yield _bench(config, benchmark, sandbox, models), executor
            finally:
                _stop_workers(executor, sandbox)


def _providers(config: RunConfig) -> dict[Role, Provider]:
    # Every task's answers, also of those that the run leaves out: the rehearsal model knows what it knows.
    known_tasks = benchmark_named(config.benchmark).known_tasks
    return providers_for(config, os.environ, known_tasks=known_tasks)


@contextmanager
def docker_sandbox(config: RunConfig, directory: Path) -> Generator[DockerSandbox]:
    """Return a sandbox on this machine's engine; on leaving, no container of it is left."""
    sandbox = DockerSandbox(connect(), config.sandbox, run=directory.name, directory=directory)
    try:
        yield sandbox
    finally:
        sandbox.close()


def _gateway(config: RunConfig, providers: Mapping[Role, Provider], ledger: Ledger, directory: Path) -> Gateway:
    return Gateway(
        providers,
        ledger=ledger,
        budget=config.budget,
        transcripts=directory / "transcripts",
        output_tokens=config.sessions.max_output_tokens,
        clock=SystemClock(),
    )


def _bench(config: RunConfig, benchmark: Benchmark, sandbox: DockerSandbox, models: Gateway) -> Bench:
    return Bench(benchmark, sandbox, models, limits=config.sessions, clock=SystemClock(), run_seed=config.seed)


def _live_run(
    directory: Path,
    config: RunConfig,
    archive: RunArchive,
    benchmark: Benchmark,
    sandbox: DockerSandbox,
    models: Gateway,
) -> LiveRun:
    return LiveRun(directory.name, config, archive, _bench(config, benchmark, sandbox, models), sandbox)
