"""Reads API keys: the only place that does. No error here says anything of what a key or its file holds."""

import os
import stat
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from dgm.config import Endpoint
from dgm.core.errors import ConfigError

VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
"""The vendors' own names for their keys, by provider."""
_MAX_BYTES = 4096
_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def key_for(provider: str, endpoint: Endpoint, environment: Mapping[str, str]) -> str | None:
    """Return an endpoint's key, None where there is none.

    A vendor's variable is read for that vendor's own address, and for one on this machine, which stands in for it. A
    third party gets no key but the one that the configuration names for it.

    Args:
        provider: its name, which stands before a model's colon.
        endpoint: where it is.
        environment: holds the keys.
    Raises:
        ConfigError: what the configuration names as the key cannot be used.
    """
    if endpoint.key_file is not None:
        return _key_in(endpoint.key_file)
    if endpoint.key_variable is not None:
        return _key_named(endpoint.key_variable, environment, provider)
    variable = VARIABLES.get(provider)
    if variable is None or not (endpoint.base_url is None or is_on_this_machine(endpoint.base_url)):
        return None
    return environment.get(variable, "").strip() or None


def _key_named(variable: str, environment: Mapping[str, str], provider: str) -> str:
    key = environment.get(variable, "").strip()
    if not key:
        raise ConfigError(f"The environment has no {variable}, which is to hold the key of {provider}; export it.")
    return key


def is_on_this_machine(url: str) -> bool:
    """Return whether an address is of this machine alone."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _key_in(name: str) -> str:
    try:
        path = Path(name).expanduser()
    except RuntimeError:
        raise ConfigError(f"key_file {name}: this user has no home directory; give the whole path.") from None
    if not path.is_absolute():
        raise ConfigError(f"key_file {name}: give the whole path, since a run may be resumed from anywhere.")
    key = _only_line(_content(path), path)
    if not key:
        raise ConfigError(f"The key file {path} is empty.")
    return key


def _content(path: Path) -> bytes:
    try:
        # Looked at through the descriptor, so that it is the file that is read; a pipe must not keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _require_private(os.fstat(descriptor), path)
            return os.read(descriptor, _MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"The key file {path} cannot be read: {error.strerror}.") from None


def _require_private(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"The key file {path} is no regular file.")
    if status.st_mode & _FOR_OTHERS:
        raise ConfigError(f"The key file {path} is open to other users; close it with: chmod 600 {path}")


def _only_line(content: bytes, path: Path) -> str:
    if len(content) > _MAX_BYTES:
        raise ConfigError(
            f"The key file {path} has more than {_MAX_BYTES} bytes; it must hold the key and nothing else."
        )
    lines = content.strip().splitlines()
    if len(lines) > 1:
        raise ConfigError(f"The key file {path} has more than one line; it must hold the key and nothing else.")
    try:
        return b"".join(lines).decode("ascii")
    except UnicodeDecodeError:
        raise ConfigError(f"The key file {path} has characters that no key has.") from None
