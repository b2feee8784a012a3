"""What several contracts begin with: an archive, on disk and in memory, and a desk that answers."""

from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from dgm.core.ids import AgentId
from dgm.core.ports import Archive
from tests.fakes.archive import MemoryArchive
from tests.fakes.clerk import Clerk, clerk_at
from tests.fakes.runs import SEED_CODE, new_run
from tests.fakes.sound_runs import HELD_OUT


@pytest.fixture(params=["memory", "disk"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Archive]:
    """An archive with a seed agent and one task that is held out from selection."""
    if cast("str", request.param) == "memory":
        memory = MemoryArchive(held_out={HELD_OUT})
        memory.add_seed_agent(SEED_CODE)
        yield memory
    else:
        with new_run(tmp_path / "run", held_out={HELD_OUT}) as run:
            yield run


@pytest.fixture
def root(archive: Archive) -> AgentId:
    return archive.agent_tree().root.id


@pytest.fixture
def clerk(tmp_path: Path) -> Generator[Clerk]:
    with clerk_at(tmp_path, Clerk(lambda _: "Done.")) as found:
        yield found
