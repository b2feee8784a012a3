"""A pair of user ids for each live container, unique among all processes of this machine.

Two containers with one uid share the kernel's per-user limits (inotify, pipe buffers, message queues), so one could
starve the other. A lease is an abstract unix socket named after the pair: the kernel lets go of it when we die.
"""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from dgm.core.errors import SandboxError

# Inside 0..65535, so that an engine with userns-remap can map them; clear of system users and of people.
FIRST_UID = 10_000
PAIRS = 25_000


@dataclass(frozen=True, slots=True)
class Uids:
    """The two users of a container, as numbered inside it; each one's group has the same number."""

    agent: int
    keeper: int

    @property
    def as_agent(self) -> str:
        """User and group of a command that the agent runs."""
        return f"{self.agent}:{self.agent}"

    @property
    def as_keeper(self) -> str:
        """User and group of PID 1."""
        return f"{self.keeper}:{self.keeper}"

    @property
    def as_keeper_in_the_agents_group(self) -> str:
        """User and group of the keeper's commands: the workspace is open to the agent's group."""
        return f"{self.keeper}:{self.agent}"


@contextmanager
def leased_uids() -> Generator[Uids]:
    """Lend a pair that no other live container of this machine has.

    Raises:
        SandboxError: all are taken.
    """
    # A container whose host process was killed may still live under its pair; a random start avoids it.
    start = int.from_bytes(os.urandom(4), "big")
    for step in range(PAIRS):
        number = (start + step) % PAIRS
        lease = _lease(number)
        if lease is not None:
            with lease:
                yield Uids(agent=FIRST_UID + 2 * number, keeper=FIRST_UID + 2 * number + 1)
            return
    raise SandboxError("Every pair of user ids for containers is taken; end other runs on this machine.")


def _lease(number: int) -> socket.socket | None:
    lease = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lease.bind(f"\0dgm-uids-{number}")
    except OSError:
        lease.close()
        return None
    return lease
