"""How a container stands, as the host's /proc, control groups and engine show it."""

import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dgm.config import SandboxLimits
from dgm.core.files import File
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.examination_confinement import (
    ENGINES_MOUNTS,
    KERNELS_FILE_SYSTEMS,
    NAMESPACES,
    is_engines_cover,
)
from dgm.sandbox.examination_seen import Mount, parse_mounts
from dgm.sandbox.policy import ENVIRONMENT, SCRATCH, Label, scratch_bytes, seccomp_profile
from dgm.sandbox.posture import CAPABILITY_SETS
from dgm.sandbox.processes import status_of
from tests.docker_fixtures import RUN, spec
from tests.escape.watching import PROC, cgroup_value, sdk

pytestmark = pytest.mark.docker

LIMITS = SandboxLimits()


@dataclass
class Standing:
    """A container with one command of the agent's at rest in it."""

    container: DockerContainer
    agent: int
    """Host pid of the agent's command."""
    inspected: Any

    @property
    def host_config(self) -> Any:
        return self.inspected["HostConfig"]


@pytest.fixture(scope="module")
def standing(sandbox: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> Generator[Standing]:
    gateway = tmp_path_factory.mktemp("gateway")
    with sandbox.container(spec("posture", gateway_directory=gateway)) as container:
        client = sdk(sandbox.engine)
        command = client.exec_create(
            container.id, ["sleep", "100"], user=container.target.uids.as_agent, workdir="/workspace"
        )["Id"]
        client.exec_start(command, detach=True)
        agent = client.exec_inspect(command)["Pid"]
        yield Standing(container, agent, sandbox.engine.inspect(container.id))


@pytest.fixture(scope="module")
def container(sandbox: DockerSandbox) -> Generator[DockerContainer]:
    """Another container, for commands: the sweep after each would end the one at rest."""
    with sandbox.container(spec("commands")) as made:
        yield made


def mounts(pid: int) -> dict[str, Mount]:
    return parse_mounts((PROC / str(pid) / "mountinfo").read_text().splitlines())


def limits_of(pid: int) -> dict[str, tuple[str, str]]:
    rows = (PROC / str(pid) / "limits").read_text().splitlines()[1:]
    return {row[:25].strip(): (row[26:46].strip(), row[47:67].strip()) for row in rows}


@pytest.mark.attack("rights of another user or group")
def test_the_agent_runs_as_its_own_user_and_group_alone(standing: Standing) -> None:
    uid = str(standing.container.peer_uid)
    status = status_of(standing.agent)
    assert (status["Uid"].split(), status["Gid"].split(), status["Groups"]) == ([uid] * 4, [uid] * 4, uid)


@pytest.mark.attack("power over the first process")
def test_the_first_process_runs_as_the_keeper(standing: Standing) -> None:
    keeper = standing.container.target.uids.keeper
    assert status_of(standing.container.target.init)["Uid"].split() == [str(keeper)] * 4
    assert keeper != standing.container.peer_uid


@pytest.mark.attack("limits that the kernel counts for each user")
def test_two_live_containers_share_no_user(sandbox: DockerSandbox, standing: Standing) -> None:
    with sandbox.container(spec("second")) as second:
        mine, other = standing.container.target.uids, second.target.uids
        assert not {mine.agent, mine.keeper} & {other.agent, other.keeper}


@pytest.mark.attack("a capability")
@pytest.mark.parametrize("which", ["agent", "first process"])
@pytest.mark.parametrize("name", CAPABILITY_SETS)
def test_no_process_has_a_capability(standing: Standing, which: str, name: str) -> None:
    pid = standing.agent if which == "agent" else standing.container.target.init
    assert int(status_of(pid)[name], 16) == 0


@pytest.mark.attack("gaining privileges, leaving the filter")
@pytest.mark.parametrize("which", ["agent", "first process"])
def test_no_process_can_gain_privileges_or_leave_the_system_call_filter(standing: Standing, which: str) -> None:
    pid = standing.agent if which == "agent" else standing.container.target.init
    status = status_of(pid)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


@pytest.mark.attack("a system call that the engine's own filter lets through")
def test_the_filter_is_ours_and_not_the_engines_default(standing: Standing) -> None:
    options = standing.host_config["SecurityOpt"]
    profile = next(option.removeprefix("seccomp=") for option in options if option.startswith("seccomp="))
    assert json.loads(profile) == json.loads(seccomp_profile())


@pytest.mark.attack("a namespace of the host's")
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_namespace_is_the_containers_own(standing: Standing, namespace: str) -> None:
    theirs = (PROC / str(standing.agent) / "ns" / namespace).readlink()
    assert theirs != (PROC / "self" / "ns" / namespace).readlink()


@pytest.mark.attack("a network interface")
def test_the_only_interface_is_loopback(standing: Standing) -> None:
    rows = (PROC / str(standing.agent) / "net" / "dev").read_text().splitlines()[2:]
    assert [row.partition(":")[0].strip() for row in rows] == ["lo"]


@pytest.mark.attack("a route")
def test_there_is_no_route(standing: Standing) -> None:
    assert (PROC / str(standing.agent) / "net" / "route").read_text().splitlines()[1:] == []


@pytest.mark.attack("another mount")
def test_the_mounts_are_exactly_those_of_the_policy(standing: Standing) -> None:
    found = {point for point in mounts(standing.agent) if not is_engines_cover(point)}
    assert found == ENGINES_MOUNTS | {place.path for place in SCRATCH} | {"/gateway"}


@pytest.mark.attack("writing to a disk")
def test_only_places_in_memory_can_be_written_to(standing: Standing) -> None:
    writable = {
        point: mount.kind
        for point, mount in mounts(standing.agent).items()
        if "rw" in mount.options and mount.kind not in KERNELS_FILE_SYSTEMS
    }
    assert set(writable.values()) == {"tmpfs"}
    # Owned by root and closed to others, or empty covers of the kernel's secrets.
    roots_own = {"/dev", "/sys/fs/cgroup", "/proc/keys", "/proc/timer_list", "/proc/latency_stats"}
    assert set(writable) - roots_own == {place.path for place in SCRATCH}


@pytest.mark.attack("a place in memory without its bounds")
@pytest.mark.parametrize("place", SCRATCH, ids=lambda place: place.path)
def test_a_place_in_memory_has_its_size_inodes_and_flags(standing: Standing, place: Any) -> None:
    mount = mounts(standing.agent)[place.path]
    assert mount.kind == "tmpfs"
    assert {"nosuid", "nodev"} <= mount.options
    assert {
        f"size={scratch_bytes(LIMITS, place) // 1024}k",
        f"nr_inodes={place.inodes}",
    } <= mount.file_system_options


@pytest.mark.attack("files that take all memory")
def test_places_in_memory_take_at_most_half_of_the_memory() -> None:
    assert sum(scratch_bytes(LIMITS, place) for place in SCRATCH) <= LIMITS.memory_bytes // 2


@pytest.mark.attack("writing to the root")
def test_the_root_is_read_only(standing: Standing) -> None:
    assert "ro" in mounts(standing.agent)["/"].options


@pytest.mark.attack("writing to the gateway's directory")
def test_the_gateway_directory_is_read_only(standing: Standing) -> None:
    assert "ro" in mounts(standing.agent)["/gateway"].options


@pytest.mark.attack("the engine's socket")
def test_no_engine_socket_is_in_the_container(container: DockerContainer) -> None:
    listed = container.execute(["find", "/", "-name", "*.sock", "-not", "-path", "/proc/*"], timeout_s=20)
    assert listed.stdout == b""


@pytest.mark.attack("variables of the host")
def test_the_environment_is_exactly_that_of_the_policy(standing: Standing) -> None:
    words = (PROC / str(standing.agent) / "environ").read_bytes().rstrip(b"\0").split(b"\0")
    found = dict(word.decode().split("=", 1) for word in words)
    assert found == ENVIRONMENT | {"HOSTNAME": "sandbox"}


@pytest.mark.attack("open files of the host")
def test_no_file_of_the_host_is_open(standing: Standing) -> None:
    targets = {str(link.readlink()) for link in (PROC / str(standing.agent) / "fd").iterdir()}
    assert all(re.fullmatch(r"pipe:\[\d+\]|/dev/null", target) for target in targets)


@pytest.mark.attack("going beyond a limit of a process")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Max open files", "1024"),
        ("Max core file size", "0"),
        ("Max locked memory", "0"),
        ("Max file size", str(320 * 2**20)),
    ],
)
def test_a_process_is_limited(standing: Standing, name: str, value: str) -> None:
    assert limits_of(standing.agent)[name] == (value, value)


