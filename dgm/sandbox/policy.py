"""The policy: every option of a container, in the form that the engine's API takes.

Comments name the attack that an option ends, where its name does not; tests take each option by itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dgm.config import SandboxLimits
from dgm.content import sandbox_directory
from dgm.core.errors import SandboxError
from dgm.core.ports import ContainerSpec
from dgm.core.tasks import Repository
from dgm.sandbox.uids import Uids

HOSTNAME = "sandbox"
HOME = "/home/agent"
WORKSPACE = "/workspace"
GATEWAY = "/gateway"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": HOME,
    "USER": "agent",
    "LANG": "C.UTF-8",
    # The workspace is taken as the answer: bytecode in it would be noise, and differs from run to run.
    "PYTHONDONTWRITEBYTECODE": "1",
}

OPEN_FILES = 1024
PAGE_BYTES = 4096
REPOSITORY_BYTES_PER_FILE = 8192
"""A repository may have as many files and directories as fit at this average size."""
FILL_TIMEOUT_S = 300.0
"""For laying out a repository, before its agent's time begins."""
SHARED_MEMORY_SEGMENTS_BYTES = 8 * 2**20
SEMAPHORES = "250 4000 100 128"
"""Per set, altogether, operations per call, sets: about 1 MB of the kernel's memory."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """One writable place in memory."""

    path: str
    owner: str
    """"agent", "keeper" or "root"."""
    share: Fraction
    """Of the memory that all such places together may take."""
    inodes: int
    options: str = "exec"
    """`exec` so that a workspace can hold programs: compiled solutions, scripts of an agent."""
    added_bytes: int = 0
    """On top of the share, and of the container's memory; whole pages."""


# /agent is as large as /workspace, so that code which was written in one container fits into the next.
SCRATCH = (
    Scratch("/agent", "keeper", Fraction(5, 16), inodes=32_768),
    Scratch(WORKSPACE, "agent", Fraction(5, 16), inodes=32_768),
    Scratch("/tmp", "agent", Fraction(3, 16), inodes=16_384),  # noqa: S108
    Scratch("/task", "keeper", Fraction(1, 16), inodes=32_768),
    Scratch(HOME, "agent", Fraction(1, 16), inodes=8_192),
    # The engine's own /dev/shm has no limit of inodes: empty files would fill the kernel's memory.
    Scratch("/dev/shm", "root", Fraction(1, 16), inodes=4_096, options="noexec,mode=1777"),  # noqa: S108
)


def places(repository: Repository | None, *, workspace_bytes: int) -> tuple[Scratch, ...]:
    """Return the writable places of a container; a repository has its own instead of `/workspace`."""
    if repository is None:
        return SCRATCH
    size = workspace_bytes // PAGE_BYTES * PAGE_BYTES
    inodes = size // REPOSITORY_BYTES_PER_FILE
    place = Scratch(repository.directory, "agent", Fraction(0), inodes=inodes, added_bytes=size)
    return tuple(place if other.path == WORKSPACE else other for other in SCRATCH)


@dataclass(frozen=True, slots=True)
class Label:
    """Keys of the labels that say whose a container is."""

    OURS = "dgm"
    RUN = "dgm.run"
    SESSION = "dgm.session"
    KIND = "dgm.kind"
    CREATED = "dgm.created"
    HOST = "dgm.host"


