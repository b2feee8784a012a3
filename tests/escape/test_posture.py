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
from dgm.sandbox.policy import ENVIRONMENT, SCRATCH, Label, scratch_bytes, seccomp_profile
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


def mounts(pid: int) -> dict[str, tuple[set[str], str, set[str]]]:
    """Return mount point -> (options of the mount, type, options of the file system)."""
    found: dict[str, tuple[set[str], str, set[str]]] = {}
    for line in (PROC / str(pid) / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        found[left.split()[4]] = (set(left.split()[5].split(",")), kind, set(options.split(",")))
    return found


def limits_of(pid: int) -> dict[str, tuple[str, str]]:
    rows = (PROC / str(pid) / "limits").read_text().splitlines()[1:]
    return {row[:25].strip(): (row[26:46].strip(), row[47:67].strip()) for row in rows}


def test_the_agent_runs_as_its_own_user_and_group_alone(standing: Standing) -> None:
    uid = str(standing.container.peer_uid)
    status = status_of(standing.agent)
    assert (status["Uid"].split(), status["Gid"].split(), status["Groups"]) == ([uid] * 4, [uid] * 4, uid)


def test_the_first_process_runs_as_the_keeper(standing: Standing) -> None:
    keeper = standing.container.target.uids.keeper
    assert status_of(standing.container.target.init)["Uid"].split() == [str(keeper)] * 4
    assert keeper != standing.container.peer_uid


def test_two_live_containers_share_no_user(sandbox: DockerSandbox, standing: Standing) -> None:
    with sandbox.container(spec("second")) as second:
        mine, other = standing.container.target.uids, second.target.uids
        assert not {mine.agent, mine.keeper} & {other.agent, other.keeper}


@pytest.mark.parametrize("which", ["agent", "first process"])
@pytest.mark.parametrize("name", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_no_process_has_a_capability(standing: Standing, which: str, name: str) -> None:
    pid = standing.agent if which == "agent" else standing.container.target.init
    assert int(status_of(pid)[name], 16) == 0


@pytest.mark.parametrize("which", ["agent", "first process"])
def test_no_process_can_gain_privileges_or_leave_the_system_call_filter(standing: Standing, which: str) -> None:
    pid = standing.agent if which == "agent" else standing.container.target.init
    status = status_of(pid)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_the_filter_is_ours_and_not_the_engines_default(standing: Standing) -> None:
    options = standing.host_config["SecurityOpt"]
    profile = next(option.removeprefix("seccomp=") for option in options if option.startswith("seccomp="))
    assert json.loads(profile) == json.loads(seccomp_profile())


@pytest.mark.parametrize("namespace", ["pid", "net", "ipc", "mnt", "uts", "cgroup"])
def test_every_namespace_is_the_containers_own(standing: Standing, namespace: str) -> None:
    theirs = (PROC / str(standing.agent) / "ns" / namespace).readlink()
    assert theirs != (PROC / "self" / "ns" / namespace).readlink()


def test_the_only_interface_is_loopback(standing: Standing) -> None:
    rows = (PROC / str(standing.agent) / "net" / "dev").read_text().splitlines()[2:]
    assert [row.partition(":")[0].strip() for row in rows] == ["lo"]


def test_there_is_no_route(standing: Standing) -> None:
    assert (PROC / str(standing.agent) / "net" / "route").read_text().splitlines()[1:] == []


def test_the_mounts_are_exactly_those_of_the_policy(standing: Standing) -> None:
    found = {point for point in mounts(standing.agent) if not point.startswith(("/proc/", "/sys/"))}
    engines_own = {"/", "/dev", "/dev/pts", "/dev/mqueue", "/proc", "/sys", "/etc/hostname"}
    init = {point for point in found if point.endswith("/docker-init")}
    assert len(init) == 1
    assert found - init == engines_own | {place.path for place in SCRATCH} | {"/gateway"}


def test_only_places_in_memory_can_be_written_to(standing: Standing) -> None:
    kernels = {"proc", "devpts", "mqueue"}
    writable = {
        point: kind
        for point, (options, kind, _) in mounts(standing.agent).items()
        if "rw" in options and kind not in kernels
    }
    assert set(writable.values()) == {"tmpfs"}
    # Owned by root and closed to others, or empty covers of the kernel's secrets.
    roots_own = {"/dev", "/sys/fs/cgroup", "/proc/keys", "/proc/timer_list", "/proc/latency_stats"}
    assert set(writable) - roots_own == {place.path for place in SCRATCH}


@pytest.mark.parametrize("place", SCRATCH, ids=lambda place: place.path)
def test_a_place_in_memory_has_its_size_inodes_and_flags(standing: Standing, place: Any) -> None:
    options, kind, super_options = mounts(standing.agent)[place.path]
    assert kind == "tmpfs"
    assert {"nosuid", "nodev"} <= options
    assert {f"size={scratch_bytes(LIMITS, place) // 1024}k", f"nr_inodes={place.inodes}"} <= super_options


def test_places_in_memory_take_at_most_half_of_the_memory() -> None:
    assert sum(scratch_bytes(LIMITS, place) for place in SCRATCH) <= LIMITS.memory_bytes // 2


def test_the_root_is_read_only(standing: Standing) -> None:
    assert "ro" in mounts(standing.agent)["/"][0]


def test_the_gateway_directory_is_read_only(standing: Standing) -> None:
    assert "ro" in mounts(standing.agent)["/gateway"][0]


def test_no_engine_socket_is_in_the_container(container: DockerContainer) -> None:
    listed = container.execute(["find", "/", "-name", "*.sock", "-not", "-path", "/proc/*"], timeout_s=20)
    assert listed.stdout == b""


def test_the_environment_is_exactly_that_of_the_policy(standing: Standing) -> None:
    words = (PROC / str(standing.agent) / "environ").read_bytes().rstrip(b"\0").split(b"\0")
    found = dict(word.decode().split("=", 1) for word in words)
    assert found == ENVIRONMENT | {"HOSTNAME": "sandbox"}


def test_no_file_of_the_host_is_open(standing: Standing) -> None:
    targets = {str(link.readlink()) for link in (PROC / str(standing.agent) / "fd").iterdir()}
    assert all(re.fullmatch(r"pipe:\[\d+\]|/dev/null", target) for target in targets)


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


def test_the_machine_sacrifices_the_sandbox_first(standing: Standing) -> None:
    assert (PROC / str(standing.agent) / "oom_score_adj").read_text().strip() == "1000"


def test_memory_is_limited_by_its_control_group(standing: Standing) -> None:
    limit = cgroup_value(standing.agent, controller="memory", v1="memory.limit_in_bytes", v2="memory.max")
    assert limit == str(LIMITS.memory_bytes)


def test_there_is_no_swap_beyond_the_memory(standing: Standing) -> None:
    assert standing.host_config["MemorySwap"] == standing.host_config["Memory"] == LIMITS.memory_bytes


def test_processes_are_limited_by_their_control_group(standing: Standing) -> None:
    assert cgroup_value(standing.agent, controller="pids", v1="pids.max", v2="pids.max") == str(LIMITS.pids)


def test_processor_time_is_limited(standing: Standing) -> None:
    assert standing.host_config["NanoCpus"] == round(LIMITS.cpus * 10**9)


def test_nothing_is_logged_on_the_host(standing: Standing) -> None:
    assert standing.host_config["LogConfig"]["Type"] == "none"
    assert standing.inspected["LogPath"] == ""


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


def test_the_labels_say_whose_it_is(standing: Standing) -> None:
    labels = standing.inspected["Config"]["Labels"]
    assert (labels[Label.OURS], labels[Label.RUN], labels[Label.SESSION], labels[Label.KIND]) == (
        "1",
        RUN,
        "posture",
        "agent",
    )


def test_the_agent_cannot_change_what_the_keeper_wrote(container: DockerContainer) -> None:
    container.write_files({"agent/main.py": File(b"original")}, directory="/", owner="keeper")
    container.execute(["sh", "-c", "echo changed > /agent/main.py; rm -f /agent/main.py; mv /agent /old"], timeout_s=20)
    assert (Path(f"/proc/{container.target.init}/root") / "agent" / "main.py").read_bytes() == b"original"


def test_the_image_has_no_setuid_program(container: DockerContainer) -> None:
    found = container.execute(["find", "/", "-xdev", "-perm", "/6000", "-type", "f"], timeout_s=20)
    assert found.stdout == b""
