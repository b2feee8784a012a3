"""Images with a repository each, as harsh as any that agents could be given."""

import hashlib
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dgm.config import SandboxLimits, SweBench
from dgm.core.files import File
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.core.tasks import Repository
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_store import ImageStore
from dgm.sandbox.reaper import collect_garbage
from dgm.sandbox.task_images import TaskImages
from tests.docker_fixtures import RUN
from tests.fakes.histories import Git, plant_later_history, with_base_history
from tests.fakes.instances import LABEL, ensured_base

DIRECTORY = "/testbed"
README = File(b"# mill\n\nGrinds.\n")
CORE = File(b"def ground(grain):\n    return grain\n")
LATER_CORE = File(b"def ground(grain):\n    return grain * 2\n")
FILES = {
    "README.md": README,
    ".gitignore": File(b"/build/\n*.log\n"),
    "setup.cfg": File(b"[metadata]\nname = mill\n"),
    "mill/__init__.py": File(b""),
    "mill/core.py": CORE,
    "mill/stones/upper.txt": File(b"turns\n"),
    "mill/stones/lower.txt": File(b"rests\n"),
    "tests/test_core.py": File(b"import mill\n"),
    "kept.log": File(b"tracked, although it is ignored\n"),
    "wörter und mehr.txt": File("Müller\n".encode()),
    "run.sh": File(b"#!/bin/sh\n"),
}
# Some images look for programs in the repository, as those of JavaScript's do in node_modules.
_DOCKERFILE = "ARG BASE\nFROM ${BASE}\nCOPY testbed /testbed\nENV PATH=/testbed:/usr/local/bin:/usr/bin:/bin\n"


@dataclass(frozen=True, slots=True)
class RepositoryImage:
    """An image, and what its repository held when it was made."""

    reference: str
    repository: Repository
    reachable: frozenset[str]
    """Ids of the objects that the base commit reaches."""
    later: frozenset[str]
    """Those of all others."""

    def spec(self, session: str) -> ContainerSpec:
        """Return what an agent's container is for."""
        return ContainerSpec(self.reference, "agent", SessionId(session), 120.0, repository=self.repository)


def stocked_image(engine: Engine) -> RepositoryImage:
    """Return an image with all that may be found in one: links, submodules, left-overs, a future told in many ways."""
    return _built(engine, "stocked", _stocked)


def shallow_image(engine: Engine) -> RepositoryImage:
    """Return an image whose repository was cloned to a depth of two commits."""
    return _built(engine, "shallow", _shallow)


def image_with_a_volume(engine: Engine) -> RepositoryImage:
    """Return an image that asks for a volume."""
    return _built(engine, "volume", _shallow, dockerfile=_DOCKERFILE + "VOLUME /spool\n")


def variant(engine: Engine, image: RepositoryImage, *, mark: str) -> RepositoryImage:
    """Return an image of another digest that holds the same."""
    tag = f"dgm-tests/repository-variant:{mark}"
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
        engine.build(Path(place), tag=tag, arguments={"BASE": image.reference}, labels={LABEL: mark}, say=_quiet)
    return RepositoryImage(tag, image.repository, image.reachable, image.later)


@contextmanager
def repository_sandbox(*, workspace_bytes: int = SweBench().workspace_bytes) -> Generator[DockerSandbox]:
    """Return a sandbox that may use images of tasks; afterwards no container of it is left."""
    engine = connect()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        store = ImageStore(engine, ImageLedger(engine.identity(), cache=place))
        images = TaskImages(engine, quota_bytes=2**50, say=_quiet, pin=_no_pin, store=store)
        settings = SweBench().model_copy(update={"workspace_bytes": workspace_bytes})
        sandbox = DockerSandbox(
            engine, SandboxLimits(), run=RUN, directory=place, task_images=images, swebench=settings
        )
        try:
            yield sandbox
        finally:
            sandbox.abort()
            collect_garbage(engine, everything=True, run=RUN)
            sandbox.close()


def opened(sandbox: DockerSandbox, image: RepositoryImage, session: str) -> AbstractContextManager[DockerContainer]:
    """Return a container with the image's repository."""
    return sandbox.container(image.spec(session))


def _built(
    engine: Engine, name: str, make: Callable[[Path], tuple[Git, str]], *, dockerfile: str = _DOCKERFILE
) -> RepositoryImage:
    base = ensured_base(engine)
    with tempfile.TemporaryDirectory() as place:
        git, commit = make(Path(place))
        reachable = frozenset(line.split()[0] for line in git.run("rev-list", "--objects", commit).splitlines())
        listed = git.run("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        sources = [Path(__file__), Path(__file__).with_name("histories.py")]
        recipe = hashlib.sha256(b"".join(source.read_bytes() for source in sources) + (base + dockerfile).encode())
        tag = f"dgm-tests/repository-{name}:{recipe.hexdigest()[:12]}"
        if engine.image_id(tag) is None:
            (Path(place) / "Dockerfile").write_text(dockerfile)
            engine.build(Path(place), tag=tag, arguments={"BASE": base}, labels={LABEL: name}, say=_quiet)
    return RepositoryImage(tag, Repository(DIRECTORY, commit), reachable, frozenset(listed.split()) - reachable)


def _stocked(place: Path) -> tuple[Git, str]:
    git = Git(place / "testbed")
    with_base_history(git, {path: file for path, file in FILES.items() if path != "kept.log"})
    root = git.directory
    (root / "kept.log").write_bytes(FILES["kept.log"].content)
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("README.md")
    # A submodule that is not there yet; its commit is no object of this repository.
    (root / "vendored").mkdir()
    git.run("update-index", "--add", "--cacheinfo", f"160000,{'5' * 40},vendored")
    git.run("add", "--force", "kept.log")
    base = git.commit("Bring tools", {})
    plant_later_history(git, {"mill/core.py": LATER_CORE})
    (root / "vendored").rmdir()
    for name in ("vendored", "third"):
        Git(root / name).commit("Begin", {"inner.py": File(name.encode())})
    (root / "mill.egg-info").mkdir()
    (root / "mill.egg-info" / "PKG-INFO").write_text("Name: mill\n")
    (root / "setup.cfg").write_text("[metadata]\nname = mill\nversion = 1\n")
    (root / "mill" / "stones" / "lower.txt").chmod(0o600)
    return git, base


def _shallow(place: Path) -> tuple[Git, str]:
    source = Git(place / "source")
    with_base_history(source, FILES)
    base = source.commit("Last", {"last.txt": File(b"last\n")})
    source.commit("After it", {"after.txt": File(b"after\n")})
    git = Git(place / "testbed")
    git.run("fetch", "--quiet", "--depth", "3", f"file://{source.directory}", "main")
    git.run("reset", "--quiet", "--hard", base)
    return git, base


def _quiet(line: str) -> None:
    del line


def _no_pin(reference: str, digest: str) -> None:
    del reference, digest