@pytest.mark.attack("having the machine end something else for lack of memory")
def test_the_machine_sacrifices_the_sandbox_first(standing: Standing) -> None:
    assert (PROC / str(standing.agent) / "oom_score_adj").read_text().strip() == "1000"


@pytest.mark.attack("more memory than the limit")
def test_memory_is_limited_by_its_control_group(standing: Standing) -> None:
    limit = cgroup_value(standing.agent, controller="memory", v1="memory.limit_in_bytes", v2="memory.max")
    assert limit == str(LIMITS.memory_bytes)


@pytest.mark.attack("swap beyond the limit")
def test_there_is_no_swap_beyond_the_memory(standing: Standing) -> None:
    assert standing.host_config["MemorySwap"] == standing.host_config["Memory"] == LIMITS.memory_bytes


@pytest.mark.attack("more processes than the limit")
def test_processes_are_limited_by_their_control_group(standing: Standing) -> None:
    assert cgroup_value(standing.agent, controller="pids", v1="pids.max", v2="pids.max") == str(LIMITS.pids)


@pytest.mark.attack("more processor time than the limit")
def test_processor_time_is_limited(standing: Standing) -> None:
    assert standing.host_config["NanoCpus"] == round(LIMITS.cpus * 10**9)


@pytest.mark.attack("a log that fills the host's disk")
def test_nothing_is_logged_on_the_host(standing: Standing) -> None:
    assert standing.host_config["LogConfig"]["Type"] == "none"
    assert standing.inspected["LogPath"] == ""


