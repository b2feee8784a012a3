"""Looks at everything that a session needs of this machine and says what is wrong, one sentence each."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from dgm.boundary.scratch import scratch_directory
from dgm.config import SandboxLimits
from dgm.core.errors import DgmError, SandboxError
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.sandbox.disk import MEBIBYTE, free_bytes, require_free_disk
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.engine_answers import Json
from dgm.sandbox.images import image_names, image_parent, image_tag, require_image
from dgm.sandbox.policy import seccomp_profile
from dgm.sandbox.posture import require_limits_supported

_TRIAL_LIFETIME_S = 60.0
_TRIAL_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    sentence: str


def diagnose(limits: SandboxLimits, *, directory: Path) -> list[Check]:
    """Return all checks, the failed ones too; what cannot be looked at after a failure is left out.

    Args:
        limits: of the containers that are to be started.
        directory: where runs are kept.
    """
    return list(_checks(limits, directory))


def _checks(limits: SandboxLimits, directory: Path) -> Generator[Check]:
    try:
        engine = connect()
    except DgmError as error:
        yield Check("engine", ok=False, sentence=str(error))
        return
    info = engine.info()
    yield _check("engine", lambda: _engine(engine))
    yield _check("storage", lambda: f"{info.get('Driver')} at {info.get('DockerRootDir')}")
    yield _check("runtime", lambda: _runtime(limits, info))
    yield _check("limits", lambda: _limits(info))
    yield _check("seccomp", lambda: f"own profile of {len(seccomp_profile()):,} bytes")
    yield _check("disk", lambda: _disk(limits, directory, info))
    for name in image_names():
        if image_parent(name) is not None and engine.image_id(image_tag(name)) is None:
            # Not everyone needs it, and what does builds it.
            yield Check(f"image {name}", ok=True, sentence=f"not built; `dgm images build {name}` builds it")
            continue
        image = _check(f"image {name}", lambda name=name: f"{image_tag(name)}, {require_image(engine, name)[:19]}")
        yield image
        if image.ok:
            yield _check("container", lambda name=name: _container(engine, limits, name))


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, sentence=look())
    except DgmError as error:
        return Check(name, ok=False, sentence=str(error))


def _engine(engine: Engine) -> str:
    version = engine.version()
    where = (
        "on this machine" if engine.is_local else "over the network: its /proc is out of sight, so sweeps are slower"
    )
    return f"Docker {version['Version']}, API {version['ApiVersion']}, {where}"


def _runtime(limits: SandboxLimits, info: Json) -> str:
    runtime = limits.runtime or str(info.get("DefaultRuntime"))
    known = list(info.get("Runtimes") or {})
    if runtime not in known:
        raise SandboxError(f"The engine has no runtime {runtime!r}; it has {', '.join(known)}.")
    return f"{runtime}, of {', '.join(known)}"


def _limits(info: Json) -> str:
    require_limits_supported(info)
    return f"memory, processes and processor time can be limited (cgroup v{info.get('CgroupVersion', '1')})"


def _disk(limits: SandboxLimits, directory: Path, info: Json) -> str:
    root = Path(str(info.get("DockerRootDir") or "/"))
    require_free_disk([directory, root], minimum_bytes=limits.minimum_free_bytes)
    return f"{(free_bytes(directory) or 0) // MEBIBYTE:,} MiB free for runs"


def _container(engine: Engine, limits: SandboxLimits, image: str) -> str:
    with scratch_directory("doctor") as directory:
        sandbox = DockerSandbox(engine, limits, run="doctor", directory=directory)
        spec = ContainerSpec(image, "agent", SessionId("doctor"), _TRIAL_LIFETIME_S)
        with sandbox.container(spec) as container:
            execution = container.execute(["python3", "--version"], timeout_s=_TRIAL_TIMEOUT_S)
            if execution.exit_code != 0:
                raise SandboxError("A container started, but python3 does not run in it; build the image anew.")
            seen = "posture verified on the host" if container.target.in_sight else "posture as the engine reports it"
        return f"started, {seen}, {execution.stdout.decode('ascii', 'replace').strip()}, removed"
