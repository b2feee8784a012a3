"""Where exercises that do not come with dgm lie: this machine's affair, so no result hangs on it.

A run may come from a stranger, so that its checkout may be any directory of this machine. Exercises are read from one
only as far as their bytes are those that the benchmark's manifest names.
"""

from pathlib import Path

from dgm.config import Polyglot, RunConfig


def with_checkout(recorded: RunConfig, said: RunConfig) -> RunConfig:
    """Return a run's configuration with the checkout to use now; all else stays as it is recorded.

    That is what the user says, else the recorded one where it is there, else none, which means the usual place.
    """
    there = recorded.polyglot.directory
    directory = said.polyglot.directory or (there if there is not None and _is_directory(there) else None)
    return recorded.model_copy(update={"polyglot": Polyglot(directory=directory)})


def with_absolute_checkout(config: RunConfig) -> RunConfig:
    """Return a configuration that names the same checkout wherever it is read from."""
    directory = config.polyglot.directory
    return config.model_copy(update={"polyglot": Polyglot(directory=directory and directory.absolute())})


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # below a directory that this user may not look into
        return False
