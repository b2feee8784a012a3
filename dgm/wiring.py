"""The only composer: puts adapters behind the ports. Nothing else knows both the algorithm and Docker."""

import logging
import os
import time
from collections.abc import Callable, Collection, Generator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from dgm.archive.reader import RunReader
from dgm.archive.run import RunArchive, create_run, locked_run
from dgm.benchmarks.catalogue import benchmark_named
from dgm.boundary.directories import read_agent_directory
from dgm.config import Budget, Price, RunConfig, config_from, laid_over
from dgm.core.actions import ActionResult
from dgm.core.errors import ArchiveError, DgmError
from dgm.core.policies import policy_named
from dgm.core.ports import Benchmark, Ledger, Role
from dgm.core.view import AgentState
from dgm.evolution.bench import Bench, Job
from dgm.evolution.engine import Ending, Engine, Plan, Watcher
from dgm.evolution.perform import perform
from dgm.gateway.catalogue import check_models, close_models, models_for, prices_for
from dgm.gateway.consent import require_consent, with_addresses
from dgm.gateway.directories import remove_own_directories
from dgm.gateway.gateway import Gateway, by_role, limits_of
from dgm.gateway.provider import RoleModel
from dgm.gateway.recorded import LIMITS as RECORDED_LIMITS
from dgm.gateway.recorded import ForgetfulLedger, recorded_models
from dgm.gateway.waiting import ThreadWaiter
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import connect
from dgm.sandbox.images import ensure_image
from dgm.sandbox.reaper import collect_garbage

log = logging.getLogger(__name__)

Say = Callable[[str], None]
ConfirmNew = Callable[[RunConfig, Mapping[str, Price]], None]
"""Called once all is checked that can be wrong with the input, and nothing is made yet; what it raises ends it all."""
ConfirmResumed = Callable[[RunConfig, RunReader], None]
"""The same for a run that goes on; the configuration has the cap that holds from now on."""


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()


def check_replay(config: RunConfig, *, said: RunConfig) -> int:
    """Look up everything that a replay's configuration names, so that a wrong name is found before anything is made.

    Returns:
        How many sessions the replay has.

    Args:
        config: the run's, with what the user says laid over it.
        said: what the user says; see `dgm.gateway.consent`.
    Raises:
        UnknownNameError: no such benchmark, task, policy or model.
        ConfigError: a model whose key or price is missing, or something that the user has to say again.
    """
    policy_named(config.policy)
    benchmark = benchmark_named(config.benchmark, config.tasks)
    prices = prices_now(config)
    _require_consent(config, prices, said)
    close_models(_models(config, prices))
    return len(benchmark.tasks()) * config.trials


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
def new_run(
    directory: Path, config: RunConfig, *, seed_agent: Path, say: Say, confirm: ConfirmNew
) -> Generator[LiveRun]:
    """Make a run with its seed agent and open it.

    Everything that can be wrong with the input is found before `confirm`, and that comes before the run is made.

    Raises:
        UsageError, ArchiveError, InfrastructureError: see `dgm.core.errors`.
    """
    code = read_agent_directory(seed_agent)
    policy_named(config.policy)
    benchmark = benchmark_named(config.benchmark, config.tasks)
    prices = prices_now(config)
    with _checked(_models(config, prices)) as models:
        confirm(config, prices)
        with docker_sandbox(config, directory) as sandbox:
            digest = ensure_image(sandbox.engine, benchmark.image, say=say)
            with (
                create_run(
                    directory,
                    config=config,
                    image=benchmark.image,
                    image_digest=digest,
                    seed_code=code,
                    prices=prices,
                ) as archive,
                _gateway(config, models, archive, directory) as gateway,
            ):
                yield _live_run(directory, config, archive, benchmark, sandbox, gateway)


@contextmanager
def resumed_run(
    directory: Path, *, children: int, max_cost_usd: float | None, said: RunConfig, say: Say, confirm: ConfirmResumed
) -> Generator[LiveRun]:
    """Open a run that was interrupted, or that is to grow to `children` children.

    Args:
        directory: the run.
        children: how many it is to have grown in the end.
        max_cost_usd: another cap on the whole run, what was spent before included; as configured unless given.
        said: where providers are and their keys, and prices, as far as the user says them now.
        say: told what takes time.
        confirm: see `ConfirmResumed`.
    Everything that can be wrong is found before it is recorded that the run goes on.

    Raises:
        UsageError, ArchiveError, InfrastructureError: it cannot be opened, or its image is not the one it was measured
            in; see `dgm.core.errors`.
    """
    with locked_run(directory) as archive:
        config = with_addresses(_with_cap(archive.config(), max_cost_usd), said)
        benchmark = benchmark_named(config.benchmark, config.tasks)
        _require_consent(config, archive.prices(), said)  # before any key is read
        with _checked(_models(config, archive.prices(), answered=_answered(archive))) as models:
            confirm(config, archive)
            with docker_sandbox(config, directory) as sandbox:
                collect_garbage(sandbox.engine, everything=False)  # what the killed process left, if it was killed
                _require_same_image(archive, ensure_image(sandbox.engine, benchmark.image, say=say))
                archive.start(children=children)
                with _gateway(config, models, archive, directory) as gateway:
                    yield _live_run(directory, config, archive, benchmark, sandbox, gateway)


def _with_cap(config: RunConfig, max_cost_usd: float | None) -> RunConfig:
    """A cap may change while a run grows: unlike the other settings, no result hangs on it."""
    if max_cost_usd is None:
        return config
    raised = {"budget": {"max_cost_usd": max_cost_usd}}
    return config_from(laid_over(config.model_dump(exclude_none=True), raised), source="command line")


