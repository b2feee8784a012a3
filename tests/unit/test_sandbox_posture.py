"""A container that is not as it was asked to be is refused, whatever it is that is wrong."""

import copy
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dgm.config import SandboxLimits
from dgm.core.errors import SandboxError
from dgm.sandbox.policy import host_config
from dgm.sandbox.posture import require_applied, require_confined, require_limits_supported, require_no_warnings
from dgm.sandbox.uids import Uids

INFO: Mapping[str, Any] = {
    "MemoryLimit": True,
    "PidsLimit": True,
    "CpuCfsQuota": True,
    "SecurityOptions": ["name=seccomp,profile=default"],
}
ASKED = host_config(SandboxLimits(), uids=Uids(10_000, 10_001), seccomp="{}")
SWAP = "Your kernel does not support swap limit capabilities or the cgroup is not mounted."


def inspected(**changes: object) -> dict[str, Any]:
    return {"State": {"Running": True}, "HostConfig": copy.deepcopy(ASKED) | changes}


def test_an_engine_that_can_limit_everything_is_taken() -> None:
    require_limits_supported(INFO)


@pytest.mark.parametrize(
    ("key", "named"), [("MemoryLimit", "memory"), ("PidsLimit", "processes"), ("CpuCfsQuota", "processor")]
)
def test_an_engine_that_cannot_apply_a_limit_is_refused(key: str, named: str) -> None:
    with pytest.raises(SandboxError, match=named):
        require_limits_supported({**INFO, key: False})


def test_an_engine_without_seccomp_is_refused() -> None:
    with pytest.raises(SandboxError, match="seccomp"):
        require_limits_supported({**INFO, "SecurityOptions": ["name=apparmor"]})


def test_a_warning_about_a_limit_is_a_refusal() -> None:
    with pytest.raises(SandboxError, match="PIDs"):
        require_no_warnings(["Your kernel does not support PIDs limit."], machine_swaps=False)


def test_a_missing_limit_on_swap_is_a_refusal_where_there_is_swap() -> None:
    with pytest.raises(SandboxError, match="swap"):
        require_no_warnings([SWAP], machine_swaps=True)


def test_a_missing_limit_on_swap_is_none_where_there_is_no_swap() -> None:
    require_no_warnings([SWAP], machine_swaps=False)


def test_a_container_as_it_was_asked_for_is_taken() -> None:
    require_applied(ASKED, inspected(), machine_swaps=True)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("Memory", 0),
        ("MemorySwap", -1),
        ("PidsLimit", None),
        ("NanoCpus", 0),
        ("NetworkMode", "bridge"),
        ("ReadonlyRootfs", False),
        ("CapDrop", None),
        ("Tmpfs", {}),
    ],
)
def test_a_container_with_another_option_is_refused(option: str, value: object) -> None:
    with pytest.raises(SandboxError, match=option):
        require_applied(ASKED, inspected(**{option: value}), machine_swaps=True)


def test_unlimited_swap_is_taken_where_there_is_none() -> None:
    require_applied(ASKED, inspected(MemorySwap=-1), machine_swaps=False)


def test_a_container_that_ended_at_once_is_refused() -> None:
    with pytest.raises(SandboxError, match="ended"):
        require_applied(ASKED, {"State": {"Running": False}, "HostConfig": ASKED}, machine_swaps=True)


def test_a_process_of_another_user_is_refused() -> None:
    with pytest.raises(SandboxError, match="another user"):
        require_confined(os.getpid(), uid=os.getuid() + 1)


STATUS = {
    "Uid": "7 7 7 7",
    "CapInh": "0",
    "CapPrm": "0",
    "CapEff": "0",
    "CapBnd": "0",
    "NoNewPrivs": "1",
    "Seccomp": "2",
}


def reports(status: dict[str, str]) -> Callable[[int], dict[str, str]]:
    """Return a reader of /proc that reports `status` for every process."""

    def status_of(_pid: int) -> dict[str, str]:
        return status

    return status_of


@pytest.mark.parametrize(
    ("field", "value"),
    [("CapEff", "a80425fb"), ("CapBnd", "1"), ("NoNewPrivs", "0"), ("Seccomp", "0"), ("Uid", "7 0 7 7")],
)
def test_a_process_that_is_not_confined_is_refused(monkeypatch: pytest.MonkeyPatch, field: str, value: str) -> None:
    monkeypatch.setattr("dgm.sandbox.posture.status_of", reports(STATUS | {field: value}))
    with pytest.raises(SandboxError):
        require_confined(1, uid=7)


def test_a_confined_process_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgm.sandbox.posture.status_of", reports(STATUS))
    require_confined(1, uid=7)
