"""What makes all tests quick and none of them different."""

import gc
import signal
from collections.abc import Generator
from functools import cache
from typing import Any

import pytest
import typer.main
from xdist.scheduler import LoadScopeScheduling


class OneEngine(LoadScopeScheduling):
    """Lets one process have all tests that may share an engine, in their order, while another carries out the rest.

    By directory: xdist's groups of marked tests are not seen with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(("tests/unit/", "tests/property/")) else "engine"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneEngine | None:
    """Have `--dist loadscope` share tests out like that."""
    return OneEngine(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_configure() -> None:
    """Let what tests start be interrupted: in the background of a shell, Ctrl-C is ignored by all that it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
