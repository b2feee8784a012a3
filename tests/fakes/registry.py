"""A small OCI registry on 127.0.0.1, which Docker engines trust without TLS. It serves images of a few files.

with FakeRegistry() as registry:
    reference = registry.add("tiny/one", layers=[{"a": b"1"}])
    engine.pull(parse_reference(reference), ...)
"""

import gzip
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from dgm.boundary.tarball import pack_tar
from dgm.core.files import File

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
TOKEN = "planted-2c9d"  # noqa: S105
_BLOB = "application/octet-stream"

Files = Mapping[str, bytes]


@dataclass
class Hold:
    """Answers wait after their first bytes until `release` is set; `entered` is set when one does."""

    release: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)


@dataclass
class FakeRegistry:
    """What it serves, what it was asked, and how it misbehaves."""

    asks_for_token: bool = False
    is_oci: bool = False
    refusal: tuple[int, str] | None = None
    """Status and code of the error that every request for a manifest is answered with."""
    challenge: str | None = None
    """How a token is asked for; as it should be unless given."""
    manifest: bytes | None = None
    """Served instead of every manifest."""
    hold: Hold | None = None
    """For layers."""
    references: list[str] = field(default_factory=list[str])
    """Of all that was added."""
    asked: list[str] = field(default_factory=list[str])
    """Methods and paths, in order."""
    logins: list[str] = field(default_factory=list[str])
    """The values of all Authorization headers."""
    _answers: dict[str, tuple[str, bytes]] = field(default_factory=dict[str, tuple[str, bytes]])
    _layers: set[str] = field(default_factory=set[str])

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.hold is not None:
            self.hold.release.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        """Return what references begin with."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def add(
        self,
        repository: str,
        *,
        tag: str = "latest",
        layers: Sequence[Files],
        architecture: str = "amd64",
        listed_as: str | None = None,
    ) -> str:
        """Serve an image and return its reference.

        Args:
            repository: such as "tiny/one".
            tag: of the image.
            layers: the files of each, the lowest first.
            architecture: as its configuration says.
            listed_as: what a list of manifests says instead; there is no list unless given.
        """
        tars = [_tar(files) for files in layers]
        blobs = [self._blob(repository, gzip.compress(tar, mtime=0), is_layer=True) for tar in tars]
        configuration = {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": f"COPY {_digest(tar)} /"} for tar in tars],
        }
        config = self._blob(repository, json.dumps(configuration).encode(), is_layer=False)
        kinds = (OCI_MANIFEST, OCI_INDEX) if self.is_oci else (MANIFEST, LIST)
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kinds[0], "config": config, "layers": blobs}).encode()
        self._serve(repository, f"manifests/{_digest(manifest)}", kinds[0], manifest)
        kind = kinds[0]
        if listed_as is not None:
            platform = {"architecture": listed_as, "os": "linux"}
            entry = {"mediaType": kind, "digest": _digest(manifest), "size": len(manifest), "platform": platform}
            kind, manifest = (
                kinds[1],
                json.dumps({"schemaVersion": 2, "mediaType": kinds[1], "manifests": [entry]}).encode(),
            )
            self._serve(repository, f"manifests/{_digest(manifest)}", kind, manifest)
        self._serve(repository, f"manifests/{tag}", kind, manifest)
        self.references.append(f"{self.host}/{repository}:{tag}")
        return self.references[-1]

    def _blob(self, repository: str, content: bytes, *, is_layer: bool) -> dict[str, Any]:
        digest = _digest(content)
        self._serve(repository, f"blobs/{digest}", _BLOB, content)
        if is_layer:
            self._layers.add(f"/v2/{repository}/blobs/{digest}")
        docker = "application/vnd.docker"
        kind = f"{docker}.image.rootfs.diff.tar.gzip" if is_layer else f"{docker}.container.image.v1+json"
        if self.is_oci:
            oci = "application/vnd.oci.image"
            kind = f"{oci}.layer.v1.tar+gzip" if is_layer else f"{oci}.config.v1+json"
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def _serve(self, repository: str, path: str, kind: str, content: bytes) -> None:
        self._answers[f"/v2/{repository}/{path}"] = (kind, content)

    def answer(self, path: str, login: str) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of the answer to a request."""
        if path.startswith("/token"):
            return HTTPStatus.OK, {"Content-Type": "application/json"}, json.dumps({"token": TOKEN}).encode()
        if self.asks_for_token and login != f"Bearer {TOKEN}":
            realm = f'Bearer realm="http://{self.host}/token",service="fake",scope="repository:x:pull"'
            challenge = realm if self.challenge is None else self.challenge
            return HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": challenge}, _error("UNAUTHORIZED")
        if path == "/v2/":
            return HTTPStatus.OK, {}, b"{}"
        if "/manifests/" in path and self.refusal is not None:
            return self.refusal[0], {"Content-Type": "application/json"}, _error(self.refusal[1])
        if "/manifests/" in path and self.manifest is not None:
            return HTTPStatus.OK, {"Content-Type": MANIFEST}, self.manifest
        if path not in self._answers:
            return HTTPStatus.NOT_FOUND, {"Content-Type": "application/json"}, _error("MANIFEST_UNKNOWN")
        kind, content = self._answers[path]
        return HTTPStatus.OK, {"Content-Type": kind, "Docker-Content-Digest": _digest(content)}, content

    def waits_in(self, path: str) -> Hold | None:
        """Return what the body of an answer waits for, if for anything."""
        return self.hold if path in self._layers else None


def _handler_of(registry: FakeRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

        def _answer(self, *, with_body: bool) -> None:
            login = self.headers.get("Authorization", "")
            registry.asked.append(f"{self.command} {self.path}")
            if login:
                registry.logins.append(login)
            status, headers, body = registry.answer(self.path, login)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self._write(body, registry.waits_in(self.path))

        def _write(self, body: bytes, hold: Hold | None) -> None:
            try:
                if hold is not None:
                    self.wfile.write(body[:10])
                    hold.entered.set()
                    hold.release.wait()
                    body = body[10:]
                self.wfile.write(body)
            except OSError:  # whoever asked is gone
                self.close_connection = True

    return Handler


def contents_digest(files: Files) -> str:
    """Return the digest of a layer's contents, as configurations name it."""
    return _digest(_tar(files))


def _tar(files: Files) -> bytes:
    return pack_tar({path: File(content) for path, content in files.items()})


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _error(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
