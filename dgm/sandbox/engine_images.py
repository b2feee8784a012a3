"""Images on the Docker engine: which are there, what they are made of, and how they come and go."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docker
from docker.auth import (
    get_config_header,  # pyright: ignore[reportUnknownVariableType]
    resolve_repository_name,
)
from docker.errors import create_api_error_from_http_exception
from requests.exceptions import HTTPError, ReadTimeout

from dgm.boundary.text import safe_line
from dgm.core.errors import SandboxError
from dgm.sandbox.engine_answers import SHOWN_OF_A_REASON, GoneError, Json, faults, plain
from dgm.sandbox.pull_stream import PullStream, nothing_came
from dgm.sandbox.references import Reference

_REMOVAL_S = 600


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


class EngineImages:
    """What an engine is asked and told about images."""

    def __init__(self, client: docker.APIClient) -> None:
        self._client: Any = client

    def image_id(self, tag: str) -> str | None:
        """Return the id (digest of its configuration) of the image that `tag` names, None if there is none."""
        try:
            with faults("inspect an image"):
                return self._client.inspect_image(tag)["Id"]
        except GoneError:
            return None

    def images(self, *, label: str) -> list[Image]:
        """Return the images with `label`, newest first."""
        with faults("list images"):
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
            with faults("inspect an image"):
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
        with faults("tell how an image was made"):
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
        with faults("remove an image"):
            # The SDK's own call has no patience of its own, and a large image on a slow disk takes some.
            response = self._client.delete(self._address(f"images/{quote(name, safe='/:@')}"), timeout=_REMOVAL_S)
            try:
                response.raise_for_status()
            except HTTPError as error:
                create_api_error_from_http_exception(error)

    def containers_of(self, image: str) -> list[str]:
        """Return the ids of all containers, running or not, of an image and of those that were made from it."""
        with faults("list containers"):
            return [container["Id"] for container in self._client.containers(all=True, filters={"ancestor": image})]

    def pull(self, reference: Reference, *, silence_s: float) -> PullStream:
        """Begin to pull an image, with the user's `docker login` where there is one; it ends with the stream.

        The SDK's own call waits for ever on a registry that says nothing.
        """
        with faults(f"pull {reference}"):
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

    def image_config(self, image: str) -> Json:
        """Return what containers of an image are started with.

        Raises:
            GoneError: there is no such image.
        """
        with faults("inspect an image"):
            return self._client.inspect_image(image)["Config"]

    def commit(self, container: str, *, tag: str, environment: Sequence[str], labels: Mapping[str, str]) -> None:
        """Make an image of what a container's files are now, with these variables and labels on top of its own."""
        repository, _, version = tag.rpartition(":")
        with faults("commit a container"):
            config = {"Env": list(environment), "Labels": dict(labels)}
            self._client.commit(container, repository=repository, tag=version, conf=config)

    def import_image(self, stream: Iterable[bytes], *, repository: str, tag: str) -> None:
        """Make an image of one layer from the bytes of a tar archive."""
        with faults("import an image"):
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
        with faults("build an image"):
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
                    raise SandboxError(f"The image {tag} could not be built: {plain(str(line['error']))}.")
                for text in str(line.get("stream", "")).splitlines():
                    say(safe_line(text, max_chars=SHOWN_OF_A_REASON))

    def _address(self, path: str) -> str:
        return f"{self._client.base_url}/v{self._client.api_version}/{path}"
