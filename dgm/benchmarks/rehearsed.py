"""Averages of rehearsals that are shipped with a benchmark, for estimates before anything was measured."""

import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.content import benchmarks_directory
from dgm.core.averages import Amounts, Average, Averages
from dgm.core.counting import Share
from dgm.core.errors import MalformedContentError

FILE = "rehearsed.toml"

_Amount = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Amounts(_Part):
    calls: _Amount
    input_tokens: _Amount
    output_tokens: _Amount
    cache_read_tokens: _Amount
    cache_write_tokens: _Amount
    seconds: _Amount


class _Average(_Part):
    count: Annotated[int, Field(gt=0)]
    mean: _Amounts
    spread: _Amounts


class _Share(_Part):
    some: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]


class _Table(_Part):
    accepted: _Share
    passed: tuple[_Share, ...]
    seed: _Average
    child: _Average
    improve: _Average
    diagnose: _Average


def rehearsed_averages(benchmark: str) -> Averages | None:
    """Return what the simulated model's sessions used on a benchmark, None if it was not rehearsed.

    Raises:
        MalformedContentError: the file is wrong.
    """
    path = benchmarks_directory() / benchmark / FILE
    if not path.is_file():
        return None
    return read_averages(path)


def read_averages(path: Path) -> Averages:
    """Return the averages in a file; see `averages_toml`.

    Raises:
        MalformedContentError: it cannot be read or is wrong.
    """
    try:
        table = _Table.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise MalformedContentError(f"{path} cannot be read: {error}.") from error
    return Averages(
        seed=_average(table.seed),
        child=_average(table.child),
        improve=_average(table.improve),
        diagnose=_average(table.diagnose),
        accepted=_share(table.accepted),
        passed=tuple(_share(share) for share in table.passed),
    )


def averages_toml(averages: Averages) -> str:
    """Return averages as the text of such a file."""
    lines = [f"accepted = {_inline(asdict(averages.accepted))}"]
    lines.append(f"passed = [{', '.join(_inline(asdict(share)) for share in averages.passed)}]")
    for name in ("seed", "child", "improve", "diagnose"):
        average: Average = getattr(averages, name)
        lines += ["", f"[{name}]", f"count = {average.count}"]
        lines += [f"{kind} = {_inline(asdict(getattr(average, kind)))}" for kind in ("mean", "spread")]
    return "\n".join(lines) + "\n"


def _inline(values: dict[str, float]) -> str:
    pairs = (f"{name} = {value if isinstance(value, int) else f'{value:.2f}'}" for name, value in values.items())
    return "{ " + ", ".join(pairs) + " }"


def _average(part: _Average) -> Average:
    return Average(part.count, Amounts(**part.mean.model_dump()), Amounts(**part.spread.model_dump()))


def _share(part: _Share) -> Share:
    return Share(part.some, part.of)
