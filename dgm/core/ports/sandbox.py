"""What the algorithm needs of containers."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from dgm.core.files import Change, FileTree
from dgm.core.ids import SessionId
from dgm.core.tasks import Repository

Owner: TypeAlias = Literal["agent", "keeper"]
"""The two users of a container. The keeper owns PID 1 and what the agent must not change."""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What a container is for and how long it may live."""

    image: str
    """Name of an image directory under `sandbox/images/`, such as "python"; with a `repository` the reference of a
    task's own image, which is pulled where it is not there."""
    kind: Literal["agent", "grading"]
    session: SessionId
    lifetime_s: float
    """The container ends itself after this long, whatever happens to the host (dead-man timer)."""
    gateway_directory: Path | None = None
    """Host directory with the session's socket `model.sock`, bound read-only at `/gateway`."""
    repository: Repository | None = None
    """Stands writable at its directory instead of an empty `/workspace`, without any history after its commit."""


@dataclass(frozen=True, slots=True)
class HarnessSpec:
    """What a benchmark's own grading program may make containers of, where that program makes them itself."""

    image: str
    """Reference of a task's own image."""
    session: SessionId
    lifetime_s: float
    """Its containers end themselves after this long."""
    stock: bool = False
    """Whether the program's containers are as it makes them, without our limits."""


class HarnessContainers(Protocol):
    """The containers of one grading by another program; they are gone when the context ends."""

    @property
    def image_id(self) -> str:
        """Digest of the image, to be used instead of its reference, which could be moved to another image."""
        ...

    @property
    def options(self) -> Mapping[str, object]:
        """Keyword arguments of the docker SDK's `containers.create` that go before the program's own; JSON values."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that tell the program where the engine is."""
        ...

    @property
    def overrun(self) -> str:
        """Why its containers were ended early, such as for what they wrote to disk; "" while they were not."""
        ...


@dataclass(frozen=True, slots=True)
class Execution:
    """What a command in a container did."""

    exit_code: int | None
    """None when it was ended by the deadline or the byte cap."""
    stdout: bytes
    stderr: bytes
    timed_out: bool
    truncated: bool
    """It wrote more than it may; it was ended then."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a repository."""

    change: Change
    """The plain files that were added, removed or differ, bytecode and what the repository ignores left out."""
    left_out: tuple[str, ...] = ()
    """Changed paths that are no plain files, or were none before: links, special files, names that are not taken."""


class Container(Protocol):
    """One live container, made by `Sandbox.container` and gone when that context ends."""

    @property
    def peer_uid(self) -> int:
        """The agent user's uid as the host's kernel sees it."""
        ...

    def write_files(self, files: FileTree, *, directory: str, owner: Owner) -> None:
        """Write `files` below the absolute `directory`, a writable mount of the container.

        Raises:
            SandboxError: they could not be written.
        """
        ...

    def execute(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        output_bytes: int = 1_000_000,
        user: Owner = "agent",
        directory: str = "/workspace",
        environment: dict[str, str] | None = None,
    ) -> Execution:
        """Run a command to its end, its deadline or its byte cap; afterwards nothing that it started lives.

        An exit code, a time-out or too much output is a value.

        Raises:
            SandboxError: the engine failed.
        """
        ...

    def read_files(self, directory: str) -> FileTree:
        """Return the regular files below `directory` after ending every process of the agent user; `.git` left out.

        Raises:
            HostileBytesError: what lies there is not a small tree of plain files.
            SandboxError: the engine failed.
        """
        ...

    def changes(self) -> Changes:
        """Return what became of the repository that the container was made with; ends processes as `read_files` does.

        Raises:
            HostileBytesError: what was changed is not a small set of plain files.
            SandboxError: the engine failed, or the container has no repository.
        """
        ...


class Sandbox(Protocol):
    """Makes containers. Every limit is applied or the container does not start."""

    def container(self, spec: ContainerSpec) -> AbstractContextManager[Container]:
        """Start a container and remove it when the context ends.

        Raises:
            DiskFullError: less free disk than a session needs.
            SandboxError: it could not be started with every limit in force.
        """
        ...

    def harness(self, spec: HarnessSpec) -> AbstractContextManager[HarnessContainers]:
        """Let another program make containers for one grading, and remove them when the context ends.

        Raises:
            DiskFullError: less free disk than a session needs.
            SandboxError: its image is not there and cannot be had.
        """
        ...
