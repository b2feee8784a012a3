"""Runs: new ones, and those that go on."""

from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dgm.archive.reader import RunReader
from dgm.archive.run import RunArchive, create_run, locked_run
from dgm.benchmarks.catalogue import with_records
from dgm.boundary.directories import read_agent_directory
from dgm.boundary.scratch import remove_stale_scratch
from dgm.config import Bounds, Price, RunConfig, with_bounds
from dgm.core.actions import ActionResult
from dgm.core.errors import ArchiveError, DgmError
from dgm.core.ids import AgentId
from dgm.evolution.bench import Bench, Job
from dgm.evolution.controls import preflight, standing_controls
from dgm.evolution.desk import Desk
from dgm.evolution.engine import Engine
from dgm.evolution.perform import perform
from dgm.evolution.plan import Ending, Watcher
from dgm.gateway.consent import with_addresses
from dgm.gateway.directories import remove_own_directories, remove_stale_directories
from dgm.oversight.server import served
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.reaper import collect_garbage
from dgm.wiring.checkouts import with_absolute_checkout, with_checkout
from dgm.wiring.images import LatePin, ensured_images, require_same_images
from dgm.wiring.parts import (
    Say,
    bench_of,
    checked_models,
    docker_sandbox,
    gateway_of,
    loaded_benchmark,
    models_of,
    prices_now,
    require_consent_now,
    stop_workers,
)
from dgm.wiring.searching import held_out_tasks, plan_of, policy_of

ConfirmNew = Callable[[RunConfig, Mapping[str, Price]], None]
"""Called once all is checked that can be wrong with the input, and nothing is made yet; what it raises ends it all."""
ConfirmResumed = Callable[[RunConfig, RunReader], None]
"""The same for a run that goes on; the configuration has the bounds that hold from now on."""

_END_REASONS = {
    Ending.FINISHED: "finished",
    Ending.EXHAUSTED: "finished",
    Ending.DRAINED: "drained",
    Ending.OUT_OF_BUDGET: "out of budget",
}


@dataclass(slots=True)
class LiveRun:
    """A run that is open for writing, with everything that evolving it takes."""

    name: str
    config: RunConfig
    archive: RunArchive
    bench: Bench
    sandbox: DockerSandbox
    engine: Engine | None = None
    desk: Desk = field(default_factory=Desk)
    """Where a person's commands arrive while it evolves."""
    draining: bool = False
    """Whether it was asked to stop once what is in flight has ended."""

    def evolve(self, watcher: Watcher, *, children: int, workers: int) -> Ending:
        """Carry out the run's policy until it ends; records why. Before that, a sample of controls must pass.

        Raises:
            BrokenHarnessError: a control has another verdict than the known one; nothing more is measured.
            InfrastructureError: a fault of ours that did not go away.
            ArchiveError: a result could not be recorded.
        """
        plan = plan_of(
            self.config,
            self.bench.benchmark.stages(),
            held_out=self.archive.held_out(),
            children=children,
            workers=workers,
        )
        executor = ThreadPoolExecutor(workers, thread_name_prefix="dgm-worker")
        controls = standing_controls(self.archive, self.bench, every=self.config.integrity.control_every)
        self.engine = Engine(
            self.archive,
            plan,
            executor=executor,
            perform=self._perform,
            watcher=watcher,
            desk=self.desk,
            controls=controls,
        )
        if self.draining:  # before there was an engine to tell
            self.engine.drain()
        try:
            with self._commanded(watcher):
                tasks = self.config.integrity.control_tasks
                start = len(self.archive.starts())
                watcher.controlled(preflight(self.archive, self.bench, executor, tasks=tasks, start=start))
                ending = self.engine.run()
        except KeyboardInterrupt:
            executor.shutdown(wait=False, cancel_futures=True)  # `abandon` is next
            raise
        except BaseException as fault:
            stop_workers(executor, self.sandbox)
            with suppress(DgmError):  # on a full disk, the fault is what the user is to read
                self.archive.end(f"fault: {fault}")
            raise
        executor.shutdown()
        self.archive.end(_END_REASONS[ending])
        return ending

    def _perform(self, job: Job) -> ActionResult:
        return perform(job, self.bench)

    @contextmanager
    def _commanded(self, watcher: Watcher) -> Generator[None]:
        """Take commands from other processes of this user, where the run's directory can hold a socket."""
        with ExitStack() as until_the_end:
            try:
                until_the_end.enter_context(served(self.archive.directory, self.desk))
            except ArchiveError as error:  # no reason not to run: Ctrl-C is left, and reviews while nothing runs
                watcher.told(f"Nobody can pause, stop or review this run while it is under way: {error}")
            yield

    def is_measured(self, agent: AgentId) -> bool:
        """Return whether an agent has no measurement left to be made by the run's rule."""
        return self.engine is not None and self.engine.is_measured(agent)

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
    config = with_absolute_checkout(config)
    policy_of(config)
    benchmark = loaded_benchmark(config, directory)
    held_out = held_out_tasks(config, benchmark.stages())
    config = with_records(config, benchmark)
    prices, pin = prices_now(config), LatePin()
    with checked_models(models_of(config, prices)) as models:
        confirm(config, prices)
        with docker_sandbox(config, directory, say=say, pin=pin) as sandbox:
            images = ensured_images(sandbox.engine, benchmark.images(), say=say)
            with (
                create_run(
                    directory,
                    config=config,
                    image=benchmark.image,
                    images=images,
                    seed_code=code,
                    held_out=held_out,
                    prices=prices,
                ) as archive,
                gateway_of(config, models, archive, directory) as gateway,
            ):
                pin.record = archive.pin_image
                bench = bench_of(config, benchmark, sandbox, gateway)
                yield LiveRun(directory.name, config, archive, bench, sandbox)


