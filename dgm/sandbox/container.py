"""One live container: files in, a command, the tree out."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from dgm.boundary.changes import MAX_LISTING_BYTES, parse_files, parse_listing
from dgm.boundary.tarball import MAX_STREAM_BYTES, pack_tar, parse_tar
from dgm.boundary.text import safe_line
from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.files import Change, FileTree
from dgm.core.ports import Changes, Execution, Owner
from dgm.core.tasks import Repository
from dgm.sandbox.bounded_exec import Command, Output, complaint, run_bounded
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import GoneError, NotRunningError
from dgm.sandbox.policy import ENVIRONMENT, FILL_TIMEOUT_S
from dgm.sandbox.repositories import PRISTINE, script
from dgm.sandbox.sweep import Sweeper, Target, UnsweepableError

log = logging.getLogger(__name__)

COPY_TIMEOUT_S = 60.0
_MESSAGE_BYTES = 10_000
_PROBE_TIMEOUT_S = 20.0
_STOPPED = "The sandbox was stopped, and its containers with it."
_KILLED = 128 + 9
_NOTICE_S = 3.0
"""How long the engine may take to notice that a container ended."""
_PAUSE_S = 0.02
_LAST_OWN_EXIT_CODE = 125
"""Codes above it may come from the engine or a signal, so also from the end of the container."""

# `--touch`: the archive has no times. `--no-overwrite-dir` keeps the modes of the mount points.
_UNPACK = 'umask "$2" && mkdir -p -- "$1" && exec tar --extract --file=- --touch --no-overwrite-dir --directory="$1"'
# The keeper lays files over a tree that the agent owns: so that tree is open to the agent's group, which only the
# keeper joins. What the keeper lays is read-only for the agent.
_UMASK: Mapping[Owner, str] = {"agent": "0002", "keeper": "0022"}
# Left behind: a repository's own history, which is no part of an answer, and git is never run on what an agent wrote;
# bytecode, which is made by running code and not by writing it, would be noise in every diff, and could hide code from
# a reader of the sources. `find` leaves them out since tar's own --exclude takes minutes on paths nested without end.
_PACK = (
    'cd -- "$1" && find . \\( -name .git -o -name __pycache__ \\) -prune -o -print0 '
    "| tar --create --file=- --format=gnu --null --no-recursion --files-from=-"
)
_PACK_LISTED = (
    'cd -- "$1" && exec tar --create --file=- --format=gnu --null --no-recursion --hard-dereference --files-from=-'
)
# The image's own interpreter, with nothing of the agent's on its path.
_LIST_CHANGES = ("/usr/bin/python3", "-I", "-S", "-")
_NO_SPACE = b"No space left on device"
# For commands of ours: a task's image may look for programs in places that its agent can write to.
_OUR_ENVIRONMENT = {"PATH": ENVIRONMENT["PATH"], "LC_ALL": "C"}
# A home of the agent's can hold what Python or a shell would run on start.
_KEEPER_ENVIRONMENT = {
    "PATH": ENVIRONMENT["PATH"],
    "HOME": "/nonexistent",
    "USER": "keeper",
    "PYTHONNOUSERSITE": "1",
}


class DockerContainer:
    """A container that was started and verified; `DockerSandbox` makes and removes it."""

    def __init__(
        self, engine: Engine, target: Target, *, stopped: Callable[[], bool], repository: Repository | None = None
    ) -> None:
        """Args:
        stopped: whether the whole sandbox was told to stop; whatever fails then is no fault of the engine.
        repository: stands in its image, which was made ready for it.
        """
        self.id = target.container
        self.target = target
        self._engine = engine
        self._sweeper = Sweeper(engine, target)
        self._stopped = stopped
        self._repository = repository
        self._ruined = ""
        """Why nothing more can be taken from it; the agent's doing. Empty while all is well."""

    @property
    def peer_uid(self) -> int:
        """The agent user's uid as the host's kernel sees it."""
        return self.target.agent_host_uid

    def write_files(self, files: FileTree, *, directory: str, owner: Owner) -> None:
        """Write `files` below the absolute `directory`; see the port.

        The agent reads what the keeper wrote and cannot change it, except that in directories of its own it can rename
        or remove it: what must stay belongs below `/agent` or `/task`.
        """
        argv = ("sh", "-c", _UNPACK, "sh", directory, _UMASK[owner])
        output = self._run_own(argv, owner=owner, stdin=pack_tar(files))
        if output.exit_code != 0:
            raise SandboxError(f"Files could not be written below {directory} in a container: {complaint(output)}.")

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
        """Run a command to its end, its deadline or its byte cap; see the port."""
        command = Command(
            argv,
            user=self._user(user),
            timeout_s=timeout_s,
            output_bytes=output_bytes,
            directory=directory,
            environment=({} if user == "agent" else _KEEPER_ENVIRONMENT) | (environment or {}),
        )
        output = self._run(command)
        given_up = output.timed_out or output.truncated
        if user == "agent" or given_up:
            self._sweep(user, output if given_up else None)
        if not given_up and (output.exit_code is None or output.exit_code > _LAST_OWN_EXIT_CODE):
            self._require_alive()
        return Execution(
            exit_code=None if given_up else output.exit_code,
            stdout=bytes(output.stdout),
            stderr=bytes(output.stderr),
            timed_out=output.timed_out,
            truncated=output.truncated,
            seconds=output.seconds,
        )

    def fill_repository(self) -> None:
        """Lay out the repository that the container was made with.

        Raises:
            SandboxError: it does not fit, or cannot be copied.
        """
        directory = self._required_repository().directory
        output = self._run_own(("cp", "-a", f"{PRISTINE}/.", directory), timeout_s=FILL_TIMEOUT_S)
        if _NO_SPACE in output.stderr:
            raise SandboxError(
                f"The repository of a task does not fit into {directory}; raise swebench.workspace_bytes."
            )
        if output.exit_code != 0:
            raise SandboxError(f"The repository of a task could not be laid out: {complaint(output)}.")

    def require_untouched(self) -> None:
        """Check, before an agent is here, that the repository can be listed and has no changes.

        What goes wrong with that later is the agent's doing, so it must not be a fault of the image or of ours.

        Raises:
            SandboxError: it cannot, or it has.
        """
        try:
            changes = self.changes()
        except HostileBytesError as error:
            raise SandboxError(f"The changes of a task's repository cannot be told: {error}.") from error
        odd = (*changes.change.paths, *changes.left_out)
        if odd:
            raise SandboxError(f"A task's repository differs once it is laid out, such as in {safe_line(odd[0])}.")

    def read_files(self, directory: str) -> FileTree:
        """Return the regular files below `directory` after ending every process of the agent user; see the port."""
        self._settle()
        return parse_tar(self._taken(("sh", "-c", _PACK, "sh", directory), output_bytes=MAX_STREAM_BYTES))

    def changes(self) -> Changes:
        """Return what became of the repository that the container was made with; see the port."""
        directory = self._required_repository().directory
        self._settle()
        argv = (*_LIST_CHANGES, directory, PRISTINE)
        listing = parse_listing(self._taken(argv, stdin=script("changes.py"), output_bytes=MAX_LISTING_BYTES))
        before = self._listed_files(PRISTINE, listing.before)
        after = self._listed_files(directory, listing.after)
        return Changes(Change(before, after), listing.left_out)

    def _listed_files(self, directory: str, paths: Sequence[str]) -> FileTree:
        if not paths:
            return {}
        names = b"".join(f"./{path}\0".encode() for path in paths)
        argv = ("sh", "-c", _PACK_LISTED, "sh", directory)
        return parse_files(self._taken(argv, stdin=names, output_bytes=MAX_STREAM_BYTES), paths)

    def _required_repository(self) -> Repository:
        if self._repository is None:
            raise SandboxError("A container without a repository was asked for its changes.")
        return self._repository

    def _settle(self) -> None:
        """End every process of the agent user, so that what it left can be looked at."""
        self._sweep("agent", None)
        if self._ruined:
            raise HostileBytesError(self._ruined)

    def _taken(self, argv: Sequence[str], *, output_bytes: int, stdin: bytes | None = None) -> bytes:
        """Return what a command of ours prints of what the agent left.

        As the agent, who may read what it made unreadable for others; no process of its own is left to interfere.
        """
        output = self._run_own(argv, output_bytes=output_bytes, stdin=stdin)
        if output.truncated or output.timed_out:
            self._sweep("agent", output)
            raise HostileBytesError("the tree is too large to be taken out of the container")
        if output.exit_code is None or output.exit_code > _LAST_OWN_EXIT_CODE:
            self._require_alive()
        # tar says so, and goes on, where it leaves something out: sockets, unreadable or endlessly nested directories.
        if output.exit_code != 0 or output.stderr:
            raise HostileBytesError(f"the tree could not be read: {complaint(output)}")
        return bytes(output.stdout)

    def sweep(self) -> None:
        """End every process of the agent user."""
        self._sweep("agent", None)

    # --- one command -------------------------------------------------------------------------------------------------

    def _user(self, owner: Owner) -> str:
        uids = self.target.uids
        return uids.as_agent if owner == "agent" else uids.as_keeper_in_the_agents_group

    def _run_own(
        self,
        argv: Sequence[str],
        *,
        owner: Owner = "agent",
        timeout_s: float = COPY_TIMEOUT_S,
        output_bytes: int = _MESSAGE_BYTES,
        stdin: bytes | None = None,
    ) -> Output:
        """Run a command of ours, which takes its programs from where no agent can write."""
        return self._run(
            Command(
                argv,
                user=self._user(owner),
                timeout_s=timeout_s,
                output_bytes=output_bytes,
                environment=_OUR_ENVIRONMENT,
                stdin=stdin,
            )
        )

    def _run(self, command: Command) -> Output:
        if self._ruined:
            raise SandboxError(f"A container cannot be used any more: {self._ruined}.")
        try:
            output = run_bounded(self._engine, self.id, command)
        except SandboxError as error:
            return self._ended_early(error)
        if self._stopped():
            raise SandboxError(_STOPPED)
        return output

    def _ended_early(self, error: SandboxError) -> Output:
        """Return what to make of a command whose container may have ended, or raise why it failed."""
        if self._stopped():
            raise SandboxError(_STOPPED) from error
        if not isinstance(error, GoneError | NotRunningError) and self._runs():
            raise error
        if self._ended_by_lack_of_memory():
            # The agent ate the memory that even the keeper's timer needs: its failure, not ours.
            self._ruined = "it used up the container's memory, which ended the container"
            return Output(id="", exit_code=_KILLED)
        raise SandboxError(
            "A container ended while it was used: its lifetime was over, or somebody removed it."
        ) from error

    def _sweep(self, owner: Owner, given_up: Output | None) -> None:
        if self._ruined:
            return
        try:
            self._sweeper.sweep(owner, ended=lambda: given_up is None or self._has_ended(given_up))
        except UnsweepableError as error:
            log.warning("container %s is killed: %s", self.id[:12], error)
            self._ruined = "it left processes behind that could not be ended"
            self._kill()
        except SandboxError as error:
            self._ended_early(error)

    def _has_ended(self, output: Output) -> bool:
        return not self._engine.exec_state(output.id).running

    def _require_alive(self) -> None:
        """Check that a command ended by itself and not along with its container, which is not its doing.

        The engine reports the command's end before the container's, so only another command tells.
        """
        if self._ruined:
            return
        probe = self._run_own(("true",), owner="keeper", timeout_s=_PROBE_TIMEOUT_S, output_bytes=0)
        if probe.exit_code != 0:
            self._ended_early(SandboxError("A container answers no more."))

    def _runs(self) -> bool:
        """Return whether the container lives: commands see its end before the engine does."""
        deadline = time.monotonic() + _NOTICE_S
        try:
            while self._engine.inspect(self.id)["State"]["Running"]:
                if time.monotonic() > deadline:
                    return True
                time.sleep(_PAUSE_S)
        except GoneError:
            pass
        return False

    def _ended_by_lack_of_memory(self) -> bool:
        try:
            return bool(self._engine.inspect(self.id)["State"]["OOMKilled"])
        except GoneError:
            return False

    def _kill(self) -> None:
        with suppress(GoneError, NotRunningError):
            self._engine.kill(self.id)
