"""Finds the content directories (seed agent, sandbox, benchmarks) in a checkout or in an installed wheel."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
_SHIPPED = _PACKAGE / "_content"


def content_root() -> Path:
    """Return the directory that holds `archive/`, `sandbox/` and `benchmarks/`."""
    return _SHIPPED if _SHIPPED.is_dir() else _PACKAGE.parent


def seed_agent_directory() -> Path:
    """Return the seed agent's code."""
    return content_root() / "archive" / "seed-agent"


def sandbox_directory() -> Path:
    """Return the directory with CONTRACT.md, seccomp.json and `images/`."""
    return content_root() / "sandbox"


def benchmarks_directory() -> Path:
    """Return the directory of task sets."""
    return content_root() / "benchmarks"


def cache_directory() -> Path:
    """Return where third parties' task sets are kept: $XDG_CACHE_HOME/dgm, else ~/.cache/dgm."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "dgm"


def default_runs_directory() -> Path:
    """Return where runs are kept unless told otherwise: the checkout's `archive/runs`, else `dgm-runs` here."""
    if _SHIPPED.is_dir():
        return Path.cwd() / "dgm-runs"
    return content_root() / "archive" / "runs"
