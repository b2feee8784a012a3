"""What an engine says of itself: whose it is, and what it offers beyond what a sandbox asks for."""

from collections.abc import Collection

from dgm.boundary.text import safe_line
from dgm.sandbox.engine_answers import Json
from dgm.sandbox.examination_findings import Finding, Result

GVISOR = "runsc"
ENGINE = "engine"
_PODMAN = "Podman Engine"
_CGROUP_VERSION = "2"


def engine_findings(version: Json, info: Json) -> list[Finding]:
    """Return what can be told before a container is started; nothing of it is a fault.

    Args:
        version: the engine's answer to that question.
        info: what it is and can limit.
    """
    return [_kind(version), _user_namespaces(info), _rootless(info), _cgroups(info), _gvisor(info)]


def runtimes_of(info: Json, *, chosen: str | None) -> list[str]:
    """Return the runtimes to examine: the one that runs would use, and gVisor's where the engine has it."""
    first = chosen or str(info.get("DefaultRuntime") or "default")
    return [first] + ([GVISOR] if GVISOR in _runtimes(info) and first != GVISOR else [])


def _runtimes(info: Json) -> Collection[str]:
    return list(info.get("Runtimes") or ())


def _kind(version: Json) -> Finding:
    named = [str(component.get("Name")) for component in version.get("Components") or ()]
    kind = "Podman" if _PODMAN in named else "Docker"
    return _finding("kind", Result.OK, f"{kind} {version.get('Version', '')}, API {version.get('ApiVersion', '')}")


def _user_namespaces(info: Json) -> Finding:
    if _has(info, "userns"):
        return _finding("userns-remap", Result.OK, "on: root in a container is nobody on this machine")
    return _finding(
        "userns-remap",
        Result.NOT_HERE,
        'off; recommended: `"userns-remap": "default"` in the settings of the Docker engine, then build images anew',
    )


def _rootless(info: Json) -> Finding:
    if _has(info, "rootless"):
        return _finding("rootless", Result.OK, "the engine runs without root")
    return _finding("rootless", Result.NOT_HERE, "the engine runs as root; whoever may talk to it is root here")


def _cgroups(info: Json) -> Finding:
    number = str(info.get("CgroupVersion") or "1")
    if number == _CGROUP_VERSION:
        return _finding("cgroups", Result.OK, "version 2")
    return _finding("cgroups", Result.OK, f"version {number}: enough, except for engines without root")


def _gvisor(info: Json) -> Finding:
    if GVISOR in _runtimes(info):
        return _finding("gVisor", Result.OK, f'`[sandbox] runtime = "{GVISOR}"` uses it')
    return _finding(
        "gVisor",
        Result.NOT_HERE,
        f"the engine has no runtime {GVISOR}; to have it, install gVisor with `--host-uds=all`",
    )


def _has(info: Json, option: str) -> bool:
    words = [str(said).split(",") for said in info.get("SecurityOptions") or ()]
    return any(f"name={option}" in said for said in words)


def _finding(name: str, result: Result, sentence: str) -> Finding:
    return Finding(ENGINE, name, result, safe_line(sentence))
