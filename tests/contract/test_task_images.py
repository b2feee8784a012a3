"""Tasks' images on a real engine, pulled from a registry of our own: by several processes, interrupted, and removed.

Every image here is named after that registry, and what is known of images is kept in a directory of the test's: so
nothing else on the engine can be taken for ours.
"""

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import docker
import pytest

from dgm.core.errors import SandboxError
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_store import ImageStore
from dgm.sandbox.repositories import NAME, SOURCE_LABEL
from dgm.sandbox.task_images import TaskImages
from tests.fakes.registry import FakeRegistry, Hold

pytestmark = pytest.mark.docker

MEGABYTE = 10**6
ROOT = Path(__file__).parents[2]


@dataclass
class Setting:
    """A registry, an engine, and what is known of images."""

    engine: Engine
    registry: FakeRegistry
    cache: Path
    said: list[str] = field(default_factory=list[str])

    @property
    def store(self) -> ImageStore:
        return ImageStore(self.engine, ImageLedger(self.engine.identity(), cache=self.cache))

    def images(self, *, quota: int = 10_000 * MEGABYTE, silence_s: float = 60.0) -> TaskImages:
        return TaskImages(
            self.engine,
            quota_bytes=quota,
            say=self.said.append,
            pin=lambda _reference, _digest: None,
            store=self.store,
            silence_s=silence_s,
        )

    def serve(
        self, name: str, *, kilobytes: int = 10, architecture: str = "amd64", listed_as: str | None = None
    ) -> str:
        """Serve an image that the engine cannot have yet, and return its reference."""
        layer = {"content": secrets.token_bytes(kilobytes * 1_000)}
        return self.registry.add(f"dgm-tests/{name}", layers=[layer], architecture=architecture, listed_as=listed_as)

    def use(self, *references: str, quota: int = 10_000 * MEGABYTE) -> None:
        images = self.images(quota=quota)
        for reference in references:
            with images.leased(reference):
                pass

    def there(self, *references: str) -> list[bool]:
        return [self.engine.stored_image(reference) is not None for reference in references]


@pytest.fixture
def setting(tmp_path: Path) -> Generator[Setting]:
    engine = connect()
    with FakeRegistry() as registry:
        found = Setting(engine, registry, tmp_path)
        try:
            yield found
        finally:
            for reference in registry.references:
                image = engine.stored_image(reference)
                if image is not None:
                    engine.remove_image(reference)
            engine.close()


@pytest.fixture
def sdk() -> Generator[Any]:
    client = docker.APIClient()
    yield client
    client.close()


# --- pulls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asks_for_token", [False, True])
def test_an_image_is_pulled_once_and_then_used_without_a_registry(setting: Setting, asks_for_token: bool) -> None:
    setting.registry.asks_for_token = asks_for_token
    reference = setting.serve("one")
    with setting.images().leased(reference) as digest:
        assert setting.engine.image_id(reference) == digest
    asked = len(setting.registry.asked)
    with setting.images().leased(reference) as again:
        assert again == digest
    assert len(setting.registry.asked) == asked
    assert setting.said == [f"Pulling {reference}."]
    (image,) = setting.store.images()
    assert (image.id, image.pulled, image.size_bytes) == (digest, (reference,), 10_000)


def test_an_image_that_the_registry_does_not_have_is_one_sentence(setting: Setting) -> None:
    with pytest.raises(SandboxError, match=r"/none could not be pulled: its registry has none of that name"):
        setting.use(f"{setting.registry.host}/dgm-tests/none")


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (429, "TOOMANYREQUESTS", "allows no more pulls for now; `docker login` allows more"),
        (403, "DENIED", "shows it only after `docker login`"),
    ],
)
def test_a_registry_that_refuses_is_one_sentence(setting: Setting, status: int, code: str, says: str) -> None:
    reference = setting.serve("one")
    setting.registry.refusal = (status, code)
    with pytest.raises(SandboxError, match=says) as raised:
        setting.use(reference)
    assert str(raised.value).count("\n") == 0


def test_a_registry_that_is_out_of_reach_is_one_sentence(setting: Setting) -> None:
    with FakeRegistry() as gone:
        reference = gone.add("dgm-tests/one", layers=[{}])
    with pytest.raises(SandboxError, match="the engine cannot reach its registry"):
        setting.use(reference)


def test_an_image_that_is_listed_for_other_machines_is_not_downloaded(setting: Setting) -> None:
    reference = setting.serve("one", architecture="s390x", listed_as="s390x")
    with pytest.raises(SandboxError, match="not made for the engine's architecture"):
        setting.use(reference)
    assert not any("/blobs/" in request for request in setting.registry.asked)


def test_an_image_for_another_machine_is_refused(setting: Setting) -> None:
    reference = setting.serve("one", architecture="s390x")
    with pytest.raises(SandboxError, match="is made for s390x, and the Docker engine's machine is"):
        setting.use(reference)


def test_a_pull_that_says_nothing_for_too_long_is_given_up(setting: Setting) -> None:
    reference = setting.serve("one")
    setting.registry.hold = Hold()
    with pytest.raises(SandboxError, match="nothing came for"), setting.images(silence_s=0.5).leased(reference):
        pytest.fail("it was used")
    assert (setting.store.images(), setting.there(reference)) == ([], [False])


