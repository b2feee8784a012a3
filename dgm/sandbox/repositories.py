"""Images of tasks made ready for agents: the repository without anything that came after its commit.

`sandbox/repository/prepare.sh` does the work, in a container of the task's own image that no agent ever touched; what
it leaves is committed as an image of its own, once.
"""

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from dgm.content import sandbox_directory
from dgm.core.errors import SandboxError
from dgm.core.tasks import Repository
from dgm.sandbox.bounded_exec import Command, complaint, run_bounded
from dgm.sandbox.engine import Engine, connect

log = logging.getLogger(__name__)

NAME = "dgm-repository"
SOURCE_LABEL = "dgm.repository"
"""On what was made here: the digest of the image that it was made of."""
PRISTINE = "/dgm/pristine"
PREPARATION_TIMEOUT_S = 1800.0
_COMMIT_SILENCE_S = 600
_OUTPUT_BYTES = 100_000
_HASH_DIGITS = 24
_ROOT = "0:0"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROBE_TIMEOUT_S = 60.0
# What the tests of official images run in; nothing puts it on the path there but a shell's settings.
_CONDA = "/opt/miniconda3/envs/testbed"

Running = Callable[[str], AbstractContextManager[str]]
"""Runs a container of an image, as root and without a network, and gives its id; it is gone when the context ends."""

_making: dict[str, threading.Lock] = {}
_making_guard = threading.Lock()


def script(name: str) -> bytes:
    """Return a script that runs inside containers.

    Raises:
        SandboxError: it cannot be read.
    """
    path = sandbox_directory() / "repository" / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error}.") from error


def prepared_image(engine: Engine, source: str, repository: Repository, *, running: Running) -> str:
    """Return the digest of the image that agents work in, made of a task's own where it is not there yet.

    Args:
        engine: where the images are.
        source: digest of the task's image.
        repository: what stands in it.
        running: makes the container that it is made in.
    Raises:
        SandboxError: it could not be made.
    """
    preparation = script("prepare.sh")
    tag = _tag(source, repository, preparation)
    with _making_guard:
        lock = _making.setdefault(tag, threading.Lock())
    with lock:
        found = engine.image_id(tag)
        if found is not None:
            return found
        _require_no_volumes(engine, source)
        log.info("%s of image %s is made ready as %s", repository.directory, source[:19], tag)
        with running(source) as container:
            _prepare(engine, container, repository, preparation)
            _commit(engine, container, source, tag)
        made = engine.image_id(tag)
    if made is None:
        raise SandboxError(f"Image {tag} was removed as soon as it was made.")
    return made


def _tag(source: str, repository: Repository, preparation: bytes) -> str:
    parts = (source.encode(), repository.directory.encode(), repository.commit.encode(), preparation)
    digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts))
    return f"{NAME}:{digest.hexdigest()[:_HASH_DIGITS]}"


def _require_no_volumes(engine: Engine, source: str) -> None:
    volumes = engine.image_config(source).get("Volumes")
    if volumes:
        # Agents could fill the host's disk through them, and an image's own cannot be made read-only.
        raise SandboxError(
            f"A task's image asks for volumes ({', '.join(sorted(volumes))}), whose size cannot be limited, so agents "
            "cannot work in it; leave out its tasks."
        )


def _prepare(engine: Engine, container: str, repository: Repository, preparation: bytes) -> None:
    command = Command(
        ("sh", "-s", repository.directory, repository.commit),
        user=_ROOT,
        timeout_s=PREPARATION_TIMEOUT_S,
        output_bytes=_OUTPUT_BYTES,
        environment={"PATH": _PATH},
        stdin=preparation,
    )
    output = run_bounded(engine, container, command)
    if output.exit_code != 0:
        raise SandboxError(
            f"{repository.directory} of a task's image could not be made ready for agents: {complaint(output)}."
        )


def _commit(engine: Engine, container: str, source: str, tag: str) -> None:
    environment = _environment(engine, container, source)
    # A client of its own, since the engine says nothing while it reads and hashes a whole repository.
    patient = connect(timeout_s=_COMMIT_SILENCE_S)
    try:
        patient.commit(container, tag=tag, environment=environment, labels={SOURCE_LABEL: source})
    finally:
        patient.close()


def _environment(engine: Engine, container: str, source: str) -> list[str]:
    """Return what the image sets beyond its source's variables: the environment of conda that tests run in, if any."""
    probe = Command(("test", "-d", f"{_CONDA}/bin"), user=_ROOT, timeout_s=_PROBE_TIMEOUT_S, output_bytes=0)
    if run_bounded(engine, container, probe).exit_code != 0:
        return []
    variables = (line.partition("=") for line in engine.image_config(source).get("Env") or ())
    path = {name: value for name, _, value in variables}.get("PATH", _PATH)
    return [f"PATH={_CONDA}/bin:{path}", f"CONDA_PREFIX={_CONDA}", f"CONDA_DEFAULT_ENV={_CONDA.rpartition('/')[2]}"]
