"""What the scripts of an examination print, and what the host's /proc shows: read and checked, not judged yet."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dgm.boundary.text import safe_line
from dgm.core.errors import SandboxError
from dgm.core.ports import Execution

_SHOWN = 200


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Seen(_Report):
    """What `look.py` saw from inside. Numbers are error numbers; 0 is a success."""

    status: list[str]
    """Lines of /proc/self/status."""
    no_new_privileges: int
    calls: dict[str, int]
    unknown_call: int
    sockets: dict[str, int]
    mounts: list[str]
    """Lines of /proc/self/mountinfo."""
    interfaces: list[str]
    routes: list[str]
    address: int
    gateway: int
    listening: list[str]
    environment: dict[str, str]
    open_files: list[str]
    first_process: int
    socket_files: list[str]
    setuid_programs: list[str]


class Strained(_Report):
    """How far `strain.py` got."""

    limits: dict[str, list[int]]
    """Soft and hard."""
    open_files: int
    processes: int
    places: dict[str, int]
    """Bytes."""
    files: dict[str, int]
    processor: float
    """Seconds of processor time per second."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of a mountinfo."""

    kind: str
    options: frozenset[str]
    file_system_options: frozenset[str]


ReportT = TypeVar("ReportT", bound=_Report)


def parse_report(execution: Execution, kind: type[ReportT]) -> ReportT:
    """Return what a script printed.

    Raises:
        SandboxError: it failed, or printed something else.
    """
    if execution.exit_code != 0:
        raise SandboxError(f"A script of the examination did not run to its end: {_reason(execution)}.")
    try:
        return kind.model_validate_json(execution.stdout)
    except ValidationError as error:
        raise SandboxError("A script of the examination printed what it never prints.") from error


def _reason(execution: Execution) -> str:
    if execution.timed_out:
        return "it took too long"
    if execution.truncated:
        return "it printed too much"
    said = safe_line(execution.stderr.decode("utf-8", "replace")[-_SHOWN:]).rstrip(".")
    return said or f"exit code {execution.exit_code}"


def parse_fields(lines: list[str]) -> dict[str, str]:
    """Return the fields of a /proc/<pid>/status."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def parse_mounts(lines: list[str]) -> dict[str, Mount]:
    """Return the mounts of a /proc/<pid>/mountinfo by where they are; of two on one place, the upper.

    Raises:
        SandboxError: that is none.
    """
    found: dict[str, Mount] = {}
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, sources = left.split(), right.split(" ", 2)
        if len(fields) < 6 or len(sources) < 3:  # noqa: PLR2004 - as proc(5) has it
            raise SandboxError("A container's list of mounts is in no form that is known.")
        found[fields[4]] = Mount(sources[0], frozenset(fields[5].split(",")), frozenset(sources[2].split(",")))
    return found