def seccomp_profile() -> str:
    """Return the profile's JSON text: the engine's API wants the text, not a path.

    Raises:
        SandboxError: it cannot be read.
    """
    path = sandbox_directory() / "seccomp.json"
    try:
        return json.dumps(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise SandboxError(f"The seccomp profile {path} cannot be read: {error}.") from error


def container_config(
    spec: ContainerSpec,
    limits: SandboxLimits,
    *,
    uids: Uids,
    image_id: str,
    seccomp: str,
    labels: Mapping[str, str],
    workspace_bytes: int = 0,
) -> dict[str, Any]:
    """Return everything that the engine is told of a container.

    Args:
        workspace_bytes: what a repository may take, where the container has one.
    """
    scratch = places(spec.repository, workspace_bytes=workspace_bytes)
    options = host_config(limits, uids=uids, seccomp=seccomp, gateway=spec.gateway_directory, scratch=scratch)
    # A task's own image says where its programs are.
    environment = {name: value for name, value in ENVIRONMENT.items() if spec.repository is None or name != "PATH"}
    lifetime_s = spec.lifetime_s + (0 if spec.repository is None else FILL_TIMEOUT_S)
    # PID 1 as another user than the agent, which could else signal it or write its memory.
    return _config(options, image_id, user=uids.as_keeper, lifetime_s=lifetime_s, labels=labels) | {
        "Env": [f"{name}={value}" for name, value in environment.items()]
    }


def preparation_config(
    limits: SandboxLimits,
    *,
    image_id: str,
    seccomp: str,
    labels: Mapping[str, str],
    lifetime_s: float,
    added_bytes: int,
) -> dict[str, Any]:
    """Return everything that the engine is told of a container in which an image is made ready.

    No agent is ever in it. Its root is written to and then kept as an image; so it is root's, who may read and remove
    the files of others and change their modes, and no more than that.

    Args:
        added_bytes: memory on top of what every container may have.
    """
    options = host_config(limits, uids=Uids(0, 0), seccomp=seccomp, scratch=())
    memory_bytes = limits.memory_bytes + added_bytes
    del options["Tmpfs"]
    options |= {
        "ReadonlyRootfs": False,
        "CapAdd": ["DAC_OVERRIDE", "FOWNER"],
        "Memory": memory_bytes,
        "MemorySwap": memory_bytes,
        "Ulimits": [limit for limit in options["Ulimits"] if limit["Name"] != "fsize"],
    }
    return _config(options, image_id, user="0:0", lifetime_s=lifetime_s, labels=labels)


def _config(
    options: Mapping[str, Any], image_id: str, *, user: str, lifetime_s: float, labels: Mapping[str, str]
) -> dict[str, Any]:
    return {
        # By digest: a tag could be moved between two sessions of one run.
        "Image": image_id,
        "Hostname": HOSTNAME,
        "User": user,
        # PID 1 is the dead-man timer: when it ends, the kernel ends the rest, whatever became of us.
        "Entrypoint": ["sleep"],
        "Cmd": [str(max(1, round(lifetime_s)))],
        "WorkingDir": "/",
        "NetworkDisabled": True,
        "StopSignal": "SIGKILL",
        "Tty": False,
        "OpenStdin": False,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": dict(labels),
        "HostConfig": options,
    }


def host_config(
    limits: SandboxLimits, *, uids: Uids, seccomp: str, gateway: object = None, scratch: Sequence[Scratch] = SCRATCH
) -> dict[str, Any]:
    """Return the part of the configuration that limits and isolates."""
    memory_bytes = limits.memory_bytes + sum(place.added_bytes for place in scratch)
    return {
        "NetworkMode": "none",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "PidMode": "",
        "Privileged": False,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", f"seccomp={seccomp}"],
        "ReadonlyRootfs": True,
        "Tmpfs": scratch_mounts(limits, uids, scratch),
        "Mounts": [] if gateway is None else [_gateway_mount(str(gateway))],
        # An init, since zombies count against the limit of processes.
        "Init": True,
        "Memory": memory_bytes,
        # Memory and swap together: no swap.
        "MemorySwap": memory_bytes,
        "PidsLimit": limits.pids,
        "NanoCpus": round(limits.cpus * 10**9),
        "Ulimits": ulimits(limits, scratch),
        # System V segments and semaphores outlive the processes that made them, and would eat the memory of later
        # commands, also ours: 1 GB of semaphores ended the container instead of the process that made them.
        "Sysctls": {
            "kernel.shmall": str(SHARED_MEMORY_SEGMENTS_BYTES // PAGE_BYTES),
            "kernel.shmmax": str(SHARED_MEMORY_SEGMENTS_BYTES),
            "kernel.sem": SEMAPHORES,
        },
        # Where the machine itself runs out of memory, a sandbox goes first.
        "OomScoreAdj": 1000,
        # What PID 1's streams get would else grow a file on the host's disk.
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,
    } | ({} if limits.runtime is None else {"Runtime": limits.runtime})


def scratch_mounts(limits: SandboxLimits, uids: Uids, scratch: Sequence[Scratch] = SCRATCH) -> dict[str, str]:
    """Return each writable mount with its options; they leave at least half of `limits.memory_bytes` to processes.

    Files in memory count as memory that no process can be killed for: were there more, a full disk would get every
    later command killed, also ours.
    """
    ids = {"agent": uids.agent, "keeper": uids.keeper, "root": 0}
    return {
        place.path: ",".join(
            (
                "rw,nosuid,nodev",
                place.options,
                f"size={scratch_bytes(limits, place)}",
                f"nr_inodes={place.inodes}",
                f"uid={ids[place.owner]}",
                f"gid={ids[place.owner]}",
            )
        )
        for place in scratch
    }


def scratch_bytes(limits: SandboxLimits, place: Scratch) -> int:
    """Return how large one writable place is, in whole pages."""
    return int(limits.memory_bytes * place.share / 2) // PAGE_BYTES * PAGE_BYTES + place.added_bytes


def ulimits(limits: SandboxLimits, scratch: Sequence[Scratch] = SCRATCH) -> list[dict[str, Any]]:
    """Return the limits of one process. Not nproc: it counts a uid's processes on the whole host."""
    largest_file = max((scratch_bytes(limits, place) for place in scratch), default=0)
    values = {"nofile": OPEN_FILES, "fsize": largest_file, "core": 0, "memlock": 0}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in values.items()]


def _gateway_mount(directory: str) -> dict[str, Any]:
    # The directory and not the socket: a socket's own inode would stay when the gateway makes it anew.
    return {
        "Type": "bind",
        "Source": directory,
        "Target": GATEWAY,
        "ReadOnly": True,
        "BindOptions": {"Propagation": "rprivate"},
    }