def _require_same_image(archive: RunArchive, digest: str) -> None:
    """Scores measured in different images must not be mixed in one tree."""
    recorded = archive.facts().image_digest
    if digest != recorded:
        raise ArchiveError(
            f"This run was measured in image {recorded[:19]}, but the image here is {digest[:19]}; "
            "scores from both cannot be compared. Start a new run, or load the old image into the engine."
        )


@contextmanager
def _workers(at_a_time: int, sandbox: DockerSandbox) -> Generator[Executor]:
    executor = ThreadPoolExecutor(at_a_time, thread_name_prefix="dgm-worker")
    try:
        yield executor
    finally:
        _stop_workers(executor, sandbox)


def _stop_workers(executor: Executor, sandbox: DockerSandbox) -> None:
    """Wait for workers that nobody wants the results of, without their containers: that does not take long."""
    executor.shutdown(wait=False, cancel_futures=True)
    sandbox.abort()
    executor.shutdown()


@contextmanager
def replay_bench(config: RunConfig, directory: Path, ledger: Ledger, *, say: Say) -> Generator[tuple[Bench, Executor]]:
    """Return what replaying an agent takes; transcripts go below `directory`."""
    benchmark = benchmark_named(config.benchmark, config.tasks)
    models = _models(config, prices_now(config))
    with _checked(models), docker_sandbox(config, directory) as sandbox:
        ensure_image(sandbox.engine, benchmark.image, say=say)
        with _gateway(config, models, ledger, directory) as gateway, _workers(config.workers, sandbox) as executor:
            yield _bench(config, benchmark, sandbox, gateway), executor


@contextmanager
def recorded_bench(
    config: RunConfig, recorded: RunReader, directory: Path, *, say: Say
) -> Generator[tuple[Bench, Executor]]:
    """Return what replaying agents against a run's recorded answers takes: no key, no network, no cost.

    Args:
        config: the run's.
        recorded: the run.
        directory: transcripts go below it.
        say: told what takes time, and what may make a difference.
    """
    benchmark = benchmark_named(config.benchmark)
    with docker_sandbox(config, directory) as sandbox:
        if ensure_image(sandbox.engine, benchmark.image, say=say) != recorded.facts().image_digest:
            say("The sandbox image is not the one that the run was measured in, which may make a difference.")
        with (
            Gateway(
                recorded_models(config, recorded.directory / "transcripts", recorded.prices()),
                ledger=ForgetfulLedger(),
                budget=Budget(),
                transcripts=directory / "transcripts",
                clock=SystemClock(),
                waiter=ThreadWaiter(Random()),
                limits=RECORDED_LIMITS,
            ) as gateway,
            _workers(config.workers, sandbox) as executor,
        ):
            yield _bench(config, benchmark, sandbox, gateway), executor


def prices_now(config: RunConfig) -> dict[str, Price]:
    """Return what each model costs today.

    Raises:
        UnknownNameError, ConfigError: see `dgm.gateway.catalogue.prices_for`.
    """
    return prices_for(config, at=datetime.now(UTC))


def _require_consent(config: RunConfig, prices: Mapping[str, Price], said: RunConfig) -> None:
    require_consent(config, prices, said=said, environment=os.environ, at=datetime.now(UTC))


def _models(config: RunConfig, prices: Mapping[str, Price], *, answered: Collection[str] = ()) -> dict[Role, RoleModel]:
    # Every task's answers, also of those that the run leaves out: the rehearsal model knows what it knows.
    known_tasks = benchmark_named(config.benchmark).known_tasks
    return models_for(config, os.environ, prices=prices, known_tasks=known_tasks, answered=answered)


def _answered(run: RunReader) -> set[str]:
    """Return the models that are known to answer: the agent's once a session with it was measured."""
    measured = (outcome for outcomes in run.outcomes().values() for outcome in outcomes)
    return {run.config().models.agent.model} if any(outcome.usage.output_tokens for outcome in measured) else set()


@contextmanager
def _checked(models: dict[Role, RoleModel]) -> Generator[dict[Role, RoleModel]]:
    """Return models that can all be asked; on leaving, no connection to them is left."""
    check_models(models)
    try:
        yield models
    finally:
        close_models(models)


@contextmanager
def docker_sandbox(config: RunConfig, directory: Path) -> Generator[DockerSandbox]:
    """Return a sandbox on this machine's engine; on leaving, no container of it is left."""
    sandbox = DockerSandbox(connect(), config.sandbox, run=directory.name, directory=directory)
    try:
        yield sandbox
    finally:
        sandbox.close()


def _gateway(config: RunConfig, models: Mapping[Role, RoleModel], ledger: Ledger, directory: Path) -> Gateway:
    return Gateway(
        by_role(models),
        ledger=ledger,
        budget=config.budget,
        transcripts=directory / "transcripts",
        clock=SystemClock(),
        waiter=ThreadWaiter(Random()),
        limits=limits_of(config.calls),
    )


def _bench(config: RunConfig, benchmark: Benchmark, sandbox: DockerSandbox, gateway: Gateway) -> Bench:
    return Bench(
        benchmark,
        sandbox,
        gateway,
        limits=config.sessions,
        steps=config.steps,
        clock=SystemClock(),
        run_seed=config.seed,
    )


def _live_run(
    directory: Path,
    config: RunConfig,
    archive: RunArchive,
    benchmark: Benchmark,
    sandbox: DockerSandbox,
    gateway: Gateway,
) -> LiveRun:
    return LiveRun(directory.name, config, archive, _bench(config, benchmark, sandbox, gateway), sandbox)
