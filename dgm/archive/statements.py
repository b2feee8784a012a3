"""One connection to `archive.db`, and what becomes of its errors."""

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dgm.archive.database import sql_errors
from dgm.archive.records import Row
from dgm.core.errors import CorruptArchiveError


class Statements:
    """One connection for all threads of this process, one statement at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.lock = threading.RLock()

    @property
    def connection(self) -> sqlite3.Connection:
        """For writing, by whoever holds `lock`."""
        return self._connection

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        with self.lock, sql_errors(self._path):
            return self._connection.execute(query, values).fetchall()

    def grouped(self, query: str, values: Sequence[Any] = ()) -> dict[int, list[str]]:
        """Return the second column of a query's rows by the first."""
        found: dict[int, list[str]] = defaultdict(list)
        for key, value in self.rows(query, values):
            found[key].append(value)
        return found

    @contextmanager
    def sound(self) -> Generator[None]:
        """Report values that no dgm of this version writes; the run may come from somebody else."""
        try:
            yield
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
            raise CorruptArchiveError(f"{self._path} holds facts that make no sense: {error!r}.") from error


def json_list(names: Collection[str]) -> str:
    """Return names as one value of a query, for `IN (SELECT value FROM json_each(?))`."""
    return json.dumps(list(names))
