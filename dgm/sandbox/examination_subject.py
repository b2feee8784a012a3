"""What is examined, and how a look at it ends."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from dgm.config import SandboxLimits
from dgm.core.errors import SandboxError
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import Json
from dgm.sandbox.examination_seen import Seen, Strained

OTHER_RUNTIME = "The runtime ignores what it is asked for; use runc, crun or a newer runsc."
"""What to do about many a control that does not hold."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Subject:
    """A container under examination."""

    container: DockerContainer
    engine: Engine
    limits: SandboxLimits
    inspected: Json
    gateway: str | None
    """The host's directory that is bound as the gateway's; None where the engine cannot see this machine's files."""
    native: bool
    """Whether its processes are the host kernel's own."""
    seen: Seen
    strained: Strained


@dataclass(frozen=True, slots=True)
class NotHere:
    """Why something cannot be looked at on this machine."""

    why: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One control of a container."""

    name: str
    look: Callable[[Subject], str | NotHere]
    """Returns what it saw, as a sentence; raises SandboxError where the control does not hold."""
    remedy: str


def require(holds: bool, sentence: str) -> None:
    """Return if a control holds.

    Raises:
        SandboxError: it does not; `sentence` says what is wrong.
    """
    if not holds:
        raise SandboxError(sentence)


def some(names: Collection[str]) -> str:
    """Return the first of `names`, and how many more there are."""
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
