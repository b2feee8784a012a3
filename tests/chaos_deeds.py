"""What is done to a run that is under way. Each deed gets the run and chance, and returns what it did."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias, TypeVar

from tests.chaos_engine import EngineDoor, killed_engine
from tests.chaos_provider import Provider

_ALL_OF_IT = 1 << 30
_CHUNK_BYTES = 1 << 20


@dataclass
class Target:
    """A run, while a process evolves it."""

    name: str
    directory: Path
    temporary: Path
    """Where its processes make their temporary directories."""
    process: subprocess.Popen[str]
    dgm: Callable[..., subprocess.CompletedProcess[str]]
    provider: Provider
    door: EngineDoor
    fills: bool
    """Whether its disk is its own, so that it can be filled."""

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self.process.poll() is None

    def wait(self, seconds: float) -> bool:
        """Wait for its end and return whether that came."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


_Thing = TypeVar("_Thing")
Deed: TypeAlias = Callable[[Target, Random], str]


def docker(*words: str) -> str:
    """Return what a command of the engine's client prints; nothing where it fails."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False).stdout  # noqa: S607


def containers_of(run: str) -> list[str]:
    """Return the ids of a run's containers, by its label."""
    return docker("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label=dgm.run={run}").split()


def until(target: Target, found: Callable[[], list[_Thing]], seconds: float = 8.0) -> list[_Thing]:
    """Return what is found as soon as there is any, nothing once the run or the time is over."""
    limit = now() + seconds
    while not (things := found()) and now() < limit and not target.wait(0.1):
        pass
    return things


def kill(target: Target, _: Random) -> str:
    """Kill the process."""
    target.process.kill()
    return "killed the process"


def terminate(target: Target, _: Random) -> str:
    """Ask the process to end."""
    target.process.send_signal(signal.SIGTERM)
    return "sent SIGTERM"


def interrupt_twice(target: Target, random: Random) -> str:
    """Press Ctrl-C twice."""
    target.process.send_signal(signal.SIGINT)
    target.wait(random.uniform(0.05, 1.0))
    if target.is_alive:
        target.process.send_signal(signal.SIGINT)
    return "pressed Ctrl-C twice"


def kill_container(target: Target, random: Random) -> str:
    """Kill one of its containers."""
    found = sorted(until(target, lambda: containers_of(target.name)))
    if found:
        docker("kill", random.choice(found))
    return f"killed 1 of {len(found)} containers"


def kill_containers(target: Target, _: Random) -> str:
    """Kill all of its containers."""
    found = until(target, lambda: containers_of(target.name))
    if found:
        docker("kill", *found)
    return f"killed {len(found)} containers"


def fill_disk(target: Target, random: Random) -> str:
    """Fill the run's disk for a while."""
    with filled(target.directory.parent / "filler"):
        target.wait(random.uniform(0.5, 4.0))
    return "filled the disk"


@contextmanager
def filled(filler: Path) -> Generator[None]:
    """Take all that is left of a small disk."""
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            for _ in range(_ALL_OF_IT // _CHUNK_BYTES):
                file.write(b"x" * _CHUNK_BYTES)
            file.write(b"x")
        yield
    finally:
        filler.unlink(missing_ok=True)


def fail_provider(target: Target, random: Random) -> str:
    """Let the provider fail for a while."""
    target.provider.fails.set()
    target.wait(random.uniform(0.5, 5.0))
    target.provider.fails.clear()
    return "made the provider fail"


def lose_engine(target: Target, random: Random) -> str:
    """Let the engine be gone for a while."""
    with target.door.shut():
        target.wait(random.uniform(0.2, 4.0))
    return "cut it off from the engine"


def kill_engine(target: Target, random: Random) -> str:
    """Kill the engine with all that runs on it, and start it again after a while."""
    with killed_engine():
        target.wait(random.uniform(0.2, 4.0))
    return "killed the engine"


def remove_sockets(target: Target, _: Random) -> str:
    """Remove the directories of its gateway's sockets."""
    found = until(target, lambda: list(target.temporary.glob(f"dgm-{target.process.pid}-*")))
    for path in found:
        shutil.rmtree(path, ignore_errors=True)
    return f"removed {len(found)} sockets"


def pause(target: Target, random: Random) -> str:
    """Pause the run from another process, and let it go on."""
    paused = target.dgm("pause", target.name)
    target.wait(random.uniform(0.2, 2.0))
    target.dgm("resume", target.name) if paused.returncode == 0 and target.is_alive else None
    return f"paused it ({paused.returncode})"


def stop(target: Target, _: Random) -> str:
    """Stop the run from another process."""
    return f"stopped it ({target.dgm('stop', target.name).returncode})"


DEEDS: dict[str, Deed] = {
    "kill": kill,
    "terminate": terminate,
    "interrupt twice": interrupt_twice,
    "kill a container": kill_container,
    "kill all containers": kill_containers,
    "fill the disk": fill_disk,
    "provider fails": fail_provider,
    "engine is gone": lose_engine,
    "kill the engine": kill_engine,
    "remove sockets": remove_sockets,
    "pause": pause,
    "stop": stop,
}
_VERBS = {"pause", "stop"}


def possible(*, fills: bool, kills_engine: bool, verbs: Iterable[str]) -> list[str]:
    """Return the deeds that can be done here: some need a disk or an engine of their own, or a verb that there is."""
    missing = _VERBS.difference(verbs)
    missing |= set() if fills else {"fill the disk"}
    missing |= set() if kills_engine else {"kill the engine"}
    return [name for name in DEEDS if name not in missing]


def end(target: Target, random: Random) -> str:
    """End what is still under way, gently or not; return how."""
    if target.wait(0):
        return "had ended"
    how = random.choice(["kill", "interrupt twice"])
    DEEDS[how](target, random)
    if not target.wait(60):
        target.process.kill()
        target.process.wait()
        return f"HUNG after {how}"
    return how


def now() -> float:
    """Return the time, for people."""
    return time.monotonic()
