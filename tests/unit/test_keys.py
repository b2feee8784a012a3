"""Where keys come from, and to whom none is given."""

import os
import traceback
from pathlib import Path

import pytest

from dgm.config import Endpoint
from dgm.core.errors import ConfigError
from dgm.gateway.keys import key_for

KEY = "sk-planted-71c2d9"
LOCAL, REMOTE = "http://127.0.0.1:8000/v1", "https://models.example.org/v1"
VENDORS = {"OPENAI_API_KEY": "sk-of-openai", "ANTHROPIC_API_KEY": "sk-of-anthropic"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a key file as it should be."""
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("provider", "endpoint", "key"),
    [
        ("openai", Endpoint(), "sk-of-openai"),
        ("anthropic", Endpoint(protocol="anthropic"), "sk-of-anthropic"),
        ("openai", Endpoint(base_url=LOCAL), "sk-of-openai"),
        ("openai", Endpoint(base_url="http://localhost:11434/v1"), "sk-of-openai"),
        ("openai", Endpoint(base_url="http://[::1]:8000/v1"), "sk-of-openai"),
        ("openai", Endpoint(base_url=REMOTE), None),
        ("openai", Endpoint(base_url="http://localhost.example.org/v1"), None),
        ("openai", Endpoint(base_url="http://10.0.0.7:8000/v1"), None),
        ("openai", Endpoint(base_url="http://[::1"), None),
        ("anthropic", Endpoint(protocol="anthropic", base_url=REMOTE), None),
        ("mine", Endpoint(base_url=LOCAL), None),
        ("mine", Endpoint(base_url=REMOTE, protocol="anthropic"), None),
        ("openai", Endpoint(base_url=REMOTE, key_variable="OPENAI_API_KEY"), "sk-of-openai"),
        ("mine", Endpoint(base_url=REMOTE, key_variable="ANTHROPIC_API_KEY"), "sk-of-anthropic"),
    ],
)
def test_a_vendors_key_goes_to_the_vendor_to_this_machine_and_where_it_was_named(
    provider: str, endpoint: Endpoint, key: str | None
) -> None:
    assert key_for(provider, endpoint, VENDORS) == key


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " \n"}])
def test_without_a_key_there_is_none(environment: dict[str, str]) -> None:
    assert key_for("openai", Endpoint(), environment) is None


def test_a_keys_surrounding_space_is_dropped() -> None:
    assert key_for("openai", Endpoint(), {"OPENAI_API_KEY": f" {KEY}\n"}) == KEY


@pytest.mark.parametrize("environment", [VENDORS, VENDORS | {"MY_KEY": " "}])
def test_a_variable_that_was_named_must_hold_a_key(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"^The environment has no MY_KEY, which is to hold the key of openai"):
        key_for("openai", Endpoint(key_variable="MY_KEY"), environment)


def test_a_file_goes_before_variables(file: Path) -> None:
    endpoint = Endpoint(key_file=str(file), key_variable="OPENAI_API_KEY")
    assert key_for("openai", endpoint, VENDORS) == KEY


def test_a_file_is_for_any_endpoint(file: Path) -> None:
    assert key_for("mine", Endpoint(base_url=REMOTE, key_file=str(file)), {}) == KEY


def test_a_file_may_be_named_from_home(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(file.parent))
    assert key_for("openai", Endpoint(key_file="~/key"), {}) == KEY


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"sk-planted-71c2d9\nsk-second-line\n", "more than one line"),
        (b"sk-planted-71c2d9" + b" " * 4096, "more than 4096 bytes"),
        ("sk-planted-71c2d9\u00e9".encode(), "characters that no key has"),
        (b"sk-planted-71c2d9\xff", "characters that no key has"),
    ],
)
def test_a_file_that_holds_no_key_is_named_but_not_quoted(file: Path, content: bytes, says: str) -> None:
    file.write_bytes(content)
    error = refused(file)
    assert says in str(error)
    assert str(file) in str(error)
    assert "planted" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_may_open_is_refused_with_what_to_do(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert str(refused(file)) == f"The key file {file} is open to other users; close it with: chmod 600 {file}"


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_file_of_its_owner_alone_is_read(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert key_for("openai", Endpoint(key_file=str(file)), {}) == KEY


def test_a_link_counts_as_what_it_leads_to(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    assert key_for("openai", Endpoint(key_file=str(link)), {}) == KEY
    file.chmod(0o644)
    assert "open to other users" in str(refused(link))


def test_a_directory_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "no regular file" in str(refused(tmp_path / "pipe"))
    assert "no regular file" in str(refused(tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(refused(tmp_path / "gone")) == (
        f"The key file {tmp_path / 'gone'} cannot be read: No such file or directory."
    )


def test_a_file_needs_its_whole_path() -> None:
    assert "give the whole path" in str(refused(Path("key")))


def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        key_for("openai", Endpoint(key_file=str(path)), VENDORS)
    return caught.value
