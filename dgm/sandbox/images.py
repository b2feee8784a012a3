"""Builds and lists the images that containers are made from, one for each directory below `sandbox/images/`."""

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

from dgm.content import sandbox_directory
from dgm.core.errors import InfrastructureError, SandboxError, UnknownNameError
from dgm.core.files import File, tree_hash
from dgm.sandbox.bootstrap import bootstrap_base
from dgm.sandbox.engine import Engine, Image, connect

Say = Callable[[str], None]

IMAGE_LABEL = "dgm.image"
BOOTSTRAPPED = ("dgm-base", "trixie")
_HASH_DIGITS = 12
_PULL_SILENCE_S = 8
"""How long a registry may say nothing before it counts as out of reach."""
_BASE = re.compile(r"^ARG BASE=(?P<repository>[^\s:]+):(?P<tag>\S+)$", re.MULTILINE)
# Docker knows these arguments and keeps them out of the image and its history.
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_building = threading.Lock()


def image_names() -> tuple[str, ...]:
    """Return the names of all images that can be built."""
    root = sandbox_directory() / "images"
    return tuple(sorted(path.parent.name for path in root.glob("*/Dockerfile")))


def image_tag(name: str) -> str:
    """Return the tag of an image: it holds a hash of the directory, so an edited one is built anew.

    Raises:
        UnknownNameError: there is no such directory.
    """
    directory = _image_directory(name)
    files = {
        path.relative_to(directory).as_posix(): File(path.read_bytes(), executable=os.access(path, os.X_OK))
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    return f"dgm-{name}:{tree_hash(files)[:_HASH_DIGITS]}"


def require_image(engine: Engine, name: str) -> str:
    """Return the digest of an image that was built.

    Raises:
        SandboxError: it was not.
    """
    digest = engine.image_id(image_tag(name))
    if digest is None:
        raise SandboxError(f"The sandbox image {name} is not built; run `dgm images --build`.")
    return digest


def ensure_image(engine: Engine, name: str, *, say: Say) -> str:
    """Return the digest of an image, after building it where it is not there.

    Args:
        engine: where to build.
        name: a directory below `sandbox/images/`.
        say: told each thing that takes time.
    Raises:
        UnknownNameError: there is no such image.
        SandboxError: it could not be built.
    """
    tag = image_tag(name)
    with _building:
        digest = engine.image_id(tag)
        if digest is None:
            _build(engine, name, tag, say=say)
            digest = require_image(engine, name)
            say(f"Sandbox image {tag} is ready.")
    return digest


def our_images(engine: Engine) -> list[Image]:
    """Return the images that were built here, newest first, those of older versions too."""
    return engine.images(label=IMAGE_LABEL)


def _image_directory(name: str) -> Path:
    directory = sandbox_directory() / "images" / name
    if name not in image_names():
        raise UnknownNameError(f"There is no sandbox image {name!r}; there is {', '.join(image_names()) or 'none'}.")
    return directory


def _build(engine: Engine, name: str, tag: str, *, say: Say) -> None:
    directory = _image_directory(name)
    arguments = {variable: os.environ[variable] for variable in _PROXY_VARIABLES if os.environ.get(variable)}
    base = _BASE.search((directory / "Dockerfile").read_text("utf-8"))
    if base is not None:
        arguments["BASE"] = _base_image(engine, base["repository"], base["tag"], say=say)
    say(f"Building sandbox image {tag}.")
    engine.build(directory, tag=tag, arguments=arguments, labels={IMAGE_LABEL: name}, say=_ignore)


def _base_image(engine: Engine, repository: str, tag: str, *, say: Say) -> str:
    """Return a tag of the base image that is on the engine now: pulled, else bootstrapped from Debian's packages."""
    pulled, bootstrapped = f"{repository}:{tag}", ":".join(BOOTSTRAPPED)
    for present in (pulled, bootstrapped):
        if engine.image_id(present) is not None:
            return present
    say(f"Pulling {pulled}.")
    try:
        # A client of its own, since its patience is shorter.
        patient = connect(timeout_s=_PULL_SILENCE_S)
        try:
            patient.pull(repository, tag)
        finally:
            patient.close()
    except InfrastructureError:
        say("No registry can be reached; bootstrapping the base image from Debian packages (about 40 s).")
        bootstrap_base(engine, repository=BOOTSTRAPPED[0], tag=BOOTSTRAPPED[1])
        return bootstrapped
    return pulled


def _ignore(line: str) -> None:
    del line
