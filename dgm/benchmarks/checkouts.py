"""Checkouts of the repositories that some benchmarks' tasks are from: found, and fetched at their pinned revision.

Only files are looked at, never a checkout's git data: an archive that was downloaded and unpacked does as well.
"""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from dgm.benchmarks.cloning import clone
from dgm.benchmarks.definition import Definition
from dgm.benchmarks.exercise_files import read_exercise_files
from dgm.benchmarks.manifest import FILE as MANIFEST
from dgm.benchmarks.manifest import Expected, content_hash, read_manifest
from dgm.boundary.scratch import remove_stale_scratch, scratch_directory
from dgm.content import cache_directory
from dgm.core.errors import ConfigError, FetchError, MalformedContentError, UsageError
from dgm.core.ids import TaskId

Say = Callable[[str], None]


def usual_checkout(definition: Definition) -> Path:
    """Return where a checkout is looked for unless told otherwise."""
    return cache_directory() / definition.name


def require_checkout(
    definition: Definition,
    directory: Path | None,
    *,
    tasks: Collection[TaskId] | None = None,
    expected: Mapping[TaskId, Expected] | None = None,
) -> Path:
    """Return the checkout of a benchmark's repository: `directory`, else the usual one.

    Args:
        definition: names the repository, its revision and the tasks.
        directory: given by the user.
        tasks: have to be there as they were when they were checked; all of the definition's unless given.
        expected: what they were; as the definition's manifest says unless given. A task that it does not name only has
            to be there.
    Raises:
        ConfigError: there is none, or it is another one.
    """
    found = directory or usual_checkout(definition)
    if not found.is_dir():
        raise ConfigError(
            f"The tasks of benchmark {definition.name} do not come with dgm, and there is no directory {found}; "
            f"`dgm benchmarks fetch {definition.name}` fetches them, "
            f"--{definition.name}-dir DIR names a checkout that you have."
        )
    problem = _difference(definition, found, tasks=tasks, expected=expected)
    if problem:
        raise ConfigError(
            f"{found} is not {definition.repository} at revision {definition.revision}: {problem}; check that revision "
            f"out there, or move it away and run `dgm benchmarks fetch {definition.name}`."
        )
    return found


def fetch(definition: Definition, directory: Path | None, say: Say) -> Path:
    """Return the checkout of a benchmark's repository, fetched at its revision unless it is there already.

    It comes into its place whole or not at all. Nothing that is there is ever changed or deleted.

    Args:
        definition: names the repository and its revision.
        directory: where to; the usual place unless given.
        say: told what takes time, and what came of it.
    Raises:
        UsageError: the tasks come with dgm.
        ConfigError: something else is in that place.
        FetchError: there is no git or no network, or what came is not what it must be.
    """
    if not definition.repository:
        raise UsageError(f"The tasks of benchmark {definition.name} come with dgm: there is nothing to fetch.")
    target = (directory or usual_checkout(definition)).absolute()
    if _is_taken(target):
        _require_as_fetched(definition, target)
        say(f"{target} is there already, at revision {definition.revision}.")
        return target
    say(f"Fetching {definition.repository} at revision {definition.revision}.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_stale_scratch(target.parent)
        with scratch_directory("fetch", within=target.parent) as place:
            fresh = place / "files"
            clone(definition.repository, definition.revision, fresh)
            _require_sound(definition, fresh)
            fresh.rename(target)
    except OSError as error:
        raise FetchError(f"{target} could not be written: {error.strerror or error}.") from error
    say(f"{target} holds the {len(definition.tasks)} tasks of benchmark {definition.name}.")
    return target


def _is_taken(target: Path) -> bool:
    if target.is_dir() and not target.is_symlink():
        return any(target.iterdir())
    return os.path.lexists(target)


def _require_as_fetched(definition: Definition, target: Path) -> None:
    problem = _difference(definition, target) if target.is_dir() else "it is not a directory"
    if problem:
        raise ConfigError(
            f"{target} is in the way, and is not {definition.repository} at revision {definition.revision}: {problem}; "
            "move it away, or name another directory."
        )


def _require_sound(definition: Definition, fresh: Path) -> None:
    problem = _difference(definition, fresh)
    if problem:
        raise FetchError(
            f"What came from {definition.repository} is not what revision {definition.revision} was: {problem}."
        )


def _difference(
    definition: Definition,
    directory: Path,
    *,
    tasks: Collection[TaskId] | None = None,
    expected: Mapping[TaskId, Expected] | None = None,
) -> str:
    """Return what is wrong with the first task that is not as it was when it was checked, "" if none is."""
    known = read_manifest(definition.directory) if expected is None else expected
    for task in definition.tasks if tasks is None else tasks:
        place = definition.place(task, directory)
        if not place.is_dir():
            return f"{place.relative_to(directory)} is missing"
        if expected is None and task not in known:
            return f"{place.relative_to(directory)} is not in {MANIFEST}, so it was never checked"
        if task in known and not _is_as_checked(place, known[task]):
            return f"{place.relative_to(directory)} differs"
    return ""


def _is_as_checked(place: Path, expected: Expected) -> bool:
    try:
        return content_hash(read_exercise_files(place)) == expected.files
    except (MalformedContentError, OSError):  # such as a link, which no exercise had
        return False
