"""The images that a benchmark takes: made where they are missing, and the same throughout a run."""

from collections.abc import Iterable, Mapping

from dgm.archive.reader import RunReader
from dgm.core.errors import ArchiveError
from dgm.sandbox.engine import Engine
from dgm.sandbox.images import ensure_image
from dgm.wiring.parts import Say

_SHOWN = 19
"""Characters of a digest: "sha256:" and as many digits as tell it from others."""


def ensured_images(engine: Engine, names: Iterable[str], *, say: Say) -> dict[str, str]:
    """Return the digest of each image by name, after building those that are not there.

    Raises:
        UnknownNameError, SandboxError: see `dgm.sandbox.images.ensure_image`.
    """
    return {name: ensure_image(engine, name, say=say) for name in names}


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
        raise ArchiveError(
            f"This run was measured in image {recorded[:_SHOWN]} of {name}, but the image here is "
            f"{digests[name][:_SHOWN]}; scores from both cannot be compared. Start a new run, or load the old image "
            "into the engine."
        )
