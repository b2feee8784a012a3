"""The Docker engine as far as we use it: how it is reached, and typed calls for containers and commands in them.

The docker SDK is typed loosely; what it answers is looked at here and in `dgm.sandbox.engine_images`, nowhere else.
"""

import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import docker
from docker.errors import DockerException
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from dgm.core.errors import EngineUnavailableError
from dgm.sandbox.engine_answers import Json, faults, why_no_engine
from dgm.sandbox.engine_images import EngineImages
from dgm.sandbox.exec_stream import ExecStream

_CALL_TIMEOUT_S = 60
_DEFAULT_HOST = "unix:///var/run/docker.sock"
# More connections than workers: streams hold one each while other calls go on beside them.
_POOLED_CONNECTIONS = 64


class Created(NamedTuple):
    """A new container that is not started yet."""

    id: str
    warnings: tuple[str, ...]


class ExecState(NamedTuple):
    """How far a command in a container is."""

    running: bool
    exit_code: int | None


class Engine(EngineImages):
    """A Docker engine that answered. Safe to use from many threads."""

    def __init__(self, client: docker.APIClient) -> None:
        super().__init__(client)
        self.is_local = client.base_url.startswith("http+docker://")
        """Whether it is reached over a unix socket, so that its processes and disk may be this machine's."""

    # --- the engine itself ---------------------------------------------------------------------------------------

    def version(self) -> Json:
        """Return the engine's versions."""
        with faults("tell its version"):
            return self._client.version()

    def info(self) -> Json:
        """Return what the engine is and can limit."""
        with faults("describe itself"):
            return self._client.info()

    def identity(self) -> str:
        """Return what tells this engine from others; the same after it was started again."""
        return str(self.info().get("ID", ""))

    def architecture(self) -> str:
        """Return its machine's, as Go names it and as images name theirs, such as "amd64"."""
        return str(self.version()["Arch"])

    def close(self) -> None:
        """Close pooled connections."""
        self._client.close()

    # --- containers ----------------------------------------------------------------------------------------------

    def create(self, config: Json, *, name: str) -> Created:
        """Create a container from a configuration as the engine's API takes it."""
        with faults("create a container"):
            answer = self._client.create_container_from_config(config, name)
            return Created(answer["Id"], tuple(answer.get("Warnings") or ()))

    def start(self, container: str) -> None:
        """Start a created container."""
        with faults("start a container"):
            self._client.start(container)

    def inspect(self, container: str) -> Json:
        """Return a container's configuration and state."""
        with faults("inspect a container"):
            return self._client.inspect_container(container)

    def pause(self, container: str) -> None:
        """Freeze every process of a container."""
        with faults("pause a container"):
            self._client.pause(container)

    def unpause(self, container: str) -> None:
        """Thaw a container."""
        with faults("unpause a container"):
            self._client.unpause(container)

    def kill(self, container: str) -> None:
        """End every process of a container at once."""
        with faults("kill a container"):
            self._client.kill(container, "SIGKILL")

    def remove(self, container: str) -> None:
        """Kill and remove a container."""
        with faults("remove a container"):
            self._client.remove_container(container, v=True, force=True)

    def containers(self, *, label: str) -> list[Json]:
        """Return all containers with `label` (a key, or "key=value"), running or not."""
        with faults("list containers"):
            return self._client.containers(all=True, filters={"label": label})

    def written_bytes(self, *, label: str) -> dict[str, int]:
        """Return how much each container with `label` has written over its image; takes as long as it has files."""
        with faults("measure containers"):
            found: list[Json] = self._client.containers(all=True, size=True, filters={"label": label})
            return {container["Id"]: int(container.get("SizeRw") or 0) for container in found}

    def processes(self, container: str) -> list[tuple[int, int]]:
        """Return (pid, uid) of a container's processes, both as the engine's host numbers them."""
        with faults("list a container's processes"):
            answer: Json = self._client.top(container, ps_args="-eo pid,uid")
            rows: list[list[str]] = answer["Processes"] or []
            return [(int(row[0]), int(row[1])) for row in rows]

    # --- commands in containers ----------------------------------------------------------------------------------

    def exec_create(
        self,
        container: str,
        argv: Sequence[str],
        *,
        user: str,
        directory: str,
        environment: Mapping[str, str],
        stdin: bool,
    ) -> str:
        """Prepare a command and return its id."""
        with faults("prepare a command"):
            answer = self._client.exec_create(
                container, list(argv), stdin=stdin, user=user, workdir=directory, environment=dict(environment)
            )
            return answer["Id"]

    def exec_start(self, command: str) -> ExecStream:
        """Start a prepared command and return its open stream."""
        with faults("start a command"):
            return ExecStream(self._client.exec_start(command, socket=True))

    def exec_state(self, command: str) -> ExecState:
        """Return whether a command still runs, and its exit code."""
        with faults("inspect a command"):
            answer = self._client.exec_inspect(command)
            return ExecState(bool(answer["Running"]), answer["ExitCode"])


def connect(*, timeout_s: int = _CALL_TIMEOUT_S) -> Engine:
    """Return the engine that DOCKER_HOST names, else the one at the default socket.

    Raises:
        EngineUnavailableError: none answers, or it refuses this user.
    """
    try:
        settings = cast("dict[str, Any]", kwargs_from_env())
        _require_answer(str(settings.get("base_url", _DEFAULT_HOST)))
        client = docker.APIClient(**settings, version="auto", timeout=timeout_s, max_pool_size=_POOLED_CONNECTIONS)
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise EngineUnavailableError(why_no_engine(error)) from error
    return Engine(client)


def _require_answer(host: str) -> None:
    """Connect to a local engine once: where nobody answers, the SDK would leave its socket open."""
    if host.startswith("ssh://"):
        raise EngineUnavailableError(
            "DOCKER_HOST names an engine over ssh, which is not supported; forward it to a unix socket."
        )
    scheme, _, path = host.partition("://")
    if scheme in {"unix", "http+unix"}:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect("/" + path.lstrip("/"))
