"""What registries say of images before they are pulled, and what is made of it."""

import base64
from collections.abc import Generator
from itertools import count
from pathlib import Path

import pytest

from dgm.core.errors import SandboxError
from dgm.sandbox.downloads import ASSUMED_BYTES, Downloads, downloads_ahead
from dgm.sandbox.engine import Engine
from dgm.sandbox.references import parse_reference
from dgm.sandbox.registry import RegistryError, RemoteImage, remote_image
from tests.fakes.image_engine import ImageEngine
from tests.fakes.registry import TOKEN, FakeRegistry, contents_digest

BASE, ONE, TWO = {"base": b"0" * 1_000}, {"one": b"1" * 2_000}, {"two": b"2" * 3_000}


@pytest.fixture
def registry() -> Generator[FakeRegistry]:
    with FakeRegistry() as found:
        yield found


def image(reference: str, *, architecture: str = "amd64") -> RemoteImage:
    return remote_image(parse_reference(reference), architecture=architecture)


def ahead(*references: str, engine: ImageEngine | None = None) -> Downloads:
    found: Engine = engine or ImageEngine()  # type: ignore[assignment]
    return downloads_ahead(found, references)


# --- registries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_oci", [False, True])
@pytest.mark.parametrize("listed_as", [None, "amd64"])
@pytest.mark.parametrize("asks_for_token", [False, True])
def test_every_kind_of_registry_is_understood(
    registry: FakeRegistry, is_oci: bool, listed_as: str | None, asks_for_token: bool
) -> None:
    registry.is_oci, registry.asks_for_token = is_oci, asks_for_token
    found = image(registry.add("a/one", layers=[BASE, ONE], listed_as=listed_as))
    assert (found.architectures, len(found.layers)) == (("amd64",), 2)
    assert set(registry.logins) == ({f"Bearer {TOKEN}"} if asks_for_token else set())


def test_images_have_the_keys_of_shared_layers_in_common(registry: FakeRegistry) -> None:
    one, two = (image(registry.add(f"a/{name}", layers=[BASE, layer])) for name, layer in (("1", ONE), ("2", TWO)))
    assert len(one.layers.keys() & two.layers.keys()) == 1


@pytest.mark.parametrize("listed_as", [None, "arm64"])
def test_an_image_for_another_machine_has_no_layers_here(registry: FakeRegistry, listed_as: str | None) -> None:
    found = image(registry.add("a/one", layers=[BASE], architecture="arm64", listed_as=listed_as))
    assert found == RemoteImage(("arm64",), {})


def test_no_password_of_the_users_is_sent(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    image(registry.add("a/one", layers=[BASE]))
    assert registry.logins == []
    assert base64.b64encode(b"me:secret").decode() not in " ".join(registry.asked)


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        ('Bearer realm="http://registry.example/token"', "only after a login"),
        ('Basic realm="https://registry.example"', "only after a login"),
        ("", "only after a login"),
    ],
)
def test_a_token_is_asked_for_over_tls_alone(registry: FakeRegistry, challenge: str, says: str) -> None:
    reference = registry.add("a/one", layers=[BASE])
    registry.asks_for_token, registry.challenge = True, challenge
    with pytest.raises(RegistryError, match=says):
        image(reference)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "what it says is no image"),
        (b'{"config": {"digest": "sha256:../../x", "size": 1}, "layers": []}', "what it says is no image"),
        (b" " * (4 * 2**20 + 1), "it says too much"),
    ],
)
def test_what_is_no_image_is_refused(registry: FakeRegistry, body: bytes, says: str) -> None:
    reference = registry.add("a/one", layers=[BASE])
    registry.manifest = body
    with pytest.raises(RegistryError, match=says):
        image(reference)


def test_a_registry_that_takes_too_long_is_given_up(registry: FakeRegistry) -> None:
    reference = parse_reference(registry.add("a/one", layers=[BASE]))
    ticks = count()
    with pytest.raises(RegistryError, match="takes too long"):
        remote_image(reference, architecture="amd64", clock=lambda: next(ticks) * 10.0)


def test_a_registry_that_is_out_of_reach_is_one_sentence() -> None:
    with FakeRegistry() as gone:
        reference = gone.add("a/one", layers=[BASE])
    with pytest.raises(RegistryError, match=r"could not be asked about image .*/a/one:latest"):
        image(reference)


# --- downloads ---------------------------------------------------------------------------------------------------


def test_layers_that_images_share_are_downloaded_once(registry: FakeRegistry) -> None:
    references = [registry.add(f"a/{name}", layers=[BASE, layer]) for name, layer in (("1", ONE), ("2", TWO))]
    whole = sum({key: size for reference in references for key, size in image(reference).layers.items()}.values())
    assert ahead(*references) == Downloads(here=0, missing=2, asked=2, download_bytes=whole)
    assert whole < sum(sum(image(reference).layers.values()) for reference in references)


def test_layers_that_the_engine_has_are_not_downloaded(registry: FakeRegistry) -> None:
    engine = ImageEngine()
    reference = registry.add("a/one", layers=[BASE, ONE])
    base, one = image(reference).layers.values()
    engine.put("a/two", [(contents_digest(BASE), 1)])
    assert base > 0
    assert ahead(reference, "a/two", engine=engine) == Downloads(here=1, missing=1, asked=1, download_bytes=one)


def test_images_that_are_here_are_not_asked_for(registry: FakeRegistry) -> None:
    engine, reference = ImageEngine(), registry.add("a/one", layers=[BASE])
    engine.put(reference, [("x", 1)])
    assert ahead(reference, engine=engine) == Downloads(here=1, missing=0, asked=0, download_bytes=0)
    assert registry.asked == []


def test_few_of_many_images_are_asked_for_and_the_rest_reckoned(registry: FakeRegistry) -> None:
    references = [registry.add(f"a/{n}", layers=[BASE, {"own": str(n).zfill(4).encode() * 500}]) for n in range(24)]
    found = ahead(*references)
    each = [list(image(reference).layers.values()) for reference in references]
    whole = each[0][0] + sum(own for _, own in each)
    assert (found.missing, found.asked) == (24, 12)
    assert found.download_bytes == pytest.approx(whole, rel=0.02)


def test_where_no_registry_answers_a_size_is_assumed() -> None:
    with FakeRegistry() as gone:
        references = [gone.add(f"a/{number}", layers=[BASE]) for number in range(3)]
    assert ahead(*references) == Downloads(here=0, missing=3, asked=0, download_bytes=3 * ASSUMED_BYTES)


def test_without_an_engine_nothing_is_here(registry: FakeRegistry) -> None:
    found = downloads_ahead(None, [registry.add("a/one", layers=[BASE], architecture="arm64")])
    assert (found.here, found.missing) == (0, 1)


def test_images_for_another_machine_are_refused_before_anything_is_pulled(registry: FakeRegistry) -> None:
    reference = registry.add("a/one", layers=[BASE], architecture="arm64")
    with pytest.raises(SandboxError, match="is made for arm64, and the Docker engine's machine is amd64"):
        ahead(reference)
