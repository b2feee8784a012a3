"""The sandbox port on a Docker engine."""

import logging
import re
import secrets
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from dgm.config import SandboxLimits
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.ports import ContainerSpec
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.disk import require_free_disk
from dgm.sandbox.engine import Engine, Json
from dgm.sandbox.images import require_image
from dgm.sandbox.policy import Label, container_config, seccomp_profile
from dgm.sandbox.posture import require_applied, require_confined, require_limits_supported, require_no_warnings
from dgm.sandbox.processes import belongs_to, host_uid
from dgm.sandbox.reaper import this_process
from dgm.sandbox.removal import remove_container
from dgm.sandbox.sweep import Target
from dgm.sandbox.uids import Uids, leased_uids

log = logging.getLogger(__name__)

# Runtimes whose containers are processes of the host's kernel, which its /proc shows. In gVisor's they are not.
_NATIVE_RUNTIMES = ("runc", "io.containerd.runc", "crun", "youki")
_SWAPS = Path("/proc/swaps")


class DockerSandbox:
    """Makes containers under one policy. Used by many worker threads at once."""

    def __init__(self, engine: Engine, limits: SandboxLimits, *, run: str, directory: Path) -> None:
        """Args:
            run: names the run on its containers.
            directory: the run's, whose disk must not fill up; need not exist yet.

        Raises:
            SandboxError: the engine cannot limit containers as the policy asks.
        """
        info = engine.info()
        require_limits_supported(info)
        self.engine = engine
        self._limits = limits
        self._run = run
        self._seccomp = seccomp_profile()
        runtime = limits.runtime or str(info.get("DefaultRuntime", ""))
        self._native = engine.is_local and runtime.startswith(_NATIVE_RUNTIMES)
        self._watched = [directory, *_data_root(engine, info)]
        self._machine_swaps = _machine_swaps()
        self._images: dict[str, str] = {}
        self._live: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @contextmanager
    def container(self, spec: ContainerSpec) -> Generator[DockerContainer]:
        """Start a container and remove it when the context ends; see the port."""
        require_free_disk(self._watched, minimum_bytes=self._limits.minimum_free_bytes)
        image_id = self._image_id(spec.image)
        with leased_uids() as uids:
            container = self._create(spec, uids, image_id)
            try:
                yield self._start(container, uids)
            finally:
                self._remove(container.id)

    def abort(self) -> None:
        """Kill and remove every live container and start no more; called from any thread.

        Threads that are at work in one get a SandboxError.
        """
        self._stop.set()
        with self._lock:
            live = list(self._live)
        if live:
            with ThreadPoolExecutor(len(live), thread_name_prefix="dgm-abort") as pool:
                list(pool.map(self._remove, live))

    def close(self) -> None:
        """Remove whatever is still live and let go of the engine."""
        self.abort()
        self.engine.close()

    # --- start ---------------------------------------------------------------------------------------------------

    def _image_id(self, name: str) -> str:
        with self._lock:
            if name not in self._images:
                self._images[name] = require_image(self.engine, name)
            return self._images[name]

    def _create(self, spec: ContainerSpec, uids: Uids, image_id: str) -> "_New":
        config = container_config(
            spec, self._limits, uids=uids, image_id=image_id, seccomp=self._seccomp, labels=self._labels(spec)
        )
        self._require_not_stopped()
        created = self.engine.create(config, name=_name(self._run, spec))
        with self._lock:
            self._live.add(created.id)
        new = _New(created.id, config, created.warnings)
        if self._stop.is_set():
            self._remove(new.id)
            self._require_not_stopped()
        return new

    def _start(self, new: "_New", uids: Uids) -> DockerContainer:
        try:
            require_no_warnings(new.warnings, machine_swaps=self._machine_swaps)
            self.engine.start(new.id)
            inspected = self.engine.inspect(new.id)
        except SandboxError:
            self._require_not_stopped()
            raise
        require_applied(new.config["HostConfig"], inspected, machine_swaps=self._machine_swaps)
        init = int(inspected["State"]["Pid"])
        in_sight = self._native and belongs_to(init, new.id)
        if in_sight:
            require_confined(init, uid=host_uid(init, uids.keeper))
        target = Target(
            container=new.id,
            init=init,
            uids=uids,
            agent_host_uid=host_uid(init, uids.agent) if in_sight else uids.agent,
            in_sight=in_sight,
        )
        log.info("container %s started: image %s, uid %d", new.id[:12], new.config["Image"][:19], target.agent_host_uid)
        return DockerContainer(self.engine, target, stopped=self._stop.is_set)

    def _labels(self, spec: ContainerSpec) -> dict[str, str]:
        return {
            Label.OURS: "1",
            Label.RUN: self._run,
            Label.SESSION: spec.session,
            Label.KIND: spec.kind,
            Label.CREATED: f"{time.time():.3f}",
            Label.HOST: this_process(),
        }

    def _require_not_stopped(self) -> None:
        if self._stop.is_set():
            raise SandboxError("The sandbox was stopped; no container is started.")

    # --- end -----------------------------------------------------------------------------------------------------

    def _remove(self, container: str) -> None:
        """Remove a container; one that cannot be removed now ends by its timer and is left to `dgm gc`."""
        try:
            remove_container(self.engine, container)
        except InfrastructureError as error:
            log.warning("container %s is left to `dgm gc`: %s", container[:12], error)
            return
        with self._lock:
            self._live.discard(container)


class _New:
    """A container that was created and not started yet."""

    def __init__(self, container: str, config: Json, warnings: tuple[str, ...]) -> None:
        self.id = container
        self.config = config
        self.warnings = warnings


def _name(run: str, spec: ContainerSpec) -> str:
    """Return a name that tells people whose it is; labels are what programs look at."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{run}-{spec.session}-{spec.kind}")[:80]
    return f"dgm-{readable}-{secrets.token_hex(4)}"


def _data_root(engine: Engine, info: Json) -> list[Path]:
    """Return where the engine keeps its data, if that is on this machine."""
    root = Path(str(info.get("DockerRootDir") or ""))
    return [root] if engine.is_local and root.is_absolute() and root.is_dir() else []


def _machine_swaps() -> bool:
    try:
        return len(_SWAPS.read_text("ascii", "replace").splitlines()) > 1
    except OSError:
        return True
