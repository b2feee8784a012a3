"""Containers that a benchmark's own grading program makes, under options of ours."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dgm.config import SandboxLimits, SweBench
from dgm.core.errors import InfrastructureError, SandboxError
from dgm.core.ports import HarnessSpec
from dgm.sandbox.engine import Engine
from dgm.sandbox.policy import seccomp_profile
from dgm.sandbox.removal import remove_container

log = logging.getLogger(__name__)

_TOKEN = "dgm.harness"  # noqa: S105
"""Label whose value no other grading has: sessions are done again, and other runs have sessions of the same name."""
_LOOK_EVERY_S = 2.0
_STOP_WITHIN_S = 0.2
_ENGINE_VARIABLES = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
# Official results were recorded by a root whom neither owners nor modes of files bind, and tests ask for that.
_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID")
# Without a network no other name of the machine is known to the resolver.
_HOSTNAME = "localhost"
_ENVIRONMENT = {
    # So that `pip install -e .` works without a network: nothing is looked up, and the build uses what is installed.
    # "0" is how pip is told so; it reads the variable as the opposite of its name.
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",
}


class LiveHarness:
    """The containers of one grading; implements `dgm.core.ports.HarnessContainers`."""

    def __init__(self, engine: Engine, *, image_id: str, options: Mapping[str, object], token: str) -> None:
        self.image_id = image_id
        self.options = options
        self.environment = engine_environment()
        self.overrun = ""
        self._engine = engine
        self._label = f"{_TOKEN}={token}"

    def remove(self) -> None:
        """Remove all its containers; one that cannot be removed now is left to `dgm gc`."""
        try:
            for container in self._engine.containers(label=self._label):
                remove_container(self._engine, container["Id"])
        except InfrastructureError as error:
            log.warning("containers with %s are left to `dgm gc`: %s", self._label, error)

    def look(self, *, disk_bytes: int) -> None:
        """End its containers when they have written too much."""
        try:
            written = sum(self._engine.written_bytes(label=self._label).values())
        except SandboxError:
            return  # one of them is being made or removed; the next look tells
        if written > disk_bytes and not self.overrun:
            self.overrun = f"it wrote more than {disk_bytes // 2**20:,} MiB to its container's disk"
            self.remove()


@contextmanager
def live_harness(
    engine: Engine,
    spec: HarnessSpec,
    *,
    image_id: str,
    limits: SandboxLimits,
    swebench: SweBench,
    labels: Mapping[str, str],
    stopped: Callable[[], bool],
) -> Generator[LiveHarness]:
    """Let another program make containers for one grading, watch them, and remove them at the end.

    Raises:
        SandboxError: `stopped` came true meanwhile, so that whatever was found says nothing.
    """
    token = secrets.token_hex(8)
    labelled = {"labels": {**labels, _TOKEN: token}}
    options = labelled if spec.stock else {**hardened_options(limits, lifetime_s=spec.lifetime_s), **labelled}
    harness = LiveHarness(engine, image_id=image_id, options=options, token=token)
    done = threading.Event()

    def watch() -> None:
        waited_s = 0.0
        while not done.wait(_STOP_WITHIN_S):
            waited_s += _STOP_WITHIN_S
            if stopped():
                # Again and again: the program may make one more.
                harness.remove()
            elif waited_s >= _LOOK_EVERY_S and not spec.stock:
                harness.look(disk_bytes=swebench.disk_bytes)
                waited_s = 0.0

    watcher = threading.Thread(target=watch, name="dgm-harness-watch", daemon=True)
    watcher.start()
    try:
        yield harness
        if stopped():
            raise SandboxError("The sandbox was stopped, and its containers with it.")
    finally:
        done.set()
        watcher.join()
        harness.remove()


def hardened_options(limits: SandboxLimits, *, lifetime_s: float) -> dict[str, object]:
    """Return keyword arguments of the docker SDK's `containers.create`, as far as the tests of official images allow.

    Unlike an agent's, such a container has a writable root file system and runs the tests as root, as they expect it.
    """
    options: dict[str, object] = {
        # PID 1 is the dead-man timer.
        "entrypoint": ["sleep"],
        "command": [str(max(1, round(lifetime_s)))],
        "hostname": _HOSTNAME,
        "environment": _ENVIRONMENT,
        "healthcheck": {"test": ["NONE"]},
        "stop_signal": "SIGKILL",
        "network_mode": "none",
        "ipc_mode": "private",
        "cgroupns": "private",
        "privileged": False,
        "cap_drop": ["ALL"],
        "cap_add": list(_CAPABILITIES),
        "security_opt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
        "init": True,
        "mem_limit": limits.memory_bytes,
        "memswap_limit": limits.memory_bytes,
        "pids_limit": limits.pids,
        "nano_cpus": round(limits.cpus * 10**9),
        "ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
        "oom_score_adj": 1000,
        "log_config": {"Type": "none"},
    }
    return options if limits.runtime is None else {**options, "runtime": limits.runtime}


def engine_environment() -> dict[str, str]:
    """Return the variables that tell a program where the engine is, and nothing else of ours."""
    found = {name: os.environ[name] for name in _ENGINE_VARIABLES if os.environ.get(name)}
    if "DOCKER_TLS_VERIFY" in found:
        # The program has another home directory.
        found.setdefault("DOCKER_CERT_PATH", str(Path.home() / ".docker"))
    return found
