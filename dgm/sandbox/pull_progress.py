"""What is said while images are pulled: now and then a line, however many are pulled at a time."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dgm.sandbox.pull_stream import PullEvent

_PAUSE_S = 5.0
"""Between two lines."""
_MEGABYTE = 10**6
_NOT_BEGUN = {"Pulling fs layer", "Waiting"}


@dataclass(slots=True)
class _Download:
    """How far one image is, in bytes of each layer by its id."""

    here: dict[str, int] = field(default_factory=dict[str, int])
    whole: dict[str, int] = field(default_factory=dict[str, int])
    waiting: set[str] = field(default_factory=set[str])
    """Layers whose size the engine does not say yet."""

    def note(self, event: PullEvent) -> None:
        if event.status in _NOT_BEGUN:
            self.waiting.add(event.layer)
            return
        self.waiting.discard(event.layer)
        if event.status == "Downloading":
            self.here[event.layer] = event.current_bytes
            self.whole[event.layer] = event.total_bytes
        elif event.layer in self.whole:
            self.here[event.layer] = self.whole[event.layer]

    def words(self) -> str:
        here, whole = sum(self.here.values()), sum(self.whole.values())
        if self.waiting:
            return f"{here // _MEGABYTE:,} MB"
        return f"{here // _MEGABYTE:,} of {whole // _MEGABYTE:,} MB{', unpacking' if here == whole else ''}"


class PullProgress:
    """Says how far pulls are. Used by many threads at once."""

    def __init__(self, say: Callable[[str], None], *, clock: Callable[[], float]) -> None:
        """Args:
        say: told lines such as "Pulling X: 120 of 410 MB".
        clock: in seconds.
        """
        self._say = say
        self._clock = clock
        self._due = clock() + _PAUSE_S
        self._lock = threading.Lock()

    def follow(self, reference: str, events: Iterable[PullEvent]) -> None:
        """Read what an engine says of one pull to its end; raises what `events` raises."""
        download = _Download()
        for event in events:
            download.note(event)
            if download.whole and self._is_due():
                self._say(f"Pulling {reference}: {download.words()}.")

    def _is_due(self) -> bool:
        with self._lock:
            now = self._clock()
            if now < self._due:
                return False
            self._due = now + _PAUSE_S
            return True
