"""A real sandbox for tests. Nothing here skips: without an engine, tests that need one fail with its sentence."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dgm.config import SandboxLimits
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import connect
from dgm.sandbox.images import ensure_image
from dgm.sandbox.reaper import collect_garbage

IMAGE = "python"
RUN = f"tests-{os.getpid()}"
"""Labels the containers of this test process, so that it collects no others."""


@contextmanager
def docker_sandbox(limits: SandboxLimits | None = None) -> Generator[DockerSandbox]:
    """Return a sandbox on the machine's engine, with its image built; afterwards no container of it is left."""
    engine = connect()
    ensure_image(engine, IMAGE, say=print)
    with tempfile.TemporaryDirectory() as directory:
        sandbox = DockerSandbox(engine, limits or SandboxLimits(), run=RUN, directory=Path(directory))
        try:
            yield sandbox
        finally:
            sandbox.abort()
            collect_garbage(engine, everything=True, run=RUN)
            sandbox.close()


def spec(session: str = "test", *, lifetime_s: float = 120.0, gateway_directory: Path | None = None) -> ContainerSpec:
    """Return what an agent's container is for."""
    return ContainerSpec(IMAGE, "agent", SessionId(session), lifetime_s, gateway_directory)
