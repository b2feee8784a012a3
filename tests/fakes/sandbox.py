"""A sandbox in memory: containers are dictionaries of files, commands are functions that a test supplies."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dgm.core.errors import DgmError, HostileBytesError, SandboxError
from dgm.core.files import Change, File, FileTree, changed_paths, only
from dgm.core.ports import Changes, ContainerSpec, Execution, HarnessSpec, Owner

PEER_UID = 12_345
_LEFT_OUT = {".git", "__pycache__"}
_WRITABLE: Mapping[Owner, tuple[str, ...]] = {
    "agent": ("/workspace", "/tmp", "/home/agent"),
    "keeper": ("/agent", "/task", "/workspace", "/tmp"),
}


def ran(
    stdout: bytes = b"",
    *,
    exit_code: int | None = 0,
    stderr: bytes = b"",
    timed_out: bool = False,
    truncated: bool = False,
    seconds: float = 0.1,
) -> Execution:
    """Return what a command did; a clean end unless told otherwise."""
    return Execution(exit_code, stdout, stderr, timed_out=timed_out, truncated=truncated, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was given."""

    argv: tuple[str, ...]
    user: Owner
    directory: str
    timeout_s: float
    environment: Mapping[str, str]


@dataclass(slots=True)
class FakeContainer:
    """One container; programs read and change `files` as they like."""

    spec: ContainerSpec
    programs: Mapping[tuple[str, ...], "Program"]
    files: dict[str, File] = field(default_factory=dict[str, File])
    """Absolute path -> file."""
    owners: dict[str, Owner] = field(default_factory=dict[str, Owner])
    calls: list[Call] = field(default_factory=list[Call])
    hostile: str = ""
    """What reading the tree is refused with; a program sets it to leave a tree that is no plain one."""
    pristine: FileTree = field(default_factory=dict[str, File])
    """What stands in the repository of its image."""
    left_out: tuple[str, ...] = ()
    """Changed paths that are no plain files; a program sets it."""
    closed: bool = False

    @property
    def peer_uid(self) -> int:
        """The agent user's uid."""
        return PEER_UID

    def write_files(self, files: FileTree, *, directory: str, owner: Owner) -> None:
        """Put files into the dictionary, below the places that the owner can write to."""
        self._require_open()
        for path, file in files.items():
            absolute = f"{directory.rstrip('/')}/{path}"
            if not absolute.startswith(tuple(f"{place}/" for place in self._writable(owner))):
                raise SandboxError(f"Files could not be written below {directory} in a container: not writable.")
            self.files[absolute] = file
            self.owners[absolute] = owner

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
        """Call the program with the longest matching prefix of `argv` and cap what it returns."""
        self._require_open()
        call = Call(tuple(argv), user, directory, timeout_s, dict(environment or {}))
        self.calls.append(call)
        prefixes = [prefix for prefix in self.programs if call.argv[: len(prefix)] == prefix]
        if not prefixes:
            return ran(exit_code=127, stderr=f"{argv[0]}: not found".encode())
        execution = self.programs[max(prefixes, key=len)](self, call)
        return _capped(execution, output_bytes)

    def read_files(self, directory: str) -> FileTree:
        """Return the files below `directory`, without what the real one leaves out."""
        self._require_open()
        if self.hostile:
            raise HostileBytesError(self.hostile)
        prefix = f"{directory.rstrip('/')}/"
        below = {path.removeprefix(prefix): file for path, file in self.files.items() if path.startswith(prefix)}
        return {path: file for path, file in below.items() if not _LEFT_OUT & set(path.split("/"))}

    def changes(self) -> Changes:
        """Return what differs from the repository of its image, without what the real one leaves out."""
        self._require_open()
        if self.spec.repository is None:
            raise SandboxError("A container without a repository was asked for its changes.")
        left = self.read_files(self.spec.repository.directory)
        paths = changed_paths(self.pristine, left)
        return Changes(Change(only(self.pristine, paths), only(left, paths)), self.left_out)

    def _writable(self, owner: Owner) -> tuple[str, ...]:
        repository = self.spec.repository
        if repository is None or owner == "keeper":
            return _WRITABLE[owner]
        return tuple(repository.directory if place == "/workspace" else place for place in _WRITABLE[owner])

    def _require_open(self) -> None:
        if self.closed:
            raise SandboxError("A container was used after its context ended.")


Program: TypeAlias = Callable[[FakeContainer, Call], Execution]
"""Acts on the container's files and says what came of it."""


@dataclass(frozen=True, slots=True)
class FakeHarnessContainers:
    """What another program is told of the containers that it may make; it makes none."""

    spec: HarnessSpec
    image_id: str
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    overrun: str = ""


@dataclass(slots=True)
class FakeSandbox:
    """Makes fake containers and remembers them all."""

    programs: Mapping[tuple[str, ...], Program] = field(default_factory=dict[tuple[str, ...], Program])
    """Prefix of argv -> program."""
    faults: list[DgmError] = field(default_factory=list[DgmError])
    """Raised, one each, instead of starting the next containers."""
    containers: list[FakeContainer] = field(default_factory=list[FakeContainer])
    """Every container that was started, in order."""
    repositories: Mapping[str, FileTree] = field(default_factory=dict[str, FileTree])
    """Image -> what stands in its repository; also the images that `harness` knows."""
    overrun: str = ""
    """Why the containers of the next harnesses are said to have been ended early."""
    harness_options: Mapping[str, object] = field(default_factory=dict[str, object])
    """Of the containers of the next harnesses."""
    harnesses: list[HarnessSpec] = field(default_factory=list[HarnessSpec])
    """Every grading by another program, in order."""

    @contextmanager
    def container(self, spec: ContainerSpec) -> Generator[FakeContainer]:
        """Start a container and close it when the context ends."""
        if self.faults:
            raise self.faults.pop(0)
        container = FakeContainer(spec, self.programs)
        if spec.repository is not None:
            container.pristine = self._repository(spec.image)
            container.files |= {
                f"{spec.repository.directory}/{path}": file for path, file in container.pristine.items()
            }
        self.containers.append(container)
        try:
            yield container
        finally:
            container.closed = True

    @contextmanager
    def harness(self, spec: HarnessSpec) -> Generator[FakeHarnessContainers]:
        """Let another program grade, which has no engine here."""
        if self.faults:
            raise self.faults.pop(0)
        self._repository(spec.image)
        self.harnesses.append(spec)
        image_id = f"sha256:{spec.image}"
        yield FakeHarnessContainers(spec, image_id=image_id, options=self.harness_options, overrun=self.overrun)

    def _repository(self, image: str) -> FileTree:
        if image not in self.repositories:
            raise SandboxError(f"Image {image} is not there and cannot be pulled.")
        return self.repositories[image]

    @property
    def live(self) -> list[FakeContainer]:
        """Containers that are not closed."""
        return [container for container in self.containers if not container.closed]


def _capped(execution: Execution, output_bytes: int) -> Execution:
    if len(execution.stdout) + len(execution.stderr) <= output_bytes:
        return execution
    stdout = execution.stdout[:output_bytes]
    stderr = execution.stderr[: output_bytes - len(stdout)]
    return replace(execution, exit_code=None, stdout=stdout, stderr=stderr, truncated=True)
