"""An engine that has nothing but images, and pulls what it is told that registries have."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from dgm.core.errors import SandboxError
from dgm.sandbox.engine_answers import GoneError, NotRunningError
from dgm.sandbox.engine_images import Image, StoredImage
from dgm.sandbox.pull_stream import PullEvent
from dgm.sandbox.references import Reference
from dgm.sandbox.repositories import NAME, SOURCE_LABEL

MEGABYTE = 10**6
Layers = Sequence[tuple[str, int]]
"""Names and megabytes, the lowest first."""


@dataclass(eq=False)
class FakeStream:
    """What is said of one pull."""

    said: Sequence[PullEvent]
    ends: Callable[[], None]

    def events(self) -> Generator[PullEvent]:
        yield from self.said
        self.ends()

    def end(self) -> None:
        pass


@dataclass
class ImageEngine:
    """Images by what names them; those at registries by reference."""

    name: str = "one"
    at_registries: dict[str, Layers] = field(default_factory=dict[str, Layers])
    says: Sequence[PullEvent] = ()
    """While it pulls."""
    pulled: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    used: set[str] = field(default_factory=set[str])
    """Digests of images that containers were made of."""
    needed: set[str] = field(default_factory=set[str])
    """What cannot be removed, though no container is listed."""
    during_pull: Callable[[], object] = lambda: None
    machine: str = "amd64"
    _names: dict[str, str] = field(default_factory=dict[str, str])
    _layers: dict[str, Layers] = field(default_factory=dict[str, Layers])
    _sources: dict[str, str] = field(default_factory=dict[str, str])
    _made_for: dict[str, str] = field(default_factory=dict[str, str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, reference: str, layers: Layers, *, architecture: str = "amd64") -> str:
        """Have an image and return its digest."""
        digest = f"sha256:{sha256(repr(layers).encode()).hexdigest()}"
        self._names[reference] = digest
        self._layers[digest] = layers
        self._made_for[digest] = architecture
        return digest

    def prepare(self, source: str, layer: tuple[str, int]) -> str:
        """Have an image that was made of another one and return its digest."""
        digest = self.put(f"{NAME}:{layer[0]}", [*self._layers[source], layer])
        self._sources[digest] = source
        return digest

    def name_too(self, reference: str, digest: str) -> None:
        """Give an image one more name."""
        self._names[reference] = digest

    def identity(self) -> str:
        return self.name

    def architecture(self) -> str:
        return self.machine

    def stored_image(self, name: str) -> StoredImage | None:
        digest = self._names.get(name)
        if digest is None:
            return None
        layers = self._layers[digest]
        size = sum(megabytes for _, megabytes in layers) * MEGABYTE
        return StoredImage(digest, self._made_for[digest], size, tuple(layer for layer, _ in layers))

    def layer_bytes(self, image: str) -> dict[str, int]:
        if image not in self._layers:
            raise GoneError("no such image.")
        return {name: megabytes * MEGABYTE for name, megabytes in self._layers[image]}

    def images(self, *, label: str) -> list[Image]:
        assert label == SOURCE_LABEL
        return [
            Image(
                digest, tuple(name for name, named in self._names.items() if named == digest), 0, 0.0, {label: source}
            )
            for digest, source in self._sources.items()
        ]

    def containers_of(self, image: str) -> list[str]:
        return ["container"] if image in self.used else []

    def remove_image(self, name: str) -> None:
        digest = self._names.get(name, name)
        if digest not in self._layers:
            raise GoneError("no such image.")
        if digest in self.needed:
            raise NotRunningError("it is needed.")
        self.removed.append(name)
        self._names = {each: named for each, named in self._names.items() if name not in {each, named}}
        if digest not in self._names.values():
            del self._layers[digest]
            self._sources.pop(digest, None)

    @contextmanager
    def pull(self, reference: Reference, *, silence_s: float) -> Generator[FakeStream]:
        assert silence_s > 0
        with self._lock:
            self.pulled.append(reference.text)

        def end() -> None:
            self.during_pull()
            if reference.text not in self.at_registries:
                raise SandboxError(f"Image {reference} could not be pulled: none of that name.")
            self.put(reference.text, self.at_registries[reference.text])

        yield FakeStream(self.says, end)
