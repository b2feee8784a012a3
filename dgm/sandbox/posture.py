"""Checks that a container which was started is as limited as it was asked to be; else it is not used."""

from collections.abc import Mapping, Sequence
from typing import Any

from dgm.core.errors import SandboxError
from dgm.sandbox.processes import status_of

_NO_SWAP_LIMIT = "swap limit"
_ECHOED = (
    "NetworkMode",
    "IpcMode",
    "ReadonlyRootfs",
    "Memory",
    "PidsLimit",
    "NanoCpus",
    "OomScoreAdj",
    "CapDrop",
    "Tmpfs",
    "Init",
)
CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SECCOMP_FILTER = "2"
_SUPPORT = {
    "MemoryLimit": "the memory",
    "PidsLimit": "the number of processes",
    "CpuCfsQuota": "the processor time",
}


def require_limits_supported(info: Mapping[str, Any]) -> None:
    """Check that the engine can limit what we limit.

    Raises:
        SandboxError: its kernel or cgroups cannot.
    """
    missing = [what for key, what in _SUPPORT.items() if not info.get(key, False)]
    if missing:
        raise SandboxError(
            f"The Docker engine cannot limit {' or '.join(missing)} of a container on this machine, so none "
            "is started; enable those cgroup controllers in the kernel."
        )
    if not any(option.startswith("name=seccomp") for option in info.get("SecurityOptions") or ()):
        raise SandboxError(
            "The Docker engine runs without seccomp, so no container is started; use a kernel that has it."
        )


def require_no_warnings(warnings: Sequence[str], *, machine_swaps: bool) -> None:
    """Check what the engine said when it made a container: it warns where it leaves a limit out, and goes on.

    Args:
        machine_swaps: a missing limit on swap is none where there is no swap.
    Raises:
        SandboxError: a limit was left out.
    """
    serious = [warning for warning in warnings if machine_swaps or _NO_SWAP_LIMIT not in warning.lower()]
    if serious:
        raise SandboxError(f"The Docker engine did not apply every limit, so the container is not used: {serious[0]}")


def require_applied(asked: Mapping[str, Any], inspected: Mapping[str, Any], *, machine_swaps: bool) -> None:
    """Check that the engine kept what it was asked for.

    Args:
        asked: the host configuration that was sent.
        inspected: the engine's description of the container.
        machine_swaps: an engine that cannot limit swap says that it is unlimited, which is nothing where there is none.
    Raises:
        SandboxError: an option is not as it was sent, or the container does not run.
    """
    if not inspected["State"]["Running"]:
        raise SandboxError("A container ended as soon as it was started.")
    kept = inspected["HostConfig"]
    for option in _ECHOED + (("MemorySwap",) if machine_swaps else ()):
        if kept.get(option) != asked.get(option):
            raise SandboxError(f"The Docker engine did not apply {option}, so the container is not used.")


def require_confined(pid: int, *, uid: int) -> None:
    """Check PID 1 of a container in the host's /proc.

    Args:
        pid: as the host numbers it.
        uid: the keeper, as the host sees it.
    Raises:
        SandboxError: it runs as another user, with capabilities, or without seccomp or no-new-privileges.
    """
    status = status_of(pid)
    if not status:
        raise SandboxError("A container ended as soon as it was started.")
    if status["Uid"].split() != [str(uid)] * 4:
        raise SandboxError(f"A container's first process runs as another user than {uid}, so it is not used.")
    if any(int(status[name], 16) for name in CAPABILITY_SETS if name in status):
        raise SandboxError("A container has capabilities that were to be dropped, so it is not used.")
    if status.get("NoNewPrivs") != "1" or status.get("Seccomp") != SECCOMP_FILTER:
        raise SandboxError("A container runs without seccomp or no-new-privileges, so it is not used.")