@pytest.mark.attack("devices, added capabilities, process ids and binds of the host")
def test_nothing_is_shared_with_the_host(standing: Standing) -> None:
    config = standing.host_config
    assert (config["Privileged"], config["Devices"] or [], config["CapAdd"] or [], config["PidMode"]) == (
        False,
        [],
        [],
        "",
    )
    binds = [(mount["Type"], mount["Destination"], mount["RW"]) for mount in standing.inspected["Mounts"]]
    assert binds == [("bind", "/gateway", False)]


@pytest.mark.attack("a container that nobody knows as ours")
def test_the_labels_say_whose_it_is(standing: Standing) -> None:
    labels = standing.inspected["Config"]["Labels"]
    assert (labels[Label.OURS], labels[Label.RUN], labels[Label.SESSION], labels[Label.KIND]) == (
        "1",
        RUN,
        "posture",
        "agent",
    )


@pytest.mark.attack("changing what the keeper wrote")
def test_the_agent_cannot_change_what_the_keeper_wrote(container: DockerContainer) -> None:
    container.write_files({"agent/main.py": File(b"original")}, directory="/", owner="keeper")
    container.execute(["sh", "-c", "echo changed > /agent/main.py; rm -f /agent/main.py; mv /agent /old"], timeout_s=20)
    assert (Path(f"/proc/{container.target.init}/root") / "agent" / "main.py").read_bytes() == b"original"


@pytest.mark.attack("a setuid program")
def test_the_image_has_no_setuid_program(container: DockerContainer) -> None:
    found = container.execute(["find", "/", "-xdev", "-perm", "/6000", "-type", "f"], timeout_s=20)
    assert found.stdout == b""
