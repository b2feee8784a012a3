"""A container that ends while it is used."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dgm.core.errors import HostileBytesError, SandboxError
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.sweep import Target
from dgm.sandbox.uids import Uids

TARGET = Target(container="c", init=1, uids=Uids(agent=10_000, keeper=10_001), agent_host_uid=10_000, in_sight=False)


class DyingEngine:
    """An engine that starts nothing any more in a container whose end it notices only when it looks a third time."""

    def __init__(self, *, oom_killed: bool) -> None:
        self._oom_killed = oom_killed
        self._looks = 0

    def exec_create(self, container: str, argv: Sequence[str], **_options: object) -> str:  # noqa: ARG002
        raise SandboxError("The Docker engine could not start a command: the process was killed.")

    def inspect(self, container: str) -> Mapping[str, Any]:  # noqa: ARG002
        self._looks += 1
        ended = self._looks >= 3
        return {"State": {"Running": not ended, "OOMKilled": ended and self._oom_killed}}


def container(*, oom_killed: bool) -> DockerContainer:
    engine: Any = DyingEngine(oom_killed=oom_killed)
    return DockerContainer(engine, TARGET, stopped=lambda: False)


def test_an_agent_that_ate_the_memory_failed_also_when_the_engine_notices_late() -> None:
    dying = container(oom_killed=True)
    assert dying.execute(["true"], timeout_s=1).exit_code == 137
    with pytest.raises(HostileBytesError, match="used up the container's memory"):
        dying.read_files("/workspace")


def test_any_other_end_is_a_fault_of_ours() -> None:
    with pytest.raises(SandboxError, match="lifetime was over, or somebody removed it"):
        container(oom_killed=False).execute(["true"], timeout_s=1)
