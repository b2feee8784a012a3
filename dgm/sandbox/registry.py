"""What registries say of images that are not here yet: architecture and compressed layers, asked without a login.

Docker Hub counts each manifest that is read as a pull, and without a login allows 100 of them in six hours: so it is
asked little.
Source: OCI Distribution Specification 1.1; https://distribution.github.io/distribution/spec/auth/token/.
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import requests
from pydantic import BaseModel, Field, ValidationError
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from dgm.boundary.text import safe_line
from dgm.core.errors import SandboxError
from dgm.sandbox.references import Reference

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_CONNECT_S, _SILENCE_S, _WHOLE_S = 4.0, 8.0, 15.0
_LARGEST_BYTES = 4 * 2**20
_MOST_LAYERS = 1_000
_CHUNK_BYTES = 64 * 2**10
_UNAUTHORISED = 401
_CHALLENGE = re.compile(r'(realm|service|scope)="([^"]*)"', re.IGNORECASE)
# As engines do: these alone are asked without TLS.
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)


class RegistryError(SandboxError):
    """A registry could not be asked, or what it said is not what it must be."""


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image at a registry."""

    architectures: tuple[str, ...]
    """That it is made for."""
    layers: Mapping[str, int]
    """Compressed bytes of each layer, by a key that images have in common with the layer and all below it; none where
    it is not made for the architecture that was asked for."""


class _Described(BaseModel):
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    size: int = Field(ge=0, le=2**50)


class _Platform(BaseModel):
    architecture: str
    os: str


class _Listed(_Described):
    platform: _Platform | None = None


class _Index(BaseModel):
    manifests: list[_Listed]


class _Manifest(BaseModel):
    config: _Described
    layers: list[_Described] = Field(max_length=_MOST_LAYERS)


class _Contents(BaseModel):
    diff_ids: list[str] = Field(max_length=_MOST_LAYERS)


class _Configuration(BaseModel):
    architecture: str
    rootfs: _Contents


class _Token(BaseModel):
    token: str = ""
    access_token: str = ""


def layer_keys(contents: tuple[str, ...]) -> tuple[str, ...]:
    """Return a key for each layer of an image, the same in every image that has the same layers up to it."""
    steps = accumulate(contents, lambda key, digest: hashlib.sha256(f"{key} {digest}".encode()).hexdigest(), initial="")
    return tuple(steps)[1:]


def remote_image(
    reference: Reference, *, architecture: str, clock: Callable[[], float] = time.monotonic
) -> RemoteImage:
    """Return what the registry of `reference` says of it.

    Args:
        reference: names it.
        architecture: which of its images is meant, where it is a list.
        clock: in seconds.
    Raises:
        RegistryError: see there.
    """
    with requests.Session() as session:
        return _Asking(session, reference, deadline=clock() + _WHOLE_S, clock=clock).image(architecture)


class _Asking:
    """Some requests about one image."""

    def __init__(
        self, session: requests.Session, reference: Reference, *, deadline: float, clock: Callable[[], float]
    ) -> None:
        self._session = session
        # Without it the requests would carry passwords of the user's .netrc.
        self._session.auth = lambda request: request
        self._reference = reference
        self._deadline = deadline
        self._clock = clock
        scheme = "http" if _LOOPBACK.fullmatch(reference.registry) else "https"
        self._address = f"{scheme}://{reference.registry}/v2/{reference.repository}"

    def image(self, architecture: str) -> RemoteImage:
        kind, body = self._got(f"manifests/{self._reference.version}", accept=(*_INDEXES, *_MANIFESTS))
        if kind in _INDEXES:
            listed = [
                entry for entry in self._read(_Index, body).manifests if entry.platform and entry.platform.os == "linux"
            ]
            found = {entry.platform.architecture: entry.digest for entry in reversed(listed) if entry.platform}
            if architecture not in found:
                return RemoteImage(tuple(found), {})
            _, body = self._got(f"manifests/{found[architecture]}", accept=_MANIFESTS)
        manifest = self._read(_Manifest, body)
        _, body = self._got(f"blobs/{manifest.config.digest}", accept=())
        configuration = self._read(_Configuration, body)
        keys = layer_keys(tuple(configuration.rootfs.diff_ids))
        if len(keys) != len(manifest.layers):
            raise self._fault("its layers do not fit its configuration")
        layers = {key: layer.size for key, layer in zip(keys, manifest.layers, strict=True)}
        made_for = configuration.architecture
        return RemoteImage((made_for,), layers if made_for == architecture else {})

    def _got(self, path: str, *, accept: tuple[str, ...]) -> tuple[str, bytes]:
        """Return a body with its kind, after getting a token where one is asked for."""
        headers = {"Accept": ", ".join(accept)} if accept else {}
        try:
            return self._body(f"{self._address}/{path}", headers)
        except _ChallengedError as challenge:
            self._session.headers["Authorization"] = f"Bearer {self._token(str(challenge))}"
        try:
            return self._body(f"{self._address}/{path}", headers)
        except _ChallengedError as error:
            raise self._fault("it shows the image only after a login") from error

    def _token(self, challenge: str) -> str:
        said: dict[str, str] = {name.lower(): value for name, value in _CHALLENGE.findall(challenge)}
        realm = urlsplit(said.pop("realm", ""))
        if not challenge.lower().startswith("bearer ") or (
            realm.scheme != "https" and not _LOOPBACK.fullmatch(realm.netloc)
        ):
            raise self._fault("it shows the image only after a login")
        try:
            _, body = self._body(f"{realm.geturl()}?{urlencode(said)}", {})
        except _ChallengedError as error:
            raise self._fault("it shows the image only after a login") from error
        token = self._read(_Token, body)
        return token.token or token.access_token

    def _body(self, url: str, headers: Mapping[str, str]) -> tuple[str, bytes]:
        if self._clock() > self._deadline:
            raise self._fault("it takes too long")
        try:
            with self._session.get(url, headers=headers, stream=True, timeout=(_CONNECT_S, _SILENCE_S)) as response:
                if response.status_code == _UNAUTHORISED:
                    raise _ChallengedError(response.headers.get("WWW-Authenticate", ""))
                if not response.ok:
                    raise self._fault(f"HTTP {response.status_code}")
                return response.headers.get("Content-Type", "").partition(";")[0].strip(), self._whole(response)
        except (RequestException, HTTPError, OSError, ValueError) as error:
            raise self._fault(safe_line(str(error), max_chars=200)) from error

    def _whole(self, response: requests.Response) -> bytes:
        body = bytearray()
        while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += piece
            if len(body) > _LARGEST_BYTES:
                raise self._fault("it says too much")
            if self._clock() > self._deadline:
                raise self._fault("it takes too long")
        return bytes(body)

    def _read(self, model: type[Model], body: bytes) -> Model:
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise self._fault("what it says is no image") from error

    def _fault(self, why: str) -> RegistryError:
        return RegistryError(f"The registry could not be asked about image {self._reference}: {why}.")


class _ChallengedError(Exception):
    """A registry asked for a token; the message is how to get one."""
