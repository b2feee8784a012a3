"""The optional extra of SWE-bench: the official harness, which brings about 490 MB along."""

from importlib.util import find_spec

from dgm.core.errors import UsageError

PACKAGE = "swebench"


def is_installed() -> bool:
    """Return whether the harness can be started."""
    return find_spec(PACKAGE) is not None


def require_extra() -> None:
    """Return if the harness can be started.

    Raises:
        UsageError: it is not installed.
    """
    if not is_installed():
        raise UsageError(
            "Benchmark swebench needs the official harness, which is not installed; install it with "
            "`pip install 'dgm[swebench]'`, in a checkout with `scripts/environment swebench`."
        )
