"""What is known of tasks' images on one engine: which of them dgm pulled, when each was used last, which are in use.

A directory for each engine, shared by every process of this user:

    images.json  the rows; replaced as a whole, so that a killed process leaves the old or the new ones
    lock         held while they change
    leases/      a file for each image, locked by whoever uses it; the kernel lets go of it when a process dies
"""

import fcntl
import hashlib
import logging
import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from dgm.content import cache_directory
from dgm.core.errors import SandboxError

log = logging.getLogger(__name__)

_ROWS = "images.json"
_LOCK = "lock"
_LEASES = "leases"
_HASH_DIGITS = 16


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True)
class Row:
    """What is known of the image that a reference names."""

    image_id: str
    """What it named when it was used last."""
    pulled: bool
    """Whether dgm pulled it, and so may remove it."""
    used: float
    """Seconds since 1970."""


_TABLE = TypeAdapter(dict[str, Row])


class ImageLedger:
    """The rows and leases of one engine."""

    def __init__(self, engine: str, *, cache: Path | None = None) -> None:
        """Args:
        engine: the engine's id.
        cache: directory to keep it below; the usual one unless given.
        """
        name = hashlib.sha256(engine.encode()).hexdigest()[:_HASH_DIGITS]
        self._directory = (cache or cache_directory()) / "task-images" / name

    def rows(self) -> dict[str, Row]:
        """Return all rows by reference; none where the file is damaged, so that nothing is removed on its word."""
        path = self._directory / _ROWS
        try:
            return _TABLE.validate_json(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError):
            log.warning("%s cannot be read: images that were pulled before are not counted and not removed", path)
            return {}

    @contextmanager
    def changing(self) -> Generator[dict[str, Row]]:
        """Lend the rows for a change that is written at the end; others wait.

        Raises:
            SandboxError: nothing can be written there.
        """
        with self._locked(_LOCK, fcntl.LOCK_EX):
            rows = self.rows()
            yield rows
            self._write(rows)

    @contextmanager
    def lease(self, reference: str) -> Generator[None]:
        """Keep every process from removing the image that `reference` names.

        Raises:
            SandboxError: nothing can be written there.
        """
        with self._locked(self._lease(reference), fcntl.LOCK_SH):
            yield

    @contextmanager
    def unused(self, reference: str) -> Generator[bool]:
        """Tell whether nobody has a lease on `reference`; if so nobody gets one before the context ends."""
        with ExitStack() as locked:
            try:
                locked.enter_context(self._locked(self._lease(reference), fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def _lease(self, reference: str) -> str:
        return f"{_LEASES}/{hashlib.sha256(reference.encode()).hexdigest()}"

    @contextmanager
    def _locked(self, name: str, how: int) -> Generator[None]:
        path = self._directory / name
        with ExitStack() as opened:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                opened.callback(os.close, descriptor)
                fcntl.flock(descriptor, how)
            except BlockingIOError:
                raise
            except OSError as error:
                raise SandboxError(f"{path} cannot be locked: {error.strerror}.") from error
            yield

    def _write(self, rows: dict[str, Row]) -> None:
        path = self._directory / _ROWS
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{_ROWS}-", dir=self._directory)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_TABLE.dump_json({key: rows[key] for key in sorted(rows)}, indent=1))
                    os.fsync(file.fileno())
                Path(name).replace(path)
            except OSError:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as error:
            raise SandboxError(f"{path} could not be written: {error.strerror}.") from error
