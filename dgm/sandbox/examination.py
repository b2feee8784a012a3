"""Examines the containers that an engine really makes: every control is tried, from inside and from outside."""

import json
import os
import socket
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path, PurePosixPath

from dgm.boundary.scratch import scratch_directory
from dgm.boundary.text import safe_line
from dgm.config import SandboxLimits
from dgm.content import default_runs_directory, sandbox_directory
from dgm.core.errors import DgmError, SandboxError
from dgm.core.files import File
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.evolution.session import SOCKET
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import NATIVE_RUNTIMES, DockerSandbox
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import GoneError
from dgm.sandbox.examination_bounds import AGENTS_PLACES, BOUNDS, CROWDED_PLACES
from dgm.sandbox.examination_calls import ARM, FORBIDDEN_SOCKETS, NEWER_THAN_ANY, X86, calls_of
from dgm.sandbox.examination_confinement import CONFINEMENT
from dgm.sandbox.examination_engine import engine_findings, runtimes_of
from dgm.sandbox.examination_findings import Finding, Result
from dgm.sandbox.examination_seen import Seen, Strained, parse_report
from dgm.sandbox.examination_subject import NotHere, Probe, Subject
from dgm.sandbox.policy import OPEN_FILES, scratch_bytes

PROBES = (*CONFINEMENT, *BOUNDS)
IMAGE = "python"
LIMITS = SandboxLimits(memory_bytes=256 * 2**20, pids=64, cpus=0.5)
"""Small ones, so that to reach them takes little of the machine: that they hold is what is looked at."""
_LIFETIME_S = 600.0
_SCRIPT_TIMEOUT_S = 120.0
_SHORT_LIFE_S = 1.0
_EXPIRY_BOUND_S = 15.0
_PAUSE_S = 0.05
# Where clouds serve credentials to whoever asks from inside.
_ADDRESS = ("169.254.169.254", 80)
# How far beyond a limit is gone, so that one that is missing is seen and harms nobody.
_EXTRA_BYTES = 8 * 2**20
_EXTRA_FILES = 256
_EXTRA_PROCESSES = 32
_BURNERS = 2
_BURN_S = 1.0


def examine(engine: Engine, limits: SandboxLimits) -> Generator[Finding]:
    """Yield what is found of the engine and of a container of each of its runtimes, one after the other.

    Args:
        engine: makes them.
        limits: only their runtime and the disk that they leave free count here; see LIMITS.
    """
    info = engine.info()
    yield from engine_findings(engine.version(), info)
    small = LIMITS.model_copy(update={"minimum_free_bytes": limits.minimum_free_bytes})
    first, *others = runtimes_of(info, chosen=limits.runtime)
    # As runs do: an engine's default need not be known to it under the name that it is shown by.
    yield from _examined(engine, small.model_copy(update={"runtime": limits.runtime}), first)
    for runtime in others:
        yield from _examined(engine, small.model_copy(update={"runtime": runtime}), runtime)


def container_findings(subject: Subject, *, runtime: str, probes: Iterable[Probe] = PROBES) -> Generator[Finding]:
    """Yield what is found of one container; afterwards it may have ended."""
    for probe in probes:
        try:
            seen = probe.look(subject)
        except DgmError as error:
            yield Finding(runtime, probe.name, Result.FAILED, safe_line(f"{error} {probe.remedy}"))
            continue
        if isinstance(seen, NotHere):
            yield Finding(runtime, probe.name, Result.NOT_HERE, safe_line(seen.why))
        else:
            yield Finding(runtime, probe.name, Result.OK, safe_line(seen))


def subject_of(
    engine: Engine, container: DockerContainer, limits: SandboxLimits, *, gateway: str | None, native: bool
) -> Subject:
    """Return a container with what the scripts tell that run in it.

    Raises:
        SandboxError: they cannot be run.
    """
    container.write_files(_scripts(limits), directory="/task", owner="keeper")
    looked = container.execute(["python3", "-I", "-S", "/task/look.py"], timeout_s=_SCRIPT_TIMEOUT_S)
    strained = container.execute(["python3", "-I", "-S", "/task/strain.py"], timeout_s=_SCRIPT_TIMEOUT_S)
    return Subject(
        container=container,
        engine=engine,
        limits=limits,
        inspected=engine.inspect(container.id),
        gateway=gateway,
        native=native,
        seen=parse_report(looked, Seen),
        strained=parse_report(strained, Strained),
    )


