"""What the models of a run cost when it was made: `prices.toml`. Its calls are billed at that, also after a resume."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dgm.config import Price
from dgm.core.errors import CorruptArchiveError

PRICES_TOML = "prices.toml"


def price_table(prices: Mapping[str, Price]) -> dict[str, Any]:
    """Return what the file says, without what is not known of a price."""
    return {model: price.model_dump(mode="json", exclude_defaults=True) for model, price in prices.items()}


def read_prices(directory: Path) -> dict[str, Price]:
    """Return the price of each model of a run.

    Raises:
        CorruptArchiveError: the file is missing, damaged, or says what no price can be.
    """
    path = directory / PRICES_TOML
    try:
        return TypeAdapter(dict[str, Price]).validate_python(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CorruptArchiveError(f"{path} is damaged: {where}: {first['msg'].lower()}.") from error
    # A number of many digits and brackets without end fail in the parser's own ways.
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptArchiveError(f"{path} cannot be read: {error}.") from error
