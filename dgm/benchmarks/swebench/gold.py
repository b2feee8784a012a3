"""What the gold patch's run of an instance showed on this machine: what runs of other patches are compared with."""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dgm.benchmarks.swebench.flags import Observed
from dgm.benchmarks.swebench.records import Instance
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

    def of(self, instance: Instance, *, image_id: str, stock: bool, make: Callable[[], GoldRun]) -> GoldRun:
        """Return the gold run of an instance in an image, made by `make` where it is not there or damaged.

        Raises:
            SandboxError: it cannot be kept.
        """
        parts = (str(VERSION), instance.record_hash, image_id, "stock" if stock else "")
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]
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
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(run.model_dump_json(), "utf-8")
        fresh.replace(path)
    except OSError as error:
        raise SandboxError(f"What the gold patch showed cannot be kept in {path}: {error.strerror}.") from error
