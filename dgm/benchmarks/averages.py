"""Averages that are shipped with a benchmark, for estimates before anything was measured on it.

Those of rehearsals say what the simulated model's sessions used. Where these say nothing of a real model's, a benchmark
has assumed ones beside them.
"""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dgm.content import benchmarks_directory
from dgm.core.averages import Amounts, Assumption, Average, Averages, Stretch
from dgm.core.counting import Share
from dgm.core.errors import MalformedContentError

REHEARSED_FILE = "rehearsed.toml"
ASSUMED_FILE = "assumed.toml"

_Amount = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class ShippedAverages:
    """Averages with a word on what they stand on."""

    averages: Averages
    source: str
    """What whoever reads an estimate must know of where they are from; "" where that is nothing."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Amounts(_Part):
    calls: _Amount
    input_tokens: _Amount
    output_tokens: _Amount
    cache_read_tokens: _Amount
    cache_write_tokens: _Amount
    seconds: _Amount


class _Stretch(_Part):
    calls: _Amount
    input_tokens: _Amount
    output_tokens: _Amount
    seconds: _Amount


class _Average(_Part):
    count: Annotated[int, Field(gt=0)]
    mean: _Amounts
    spread: _Amounts


class _Share(_Part):
    some: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=0)]


class _Rehearsed(_Part):
    source: str = ""
    accepted: _Share
    passed: tuple[_Share, ...]
    seed: _Average
    child: _Average
    improve: _Average
    diagnose: _Average


class _Assumed(_Part):
    source: str
    low: _Stretch
    high: _Stretch
    accepted: _Share
    passed: tuple[_Share, ...]
    session: _Amounts
    improve: _Amounts
    diagnose: _Amounts


_Form = TypeVar("_Form", bound=_Part)


def rehearsed_averages(benchmark: str) -> ShippedAverages | None:
    """Return what the simulated model's sessions used on a benchmark, None if it was not rehearsed.

    Raises:
        MalformedContentError: the file is wrong.
    """
    path = benchmarks_directory() / benchmark / REHEARSED_FILE
    return read_rehearsed(path) if path.is_file() else None


def assumed_averages(benchmark: str) -> ShippedAverages | None:
    """Return what a real model's sessions are assumed to use on a benchmark, None if nothing is.

    Raises:
        MalformedContentError: the file is wrong.
    """
    path = benchmarks_directory() / benchmark / ASSUMED_FILE
    return read_assumed(path) if path.is_file() else None


def read_rehearsed(path: Path) -> ShippedAverages:
    """Return the averages in a file of rehearsals; see `averages_toml`.

    Raises:
        MalformedContentError: it cannot be read or is wrong.
    """
    table = _table(path, _Rehearsed)
    averages = Averages(
        seed=_average(table.seed),
        child=_average(table.child),
        improve=_average(table.improve),
        diagnose=_average(table.diagnose),
        accepted=_share(table.accepted),
        passed=_shares(table.passed),
    )
    return ShippedAverages(averages, table.source)


def read_assumed(path: Path) -> ShippedAverages:
    """Return the averages in a file of assumed ones, each with the ends of its range.

    How far agents lie apart is not assumed besides: the ends stand for all that is not known.

    Raises:
        MalformedContentError: it cannot be read or is wrong.
    """
    table = _table(path, _Assumed)
    belief = Assumption(low=Stretch(**table.low.model_dump()), high=Stretch(**table.high.model_dump()))
    session, improve, diagnose = (
        Average(1, _amounts(part), Amounts(), belief) for part in (table.session, table.improve, table.diagnose)
    )
    averages = Averages(
        seed=session,
        child=session,
        improve=improve,
        diagnose=diagnose,
        accepted=_share(table.accepted),
        passed=_shares(table.passed),
    )
    return ShippedAverages(averages, table.source)


def averages_toml(averages: Averages) -> str:
    """Return measured averages as the text of a file of rehearsals."""
    lines = [f"accepted = {_inline(asdict(averages.accepted))}"]
    lines.append(f"passed = [{', '.join(_inline(asdict(share)) for share in averages.passed)}]")
    for name in ("seed", "child", "improve", "diagnose"):
        average: Average = getattr(averages, name)
        lines += ["", f"[{name}]", f"count = {average.count}"]
        lines += [f"{kind} = {_inline(asdict(getattr(average, kind)))}" for kind in ("mean", "spread")]
    return "\n".join(lines) + "\n"


def _table(path: Path, form: type[_Form]) -> _Form:
    try:
        return form.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise MalformedContentError(f"{path} cannot be read: {error}.") from error


def _inline(values: dict[str, float]) -> str:
    pairs = (f"{name} = {value if isinstance(value, int) else f'{value:.2f}'}" for name, value in values.items())
    return "{ " + ", ".join(pairs) + " }"


def _average(part: _Average) -> Average:
    return Average(part.count, _amounts(part.mean), _amounts(part.spread))


def _amounts(part: _Amounts) -> Amounts:
    return Amounts(**part.model_dump())


def _share(part: _Share) -> Share:
    return Share(part.some, part.of)


def _shares(parts: tuple[_Share, ...]) -> tuple[Share, ...]:
    return tuple(_share(part) for part in parts)
