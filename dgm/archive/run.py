"""Makes and opens runs: directories with `archive.db`, `agents.git`, `transcripts/`, `run.toml` and `prices.toml`."""

import time
from collections.abc import Collection, Generator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tomli_w

from dgm.archive.build_sites import build_site
from dgm.archive.codestore import REPOSITORY, create_repository, sync
from dgm.archive.database import DATABASE, create_database, open_for_writing
from dgm.archive.lock import RunLock
from dgm.archive.prices import PRICES_TOML, price_table
from dgm.archive.processes import RunState
from dgm.archive.reader import RUN_TOML, RunReader, read_run
from dgm.archive.records import RunFacts
from dgm.archive.writer import RunArchive
from dgm.config import Price, RunConfig
from dgm.core.errors import ArchiveError, CorruptArchiveError, RunExistsError
from dgm.core.files import FileTree
from dgm.core.ids import TaskId
from dgm.core.ports import Clock

__all__ = ["RunArchive", "RunReader", "RunState", "create_run", "locked_run", "open_run", "read_run"]

TRANSCRIPTS = "transcripts"


class _WallClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


_WALL_CLOCK = _WallClock()


def create_run(  # noqa: PLR0913 - each is a part of the run
    directory: Path,
    *,
    config: RunConfig,
    image: str,
    images: Mapping[str, str],
    seed_code: FileTree,
    held_out: Collection[TaskId] = (),
    prices: Mapping[str, Price] | None = None,
    clock: Clock = _WALL_CLOCK,
) -> RunArchive:
    """Make a run with its seed agent and open it for writing.

    It is built beside its place and moved there whole, so that a crash leaves no run or a usable one.

    Args:
        directory: where, absent or empty; its last part is the run's name.
        config: written to `run.toml`.
        image: name of the sandbox image in which agents change their own code.
        images: name -> digest: what exactly each image was that the run takes, that one among them.
        seed_code: the root of the tree.
        held_out: tasks that selection never sees.
        prices: what the models cost at this moment; the configuration's unless given.
        clock: tells the time of every fact.
    Raises:
        RunExistsError: something lies there.
        ArchiveError: it cannot be written there.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise RunExistsError(f"{directory} exists already; choose another name or remove it.")
    run = RunFacts(
        name=directory.name,
        created_at=clock.now(),
        dgm_version=_own_version(),
        image=image,
        image_digest=images[image],
        policy=config.policy,
        benchmark=config.benchmark,
        model=config.models.agent.model,
        seed=config.seed,
    )
    with _build_site(directory) as place:
        _write_toml(place / RUN_TOML, config.model_dump(mode="json", exclude_none=True))
        _write_toml(place / PRICES_TOML, price_table(config.prices if prices is None else prices))
        (place / TRANSCRIPTS).mkdir()
        create_repository(place / REPOSITORY)
        create_database(place / DATABASE, run, images, held_out)
        with locked_run(place, clock=clock) as archive:
            archive.add_seed_agent(seed_code)
        _move(place, directory)
    return open_run(directory, children=config.children, clock=clock)


def open_run(directory: Path, *, children: int | None = None, clock: Clock = _WALL_CLOCK) -> RunArchive:
    """Open a run for writing, alone, and record that this process goes on with it.

    Args:
        directory: the run.
        children: how many children it is to have grown in the end; as before unless given.
        clock: tells the time of every fact.
    Raises:
        RunInUseError: another process writes to it.
        CorruptArchiveError: it is not a run, or a damaged one.
        NewerArchiveError: a newer version wrote it.
    """
    archive = locked_run(directory, clock=clock)
    try:
        archive.start(children=archive.children_wanted() if children is None else children)
    except BaseException:
        archive.close()
        raise
    return archive


def locked_run(directory: Path, *, clock: Clock = _WALL_CLOCK) -> RunArchive:
    """Open a run for writing, alone; `RunArchive.start` then records that this process goes on with it.

    Raises:
        RunInUseError, CorruptArchiveError, NewerArchiveError: see `open_run`.
    """
    path = directory / DATABASE
    if not path.is_file():
        raise CorruptArchiveError(f"{directory} has no {DATABASE}, so it is not a run of dgm.")
    with ExitStack() as undo:
        lock = RunLock.acquire(directory)
        undo.callback(lock.release)
        connection = open_for_writing(path)
        undo.callback(connection.close)
        archive = RunArchive(directory, connection=connection, lock=lock, clock=clock)
        undo.pop_all()
    return archive


@contextmanager
def _build_site(directory: Path) -> Generator[Path]:
    """Give a new directory beside `directory`; what is left of it in the end is removed."""
    with ExitStack() as until_it_is_built:
        try:
            place = until_it_is_built.enter_context(build_site(directory))
        except OSError as error:
            raise ArchiveError(f"{directory} cannot be made: {error.strerror}.") from error
        yield place


def _move(place: Path, directory: Path) -> None:
    try:
        place.replace(directory)
    except OSError as error:
        raise RunExistsError(f"{directory} exists already; choose another name or remove it.") from error
    sync(directory.parent)


def _write_toml(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(tomli_w.dumps(values), "utf-8")
    sync(path)


def _own_version() -> str:
    try:
        return version("dgm")
    except PackageNotFoundError:
        return "unknown"
