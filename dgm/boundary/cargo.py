"""A solution's `Cargo.toml`, of which nothing but names of crates and their features is believed.

Cargo takes much from this file that decides about a verdict: which tests there are, programs to run while building,
other sources for a crate. So a solution's own is never used: it is read here for `[dependencies]`, and these are
written into the exercise's own file.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from typing import TypeGuard, cast

import tomli_w

from dgm.core.errors import MalformedContentError

MAX_BYTES = 20_000
MAX_FEATURES = 50
_FEATURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+.-]{0,63}")
_NOT_BUILT = {"build": False, "autobins": False, "autobenches": False, "autoexamples": False}
"""A library and its tests are all that grading takes; an empty `main.rs` that was tried out must not fail it."""

_Table = dict[str, object]


def grading_manifest(pristine: bytes, theirs: bytes, *, crates: Collection[str]) -> bytes:
    """Return the `Cargo.toml` that a solution is built with.

    Args:
        pristine: the exercise's own.
        theirs: as the solution has it; where it is not TOML, nothing is taken from it.
        crates: names of those that there are; others are left out, and the build shows whether they were needed.
    Raises:
        MalformedContentError: `pristine` is not TOML, or describes no package.
    """
    manifest = _parsed(pristine)
    if manifest is None or not _is_table(manifest.get("package")):
        raise MalformedContentError("The exercise's Cargo.toml describes no package.")
    package = cast("_Table", manifest["package"])
    needed = {**_dependencies(manifest), **_taken(_dependencies(_parsed(theirs) or {}), crates)}
    # The versions are Debian's, whatever an exercise was written for.
    dependencies = {name: _any_version(wanted) if name in crates else wanted for name, wanted in needed.items()}
    return tomli_w.dumps({**manifest, "package": {**package, **_NOT_BUILT}, "dependencies": dependencies}).encode()


def _parsed(text: bytes) -> _Table | None:
    if len(text) > MAX_BYTES:  # what the parser takes for some documents grows with the square of their length
        return None
    try:
        return tomllib.loads(text.decode())
    except (ValueError, RecursionError):  # no UTF-8, no TOML, a number of 5,000 digits, or too deep
        return None


def _is_table(value: object) -> TypeGuard[_Table]:
    return isinstance(value, dict)


def _dependencies(manifest: _Table) -> _Table:
    found = manifest.get("dependencies")
    return found if _is_table(found) else {}


def _taken(dependencies: _Table, crates: Collection[str]) -> _Table:
    return {name: _features(wanted) for name, wanted in dependencies.items() if name in crates}


def _features(wanted: object) -> _Table:
    """Return the features that are asked for; no path, registry, other package's name or anything else."""
    if not _is_table(wanted):
        return {}
    taken: _Table = {}
    features = wanted.get("features")
    if isinstance(features, list):
        named = [name for name in cast("list[object]", features) if isinstance(name, str) and _FEATURE.fullmatch(name)]
        taken["features"] = named[:MAX_FEATURES]
    if isinstance(wanted.get("default-features"), bool):
        taken["default-features"] = wanted["default-features"]
    return taken


def _any_version(wanted: object) -> Mapping[str, object]:
    return {**(wanted if _is_table(wanted) else {}), "version": "*"}
