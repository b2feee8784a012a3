"""How far a container can go: each bound with how to see whether it holds, and what to do where it does not."""

from dgm.sandbox.examination_subject import OTHER_RUNTIME, Probe, Subject, require
from dgm.sandbox.policy import OPEN_FILES, SCRATCH, scratch_bytes, ulimits

AGENTS_PLACES = tuple(place for place in SCRATCH if place.owner != "keeper")
CROWDED_PLACES = tuple(place for place in AGENTS_PLACES if place.inodes <= 8_192)  # noqa: PLR2004
"""Those whose number of files is tried: more take too long."""
_KILLED = 128 + 9
_TOLERATED_PROCESSOR_SHARE = 1.5
_OUTPUT_BYTES = 100_000
_SECONDS = 1.0
_PATIENCE_S = 120.0
_LINGER = "trap '' TERM INT HUP; (setsid sh -c 'sleep 300 & sleep 300' &); sleep 300"


def _sizes(subject: Subject) -> str:
    for place in AGENTS_PLACES:
        size, took = scratch_bytes(subject.limits, place), subject.strained.places.get(place.path, 0)
        require(took <= size, f"{place.path} takes {took:,} bytes and more, and should take {size:,}.")
        require(took > 0, f"{place.path} cannot be written to.")
    return f"{len(AGENTS_PLACES)} places were filled to their size and no further"


def _numbers_of_files(subject: Subject) -> str:
    for place in CROWDED_PLACES:
        took = subject.strained.files.get(place.path, 0)
        require(took <= place.inodes, f"{place.path} takes {took:,} files and more, and should take {place.inodes:,}.")
        require(took > 0, f"No file can be made in {place.path}.")
    return f"{len(CROWDED_PLACES)} places took their number of files and no more"


def _processes(subject: Subject) -> str:
    limit, had = subject.limits.pids, subject.strained.processes
    require(had < limit, f"{had} processes and more can be there, and should be {limit} at most.")
    return f"{had} beside its own, at a limit of {limit}"


def _open_files(subject: Subject) -> str:
    had = subject.strained.open_files
    require(had < OPEN_FILES, f"{had:,} files and more can be open, and should be {OPEN_FILES:,} at most.")
    return f"{had:,} at a limit of {OPEN_FILES:,}"


def _process_limits(subject: Subject) -> str:
    for limit in ulimits(subject.limits):
        name, asked = limit["Name"], [limit["Soft"], limit["Hard"]]
        got = subject.strained.limits.get(name)
        require(got == asked, f"The limit {name} of a process is {got}, and should be {asked}.")
    return "size of files, core files, locked memory and open files"


def _processor(subject: Subject) -> str:
    had, limit = subject.strained.processor, subject.limits.cpus
    require(
        had <= limit * _TOLERATED_PROCESSOR_SHARE,
        f"Processes got {had:.1f} s of processor time per second, and should get {limit:g}.",
    )
    return f"{had:.1f} s per second at a limit of {limit:g}"


def _memory(subject: Subject) -> str:
    limit_mib = subject.limits.memory_bytes // 2**20
    argv = ["python3", "-I", "-S", "/task/devour.py", str(2 * limit_mib)]
    execution = subject.container.execute(argv, timeout_s=_PATIENCE_S)
    require(
        execution.exit_code == _KILLED,
        f"A process that takes more than {limit_mib:,} MiB is not killed.",
    )
    return f"a process was killed on its way to twice the limit of {limit_mib:,} MiB"


def _output(subject: Subject) -> str:
    execution = subject.container.execute(["yes"], timeout_s=_PATIENCE_S, output_bytes=_OUTPUT_BYTES)
    require(
        execution.truncated and len(execution.stdout) == _OUTPUT_BYTES, "A flood of output is not cut off at its cap."
    )
    return f"cut at {_OUTPUT_BYTES:,} bytes"


def _time_out(subject: Subject) -> str:
    execution = subject.container.execute(["sh", "-c", _LINGER], timeout_s=_SECONDS)
    require(execution.timed_out, "A command is not ended when its time is over.")
    left = [pid for pid, uid in subject.engine.processes(subject.container.id) if uid == subject.container.peer_uid]
    require(not left, f"{len(left)} processes live on after a command's time is over.")
    return "nothing is left after it"


_CGROUPS = "Let the engine use the control groups of this machine; rootless engines need cgroup v2 with delegation."

# The last one may end the container.
BOUNDS = (
    Probe("sizes", _sizes, OTHER_RUNTIME),
    Probe("numbers of files", _numbers_of_files, OTHER_RUNTIME),
    Probe("open files", _open_files, OTHER_RUNTIME),
    Probe("limits of a process", _process_limits, OTHER_RUNTIME),
    Probe("processes", _processes, _CGROUPS),
    Probe("processor time", _processor, _CGROUPS),
    Probe("output", _output, "Report this with the version of your engine."),
    Probe("time-out", _time_out, "Report this with the version of your engine; until then run dgm as root."),
    Probe("memory", _memory, _CGROUPS),
)
