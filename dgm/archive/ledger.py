"""A ledger in a file of its own, for work outside a run's facts: a replay's calls are paid for too."""

import json
import threading
from pathlib import Path
from typing import IO

from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage


class FileLedger:
    """Implements `dgm.core.ports.Ledger`: one JSON line before and one after each call."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._calls: dict[tuple[SessionId, int], Usage] = {}
        self._file: IO[str] = path.open("x", encoding="utf-8")

    def __enter__(self) -> "FileLedger":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
        """Record that a call is about to be sent."""
        self._note("reserved", session, number, worst_case)

    def settle_call(self, session: SessionId, number: int, *, usage: Usage) -> None:
        """Record what it used."""
        self._note("settled", session, number, usage)

    def spent(self) -> Usage:
        """Return what all calls used, with those that have no end at their worst case."""
        with self._lock:
            return sum(self._calls.values(), Usage())

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
            self._calls[session, number] = usage
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
