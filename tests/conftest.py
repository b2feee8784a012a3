"""What makes all tests quick and none of them different."""

import gc
from collections.abc import Generator
from functools import cache

import pytest
import typer.main


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process have all tests that share an engine or fill the machine, while others carry out the rest."""
    for item in items:
        if item.get_closest_marker("docker") or item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group("one after the other"))


def pytest_collection_finish() -> None:
    """Keep the thousands of collected tests out of every later garbage collection: they stay to the end anyway."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def one_tree_of_commands() -> Generator[None]:
    """Build the command `dgm` once for all the command lines of a process; typer would for each of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield
