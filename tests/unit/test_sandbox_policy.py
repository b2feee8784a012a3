"""Every option of a container, one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgm.config import SandboxLimits
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.sandbox.policy import SCRATCH, container_config, scratch_bytes, seccomp_profile
from dgm.sandbox.uids import Uids

LIMITS = SandboxLimits(memory_bytes=512 * 2**20, cpus=1.5, pids=100)
UIDS = Uids(agent=20_000, keeper=20_001)


def config(*, limits: SandboxLimits = LIMITS, gateway: Path | None = None, lifetime_s: float = 60.0) -> dict[str, Any]:
    spec = ContainerSpec("python", "agent", SessionId("1.1.agent"), lifetime_s, gateway)
    return container_config(
        spec, limits, uids=UIDS, image_id="sha256:abc", seccomp='{"filter": 1}', labels={"dgm": "1"}
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("NetworkMode", "none"),
        ("IpcMode", "private"),
        ("CgroupnsMode", "private"),
        ("PidMode", ""),
        ("Privileged", False),
        ("CapDrop", ["ALL"]),
        ("SecurityOpt", ["no-new-privileges", 'seccomp={"filter": 1}']),
        ("ReadonlyRootfs", True),
        ("Init", True),
        ("Memory", 512 * 2**20),
        ("MemorySwap", 512 * 2**20),
        ("PidsLimit", 100),
        ("NanoCpus", 1_500_000_000),
        ("OomScoreAdj", 1000),
        ("LogConfig", {"Type": "none"}),
        ("RestartPolicy", {"Name": "no"}),
        ("Mounts", []),
        (
            "Sysctls",
            {"kernel.shmall": "2048", "kernel.shmmax": "8388608", "kernel.sem": "250 4000 100 128"},
        ),
    ],
)
def test_an_option_of_the_host_configuration(option: str, value: object) -> None:
    assert config()["HostConfig"][option] == value


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("Image", "sha256:abc"),
        ("User", "20001:20001"),
        ("Entrypoint", ["sleep"]),
        ("Cmd", ["60"]),
        ("NetworkDisabled", True),
        ("StopSignal", "SIGKILL"),
        ("Tty", False),
        ("OpenStdin", False),
        ("Hostname", "sandbox"),
        ("Labels", {"dgm": "1"}),
    ],
)
def test_an_option_of_the_configuration(option: str, value: object) -> None:
    assert config()[option] == value


@pytest.mark.parametrize("option", ["Binds", "Devices", "CapAdd", "VolumesFrom", "PortBindings", "GroupAdd", "Runtime"])
def test_an_option_that_opens_the_container_is_never_sent(option: str) -> None:
    assert option not in config()["HostConfig"]


@pytest.mark.parametrize(("name", "value"), [("nofile", 1024), ("core", 0), ("memlock", 0), ("fsize", 80 * 2**20)])
def test_a_process_limit(name: str, value: int) -> None:
    assert {"Name": name, "Soft": value, "Hard": value} in config()["HostConfig"]["Ulimits"]


def test_processes_are_not_limited_by_user_since_that_counts_the_whole_host() -> None:
    assert "nproc" not in {limit["Name"] for limit in config()["HostConfig"]["Ulimits"]}


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/agent", "rw,nosuid,nodev,exec,size=83886080,nr_inodes=32768,uid=20001,gid=20001"),
        ("/workspace", "rw,nosuid,nodev,exec,size=83886080,nr_inodes=32768,uid=20000,gid=20000"),
        ("/tmp", "rw,nosuid,nodev,exec,size=50331648,nr_inodes=16384,uid=20000,gid=20000"),
        ("/task", "rw,nosuid,nodev,exec,size=16777216,nr_inodes=32768,uid=20001,gid=20001"),
        ("/home/agent", "rw,nosuid,nodev,exec,size=16777216,nr_inodes=8192,uid=20000,gid=20000"),
        ("/dev/shm", "rw,nosuid,nodev,noexec,mode=1777,size=16777216,nr_inodes=4096,uid=0,gid=0"),
    ],
)
def test_a_place_in_memory(path: str, options: str) -> None:
    assert config()["HostConfig"]["Tmpfs"][path] == options


@pytest.mark.parametrize("memory_bytes", [256 * 2**20, 1_000_000_001, 8 * 2**30])
def test_places_in_memory_take_at_most_half_of_it(memory_bytes: int) -> None:
    limits = SandboxLimits(memory_bytes=memory_bytes)
    assert sum(scratch_bytes(limits, place) for place in SCRATCH) <= memory_bytes // 2


def test_what_fits_into_one_workspace_fits_into_the_next_agent() -> None:
    sizes = {place.path: (place.share, place.inodes) for place in SCRATCH}
    assert sizes["/agent"] == sizes["/workspace"]


def test_the_gateway_directory_is_mounted_read_only() -> None:
    mounts = config(gateway=Path("/run/session"))["HostConfig"]["Mounts"]
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in mounts] == [
        ("/run/session", "/gateway", True)
    ]


def test_a_runtime_is_named_only_where_it_is_set() -> None:
    assert config(limits=SandboxLimits(runtime="runsc"))["HostConfig"]["Runtime"] == "runsc"


def test_a_lifetime_is_at_least_one_second() -> None:
    assert config(lifetime_s=0.2)["Cmd"] == ["1"]


def test_nothing_of_the_hosts_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "secret" not in json.dumps(config())


def test_the_profile_refuses_what_it_does_not_name() -> None:
    assert json.loads(seccomp_profile())["defaultAction"] == "SCMP_ACT_ERRNO"
