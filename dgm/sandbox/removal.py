"""Removes a container for good."""

import time

from dgm.sandbox.engine import Engine
from dgm.sandbox.engine_answers import GoneError, NotRunningError

_BOUND_S = 20.0
_PAUSE_S = 0.02


def remove_container(engine: Engine, container: str) -> None:
    """Kill and remove a container; returns when it is gone, whoever removed it.

    Raises:
        SandboxError: it is still there after 20 s.
    """
    deadline = time.monotonic() + _BOUND_S
    while True:
        try:
            engine.remove(container)
        except GoneError:
            return
        except NotRunningError:
            # Somebody else's removal is under way: that is no end yet.
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
