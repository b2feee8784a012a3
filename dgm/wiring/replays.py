"""Replays: an archived agent measured again, by a model or against the answers that its run recorded."""

from collections.abc import Collection, Generator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from random import Random

from dgm.archive.reader import RunReader
from dgm.benchmarks.catalogue import EVERY, outline_named, require_same_records, whole_benchmark_of
from dgm.config import Budget, RunConfig
from dgm.core.ids import TaskId
from dgm.core.ports import Ledger
from dgm.evolution.bench import Bench
from dgm.gateway.catalogue import close_models
from dgm.gateway.gateway import Gateway
from dgm.gateway.recorded import LIMITS, ForgetfulLedger, recorded_models
from dgm.gateway.waiting import ThreadWaiter
from dgm.wiring.images import changed_images, ensured_images
from dgm.wiring.parts import (
    GRADINGS,
    Say,
    SystemClock,
    bench_of,
    checked_models,
    docker_sandbox,
    gateway_of,
    loaded_benchmark,
    models_of,
    prices_now,
    require_consent_now,
    workers,
)
from dgm.wiring.searching import policy_of

_OTHER_IMAGE = "The sandbox image {name} is not the one that the run was measured in, which may make a difference."


def check_replay(config: RunConfig, *, said: RunConfig) -> int:
    """Look up everything that a replay's configuration names, so that a wrong name is found before anything is made.

    Returns:
        How many sessions the replay has, not counting second attempts.

    Args:
        config: the run's, with what the user says laid over it.
        said: what the user says; see `dgm.gateway.consent`.
    Raises:
        UnknownNameError: no such benchmark, task, policy or model.
        ConfigError: a model whose key or price is missing, or something that the user has to say again.
        MalformedContentError: a task is not as it must be.
    """
    policy_of(config)
    benchmark = loaded_benchmark(config)
    prices = prices_now(config)
    require_consent_now(config, prices, said)
    close_models(models_of(config, prices))
    return len(benchmark.tasks()) * config.trials


@contextmanager
def replay_bench(
    config: RunConfig, directory: Path, ledger: Ledger, *, say: Say
) -> Generator[tuple[Bench, Executor, Mapping[str, str]]]:
    """Return what replaying an agent takes, with the digest of each image by name; transcripts go below `directory`.

    The digests of images that tasks bring along come in when they are first used.
    """
    benchmark = loaded_benchmark(config, directory)
    models = models_of(config, prices_now(config))
    digests: dict[str, str] = {}
    with checked_models(models), docker_sandbox(config, directory, say=say, pin=digests.__setitem__) as sandbox:
        digests |= ensured_images(sandbox.engine, benchmark.images(), say=say)
        with gateway_of(config, models, ledger, directory) as gateway, workers(config.workers, sandbox) as executor:
            yield bench_of(config, benchmark, sandbox, gateway), executor, digests


@contextmanager
def recorded_bench(
    config: RunConfig, recorded: RunReader, directory: Path, *, tasks: Collection[TaskId], say: Say
) -> Generator[tuple[Bench, Executor]]:
    """Return what replaying agents against a run's recorded answers takes: no key, no network, no cost.

    Args:
        config: the run's.
        recorded: the run.
        directory: transcripts go below it.
        tasks: of the sessions to replay; those that the benchmark does not have cannot be.
        say: told what takes time, and what may make a difference.
    """
    require_same_records(config)
    benchmark = whole_benchmark_of(config, gradings=directory / GRADINGS)

    then = recorded.images()

    def compare(name: str, digest: str) -> None:
        if then.get(name, digest) != digest:
            say(_OTHER_IMAGE.format(name=name))

    with docker_sandbox(config, directory, say=say, pin=compare) as sandbox:
        digests = ensured_images(sandbox.engine, _images(config, tasks), say=say)
        for name in changed_images(recorded, digests):
            say(_OTHER_IMAGE.format(name=name))
        with (
            Gateway(
                recorded_models(config, recorded.directory / "transcripts", recorded.prices()),
                ledger=ForgetfulLedger(),
                budget=Budget(),
                transcripts=directory / "transcripts",
                clock=SystemClock(),
                waiter=ThreadWaiter(Random()),
                limits=LIMITS,
            ) as gateway,
            workers(config.workers, sandbox) as executor,
        ):
            yield bench_of(config, benchmark, sandbox, gateway), executor


def _images(config: RunConfig, tasks: Collection[TaskId]) -> tuple[str, ...]:
    """Return the images that some tasks of a benchmark take: not every language's for those of one."""
    stages = outline_named(config.benchmark, [EVERY], swebench=config.swebench).stages()
    known = [task for stage in stages for task in stage.tasks if task in tasks]
    return outline_named(config.benchmark, known, swebench=config.swebench).images() if known else ()
