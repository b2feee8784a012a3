"""Fixtures and marks of the red-team suite."""

from collections.abc import Generator

import pytest

from dgm.sandbox.docker_sandbox import DockerSandbox
from tests.docker_fixtures import docker_sandbox


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks that the table of the suite is made with; see tests/red_team.py."""
    config.addinivalue_line("markers", "attack(text): what the attack is, where the test's name does not say it")
    config.addinivalue_line("markers", "honest: no attack but a use that must keep working")


@pytest.fixture(scope="session")
def sandbox() -> Generator[DockerSandbox]:
    """A sandbox with the default limits."""
    with docker_sandbox() as made:
        yield made
