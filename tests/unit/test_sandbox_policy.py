"""Every option of a container, one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgm.config import SandboxLimits
from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec
from dgm.core.tasks import Repository
from dgm.sandbox.policy import SCRATCH, container_config, places, preparation_config, scratch_bytes, seccomp_profile
from dgm.sandbox.uids import Uids

LIMITS = SandboxLimits(memory_bytes=512 * 2**20, cpus=1.5, pids=100)
UIDS = Uids(agent=20_000, keeper=20_001)
REPOSITORY = Repository("/testbed", "0" * 40)
WORKSPACE_BYTES = 64 * 2**20


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


# --- a container with a repository -----------------------------------------------------------------------------------


def repository_config() -> dict[str, Any]:
    spec = ContainerSpec("somebody/image:1", "agent", SessionId("1.1.agent"), 60.0, repository=REPOSITORY)
    return container_config(
        spec, LIMITS, uids=UIDS, image_id="sha256:abc", seccomp="{}", labels={}, workspace_bytes=WORKSPACE_BYTES
    )


def test_a_repository_has_a_place_of_its_own_instead_of_the_workspace() -> None:
    usual, found = config()["HostConfig"]["Tmpfs"], repository_config()["HostConfig"]["Tmpfs"]
    place = "rw,nosuid,nodev,exec,size=67108864,nr_inodes=8192,uid=20000,gid=20000"
    assert found == {path: usual[path] for path in usual if path != "/workspace"} | {"/testbed": place}


def test_a_place_of_no_whole_pages_is_a_little_smaller() -> None:
    (place,) = (place for place in places(REPOSITORY, workspace_bytes=10_000) if place.path == "/testbed")
    assert (scratch_bytes(LIMITS, place), place.inodes) == (8_192, 1)


@pytest.mark.parametrize("option", ["Memory", "MemorySwap"])
def test_a_repositorys_place_is_on_top_of_the_memory(option: str) -> None:
    assert repository_config()["HostConfig"][option] == LIMITS.memory_bytes + WORKSPACE_BYTES


def test_a_file_may_be_as_large_as_the_largest_place() -> None:
    (limit,) = (limit for limit in repository_config()["HostConfig"]["Ulimits"] if limit["Name"] == "fsize")
    assert limit["Soft"] == limit["Hard"] == 80 * 2**20


def test_the_path_is_the_images_and_the_other_variables_are_ours() -> None:
    ours = [variable for variable in config()["Env"] if not variable.startswith("PATH=")]
    assert repository_config()["Env"] == ours


def test_it_lives_longer_by_the_time_that_laying_out_may_take() -> None:
    assert (config(lifetime_s=60.0)["Cmd"], repository_config()["Cmd"]) == (["60"], ["360"])


def test_in_all_else_it_is_as_every_container() -> None:
    usual, found = config(), repository_config()
    differs = {"Tmpfs", "Memory", "MemorySwap", "SecurityOpt"}
    assert {option for option in found["HostConfig"] if found["HostConfig"][option] != usual["HostConfig"][option]} == (
        differs
    )
    assert {option for option in found if found[option] != usual[option]} == {"Env", "Cmd", "Labels", "HostConfig"}


# --- a container in which an image is made ready ---------------------------------------------------------------------


def test_where_an_image_is_made_ready_is_limited_but_written_to_by_root() -> None:
    found = preparation_config(
        LIMITS,
        image_id="sha256:abc",
        seccomp='{"filter": 1}',
        labels={"dgm": "1"},
        lifetime_s=60.0,
        added_bytes=WORKSPACE_BYTES,
    )
    usual = config()
    assert {option: found[option] for option in found if found[option] != usual[option]} == {
        "User": "0:0",
        "HostConfig": found["HostConfig"],
    }
    assert "Env" not in found
    assert {name: value for name, value in found["HostConfig"].items() if value != usual["HostConfig"].get(name)} == {
        "ReadonlyRootfs": False,
        "CapAdd": ["DAC_OVERRIDE", "FOWNER"],
        "Memory": LIMITS.memory_bytes + WORKSPACE_BYTES,
        "MemorySwap": LIMITS.memory_bytes + WORKSPACE_BYTES,
        "Ulimits": [limit for limit in usual["HostConfig"]["Ulimits"] if limit["Name"] != "fsize"],
    }
    assert usual["HostConfig"].keys() - found["HostConfig"].keys() == {"Tmpfs"}


# --- all of them -----------------------------------------------------------------------------------------------------


def test_a_lifetime_is_at_least_one_second() -> None:
    assert config(lifetime_s=0.2)["Cmd"] == ["1"]


def test_nothing_of_the_hosts_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "secret" not in json.dumps(config())


def test_the_profile_refuses_what_it_does_not_name() -> None:
    assert json.loads(seccomp_profile())["defaultAction"] == "SCMP_ACT_ERRNO"
