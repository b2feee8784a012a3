"""Names of images as engines and registries read them."""

import re
from dataclasses import dataclass

from dgm.boundary.text import safe_line
from dgm.core.errors import MalformedContentError

HUB = "registry-1.docker.io"
"""Where images lie that name no registry."""
_HUB_NAMES = {"docker.io", "index.docker.io"}
_SHOWN = 200
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:(?P<registry>localhost(?::\d{{1,5}})?|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d{{1,5}})?"
    rf"|[A-Za-z0-9-]+:\d{{1,5}})/)?(?P<path>{_PART}(?:/{_PART})*))"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image."""

    text: str
    name: str
    """Without tag and digest."""
    version: str
    """Tag or digest."""
    registry: str
    """Host, with its port where one is named."""
    repository: str
    """As the registry calls it."""

    def __str__(self) -> str:
        return self.text


def parse_reference(text: str) -> Reference:
    """Return what `text` names.

    Raises:
        MalformedContentError: it is no name of an image.
    """
    found = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise MalformedContentError(f"{safe_line(text, max_chars=_SHOWN)!r} is no name of an image.")
    registry, path = found["registry"] or "docker.io", found["path"]
    at_hub = registry in _HUB_NAMES
    return Reference(
        text=text,
        name=found["name"],
        version=found["digest"] or found["tag"] or "latest",
        registry=HUB if at_hub else registry,
        repository=f"library/{path}" if at_hub and "/" not in path else path,
    )