@contextmanager
def listening(directory: Path) -> Generator[None]:
    """Let a socket in `directory` take connections, as a session's does, and say nothing."""
    directory.chmod(0o755)  # for the agent's user, who is nobody here
    name = PurePosixPath(SOCKET).name
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            # An address holds 107 bytes, which the path of the temporary directory may exceed.
            listener.bind(f"/proc/self/fd/{descriptor}/{name}")
        finally:
            os.close(descriptor)
        (directory / name).chmod(0o666)
        listener.listen(1)
        yield


def lifetime_finding(engine: Engine, container: str, *, runtime: str, bound_s: float = _EXPIRY_BOUND_S) -> Finding:
    """Return whether a container ends by itself, at the latest after `bound_s`."""
    deadline = time.monotonic() + bound_s
    while engine.inspect(container)["State"]["Running"]:
        if time.monotonic() > deadline:
            return Finding(
                runtime, "lifetime", Result.FAILED, "A container outlives its time; run `dgm gc` after a crash of dgm."
            )
        time.sleep(_PAUSE_S)
    return Finding(runtime, "lifetime", Result.OK, "a container ends by itself when its time is over")


# --- one runtime -----------------------------------------------------------------------------------------------------


def _examined(engine: Engine, limits: SandboxLimits, runtime: str) -> Generator[Finding]:
    try:
        sandbox = DockerSandbox(engine, limits, run="examination", directory=default_runs_directory())
        yield from _whole_container(sandbox, limits, runtime)
        with sandbox.container(_spec(lifetime_s=_SHORT_LIFE_S)) as brief:
            yield lifetime_finding(engine, brief.id, runtime=runtime)
    except DgmError as error:
        yield Finding(runtime, "container", Result.FAILED, safe_line(str(error)))


def _whole_container(sandbox: DockerSandbox, limits: SandboxLimits, runtime: str) -> Generator[Finding]:
    with scratch_directory("examination") as place:
        directory = place if sandbox.engine.is_local else None
        with nullcontext() if directory is None else listening(directory):
            with sandbox.container(_spec(gateway=directory)) as container:
                subject = subject_of(
                    sandbox.engine,
                    container,
                    limits,
                    gateway=None if directory is None else str(directory),
                    native=runtime.startswith(NATIVE_RUNTIMES),
                )
                yield from container_findings(subject, runtime=runtime)
            yield _removal(sandbox.engine, container.id, runtime)


def _removal(engine: Engine, container: str, runtime: str) -> Finding:
    with suppress(GoneError):
        engine.inspect(container)
        sentence = "A container is still there after it was removed; run `dgm gc`."
        return Finding(runtime, "removal", Result.FAILED, sentence)
    return Finding(runtime, "removal", Result.OK, "nothing is left of the container")


def _spec(*, lifetime_s: float = _LIFETIME_S, gateway: Path | None = None) -> ContainerSpec:
    return ContainerSpec(IMAGE, "agent", SessionId("examination"), lifetime_s, gateway)


def _scripts(limits: SandboxLimits) -> dict[str, File]:
    tried = {
        "calls": {machine: calls_of(machine) for machine in (X86, ARM)},
        "unknown_call": NEWER_THAN_ANY,
        "sockets": FORBIDDEN_SOCKETS,
        "address": _ADDRESS,
        "gateway": SOCKET,
    }
    most = {
        "open_files": OPEN_FILES + _EXTRA_FILES,
        "processes": limits.pids + _EXTRA_PROCESSES,
        "place_bytes": {place.path: scratch_bytes(limits, place) + _EXTRA_BYTES for place in AGENTS_PLACES},
        "place_files": {place.path: place.inodes + _EXTRA_FILES for place in CROWDED_PLACES},
        "burners": _BURNERS,
        "burn_s": _BURN_S,
    }
    scripts = {name: File(_script(name)) for name in ("look.py", "strain.py", "devour.py")}
    return scripts | {"calls.json": _json(tried), "strain.json": _json(most)}


def _json(value: object) -> File:
    return File(json.dumps(value).encode())


def _script(name: str) -> bytes:
    path = sandbox_directory() / "examination" / name
    try:
        return path.read_bytes()
    except OSError as error:
        raise SandboxError(f"A script of the examination cannot be read: {error}.") from error
