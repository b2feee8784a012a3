"""The Docker engine as far as we use it: typed calls, and its faults turned into ours.

The docker SDK is typed loosely; what it answers is looked at here and nowhere else.
"""

import errno
import socket
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import kwargs_from_env
from requests.exceptions import RequestException

from dgm.boundary.text import safe_line
from dgm.core.errors import EngineUnavailableError, SandboxError
from dgm.sandbox.exec_stream import ExecStream

CALL_TIMEOUT_S = 60
_DEFAULT_HOST = "unix:///var/run/docker.sock"
# More connections than workers: streams hold one each while other calls go on beside them.
_POOLED_CONNECTIONS = 64
_CONFLICT = 409
_SHOWN_OF_A_REASON = 400

Json = Mapping[str, Any]
"""What the engine answers, as far as it is looked at."""


class GoneError(SandboxError):
    """The container, exec or image that was named does not exist any more."""


class NotRunningError(SandboxError):
    """The container is there but not in the state that the call needs."""


class Created(NamedTuple):
    """A new container that is not started yet."""

    id: str
    warnings: tuple[str, ...]


class ExecState(NamedTuple):
    """How far a command in a container is."""

    running: bool
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Image:
    """One image on the engine."""

    id: str
    tags: tuple[str, ...]
    size_bytes: int
    created: float
    """Seconds since 1970."""
    labels: Mapping[str, str]


