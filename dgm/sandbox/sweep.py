"""Ends every process that a command started, however it hides: ignoring TERM, in its own session, orphaned, forking.

With host root, on the engine's machine: forbid forks over the control group, then kill all that is the agent's until
nothing is left. Freezing the container instead is the second choice: the old freezer gives up on a process that forks
and exits faster than it looks. Elsewhere: `kill -9 -1` as the agent, as often as it takes. If nothing helps, the
container is killed as a whole.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dgm.core.errors import SandboxError
from dgm.core.ports import Owner
from dgm.sandbox.bounded_exec import Command, run_bounded
from dgm.sandbox.cgroups import forks_forbidden
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import NotRunningError
from dgm.sandbox.processes import Process, pid_namespace, processes_in
from dgm.sandbox.uids import Uids

log = logging.getLogger(__name__)

BOUND_S = 15.0
_SETTLE_S = 2.0
"""How long a killed process may take to disappear before it is killed again."""
_PAUSE_S = 0.002
_KILL_EVERYTHING = ("/bin/sh", "-c", "kill -9 -1")


class UnsweepableError(SandboxError):
    """Processes of the agent could not be ended."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose processes are to be ended."""

    container: str
    init: int
    """PID 1 as the engine's host numbers it."""
    uids: Uids
    agent_host_uid: int
    in_sight: bool
    """Whether /proc of this machine shows the container's processes."""


class Sweeper:
    """Ends processes of one container."""

    def __init__(self, engine: Engine, target: Target) -> None:
        self._engine = engine
        self._target = target
        self._namespace = pid_namespace(target.init) if target.in_sight and os.geteuid() == 0 else None

    def sweep(self, owner: Owner, *, ended: Callable[[], bool] = lambda: True) -> None:
        """End everything that commands of `owner` left behind; a few milliseconds where that is nothing.

        Args:
            owner: whose commands.
            ended: whether the engine sees the command itself as ended. A command that was given up while it was being
                started is not the agent's process yet.
        Raises:
            UnsweepableError: something lived on; the container has to go.
        """
        deadline = time.monotonic() + BOUND_S
        while time.monotonic() < deadline:
            if self._namespace is not None:
                clean = self._kill_on_host(owner, deadline)
            elif owner == "agent":
                clean = self._kill_from_inside(deadline)
            else:
                break  # the keeper's own kill(-1) would end the dead-man timer
            if clean and ended():
                return
            time.sleep(_PAUSE_S)
        raise UnsweepableError("Processes in a container could not be ended.")

    def _strays(self, owner: Owner) -> list[Process]:
        """Return what lives and should not.

        The keeper's PID 1 and its timer share a session; whatever the engine starts later gets one of its own.
        """
        namespace, target = self._namespace, self._target
        if namespace is None:
            return []
        found = processes_in(namespace)
        if owner == "agent":
            return [process for process in found if process.uid == target.agent_host_uid]
        return [process for process in found if process.session != target.init]

    def _kill_on_host(self, owner: Owner, deadline: float) -> bool:
        if not self._strays(owner):
            return True
        with forks_forbidden(self._target.init) as held:
            if held:
                return self._killed_until_gone(owner, deadline)
        if self._freeze():
            try:
                self._kill_strays(owner)
            finally:
                self._engine.unpause(self._target.container)
        return self._killed_until_gone(owner, deadline)

    def _freeze(self) -> bool:
        try:
            self._engine.pause(self._target.container)
        except SandboxError as error:
            log.debug("not frozen: %s", error)
            return False
        return True

    def _killed_until_gone(self, owner: Owner, deadline: float) -> bool:
        settled = min(deadline, time.monotonic() + _SETTLE_S)
        while self._kill_strays(owner):
            if time.monotonic() > settled:
                return False
            time.sleep(_PAUSE_S)
        return True

    def _kill_strays(self, owner: Owner) -> int:
        strays = self._strays(owner)
        for process in strays:
            _kill(process.pid, namespace=self._namespace)
        return len(strays)

    def _kill_from_inside(self, deadline: float) -> bool:
        if not self._agents_processes_by_engine():
            return True
        left_s = max(0.1, deadline - time.monotonic())
        everything = Command(_KILL_EVERYTHING, user=self._target.uids.as_agent, timeout_s=left_s, output_bytes=10_000)
        try:
            run_bounded(self._engine, self._target.container, everything)
        except NotRunningError:
            raise
        except SandboxError as error:
            # A fork bomb leaves no room for one more process; the next try may find some.
            log.debug("kill from inside failed: %s", error)
        return not self._agents_processes_by_engine()

    def _agents_processes_by_engine(self) -> bool:
        uid = self._target.agent_host_uid
        return any(owner == uid for _, owner in self._engine.processes(self._target.container))


def _kill(pid: int, *, namespace: str | None) -> None:
    """Kill a process of that pid namespace and no other: pids are used again."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            # The handle stays with its process, so what is looked at after it was opened holds for it.
            if pid_namespace(pid) == namespace:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
