"""A ledger in a file of its own, for work outside a run's facts: a replay's calls are paid for too."""

import json
import threading
from collections import defaultdict
from pathlib import Path

from dgm.core.errors import InfrastructureError
from dgm.core.ids import SessionId, purpose_of
from dgm.core.outcomes import Usage
from dgm.core.ports import Role


class FileLedger:
    """Implements `dgm.core.ports.Ledger`: one JSON line before and one after each call."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._calls: dict[tuple[SessionId, int], Usage] = {}
        self._path = path
        self._file = path.open("xb", buffering=0)  # what failed must not be in a buffer, to be written after all

    def __enter__(self) -> "FileLedger":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        """Record that a call is about to be sent.

        Raises:
            InfrastructureError: it could not be written, so it does not count.
        """
        self._note("reserved", session, number, worst_case)

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        """Record what it used.

        Raises:
            InfrastructureError: it could not be written, so it counts at its worst case.
        """
        self._note("settled", session, number, usage)

    def spent(self) -> Usage:
        """Return what all calls used, with those that have no end at their worst case."""
        with self._lock:
            return sum(self._calls.values(), Usage())

    def usage_by_role(self) -> dict[Role, Usage]:
        """Return what each role that called a model used; see `spent`."""
        found = defaultdict[Role, Usage](Usage)
        with self._lock:
            for (session, _), usage in self._calls.items():
                found[Role(purpose_of(session))] += usage
        return dict(found)

    def _note(self, event: str, session: SessionId, number: int, usage: Usage) -> None:
        line = {
            "event": event,
            "session": session,
            "number": number,
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cost_usd": usage.cost_usd,
        }
        with self._lock:
            self._append(json.dumps(line).encode() + b"\n")
            self._calls[session, number] = usage

    def _append(self, line: bytes) -> None:
        end = self._file.tell()
        try:
            if self._file.write(line) == len(line):
                return
            self._file.seek(end)
            self._file.truncate()  # a torn line would be one with what comes after it
        except OSError as error:
            raise InfrastructureError(f"The ledger {self._path} could not be written: {error.strerror}.") from error
        raise InfrastructureError(f"The ledger {self._path} could not be written: the disk is full.")
