"""The sandbox port on a Docker engine."""

import logging
import re
import secrets
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from dgm.config import SandboxLimits, SweBench
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.ports import ContainerSpec, HarnessSpec
from dgm.core.tasks import Repository
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.disk import engine_disk, require_free_disk
from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import Json
from dgm.sandbox.harnesses import LiveHarness, live_harness
from dgm.sandbox.images import require_image
from dgm.sandbox.policy import Label, container_config, preparation_config, seccomp_profile
from dgm.sandbox.posture import require_applied, require_confined, require_limits_supported, require_no_warnings
from dgm.sandbox.processes import belongs_to, host_uid
from dgm.sandbox.reaper import this_process
from dgm.sandbox.removal import remove_container
from dgm.sandbox.repositories import PREPARATION_TIMEOUT_S, prepared_image
from dgm.sandbox.sweep import Target
from dgm.sandbox.task_images import TaskImages
from dgm.sandbox.uids import Uids, leased_uids

log = logging.getLogger(__name__)

# Runtimes whose containers are processes of the host's kernel, which its /proc shows. In gVisor's they are not.
NATIVE_RUNTIMES = ("runc", "io.containerd.runc", "crun", "youki")
_SWAPS = Path("/proc/swaps")


class DockerSandbox:
    """Makes containers under one policy. Used by many worker threads at once."""

    def __init__(
        self,
        engine: Engine,
        limits: SandboxLimits,
        *,
        run: str,
        directory: Path,
        task_images: TaskImages | None = None,
        swebench: SweBench | None = None,
    ) -> None:
        """Args:
            engine: makes them.
            limits: of each.
            run: names the run on its containers.
            directory: the run's, whose disk must not fill up; need not exist yet.
            task_images: those that tasks bring along; none can be used unless given.
            swebench: limits of containers that are made of such.

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
        self._native = engine.is_local and runtime.startswith(NATIVE_RUNTIMES)
        engine_directory = engine_disk(engine, info)
        self._watched = [directory] if engine_directory is None else [directory, engine_directory]
        self._machine_swaps = _machine_swaps()
        self._task_images = task_images
        self._swebench = swebench or SweBench()
        self._images: dict[str, str] = {}
        self._sound: set[str] = set()
        """Prepared images whose repository was seen to be untouched as it is laid out."""
        self._live: set[str] = set()
        self._harnesses: set[LiveHarness] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    @contextmanager
    def container(self, spec: ContainerSpec) -> Generator[DockerContainer]:
        """Start a container and remove it when the context ends; see the port."""
        require_free_disk(self._watched, minimum_bytes=self._limits.minimum_free_bytes)
        with (
            self._image(spec) as image_id,
            leased_uids() as uids,
            self._running(self._config(spec, uids, image_id), name=_name(self._run, spec)) as inspected,
        ):
            container = self._confined(spec, uids, inspected)
            if spec.repository is not None:
                self._fill(container, image_id)
            yield container

    def _fill(self, container: DockerContainer, image_id: str) -> None:
        container.fill_repository()
        if image_id not in self._sound:
            container.require_untouched()
            self._sound.add(image_id)

    @contextmanager
    def harness(self, spec: HarnessSpec) -> Generator[LiveHarness]:
        """Let another program make containers for one grading; see the port."""
        require_free_disk(self._watched, minimum_bytes=self._limits.minimum_free_bytes)
        self._require_not_stopped()
        with (
            self._leased(spec.image) as image_id,
            live_harness(
                self.engine,
                spec,
                image_id=image_id,
                limits=self._limits,
                swebench=self._swebench,
                labels=self._labels(session=spec.session, kind="grading"),
                stopped=self._stop.is_set,
            ) as harness,
        ):
            with self._lock:
                self._harnesses.add(harness)
            try:
                yield harness
            finally:
                with self._lock:
                    self._harnesses.discard(harness)

    def abort(self) -> None:
        """Kill and remove every live container and start no more; called from any thread.

        Threads that are at work in one get a SandboxError.
        """
        self._stop.set()
        if self._task_images is not None:
            self._task_images.stop()
        with self._lock:
            live, harnesses = list(self._live), list(self._harnesses)
        for harness in harnesses:
            harness.remove()
        if live:
            with ThreadPoolExecutor(len(live), thread_name_prefix="dgm-abort") as pool:
                list(pool.map(self._remove, live))

    def close(self) -> None:
        """Remove whatever is still live and let go of the engine."""
        self.abort()
        self.engine.close()

    # --- start ---------------------------------------------------------------------------------------------------

    def _image(self, spec: ContainerSpec) -> AbstractContextManager[str]:
        if spec.repository is None:
            return nullcontext(self._image_id(spec.image))
        return self._prepared(spec, spec.repository)

    @contextmanager
    def _prepared(self, spec: ContainerSpec, repository: Repository) -> Generator[str]:
        with self._leased(spec.image) as image_id:
            yield prepared_image(
                self.engine, image_id, repository, running=lambda source: self._preparing(spec, source)
            )

    @contextmanager
    def _preparing(self, spec: ContainerSpec, source: str) -> Generator[str]:
        config = preparation_config(
            self._limits,
            image_id=source,
            seccomp=self._seccomp,
            labels=self._labels(session=spec.session, kind="preparation"),
            lifetime_s=2 * PREPARATION_TIMEOUT_S,
            added_bytes=self._swebench.workspace_bytes,
        )
        with self._running(config, name=_name(self._run, spec)) as inspected:
            yield inspected["Id"]

    def _leased(self, reference: str) -> AbstractContextManager[str]:
        if self._task_images is None:
            raise SandboxError(f"Image {reference} cannot be had: this sandbox uses no images of tasks.")
        return self._task_images.leased(reference)

    def _image_id(self, name: str) -> str:
        with self._lock:
            if name not in self._images:
                self._images[name] = require_image(self.engine, name)
            return self._images[name]

    def _config(self, spec: ContainerSpec, uids: Uids, image_id: str) -> Json:
        return container_config(
            spec,
            self._limits,
            uids=uids,
            image_id=image_id,
            seccomp=self._seccomp,
            labels=self._labels(session=spec.session, kind=spec.kind),
            workspace_bytes=self._swebench.workspace_bytes,
        )

    @contextmanager
    def _running(self, config: Json, *, name: str) -> Generator[Json]:
        """Start a container, give the engine's description of it, and remove it when the context ends."""
        new = self._create(config, name)
        try:
            yield self._started(new)
        finally:
            self._remove(new.id)

    def _create(self, config: Json, name: str) -> "_New":
        self._require_not_stopped()
        created = self.engine.create(config, name=name)
        with self._lock:
            self._live.add(created.id)
        new = _New(created.id, config, created.warnings)
        if self._stop.is_set():
            self._remove(new.id)
            self._require_not_stopped()
        return new

    def _started(self, new: "_New") -> Json:
        try:
            require_no_warnings(new.warnings, machine_swaps=self._machine_swaps)
            self.engine.start(new.id)
            inspected = self.engine.inspect(new.id)
        except SandboxError:
            self._require_not_stopped()
            raise
        require_applied(new.config["HostConfig"], inspected, machine_swaps=self._machine_swaps)
        return inspected

    def _confined(self, spec: ContainerSpec, uids: Uids, inspected: Json) -> DockerContainer:
        container, init = str(inspected["Id"]), int(inspected["State"]["Pid"])
        in_sight = self._native and belongs_to(init, container)
        if in_sight:
            require_confined(init, uid=host_uid(init, uids.keeper))
        target = Target(
            container=container,
            init=init,
            uids=uids,
            agent_host_uid=host_uid(init, uids.agent) if in_sight else uids.agent,
            in_sight=in_sight,
        )
        log.info("container %s started: image %s, uid %d", container[:12], spec.image, target.agent_host_uid)
        return DockerContainer(self.engine, target, stopped=self._stop.is_set, repository=spec.repository)

    def _labels(self, *, session: str, kind: str) -> dict[str, str]:
        return {
            Label.OURS: "1",
            Label.RUN: self._run,
            Label.SESSION: session,
            Label.KIND: kind,
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


def _machine_swaps() -> bool:
    try:
        return len(_SWAPS.read_text("ascii", "replace").splitlines()) > 1
    except OSError:
        return True
