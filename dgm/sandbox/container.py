"""One live container: files in, a command, the tree out."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from dgm.boundary.tarball import MAX_STREAM_BYTES, pack_tar, parse_tar
from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.files import FileTree
from dgm.core.ports import Execution, Owner
from dgm.sandbox.bounded_exec import Command, Output, run_bounded
from dgm.sandbox.engine import Engine, GoneError, NotRunningError
from dgm.sandbox.sweep import Sweeper, Target, UnsweepableError

log = logging.getLogger(__name__)

COPY_TIMEOUT_S = 60.0
_MESSAGE_BYTES = 10_000
_PROBE_TIMEOUT_S = 20.0
_STOPPED = "The sandbox was stopped, and its containers with it."
_SHOWN_OF_A_MESSAGE = 200
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
# A home of the agent's can hold what Python or a shell would run on start.
_KEEPER_ENVIRONMENT = {"HOME": "/nonexistent", "USER": "keeper", "PYTHONNOUSERSITE": "1"}


class DockerContainer:
    """A container that was started and verified; `DockerSandbox` makes and removes it."""

    def __init__(self, engine: Engine, target: Target, *, stopped: Callable[[], bool]) -> None:
        """Args:
        stopped: whether the whole sandbox was told to stop; whatever fails then is no fault of the engine.
        """
        self.id = target.container
        self.target = target
        self._engine = engine
        self._sweeper = Sweeper(engine, target)
        self._stopped = stopped
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
        command = Command(
            ("sh", "-c", _UNPACK, "sh", directory, _UMASK[owner]),
            user=self._user(owner),
            timeout_s=COPY_TIMEOUT_S,
            output_bytes=_MESSAGE_BYTES,
            stdin=pack_tar(files),
        )
        output = self._run(command)
        if output.exit_code != 0:
            raise SandboxError(f"Files could not be written below {directory} in a container: {_message(output)}.")

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

    def read_files(self, directory: str) -> FileTree:
        """Return the regular files below `directory` after ending every process of the agent user; see the port."""
        self._sweep("agent", None)
        if self._ruined:
            raise HostileBytesError(self._ruined)
        # As the agent, who may read what it made unreadable for others; no process of its own is left to interfere.
        command = Command(
            ("sh", "-c", _PACK, "sh", directory),
            user=self._user("agent"),
            timeout_s=COPY_TIMEOUT_S,
            output_bytes=MAX_STREAM_BYTES,
            environment={"LC_ALL": "C"},
        )
        output = self._run(command)
        if output.truncated or output.timed_out:
            self._sweep("agent", output)
            raise HostileBytesError("the tree is too large to be taken out of the container")
        # tar says so, and goes on, where it leaves something out: sockets, unreadable or endlessly nested directories.
        if output.exit_code != 0 or output.stderr:
            raise HostileBytesError(f"the tree could not be read: {_message(output)}")
        return parse_tar(bytes(output.stdout))

    def sweep(self) -> None:
        """End every process of the agent user."""
        self._sweep("agent", None)

    # --- one command -------------------------------------------------------------------------------------------------

    def _user(self, owner: Owner) -> str:
        uids = self.target.uids
        return uids.as_agent if owner == "agent" else uids.as_keeper_in_the_agents_group

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
        probe = self._run(Command(("true",), user=self._user("keeper"), timeout_s=_PROBE_TIMEOUT_S, output_bytes=0))
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


def _message(output: Output) -> str:
    """Return the end of what a command complained about, as one printable line."""
    if output.timed_out:
        return "it took too long"
    text = output.stderr.decode("ascii", "replace").strip() or f"exit code {output.exit_code}"
    line = " ".join(text.split())[-_SHOWN_OF_A_MESSAGE:]
    return "".join(letter if letter.isprintable() else "?" for letter in line).rstrip(".")
