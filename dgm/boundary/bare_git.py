"""The host's git in a bare repository of ours, with nobody's configuration."""

import os
from pathlib import Path


def bare_git_environment(repository: Path) -> dict[str, str]:
    """Return the whole environment of a git command on the bare repository, which reads no configuration but its own.

    The configuration and attributes of users, machines and strangers can name programs to start.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "GIT_DIR": str(repository.absolute()),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
    }