class Engine:
    """A Docker engine that answered. Safe to use from many threads."""

    def __init__(self, client: docker.APIClient) -> None:
        self._client: Any = client
        self.is_local = client.base_url.startswith("http+docker://")
        """Whether it is reached over a unix socket, so that its processes and disk may be this machine's."""

    # --- the engine itself ---------------------------------------------------------------------------------------

    def version(self) -> Json:
        """Return the engine's versions."""
        with _faults("tell its version"):
            return self._client.version()

    def info(self) -> Json:
        """Return what the engine is and can limit."""
        with _faults("describe itself"):
            return self._client.info()

    def close(self) -> None:
        """Close pooled connections."""
        self._client.close()

    # --- containers ----------------------------------------------------------------------------------------------

    def create(self, config: Json, *, name: str) -> Created:
        """Create a container from a configuration as the engine's API takes it."""
        with _faults("create a container"):
            answer = self._client.create_container_from_config(config, name)
            return Created(answer["Id"], tuple(answer.get("Warnings") or ()))

    def start(self, container: str) -> None:
        """Start a created container."""
        with _faults("start a container"):
            self._client.start(container)

    def inspect(self, container: str) -> Json:
        """Return a container's configuration and state."""
        with _faults("inspect a container"):
            return self._client.inspect_container(container)

    def pause(self, container: str) -> None:
        """Freeze every process of a container."""
        with _faults("pause a container"):
            self._client.pause(container)

    def unpause(self, container: str) -> None:
        """Thaw a container."""
        with _faults("unpause a container"):
            self._client.unpause(container)

    def kill(self, container: str) -> None:
        """End every process of a container at once."""
        with _faults("kill a container"):
            self._client.kill(container, "SIGKILL")

    def remove(self, container: str) -> None:
        """Kill and remove a container."""
        with _faults("remove a container"):
            self._client.remove_container(container, v=True, force=True)

    def containers(self, *, label: str) -> list[Json]:
        """Return all containers with `label` (a key, or "key=value"), running or not."""
        with _faults("list containers"):
            return self._client.containers(all=True, filters={"label": label})

    def processes(self, container: str) -> list[tuple[int, int]]:
        """Return (pid, uid) of a container's processes, both as the engine's host numbers them."""
        with _faults("list a container's processes"):
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
        with _faults("prepare a command"):
            answer = self._client.exec_create(
                container, list(argv), stdin=stdin, user=user, workdir=directory, environment=dict(environment)
            )
            return answer["Id"]

    def exec_start(self, command: str) -> ExecStream:
        """Start a prepared command and return its open stream."""
        with _faults("start a command"):
            return ExecStream(self._client.exec_start(command, socket=True))

    def exec_state(self, command: str) -> ExecState:
        """Return whether a command still runs, and its exit code."""
        with _faults("inspect a command"):
            answer = self._client.exec_inspect(command)
            return ExecState(bool(answer["Running"]), answer["ExitCode"])

    # --- images --------------------------------------------------------------------------------------------------

    def image_id(self, tag: str) -> str | None:
        """Return the id (digest of its configuration) of the image that `tag` names, None if there is none."""
        try:
            with _faults("inspect an image"):
                return self._client.inspect_image(tag)["Id"]
        except GoneError:
            return None

    def images(self, *, label: str) -> list[Image]:
        """Return the images with `label`, newest first."""
        with _faults("list images"):
            found = self._client.images(filters={"label": label})
        images = [
            Image(
                id=image["Id"],
                tags=tuple(tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"),
                size_bytes=image["Size"],
                created=image["Created"],
                labels=dict(image.get("Labels") or {}),
            )
            for image in found
        ]
        return sorted(images, key=lambda image: -image.created)

    def pull(self, repository: str, tag: str) -> None:
        """Pull one image."""
        with _faults(f"pull {repository}:{tag}"):
            for line in self._client.pull(repository, tag=tag, stream=True, decode=True):
                if "error" in line:
                    raise SandboxError(f"The engine could not pull {repository}:{tag}: {_plain(str(line['error']))}.")

    def import_image(self, stream: Iterable[bytes], *, repository: str, tag: str) -> None:
        """Make an image of one layer from the bytes of a tar archive."""
        with _faults("import an image"):
            self._client.import_image_from_stream(stream, repository=repository, tag=tag)

    def build(
        self,
        directory: Path,
        *,
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        """Build the Dockerfile in `directory`; each line of the build's output goes to `say`.

        Raises:
            SandboxError: a step of it failed.
        """
        with _faults("build an image"):
            lines = self._client.build(
                path=str(directory),
                tag=tag,
                buildargs=dict(arguments),
                labels=dict(labels),
                network_mode="host",
                rm=True,
                forcerm=True,
                decode=True,
                # The SDK would bake a user's proxy settings into the build's environment.
                use_config_proxy=False,
            )
            for line in lines:
                if "error" in line:
                    raise SandboxError(f"The image {tag} could not be built: {_plain(str(line['error']))}.")
                for text in str(line.get("stream", "")).splitlines():
                    say(safe_line(text, max_chars=_SHOWN_OF_A_REASON))


def connect(*, timeout_s: int = CALL_TIMEOUT_S) -> Engine:
    """Return the engine that DOCKER_HOST names, else the one at the default socket.

    Raises:
        EngineUnavailableError: none answers, or it refuses this user.
    """
    try:
        settings = cast("dict[str, Any]", kwargs_from_env())
        _require_answer(str(settings.get("base_url", _DEFAULT_HOST)))
        client = docker.APIClient(**settings, version="auto", timeout=timeout_s, max_pool_size=_POOLED_CONNECTIONS)
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise EngineUnavailableError(_why_no_engine(error)) from error
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


_REMEDY = "start it (in a checkout, `scripts/engine` does), or set DOCKER_HOST to where one runs"


def _why_no_engine(error: BaseException) -> str:
    causes = list(_causes(error))
    if any(isinstance(cause, OSError) and cause.errno in {errno.EACCES, errno.EPERM} for cause in causes):
        return (
            "The Docker engine refuses this user: its socket may be used by root and by members of the group docker. "
            "Run `sudo usermod -aG docker $USER` and log in again, or run as root."
        )
    if any(isinstance(cause, OSError) and cause.errno in {errno.ENOENT, errno.ECONNREFUSED} for cause in causes):
        return f"No Docker engine answers; {_REMEDY}."
    return f"No Docker engine answers ({_plain(str(error))}); {_REMEDY}."


def _causes(error: BaseException) -> Generator[BaseException]:
    """Yield an exception with all that it was raised from or wraps; libraries nest them in their arguments."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [item.__cause__, item.__context__, *item.args, getattr(item, "reason", None)]


@contextmanager
def _faults(what: str) -> Generator[None]:
    """Turn what the SDK raises while the engine is to do `what` into errors of ours."""
    try:
        yield
    except (NotFound, ImageNotFound) as error:
        raise GoneError(f"The Docker engine could not {what}: {_reason(error)}.") from error
    except APIError as error:
        kind = NotRunningError if error.status_code == _CONFLICT else SandboxError
        raise kind(f"The Docker engine could not {what}: {_reason(error)}.") from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineUnavailableError(
            f"The Docker engine stopped answering when asked to {what}: {_plain(str(error))}."
        ) from error


def _reason(error: APIError) -> str:
    return _plain(str(error.explanation or error))


def _plain(text: str) -> str:
    """Return `text` as one printable line: an engine's message may quote what a container wrote."""
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:_SHOWN_OF_A_REASON].rstrip(".")
