"""The Docker engine as far as we use it: typed calls, and its faults turned into ours.

The docker SDK is typed loosely; what it answers is looked at here and nowhere else.
"""

import errno
import hashlib
import socket
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import docker
from docker.auth import (
    get_config_header,  # pyright: ignore[reportUnknownVariableType]
    resolve_repository_name,
)
from docker.errors import APIError, DockerException, ImageNotFound, NotFound, create_api_error_from_http_exception
from docker.utils import kwargs_from_env
from requests.exceptions import HTTPError, ReadTimeout, RequestException

from dgm.boundary.text import safe_line
from dgm.core.errors import EngineUnavailableError, SandboxError
from dgm.sandbox.exec_stream import ExecStream
from dgm.sandbox.pull_stream import PullStream, nothing_came
from dgm.sandbox.references import Reference

CALL_TIMEOUT_S = 60
_REMOVAL_S = 600
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


@dataclass(frozen=True, slots=True)
class StoredImage:
    """What one image on the engine is made of."""

    id: str
    architecture: str
    """As Go names it, such as "amd64"."""
    size_bytes: int
    contents: tuple[str, ...]
    """Digest of each layer's contents, the lowest first."""


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

    def written_bytes(self, *, label: str) -> dict[str, int]:
        """Return how much each container with `label` has written over its image; takes as long as it has files."""
        with _faults("measure containers"):
            found: list[Json] = self._client.containers(all=True, size=True, filters={"label": label})
            return {container["Id"]: int(container.get("SizeRw") or 0) for container in found}

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

    def stored_image(self, name: str) -> StoredImage | None:
        """Return what the image that `name` (a reference or a digest) names is, None if there is none."""
        try:
            with _faults("inspect an image"):
                found: Json = self._client.inspect_image(name)
        except GoneError:
            return None
        return StoredImage(
            id=found["Id"],
            architecture=found["Architecture"],
            size_bytes=found["Size"],
            contents=tuple(found["RootFS"].get("Layers") or ()),
        )

    def layer_bytes(self, image: str) -> dict[str, int]:
        """Return the size of each layer by a key that is the same in every image that shares the layer.

        Raises:
            GoneError: there is no such image.
        """
        with _faults("tell how an image was made"):
            steps: list[Json] = self._client.history(image)
        sizes: dict[str, int] = {}
        key = b""
        for step in reversed(steps):
            said = f"{step.get('Created')} {step.get('Size')} {step.get('CreatedBy')} {step.get('Comment')}"
            key = hashlib.sha256(key + said.encode()).digest()
            sizes[key.hex()] = int(step.get("Size") or 0)
        return sizes

    def remove_image(self, name: str) -> None:
        """Remove an image that no container and no other image needs; a reference is taken off one that has others.

        Raises:
            GoneError: there is no such image.
            NotRunningError: it is needed.
        """
        with _faults("remove an image"):
            # The SDK's own call has no patience of its own, and a large image on a slow disk takes some.
            response = self._client.delete(self._address(f"images/{quote(name, safe='/:@')}"), timeout=_REMOVAL_S)
            try:
                response.raise_for_status()
            except HTTPError as error:
                create_api_error_from_http_exception(error)

    def containers_of(self, image: str) -> list[str]:
        """Return the ids of all containers, running or not, of an image and of those that were made from it."""
        with _faults("list containers"):
            return [container["Id"] for container in self._client.containers(all=True, filters={"ancestor": image})]

    def pull(self, reference: Reference, *, silence_s: float) -> PullStream:
        """Begin to pull an image, with the user's `docker login` where there is one; it ends with the stream.

        The SDK's own call waits for ever on a registry that says nothing.
        """
        with _faults(f"pull {reference}"):
            login: bytes | None = get_config_header(self._client, resolve_repository_name(reference.name)[0])
            try:
                response = self._client.post(
                    self._address("images/create"),
                    params={"fromImage": reference.name, "tag": reference.version},
                    headers={"X-Registry-Auth": login} if login else {},
                    stream=True,
                    timeout=silence_s,
                )
            except ReadTimeout as error:
                raise nothing_came(reference.text, silence_s) from error
        return PullStream(reference.text, response, silence_s=silence_s)

    def _address(self, path: str) -> str:
        return f"{self._client.base_url}/v{self._client.api_version}/{path}"

    def image_config(self, image: str) -> Json:
        """Return what containers of an image are started with.

        Raises:
            GoneError: there is no such image.
        """
        with _faults("inspect an image"):
            return self._client.inspect_image(image)["Config"]

    def commit(self, container: str, *, tag: str, environment: Sequence[str], labels: Mapping[str, str]) -> None:
        """Make an image of what a container's files are now, with these variables and labels on top of its own."""
        repository, _, version = tag.rpartition(":")
        with _faults("commit a container"):
            config = {"Env": list(environment), "Labels": dict(labels)}
            self._client.commit(container, repository=repository, tag=version, conf=config)

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
