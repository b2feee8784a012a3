"""Opens `archive.db`: for writing by one process, or read-only from anywhere, and checks what it opens."""

import shutil
import sqlite3
import subprocess
from collections.abc import Collection, Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from dgm.archive.inserts import insert
from dgm.archive.records import RunFacts
from dgm.archive.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    create_schema,
    expected_schema,
    schema_of,
    stand_in_for_new_tables,
    upgrade_schema,
    version_of,
)
from dgm.boundary.scratch import scratch_directory
from dgm.core.errors import ArchiveError, CorruptArchiveError, DiskFullError, NewerArchiveError
from dgm.core.ids import TaskId

DATABASE = "archive.db"
_WAIT_S = 30.0
_STRICT_TABLES_SINCE = (3, 37, 0)
_SMALL_BYTES = 64 * 2**20
"""Up to this, checking all of it takes no time."""
_SKELETON = ("run", "starts", "ends", "agents", "parents")
"""Tables that every answer hangs on, with short rows."""


def create_database(path: Path, run: RunFacts, images: Mapping[str, str], held_out: Collection[TaskId]) -> None:
    """Make an archive with no facts but what the run is.

    Args:
        path: where.
        run: what it is.
        images: name -> digest of every image that it takes.
        held_out: tasks that selection never sees.
    Raises:
        DiskFullError: there is no room for it.
        ArchiveError: it cannot be made there.
    """
    with sql_errors(path), closing(_connect(f"{path.absolute().as_uri()}?mode=rwc")) as connection:
        connection.execute("BEGIN")
        create_schema(connection)
        insert(connection, "run", **asdict(run))
        for name, digest in images.items():
            insert(connection, "images", name=name, digest=digest)
        for task in held_out:
            insert(connection, "held_out", task=task)
        connection.execute("COMMIT")


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Return a connection whose commits survive a power cut. The caller holds the run's lock.

    An archive of an older version is brought to this one. All of it is checked, however large it is: what is written
    into a damaged one may be lost with it, and a run goes on seldom.

    Raises:
        CorruptArchiveError: it is not a sound archive.
        NewerArchiveError: a newer version wrote it.
    """
    connection = _opened(f"{path.absolute().as_uri()}?mode=rw", path)
    try:
        with sql_errors(path):
            if _bytes_of(connection) > _SMALL_BYTES:
                _read_ahead(path)
            _require_sound(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # Else INSERT OR REPLACE would delete a fact without asking its trigger.
            connection.execute("PRAGMA recursive_triggers = ON")
            _upgrade(connection)
    except ArchiveError:
        connection.close()
        raise
    return connection


def close_after_writing(connection: sqlite3.Connection) -> None:
    """Close, and leave one plain file that can be read from a read-only medium where nobody reads at this moment."""
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Return a read-only connection, also while another process writes and where nothing can be written.

    An archive of an older version stays as it is.

    Of a large archive only the skeleton is checked at once, since reading gigabytes would take longer than any answer.
    Nothing can be lost by reading, and damage that a query comes upon is an error then.

    A database in WAL mode needs its index file beside it. Where that cannot be made (a read-only medium with the
    leftovers of a killed writer), the database is read as it lies when it has no log, else from a private copy.

    Raises:
        CorruptArchiveError: it is not a sound archive.
        NewerArchiveError: a newer version wrote it.
    """
    connection = _reached(path)
    try:
        with sql_errors(path):
            is_small = _bytes_of(connection) <= _SMALL_BYTES
            _require_sound(connection, path, tables=None if is_small else _SKELETON)
            stand_in_for_new_tables(connection)
    except ArchiveError:
        connection.close()
        raise
    return connection


@contextmanager
def sql_errors(path: Path) -> Generator[None]:
    """Turn SQLite's errors into ours, with one sentence each."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ArchiveError(f"{path} refused a fact that contradicts another one: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise _translated(error, path) from error


def _upgrade(connection: sqlite3.Connection) -> None:
    if version_of(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    upgrade_schema(connection)
    connection.execute("COMMIT")


def _reached(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    try:
        return _opened(f"{uri}?mode=ro", path)
    except _UnreachableError:
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size > 0:
            return _opened_copy(path, log)
        return _opened(f"{uri}?mode=ro&immutable=1", path)


class _UnreachableError(ArchiveError):
    """The file is there, but SQLite cannot open it in this way."""


def _translated(error: sqlite3.DatabaseError, path: Path) -> ArchiveError | DiskFullError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(f"{path} cannot grow: the disk is full.")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return _UnreachableError(f"{path} cannot be opened: {error}.")
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM}:
        return ArchiveError(f"{path} cannot be used now: {error}.")
    return CorruptArchiveError(f"{path} is damaged or is not an archive of dgm: {error}.")


def _connect(uri: str) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < _STRICT_TABLES_SINCE:
        raise ArchiveError(f"SQLite {sqlite3.sqlite_version} is too old; dgm needs 3.37 or newer.")
    return sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)


def _opened(uri: str, path: Path) -> sqlite3.Connection:
    try:
        is_there = path.is_file()
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}.") from error
    if not is_there:
        raise CorruptArchiveError(f"{path.parent} has no {path.name}, so it is not a run of dgm.")
    with sql_errors(path):
        connection = _connect(uri)
        try:
            _require_archive(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _require_archive(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise CorruptArchiveError(f"{path} is not an archive of dgm.")
    version = version_of(connection)
    if version > SCHEMA_VERSION:
        raise NewerArchiveError(
            f"{path} was written by a newer version of dgm (schema {version}; this one knows {SCHEMA_VERSION}): "
            f"update dgm to open it."
        )
    # A view or a trigger in somebody else's run could make our queries mean something else.
    if version < 1 or schema_of(connection) != expected_schema(version):
        raise CorruptArchiveError(f"{path} does not have the tables of schema {max(version, 1)}.")


def _require_sound(connection: sqlite3.Connection, path: Path, *, tables: Collection[str] | None = None) -> None:
    for argument in ("1",) if tables is None else tables:
        (soundness,) = connection.execute(f"PRAGMA quick_check({argument})").fetchone()
        if soundness != "ok":
            raise CorruptArchiveError(f"{path} is damaged: {' '.join(str(soundness).split())}.")


def _read_ahead(path: Path) -> None:
    """Have the system keep a file in memory: front to back, a disk reads many times faster than in a check's order."""
    # In a process of its own: when this one closes a file, it loses all of SQLite's locks on that file.
    with suppress(OSError):
        subprocess.run(["cat", path.absolute()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S607


def _bytes_of(connection: sqlite3.Connection) -> int:
    (pages,), (page_bytes,) = (connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size"))
    return pages * page_bytes


def _opened_copy(path: Path, log: Path) -> sqlite3.Connection:
    with scratch_directory("read") as directory:
        copy = directory / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(log, copy.with_name(log.name))
        source = _opened(f"{copy.as_uri()}?mode=rw", copy)
        memory = _connect("file::memory:")
        source.backup(memory)
        source.close()
    return memory
