"""The images that a run's results hang on."""

from dgm.boundary.text import safe_line
from dgm.core.errors import ArchiveError

_SHOWN = 19
"""Characters of a digest: "sha256:" and as many digits as tell it from others."""


def require_same_image(name: str, *, recorded: str, digest: str) -> None:
    """Refuse to mix scores that were measured in different images in one tree.

    Raises:
        ArchiveError: the image is not the recorded one.
    """
    if digest != recorded:
        raise ArchiveError(
            f"This run was measured in image {recorded[:_SHOWN]} of {safe_line(name)}, but the image here is "
            f"{digest[:_SHOWN]}; scores from both cannot be compared. Start a new run, or load the old image into the "
            "engine."
        )