@contextmanager
def resumed_run(
    directory: Path,
    *,
    children: int,
    bounds: Bounds,
    said: RunConfig,
    say: Say,
    confirm: ConfirmResumed,
) -> Generator[LiveRun]:
    """Open a run that was interrupted, or that is to grow to `children` children.

    Args:
        directory: the run.
        children: how many it is to have grown in the end.
        bounds: other ones from now on.
        said: where providers are and their keys, and prices, and where tasks lie, as far as the user says them now.
        say: told what takes time.
        confirm: see `ConfirmResumed`.
    Everything that can be wrong is found before it is recorded that the run goes on.

    Raises:
        UsageError, ArchiveError, InfrastructureError: it cannot be opened, or an image is not the one it was measured
            in; see `dgm.core.errors`.
    """
    with locked_run(directory) as archive:
        config = with_addresses(with_bounds(with_checkout(archive.config(), said), bounds), said)
        require_consent_now(config, archive.prices(), said)  # before any key is read
        benchmark = loaded_benchmark(config, directory)
        with checked_models(models_of(config, archive.prices(), answered=_answered(archive))) as models:
            confirm(config, archive)
            with docker_sandbox(config, directory, say=say, pin=archive.pin_image) as sandbox:
                _remove_what_was_left(sandbox)
                require_same_images(archive, ensured_images(sandbox.engine, benchmark.images(), say=say))
                archive.start(children=children, bounds=bounds)
                with gateway_of(config, models, archive, directory) as gateway:
                    bench = bench_of(config, benchmark, sandbox, gateway)
                    yield LiveRun(directory.name, config, archive, bench, sandbox)


def _remove_what_was_left(sandbox: DockerSandbox) -> None:
    """Remove what killed processes left, this run's among them if it was killed."""
    collect_garbage(sandbox.engine, everything=False)
    remove_stale_directories()
    remove_stale_scratch()


def _answered(run: RunReader) -> set[str]:
    """Return the models that are known to answer: the agent's once a session with it was measured."""
    answers = any(found.tokens for _, found in run.measured())
    return {run.config().models.agent.model} if answers else set()
