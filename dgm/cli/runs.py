"""Finds the directories of runs by what a user types."""

import re
from pathlib import Path

from dgm.content import default_runs_directory
from dgm.core.errors import ConfigError, RunExistsError, UnknownNameError

DATABASE = "archive.db"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LISTED = 10


def runs_directory(given: Path | None) -> Path:
    """Return where runs are kept."""
    return given if given is not None else default_runs_directory()


def run_directories(runs: Path | None) -> list[Path]:
    """Return the directories of all runs, the newest first."""
    place = runs_directory(runs)
    if not place.is_dir():
        return []
    found = [path for path in place.iterdir() if not path.name.startswith(".") and (path / DATABASE).is_file()]
    return sorted(found, key=lambda path: (_made_at(path), path.name), reverse=True)


def existing_run_directory(run: str | None, *, runs: Path | None) -> Path:
    """Return the directory of a run that exists.

    Args:
        run: a name below the runs directory or a path; the newest run unless given.
        runs: the runs directory; the default one unless given.
    Raises:
        UnknownNameError: there is none; the sentence names those that there are.
    """
    if run is None:
        return _newest(runs)
    by_name = runs_directory(runs) / run
    if _NAME.fullmatch(run) and by_name.is_dir():
        return by_name
    path = Path(run)
    if path.is_dir() and ("/" in run or run.startswith(".") or (path / DATABASE).is_file()):
        return path
    if path.is_file():
        raise UnknownNameError(f"{run} is a file; a run is a directory with an {DATABASE}.")
    raise UnknownNameError(f"There is no run {run!r}; {_known(runs)}.")


def new_run_directory(name: str | None, *, benchmark: str, runs: Path | None) -> Path:
    """Return where a new run is to lie.

    Args:
        name: a name below the runs directory or a path; the benchmark's name with the next free number unless given.
        benchmark: for the name.
        runs: the runs directory; the default one unless given.
    Raises:
        ConfigError: it is no name for a run.
        RunExistsError: there is something already.
    """
    place = runs_directory(runs)
    if name is None:
        return place / f"{benchmark}-{_next_number(place, benchmark)}"
    path = Path(name) if "/" in name else place / name
    if not _NAME.fullmatch(path.name if "/" in name else name):
        raise ConfigError(f"{name!r} is no name for a run: use up to 64 letters, digits, dots, dashes and underscores.")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunExistsError(f"{path} exists already; choose another name, or `dgm resume {name}` to go on with it.")
    return path


def _newest(runs: Path | None) -> Path:
    found = run_directories(runs)
    if not found:
        raise UnknownNameError(f"There is no run in {runs_directory(runs)} yet; `dgm run` starts one.")
    return found[0]


def _known(runs: Path | None) -> str:
    names = [path.name for path in run_directories(runs)]
    if not names:
        return f"there are none in {runs_directory(runs)}"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"there are {', '.join(names[:_LISTED])}{more}"


def _made_at(directory: Path) -> float:
    try:
        return (directory / "run.toml").stat().st_mtime  # written once, when the run was made
    except OSError:
        return 0.0


def _next_number(place: Path, benchmark: str) -> int:
    taken = {path.name for path in place.iterdir()} if place.is_dir() else set[str]()
    return next(number for number in range(1, len(taken) + 2) if f"{benchmark}-{number}" not in taken)
