"""The images that a benchmark takes: made where they are missing, and the same throughout a run."""

from collections.abc import Callable, Iterable, Mapping

from dgm.archive.images import require_same_image
from dgm.archive.reader import RunReader
from dgm.sandbox.engine import Engine
from dgm.sandbox.images import ensure_image
from dgm.wiring.parts import Say, unpinned


def ensured_images(engine: Engine, names: Iterable[str], *, say: Say) -> dict[str, str]:
    """Return the digest of each image by name, after building those that are not there.

    Raises:
        UnknownNameError, SandboxError: see `dgm.sandbox.images.ensure_image`.
    """
    return {name: ensure_image(engine, name, say=say) for name in names}


class LatePin:
    """Records which image a task's reference stands for with a run that is only made after its sandbox."""

    def __init__(self) -> None:
        self.record: Callable[[str, str], None] = unpinned

    def __call__(self, name: str, digest: str) -> None:
        """Tell the run; see `dgm.sandbox.task_images.Pin`."""
        self.record(name, digest)


def changed_images(run: RunReader, digests: Mapping[str, str]) -> dict[str, str]:
    """Return the recorded digest of each image that is not the recorded one; `digests` has those of now by name.

    An image that a run has no digest for is taken for the one that it has: in such an old run there was no other.
    """
    recorded, only = run.images(), run.facts().image_digest
    before = {name: recorded.get(name, only) for name in digests}
    return {name: digest for name, digest in before.items() if digest != digests[name]}


def require_same_images(run: RunReader, digests: Mapping[str, str]) -> None:
    """Refuse to mix scores that were measured in different images in one tree.

    Raises:
        ArchiveError: an image is not the recorded one.
    """
    for name, recorded in changed_images(run, digests).items():
        require_same_image(name, recorded=recorded, digest=digests[name])
