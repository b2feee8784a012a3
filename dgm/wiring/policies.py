"""Policies by name: the built-in ones, and those that installed distributions offer."""

from importlib.metadata import EntryPoint, entry_points
from typing import cast

from dgm.core.errors import ConfigError, UnknownNameError
from dgm.core.policies import POLICIES, Policy

GROUP = "dgm.policies"
"""The entry point group in which a distribution names its policies: `name = "module:Class"`."""


def policy_named(name: str) -> Policy:
    """Return a new policy of a name.

    A distribution's policy is trusted code: it runs in this process, like dgm itself.

    Raises:
        UnknownNameError: there is none of that name.
        ConfigError: there is more than one, or it is not a policy.
    """
    offered = tuple(entry_points(group=GROUP, name=name))
    if name in POLICIES:
        if offered:
            raise ConfigError(f"{_source(offered[0])} offers a policy {name!r}, which dgm has already; uninstall it.")
        return POLICIES[name]()
    match offered:
        case ():
            known = sorted({*POLICIES, *entry_points(group=GROUP).names})
            raise UnknownNameError(f"There is no policy {name!r}; there are: {', '.join(known)}.")
        case (entry,):
            return _loaded(entry)
        case _:
            sources = " and ".join(_source(entry) for entry in offered)
            raise ConfigError(f"{sources} offer the same policy {name!r}; uninstall all but one.")


def _loaded(entry: EntryPoint) -> Policy:
    what = f"The policy {entry.name!r} of {_source(entry)}"
    try:
        policy: object = entry.load()()
    except Exception as error:  # it is somebody else's code, which may fail in any way
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(f"{what} cannot be made: {reason}") from error
    if not callable(getattr(policy, "next_action", None)):
        raise ConfigError(f"{what} has no method next_action(view, random).")
    return cast("Policy", policy)


def _source(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
