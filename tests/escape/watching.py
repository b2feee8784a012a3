"""What the host sees of a container. A container's word for it does not count."""

from pathlib import Path
from typing import Any

from dgm.sandbox.container import DockerContainer
from dgm.sandbox.engine import Engine
from dgm.sandbox.processes import Process, pid_namespace, processes_in

PROC = Path("/proc")


def agent_processes(container: DockerContainer) -> list[Process]:
    """Return the agent's processes in a container, from the host's /proc."""
    namespace = pid_namespace(container.target.init)
    assert namespace is not None, "the suite runs as root on the engine's machine"
    return [process for process in processes_in(namespace) if process.uid == container.peer_uid]


def sdk(engine: Engine) -> Any:
    """Return the docker SDK's client, for what the sandbox itself never does."""
    return vars(engine)["_client"]


def cgroup_value(pid: int, *, controller: str, v1: str, v2: str) -> str:
    """Return what stands in a file of a process's control group, in either version of the hierarchy."""
    for line in (PROC / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}/{v1}").read_text().strip()
    unified = next(line for line in (PROC / str(pid) / "cgroup").read_text().splitlines() if line.startswith("0::"))
    return Path(f"/sys/fs/cgroup{unified.removeprefix('0::')}/{v2}").read_text().strip()
