"""Builds and lists the images that containers are made from, one for each directory below `sandbox/images/`.

A Dockerfile begins with `ARG BASE=repository:tag`, which is pulled or bootstrapped, or with `ARG PARENT=name`, another
image of ours.
"""

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from dgm.content import cache_directory, sandbox_directory
from dgm.core.errors import InfrastructureError, SandboxError, UnknownNameError
from dgm.core.files import File, tree_hash
from dgm.sandbox.bootstrap import bootstrap_base
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_images import Image
from dgm.sandbox.references import parse_reference

Say = Callable[[str], None]

IMAGE_LABEL = "dgm.image"
BOOTSTRAPPED = ("dgm-base", "trixie")
_HASH_DIGITS = 12
_KEPT_LINES = 20_000
"""Of what a build says."""
_SHOWN_LINES = 2
_PULL_SILENCE_S = 8
"""How long a registry may say nothing before it counts as out of reach."""
_BASE = re.compile(r"^ARG BASE=(?P<repository>[^\s:]+):(?P<tag>\S+)$", re.MULTILINE)
# What a build says of its own steps, not of what went wrong in one.
_STEPS = ("Step ", "--->", "Removing intermediate container")
# Docker knows these arguments and keeps them out of the image and its history.
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PARENT = re.compile(r"^ARG PARENT=(?P<name>[a-z0-9-]+)$", re.MULTILINE)
_building = threading.RLock()


def image_names() -> tuple[str, ...]:
    """Return the names of all images that can be built."""
    root = sandbox_directory() / "images"
    return tuple(sorted(path.parent.name for path in root.glob("*/Dockerfile")))


def image_tag(name: str) -> str:
    """Return the tag of an image: it holds a hash of its directory and its parent's, so an edited one is built anew.

    Raises:
        UnknownNameError: there is no such directory.
    """
    directory = _image_directory(name)
    files = {
        path.relative_to(directory).as_posix(): File(path.read_bytes(), executable=os.access(path, os.X_OK))
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    parent = _parent(directory)
    if parent is not None:
        files["PARENT"] = File(image_tag(parent).encode())
    return f"dgm-{name}:{tree_hash(files)[:_HASH_DIGITS]}"


def image_parent(name: str) -> str | None:
    """Return the image of ours that another one is made from, None where there is none; errors as `image_tag`'s."""
    return _parent(_image_directory(name))


def images_to_build(engine: Engine, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names`, and of the images that they are made from, that are not built yet; parents go first.

    Raises:
        UnknownNameError: there is no image of such a name.
    """
    wanted: dict[str, None] = {}
    for name in names:
        line = [name]
        while (parent := image_parent(line[0])) is not None:
            line.insert(0, parent)
        wanted |= dict.fromkeys(line)
    return tuple(name for name in wanted if engine.image_id(image_tag(name)) is None)


def require_image(engine: Engine, name: str) -> str:
    """Return the digest of an image that was built.

    Raises:
        SandboxError: it was not.
    """
    digest = engine.image_id(image_tag(name))
    if digest is None:
        raise SandboxError(f"The sandbox image {name} is not built; run `dgm images build {name}`.")
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


def our_images(engine: Engine) -> dict[str, Image]:
    """Return the images that were built here by tag, newest first, those of older versions too."""
    return {
        tag: image
        for image in engine.images(label=IMAGE_LABEL)
        for tag in image.tags
        # Whatever somebody makes of one of them inherits the label, but not the name.
        if tag.startswith(f"dgm-{image.labels[IMAGE_LABEL]}:")
    }


def _image_directory(name: str) -> Path:
    directory = sandbox_directory() / "images" / name
    if name not in image_names():
        raise UnknownNameError(f"There is no sandbox image {name!r}; there is {', '.join(image_names()) or 'none'}.")
    return directory


def _build(engine: Engine, name: str, tag: str, *, say: Say) -> None:
    directory = _image_directory(name)
    arguments = {variable: os.environ[variable] for variable in _PROXY_VARIABLES if os.environ.get(variable)}
    base = _BASE.search((directory / "Dockerfile").read_text("utf-8"))
    parent = _parent(directory)
    if parent is not None:
        ensure_image(engine, parent, say=say)
        arguments["PARENT"] = image_tag(parent)
    elif base is not None:
        arguments["BASE"] = _base_image(engine, base["repository"], base["tag"], say=say)
    say(f"Building sandbox image {tag}.")
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        engine.build(directory, tag=tag, arguments=arguments, labels={IMAGE_LABEL: name}, say=said.append)
    except SandboxError as error:
        raise SandboxError(_why_not_built(name, [line for line in said if line], error)) from error


def _why_not_built(name: str, said: Sequence[str], error: SandboxError) -> str:
    telling = [line for line in said if not line.startswith(_STEPS)][-_SHOWN_LINES:]
    why = f"The sandbox image {name} could not be built; its build ended with: {' | '.join(telling) or error}"
    log = cache_directory() / f"build-{name}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("\n".join([*said, str(error)]) + "\n", "utf-8")
    except OSError:  # what keeps the log from being written is not what the user is to read
        return why
    return f"{why.rstrip('.')}; all that it said is in {log}."


def _parent(directory: Path) -> str | None:
    found = _PARENT.search((directory / "Dockerfile").read_text("utf-8"))
    return found["name"] if found else None


def _base_image(engine: Engine, repository: str, tag: str, *, say: Say) -> str:
    """Return a tag of the base image that is on the engine now: pulled, else bootstrapped from Debian's packages."""
    pulled, bootstrapped = f"{repository}:{tag}", ":".join(BOOTSTRAPPED)
    for present in (pulled, bootstrapped):
        if engine.image_id(present) is not None:
            return present
    say(f"Pulling {pulled}.")
    try:
        with engine.pull(parse_reference(pulled), silence_s=_PULL_SILENCE_S) as stream:
            deque(stream.events(), maxlen=0)
    except InfrastructureError:
        say("No registry can be reached; bootstrapping the base image from Debian packages (about 40 s).")
        bootstrap_base(engine, repository=BOOTSTRAPPED[0], tag=BOOTSTRAPPED[1])
        return bootstrapped
    return pulled
