"""Tasks' images on an engine and what dgm made of them: what they take, and how they are removed again."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import GoneError, NotRunningError
from dgm.sandbox.image_ledger import ImageLedger, Row
from dgm.sandbox.repositories import NAME, SOURCE_LABEL


@dataclass(frozen=True, slots=True)
class TaskImage:
    """An image that tasks brought along, with all that dgm made of it."""

    id: str
    references: tuple[str, ...]
    """By which tasks name it; at least one."""
    pulled: tuple[str, ...]
    """Those that dgm pulled, and so may take off; the others are somebody else's."""
    prepared: tuple[str, ...]
    """Digests of the images that were made of it."""
    used: float
    """Seconds since 1970."""
    layers: Mapping[str, int] = field(repr=False)
    """Bytes of each layer that is dgm's, by a key that images have in common with the layer."""

    @property
    def size_bytes(self) -> int:
        """What it takes where it shares nothing with others."""
        return sum(self.layers.values())


def taken_bytes(images: Iterable[TaskImage]) -> int:
    """Return what images take together: layers that they share are counted once."""
    shared: dict[str, int] = {}
    for image in images:
        shared |= image.layers
    return sum(shared.values())


class ImageStore:
    """The images of tasks on one engine as far as they are dgm's. Used by many threads and processes at once."""

    def __init__(self, engine: Engine, ledger: ImageLedger, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self.ledger = ledger
        self._clock = clock
        self._layers: dict[str, Mapping[str, int]] = {}

    def note_use(self, reference: str, image_id: str, *, pulled: bool = False) -> None:
        """Record that an image is used now, and whether it was `pulled` for that."""
        with self.ledger.changing() as rows:
            before = rows.get(reference)
            was_pulled = before is not None and before.pulled and before.image_id == image_id
            rows[reference] = Row(image_id, pulled=pulled or was_pulled, used=self._clock())

    def images(self) -> list[TaskImage]:
        """Return those that the ledger knows, that which was not used for longest first; what is gone is forgotten.

        What was made of an image that it does not know is another user's, with a ledger and leases of their own.

        Raises:
            SandboxError: the engine failed.
        """
        rows, prepared = self._rows(), self._prepared()
        by_id: dict[str, dict[str, Row]] = {}
        for reference, row in rows.items():
            by_id.setdefault(row.image_id, {})[reference] = row
        found = (self._image(image_id, named, prepared.get(image_id, ())) for image_id, named in by_id.items())
        return sorted((image for image in found if image.layers), key=lambda image: image.used)

    def remove(self, image: TaskImage) -> bool:
        """Remove what is dgm's of an image and return True, or leave what is in use and return False.

        Raises:
            SandboxError: the engine failed.
        """
        with ExitStack() as held:
            if not all(held.enter_context(self.ledger.unused(reference)) for reference in image.references):
                return False
            if any(self._engine.containers_of(each) for each in (image.id, *image.prepared)):
                return False
            try:
                for name in (*image.prepared, *image.pulled):
                    with suppress(GoneError):
                        self._engine.remove_image(name)
            except NotRunningError:  # a container came in between, or somebody else made an image of it
                return False
            self._forget(image.references, image.id)
        return True

    def make_room(self, quota_bytes: int) -> int:
        """Remove images that were not used for longest until all take at most `quota_bytes`; return what they take.

        That is more than the quota where what is in use takes more.

        Raises:
            SandboxError: the engine failed.
        """
        kept = self.images()
        for image in tuple(kept):
            if taken_bytes(kept) <= quota_bytes:
                break
            if self.remove(image):
                kept.remove(image)
        return taken_bytes(kept)

    def _rows(self) -> dict[str, Row]:
        """Return the rows whose reference still names the image that it did."""
        rows, there = self.ledger.rows(), dict[str, Row]()
        for reference, row in rows.items():
            stored = self._engine.stored_image(reference)
            if stored is not None and stored.id == row.image_id:
                there[reference] = row
            else:
                self._forget([reference], row.image_id)
        return there

    def _prepared(self) -> dict[str, list[str]]:
        """Return the digests of the images that were made of a task's, by the digest of that one."""
        found: dict[str, list[str]] = {}
        for image in self._engine.images(label=SOURCE_LABEL):
            # Whoever makes an image of one of ours inherits the label, but not the name.
            if image.tags and all(tag.startswith(f"{NAME}:") for tag in image.tags):
                found.setdefault(image.labels[SOURCE_LABEL], []).append(image.id)
        return found

    def _image(self, image_id: str, rows: Mapping[str, Row], prepared: Sequence[str]) -> TaskImage:
        pulled = tuple(reference for reference, row in rows.items() if row.pulled)
        source = self._layer_bytes(image_id)
        layers = dict(source) if pulled else {}
        for each in prepared:
            layers |= {key: size for key, size in self._layer_bytes(each).items() if key not in source}
        return TaskImage(
            image_id,
            references=tuple(rows),
            pulled=pulled,
            prepared=tuple(prepared),
            used=max(row.used for row in rows.values()),
            layers=layers,
        )

    def _layer_bytes(self, image_id: str) -> Mapping[str, int]:
        if image_id not in self._layers:
            try:
                self._layers[image_id] = self._engine.layer_bytes(image_id)
            except GoneError:
                return {}
        return self._layers[image_id]

    def _forget(self, references: Iterable[str], image_id: str) -> None:
        with self.ledger.changing() as rows:
            for reference in references:
                if reference in rows and rows[reference].image_id == image_id:
                    del rows[reference]
