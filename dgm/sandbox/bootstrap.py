"""Makes a base image without a registry: Debian's own packages, installed into a directory and imported."""

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

from dgm.boundary.scratch import ROOMY, scratch_directory
from dgm.core.errors import SandboxError
from dgm.sandbox.engine import Engine

SUITE = "trixie"
PACKAGES = "python3,python3-pytest"
_TIMEOUT_S = 900
_CHUNK_BYTES = 2**20
_SHOWN_OF_THE_LOG = 200
# What only packages' installation needed, and what tells of the machine it was done on.
_LEFT_OUT = (
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./etc/resolv.conf",
    "./etc/hostname",
    "./tmp/*",
)


def bootstrap_base(engine: Engine, *, repository: str, tag: str) -> None:
    """Make the base image `repository:tag` with debootstrap.

    Raises:
        SandboxError: debootstrap is missing, may not be used by this user, or failed.
    """
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise SandboxError(
            "No registry can be reached to pull the base image, and bootstrapping it takes root and debootstrap. "
            "On Debian or Ubuntu run `sudo scripts/engine` and then `sudo scripts/dgm images build`; elsewhere "
            "load the image debian:trixie-slim into the engine."
        )
    with scratch_directory("base", within=ROOMY) as place:
        root = place / "root"
        _install(root)
        with _Archive(root) as archive:
            engine.import_image(archive.chunks(), repository=repository, tag=tag)


def _install(root: Path) -> None:
    # In a mount namespace of its own: were it to end half-way, its mounts would else be left, and cleaning up would
    # reach through them.
    argv = ["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase"]
    # Without the check a mirror, or whoever sits between, would choose what runs in every sandbox.
    argv += ["--force-check-gpg", f"--include={PACKAGES}", SUITE, str(root)]
    try:
        done = subprocess.run(
            argv,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxError(f"The base image could not be bootstrapped: {error}.") from error
    if done.returncode != 0:
        last = " ".join(done.stdout.decode("ascii", "replace").split())[-_SHOWN_OF_THE_LOG:]
        raise SandboxError(f"debootstrap could not make the base image; it ended with: {last}")


class _Archive:
    """A running tar of a directory."""

    def __init__(self, root: Path) -> None:
        excluded = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
        self._argv = ["tar", "--create", "--numeric-owner", *excluded, "--directory", str(root), "."]

    def __enter__(self) -> "_Archive":
        self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()

    def chunks(self) -> Generator[bytes]:
        """Yield the archive.

        Raises:
            SandboxError: tar failed, so the rest is missing.
        """
        pipe = self._process.stdout
        while pipe is not None and (chunk := pipe.read(_CHUNK_BYTES)):
            yield chunk
        if self._process.wait() != 0:
            raise SandboxError("tar could not read what debootstrap made.")