def test_a_pull_that_waits_is_ended_when_everything_is_stopped(setting: Setting) -> None:
    reference = setting.serve("one")
    hold = setting.registry.hold = Hold()
    images = setting.images()

    def use() -> None:
        with images.leased(reference):
            pytest.fail("it was used")

    with ThreadPoolExecutor(1) as pool:
        using = pool.submit(use)
        assert hold.entered.wait(60)
        images.stop()
        error = using.exception(timeout=60)
    assert isinstance(error, SandboxError)
    assert "everything was stopped" in str(error)
    with pytest.raises(SandboxError, match="everything was stopped"), images.leased(reference):
        pass


PULLER = """
import sys
from pathlib import Path
from dgm.sandbox.engine import connect
from dgm.sandbox.image_ledger import ImageLedger
from dgm.sandbox.image_store import ImageStore
from dgm.sandbox.task_images import TaskImages
cache, reference = sys.argv[1:]
engine = connect()
store = ImageStore(engine, ImageLedger(engine.identity(), cache=Path(cache)))
images = TaskImages(engine, quota_bytes=10**12, say=lambda text: None, pin=lambda name, digest: None, store=store)
with images.leased(reference):
    print("leased", flush=True)
    sys.stdin.read()
"""


def puller(setting: Setting, reference: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PULLER, str(setting.cache), reference],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_process_that_is_killed_while_it_pulls_leaves_nothing_claimed(setting: Setting) -> None:
    reference = setting.serve("one")
    hold = setting.registry.hold = Hold()
    with puller(setting, reference) as process:
        assert hold.entered.wait(60)
        process.kill()
    assert setting.store.ledger.rows() == {}
    hold.release.set()
    setting.registry.hold = None
    setting.use(reference)
    assert [image.pulled for image in setting.store.images()] == [(reference,)]


# --- quota -------------------------------------------------------------------------------------------------------


def test_images_that_were_not_used_for_longest_are_removed(setting: Setting) -> None:
    references = [setting.serve(name, kilobytes=400) for name in ("one", "two", "three")]
    setting.use(*references[:2], references[0])
    setting.use(references[2], quota=MEGABYTE)
    assert setting.there(*references) == [True, False, True]


def test_what_is_not_dgms_stays(setting: Setting, sdk: Any) -> None:
    theirs, reference, other = setting.serve("theirs"), setting.serve("one"), setting.serve("two")
    sdk.pull(theirs)
    setting.use(theirs, reference)
    setting.use(other, quota=0)
    assert setting.there(theirs, reference, other) == [True, False, True]


def test_what_was_made_of_an_image_goes_with_it(setting: Setting, sdk: Any) -> None:
    reference, other = setting.serve("one"), setting.serve("two")
    setting.use(reference)
    tag = f"{NAME}:test-{secrets.token_hex(6)}"
    source, made = derived(sdk, setting.engine, reference, tag)
    (image,) = setting.store.images()
    assert (image.id, image.prepared, image.size_bytes) == (source, (made,), 10_000)
    setting.use(other, quota=0)
    assert setting.there(reference, tag, other) == [False, False, True]


def test_an_image_with_a_container_that_never_ran_stays(setting: Setting, sdk: Any) -> None:
    reference, other = setting.serve("one"), setting.serve("two")
    setting.use(reference)
    container = sdk.create_container(reference, ["/none"])["Id"]
    try:
        setting.use(other, quota=0)
        assert setting.there(reference, other) == [True, True]
    finally:
        sdk.remove_container(container)


def test_an_image_that_another_process_uses_stays(setting: Setting) -> None:
    reference, other, third = setting.serve("one"), setting.serve("two"), setting.serve("three")
    with puller(setting, reference) as process:
        assert cast("Any", process.stdout).readline() == b"leased\n"
        setting.use(other, quota=0)
        assert setting.there(reference, other) == [True, True]
        process.kill()
    setting.use(third, quota=0)
    assert setting.there(reference, other, third) == [False, False, True]


def test_two_processes_that_want_one_image_both_get_it(setting: Setting) -> None:
    reference = setting.serve("one")
    together = threading.Barrier(2, timeout=60)

    def use() -> bytes:
        together.wait()
        with puller(setting, reference) as process:
            said: bytes = cast("Any", process.stdout).readline()
            process.kill()
        return said

    with ThreadPoolExecutor(2) as pool:
        assert [future.result() for future in [pool.submit(use), pool.submit(use)]] == [b"leased\n"] * 2
    assert [image.pulled for image in setting.store.images()] == [(reference,)]


def derived(sdk: Any, engine: Engine, reference: str, tag: str) -> tuple[str, str]:
    """Make an image of another one as agents' images are made; return the digests of both."""
    source = engine.image_id(reference)
    container = sdk.create_container(reference, ["/none"])["Id"]
    try:
        name, _, version = tag.partition(":")
        sdk.commit(container, name, version, changes=f"LABEL {SOURCE_LABEL}={source}")
    finally:
        sdk.remove_container(container)
    made = engine.image_id(tag)
    assert source is not None
    assert made is not None
    return source, made
