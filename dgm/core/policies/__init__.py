"""Policies: which parent to expand and what to measure next. One small class each, by name in `POLICIES`."""

from collections.abc import Mapping
from random import Random
from typing import Protocol

from dgm.core.actions import Action
from dgm.core.errors import UnknownNameError
from dgm.core.policies.dgm import DgmPolicy
from dgm.core.view import ArchiveView


class Policy(Protocol):
    """Names the next action whenever a worker is free."""

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        """Return what a free worker should do, or None when it has to wait for what is in flight.

        The run ends when nothing is in flight and this returns None. It must not keep state: after a resume it is asked
        again with the view and the `Random` of that decision alone.
        """
        ...


POLICIES: Mapping[str, Policy] = {"dgm": DgmPolicy()}


def policy_named(name: str) -> Policy:
    """Return the policy called `name`.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in POLICIES:
        raise UnknownNameError(f"There is no policy {name!r}; there are: {', '.join(sorted(POLICIES))}.")
    return POLICIES[name]
