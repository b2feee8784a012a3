"""Collects containers that nobody owns any more: a label names the process that made each."""

import os
from dataclasses import dataclass
from pathlib import Path

from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import Json
from dgm.sandbox.policy import Label
from dgm.sandbox.processes import pid_namespace, start_ticks
from dgm.sandbox.removal import remove_container

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_ENDED = {"exited", "dead"}


@dataclass(frozen=True, slots=True)
class Collected:
    """A container that was removed."""

    id: str
    run: str
    session: str
    kind: str


def this_process() -> str:
    """Return what names this process beyond its death: boot, pid namespace, pid and start, since pids come again."""
    pid = os.getpid()
    return f"{_boot()}:{pid_namespace(pid)}:{pid}:{start_ticks(pid)}"


def collect_garbage(engine: Engine, *, everything: bool, run: str | None = None) -> list[Collected]:
    """Remove containers of ours whose process is gone and return them.

    Args:
        engine: where to look.
        everything: those of live runs too.
        run: only containers of the run of that name.
    Raises:
        SandboxError: one could not be removed.
    """
    label = Label.OURS if run is None else f"{Label.RUN}={run}"
    collected: list[Collected] = []
    for container in engine.containers(label=label):
        labels = container["Labels"]
        if Label.OURS not in labels or not (everything or _is_orphan(engine, container)):
            continue
        remove_container(engine, container["Id"])
        collected.append(
            Collected(
                container["Id"],
                run=labels.get(Label.RUN, ""),
                session=labels.get(Label.SESSION, ""),
                kind=labels.get(Label.KIND, ""),
            )
        )
    return collected


def _is_orphan(engine: Engine, container: Json) -> bool:
    boot, _, rest = container["Labels"].get(Label.HOST, "").partition(":")
    namespace, _, process = rest.rpartition(":")[0].rpartition(":")
    start = rest.rpartition(":")[2]
    if boot != _boot():
        # Made before a restart of this machine; or from another machine, which cannot be asked.
        return engine.is_local or container["State"] in _ENDED
    if namespace != pid_namespace(os.getpid()) or not process.isdecimal():
        return container["State"] in _ENDED
    return str(start_ticks(int(process))) != start


def _boot() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()[:8]
    except OSError:
        return "unknown"
