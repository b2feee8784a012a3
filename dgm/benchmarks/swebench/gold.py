"""What the gold patch's run of an instance showed on this machine: what runs of other patches are compared with."""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dgm.benchmarks.swebench.flags import Observed
from dgm.benchmarks.swebench.records import Instance
from dgm.boundary.whole_files import write_whole
from dgm.core.errors import SandboxError

VERSION: Literal[1] = 1
"""Of what is kept; raised whenever a run would be observed in another way."""


class GoldRun(BaseModel):
    """What the gold patch's run showed; it was resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = VERSION
    observed: Observed
    canary: bool
    """Whether a test that must fail was seen to fail."""


class GoldRuns:
    """Gold runs, each made once and kept below one directory. Used by many worker threads at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._locks: dict[Path, threading.Lock] = {}

    def of(self, instance: Instance, *, conditions: Mapping[str, object], make: Callable[[], GoldRun]) -> GoldRun:
        """Return the gold run of an instance, made by `make` where it is not there or damaged.

        Args:
            instance: whose gold patch it is.
            conditions: all that a run hangs on beside its patch, as JSON values; each set of them has a gold run of its
                own, since one under wider limits does not show that narrower ones do.
            make: runs the gold patch under them.
        Raises:
            SandboxError: it cannot be kept.
        """
        parts = json.dumps([VERSION, instance.record_hash, conditions], sort_keys=True)
        name = hashlib.sha256(parts.encode()).hexdigest()[:24]
        path = self._directory / f"{instance.id}-{name}.json"
        with self._lock:
            lock = self._locks.setdefault(path, threading.Lock())
        with lock:
            found = _read(path)
            if found is None:
                found = make()
                _write(path, found)
            return found


def _read(path: Path) -> GoldRun | None:
    try:
        return GoldRun.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _write(path: Path, run: GoldRun) -> None:
    try:
        write_whole(path, run.model_dump_json().encode())
    except OSError as error:
        raise SandboxError(f"What the gold patch showed cannot be kept in {path}: {error.strerror}.") from error
