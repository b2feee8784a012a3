"""Reads settings, and says in words of ours what is wrong with them."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from dgm.config.base import OTHER, WORD
from dgm.config.run import RunConfig
from dgm.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MEANT = {
    "unknown_price": 'should be "refuse", "zero" or a price such as { input_usd = 1.25, output_usd = 10.0 }',
    "thinking": 'should be "adaptive", "disabled", "default" or a number of tokens',
}


def parse_config(text: str, *, source: str) -> RunConfig:
    """Return the configuration that a TOML text gives.

    Args:
        text: TOML.
        source: named in errors, such as a file's path.
    Raises:
        ConfigError: it is no TOML, has an unknown key or a wrong value.
    """
    try:
        return config_from(tomllib.loads(text), source=source)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from error


def config_from(values: Mapping[str, Any], *, source: str) -> RunConfig:
    """Return the configuration that nested `values` give; see `parse_config`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(f"{source}: {_key(first)}: {_reason(first)}.") from error


def _key(error: "ErrorDetails") -> str:
    """Return the key that an error is about as TOML writes it."""
    parts = [str(part) for part in error["loc"] if part not in {WORD, OTHER}]
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else json.dumps(part) for part in parts)


def _reason(error: "ErrorDetails") -> str:
    *_, parent, last = ("", *error["loc"])
    if last in {WORD, OTHER}:
        return _MEANT[str(parent)]
    match error["type"]:
        case "extra_forbidden":
            return "is not a known key"
        case "missing":
            return "is missing"
        case "model_type" | "model_attributes_type" | "mapping_type" | "dict_type":
            return "should be a table of settings"
        case "tuple_type":
            return "should be a list"
        case "value_error":
            return str(error.get("ctx", {}).get("error"))  # a sentence of ours
        case _:
            return error["msg"][:1].lower() + error["msg"][1:]


def read_config(path: Path) -> RunConfig:
    """Return the configuration in a file.

    Raises:
        ConfigError: it cannot be read or is wrong.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    return parse_config(text, source=str(path))


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of `below` with those of `above` in their place, table by table."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        both = isinstance(value, dict) and isinstance(lower, dict)
        tables = (cast("dict[str, Any]", lower), cast("dict[str, Any]", value))
        merged[key] = laid_over(*tables) if both else value
    return merged
