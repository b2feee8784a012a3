"""Where tasks that do not come with dgm lie: this machine's affair, so no result hangs on it.

A run may come from a stranger, so that its checkout may be any directory of this machine, and its dataset any file.
Exercises are read from one only as far as their bytes are those that the benchmark's manifest names; of a file that
holds no instances nothing is told.
"""

from pathlib import Path

from dgm.benchmarks.catalogue import definition_named
from dgm.benchmarks.swebench.datasets import absolute_dataset
from dgm.config import Polyglot, RunConfig
from dgm.core.errors import ConfigError

_OF_THIS_MACHINE = {"dataset", "image_quota_bytes"}


def with_checkout(recorded: RunConfig, said: RunConfig) -> RunConfig:
    """Return a run's configuration with the checkout and the dataset to use now; all else stays as it is recorded.

    Each is what the user says, else the recorded one. A recorded checkout that is not there means the usual place. A
    dataset has to hold the records that the run's configuration names by their hash. How much room images may take is
    this machine's affair as well.
    """
    there = recorded.polyglot.directory
    directory = said.polyglot.directory or (there if there is not None and _is_directory(there) else None)
    said_now = said.swebench.model_dump(include=_OF_THIS_MACHINE, exclude_unset=True)
    swebench = recorded.swebench.model_copy(update=said_now)
    return recorded.model_copy(update={"polyglot": Polyglot(directory=directory), "swebench": swebench})


def with_absolute_checkout(config: RunConfig) -> RunConfig:
    """Return a configuration that names the same checkout and the same dataset wherever it is read from."""
    directory = config.polyglot.directory
    swebench = config.swebench.model_copy(update={"dataset": absolute_dataset(config.swebench.dataset)})
    return config.model_copy(
        update={"polyglot": Polyglot(directory=directory and directory.absolute()), "swebench": swebench}
    )


def require_stock_said(config: RunConfig, said: RunConfig) -> None:
    """Require that a user says again what a recorded configuration lets the harness's containers do, as it does.

    A stranger's run would otherwise get containers with a network, and code of its choosing in them.

    Raises:
        UnknownNameError: there is no such benchmark.
        ConfigError: it was not said, or the run was measured otherwise.
    """
    if not definition_named(config.benchmark).dataset:
        return
    if config.swebench.stock and not said.swebench.stock:
        raise ConfigError(
            "This run's gradings have a network and no limits of ours (swebench.stock); say --swebench-stock to go on "
            "like that."
        )
    if said.swebench.stock and not config.swebench.stock:
        raise ConfigError(
            "This run's gradings are under our limits, which others cannot be mixed with; leave out --swebench-stock."
        )


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # below a directory that this user may not look into
        return False
