"""Fixtures of the red-team suite."""

from collections.abc import Generator

import pytest

from dgm.sandbox.docker_sandbox import DockerSandbox
from tests.docker_fixtures import docker_sandbox


@pytest.fixture(scope="session")
def sandbox() -> Generator[DockerSandbox]:
    """A sandbox with the default limits."""
    with docker_sandbox() as made:
        yield made
