"""What makes all tests quick and none of them different."""

import gc
from collections.abc import Generator
from functools import cache

import pytest
import typer.main


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
