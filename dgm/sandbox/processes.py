"""Processes of a container as the host's /proc shows them. What a container says of itself is never asked."""

import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process on the host."""

    pid: int
    uid: int
    """Real user, as the host's kernel sees it."""
    session: int
    """Host's pid of the leader of its session."""


def pid_namespace(pid: int) -> str | None:
    """Return the name of a process's pid namespace; None where it is gone, or hidden from this user."""
    try:
        return os.readlink(PROC / str(pid) / "ns" / "pid")  # noqa: PTH115
    except OSError:
        return None


def processes_in(namespace: str) -> list[Process]:
    """Return the processes in a pid namespace, zombies too: they count against the limit of processes.

    The owner is read from `status`: the owner of /proc/<pid> becomes root when a process makes itself undumpable.
    """
    return [process for pid in _pids() if pid_namespace(pid) == namespace and (process := _process(pid)) is not None]


def status_of(pid: int) -> dict[str, str]:
    """Return the fields of /proc/<pid>/status; empty where the process is gone or hidden."""
    try:
        lines = (PROC / str(pid) / "status").read_text("ascii", "replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None where it is gone."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def belongs_to(pid: int, container: str) -> bool:
    """Whether the process `pid` of this machine is in that container: the engine may be on another machine."""
    try:
        return container in (PROC / str(pid) / "cgroup").read_text("utf-8", "replace")
    except OSError:
        return False


def host_uid(pid: int, uid: int) -> int:
    """Return how the host sees `uid` of the user namespace that `pid` is in."""
    try:
        rows = (PROC / str(pid) / "uid_map").read_text("ascii").splitlines()
    except OSError:
        return uid
    for inside, outside, count in (map(int, row.split()) for row in rows):
        if inside <= uid < inside + count:
            return outside + uid - inside
    return uid


def _pids() -> Generator[int]:
    with os.scandir(PROC) as entries:
        for entry in entries:
            if entry.name.isdecimal():
                yield int(entry.name)


def _process(pid: int) -> Process | None:
    uid = status_of(pid).get("Uid", "").split()
    fields = _stat_fields(pid)
    if not uid or not fields:
        return None
    return Process(pid=pid, uid=int(uid[0]), session=int(fields[3]))


def _stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third (state) on. The second a process may choose."""
    try:
        text = (PROC / str(pid) / "stat").read_text("ascii", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
