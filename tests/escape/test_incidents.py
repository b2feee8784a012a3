"""What happened to others, tried on us; `tests/unit/test_red_team.py` says which cases stand elsewhere."""

import ast
import json
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dgm.boundary.changes import parse_listing
from dgm.boundary.reports import READY, parse_report
from dgm.boundary.tarball import parse_tar
from dgm.config import SandboxLimits
from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec, Execution
from dgm.sandbox.engine import connect
from dgm.sandbox.examination_seen import Strained
from dgm.sandbox.examination_seen import parse_report as parse_examination
from dgm.sandbox.images import IMAGE_LABEL, ensure_image
from dgm.sandbox.policy import ENVIRONMENT, container_config, preparation_config
from dgm.sandbox.uids import Uids
from tests.docker_fixtures import IMAGE

ROOT = Path(__file__).parents[2]


# --- SWE-ReX: a reply from the container is resolved to any importable function on the host ---------------------------


class Touching:
    """Runs a command where somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (f"open({str(self._path)!r}, 'w')",)


def replies(mark: Path) -> dict[str, bytes]:
    named = {"module": "os", "class": "system", "args": [f"touch {mark}"], "__reduce__": ["os.system", "x"]}
    return {
        "an exception by its name": json.dumps({"_swerexception": named, **named}).encode(),
        "an object by its class": json.dumps({"py/object": "os.system", "__class__": "os.system", **named}).encode(),
        "a pickle": pickle.dumps(Touching(mark)),
        "a tag of YAML": f"!!python/object/apply:os.system ['touch {mark}']".encode(),
        "an expression": f"__import__('os').system('touch {mark}')".encode(),
        "a template": b"{{ ''.__class__.__mro__ }} %(x)s {0.__class__}",
    }


REPLIES = tuple(replies(Path("mark")))


@pytest.mark.parametrize("how", REPLIES)
@pytest.mark.attack("a reply that names code of the host")
def test_a_reply_of_a_container_is_parsed_and_never_resolved(tmp_path: Path, how: str) -> None:
    mark = tmp_path / "mark"
    reply = replies(mark)[how]
    with pytest.raises(HostileBytesError):
        parse_report(READY + reply + b"\n")
    with pytest.raises(HostileBytesError):
        parse_tar(reply)
    with pytest.raises(HostileBytesError):
        parse_listing(reply)
    said = Execution(exit_code=0, stdout=reply, stderr=b"", timed_out=False, truncated=False, seconds=0.0)
    with pytest.raises(SandboxError):
        parse_examination(said, Strained)
    assert not mark.exists()


RESOLVERS = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"}
RUNNERS = {"eval", "exec", "compile", "__import__"}


def resolvers(path: Path) -> Iterator[str]:
    """Yield what a module could turn bytes into code or files with."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.partition(".")[0] in RESOLVERS)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in RESOLVERS:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in RUNNERS:
                yield name
            case ast.Attribute(attr="import_module" | "unpack_archive" | "extractall" as name):
                yield name
            case _:
                pass


@pytest.mark.attack("a library of ours that turns bytes into code")
def test_no_module_of_ours_can_turn_bytes_into_code() -> None:
    found = {str(path.relative_to(ROOT)): list(resolvers(path)) for path in sorted((ROOT / "dgm").rglob("*.py"))}
    assert len(found) > 100
    assert {path: names for path, names in found.items() if names} == {}


# --- SICA: keys baked into images, the archive mounted to be written to -----------------------------------------------

SECRETS = {"OPENAI_API_KEY": "sk-planted-1", "ANTHROPIC_API_KEY": "sk-planted-2", "https_proxy": "http://u:p@proxy"}


@pytest.mark.docker
@pytest.mark.attack("a key that was baked into an image")
def test_no_image_of_ours_holds_a_variable_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with closing(connect()) as engine:
        ensure_image(engine, IMAGE, say=print)
        images = {image.id: engine.image_config(image.id) for image in engine.images(label=IMAGE_LABEL)}
    assert images
    told = json.dumps(list(images.values()))
    assert not any(word in told for word in (*SECRETS, *SECRETS.values()))


@pytest.mark.attack("a key in the variables of a container")
def test_no_container_is_told_a_variable_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    config = container_config(SPEC, SandboxLimits(), uids=UIDS, image_id="x", seccomp="{}", labels={})
    assert config["Env"] == [f"{name}={value}" for name, value in ENVIRONMENT.items()]


SPEC = ContainerSpec(IMAGE, "agent", SessionId("incident"), 60.0, Path("/somewhere"))
UIDS = Uids(10_000, 10_001)
PREPARATION = preparation_config(SandboxLimits(), image_id="x", seccomp="{}", labels={}, lifetime_s=60, added_bytes=0)
CONFIGS = {
    "agent": container_config(SPEC, SandboxLimits(), uids=UIDS, image_id="x", seccomp="{}", labels={}),
    "preparation": PREPARATION,
}


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.attack("writing to what is the host's, such as the archive")
def test_no_container_has_a_place_of_the_host_to_write_to(kind: str) -> None:
    options = CONFIGS[kind]["HostConfig"]
    assert not options.get("Binds")
    assert all(mount["ReadOnly"] for mount in options["Mounts"])
    assert {mount["Target"] for mount in options["Mounts"]} <= {"/gateway"}


# --- HyperAgents: containers in the host's network --------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.attack("the host's network")
def test_no_container_has_a_network(kind: str) -> None:
    config = CONFIGS[kind]
    assert (config["NetworkDisabled"], config["HostConfig"]["NetworkMode"]) == (True, "none")
