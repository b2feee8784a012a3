"""What images take before they are built: size and time, as `sandbox/images/sizes.toml` says."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dgm.content import sandbox_directory
from dgm.core.errors import MalformedContentError
from dgm.sandbox.images import image_parent

FILE = "sizes.toml"


@dataclass(frozen=True, slots=True)
class ImageSize:
    """What an image takes."""

    megabytes: int
    """Of 10**6 bytes."""
    seconds: int
    """Of its build, on two cores."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    megabytes: int = Field(gt=0)
    seconds: int = Field(gt=0)


_ENTRIES = TypeAdapter(dict[str, _Entry])


def image_size(name: str) -> ImageSize:
    """Return what an image takes, with its parent's size and without its parent's build.

    Raises:
        MalformedContentError: it is not said.
    """
    path = sandbox_directory() / "images" / FILE
    sizes = _read(path)
    if name not in sizes:
        raise MalformedContentError(f"{path} has no table for image {name}.")
    return sizes[name]


def added_size(names: Iterable[str]) -> ImageSize:
    """Return what building these images takes in all; what they share with their parents is not counted again."""
    sizes = [_added(name) for name in names]
    return ImageSize(sum(size.megabytes for size in sizes), sum(size.seconds for size in sizes))


def _added(name: str) -> ImageSize:
    size, parent = image_size(name), image_parent(name)
    shared = 0 if parent is None else image_size(parent).megabytes
    return ImageSize(max(0, size.megabytes - shared), size.seconds)


@cache
def _read(path: Path) -> dict[str, ImageSize]:
    try:
        entries = _ENTRIES.validate_python(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise MalformedContentError(f"{path} cannot be read: {error}.") from error
    return {name: ImageSize(entry.megabytes, entry.seconds) for name, entry in entries.items()}
