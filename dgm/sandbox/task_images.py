"""Images that tasks bring along: pulled when first needed, removed again under a quota."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cached_property

from dgm.core.errors import SandboxError
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_images import StoredImage
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_store import ImageStore
from dgm.sandbox.pull_progress import PullProgress
from dgm.sandbox.pull_stream import PullStream
from dgm.sandbox.references import Reference, parse_reference

Say = Callable[[str], None]
Pin = Callable[[str, str], None]
"""Told the reference and the digest of each image before it is used; raises where another digest is recorded."""

_SILENCE_S = 120.0
"""How long an engine may say nothing while it pulls: unpacking a large file onto a slow disk is silent too."""
_GIGABYTE = 10**9


class TaskImages:
    """The images of tasks on one engine. Used by many worker threads at once."""

    def __init__(
        self,
        engine: Engine,
        *,
        quota_bytes: int,
        say: Say,
        pin: Pin,
        store: ImageStore | None = None,
        silence_s: float = _SILENCE_S,
    ) -> None:
        """Args:
        engine: where they are.
        quota_bytes: of all images that dgm pulled or made of such. Those in use may take more; that is said.
        say: told what takes time.
        pin: see `Pin`.
        store: what is known of them; this user's unless given.
        silence_s: how long an engine may say nothing while it pulls.
        """
        self._engine = engine
        self._quota_bytes = quota_bytes
        self._say = say
        self._pin = pin
        self._silence_s = silence_s
        self._given_store = store
        self._progress = PullProgress(say, clock=time.monotonic)
        self._pulling: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._streams: set[PullStream] = set()
        self._lock = threading.Lock()
        self._is_stopped = False
        self._said_too_large = False

    @contextmanager
    def leased(self, reference: str) -> Generator[str]:
        """Return the digest of an image, pulled where it is not there; it is not removed before the context ends.

        Raises:
            MalformedContentError: `reference` is no name of an image.
            SandboxError: it cannot be had, or is of another architecture than the engine.
        """
        named = parse_reference(reference)
        with self._store.ledger.lease(reference):
            image = self._engine.stored_image(reference) or self._pulled(named)
            require_architecture(named, [image.architecture], self._architecture)
            self._pin(reference, image.id)
            self._store.note_use(reference, image.id)
            yield image.id

    def stop(self) -> None:
        """End every pull and begin no more; called from any thread."""
        with self._lock:
            self._is_stopped = True
            streams = list(self._streams)
        for stream in streams:
            stream.end()

    # Asked for when first needed: most benchmarks have no images of their own.

    @cached_property
    def _store(self) -> ImageStore:
        return self._given_store or ImageStore(self._engine, ImageLedger(self._engine.identity()))

    @cached_property
    def _architecture(self) -> str:
        return self._engine.architecture()

    def _pulled(self, reference: Reference) -> StoredImage:
        with self._lock:
            turn = self._pulling[reference.text]
        with turn:
            # Another worker may have pulled it by now.
            return self._engine.stored_image(reference.text) or self._pull(reference)

    def _pull(self, reference: Reference) -> StoredImage:
        self._make_room()
        self._say(f"Pulling {reference}.")
        with self._engine.pull(reference, silence_s=self._silence_s) as stream, self._listed(stream):
            self._progress.follow(reference.text, stream.events())
        image = self._engine.stored_image(reference.text)
        if image is None:
            raise SandboxError(f"Image {reference} could not be pulled: the engine's answer broke off.")
        self._store.note_use(reference.text, image.id, pulled=True)
        self._make_room()
        return image

    @contextmanager
    def _listed(self, stream: PullStream) -> Generator[None]:
        with self._lock:
            self._streams.add(stream)
            is_stopped = self._is_stopped
        if is_stopped:
            stream.end()
        try:
            yield
        finally:
            with self._lock:
                self._streams.discard(stream)

    def _make_room(self) -> None:
        taken = self._store.make_room(self._quota_bytes)
        if taken > self._quota_bytes and not self._said_too_large:
            self._said_too_large = True
            self._say(
                f"Images of tasks in use take {taken / _GIGABYTE:.1f} GB, more than swebench.image_quota_bytes "
                f"({self._quota_bytes / _GIGABYTE:.1f} GB); they are kept while used."
            )


def require_architecture(reference: Reference, made_for: Sequence[str], machine: str) -> None:
    """Refuse an image that the engine's machine cannot run.

    Raises:
        SandboxError: it is made for other architectures.
    """
    if machine not in made_for:
        raise SandboxError(
            f"Image {reference} is made for {' and '.join(made_for) or 'no Linux machine'}, and the Docker engine's "
            f"machine is {machine}; use instances with images for it, or another engine (DOCKER_HOST)."
        )
