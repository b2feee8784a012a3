"""An examination finds nothing wrong with a container of ours, and sees every control that is taken away from one."""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dgm.core.ids import SessionId
from dgm.core.ports import ContainerSpec, Owner
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.engine import Engine, connect
from dgm.sandbox.examination import LIMITS, PROBES, container_findings, examine, lifetime_finding, listening, subject_of
from dgm.sandbox.examination_findings import Result
from dgm.sandbox.examination_subject import Subject
from dgm.sandbox.images import ensure_image, require_image
from dgm.sandbox.policy import Label, container_config, seccomp_profile
from dgm.sandbox.processes import host_uid
from dgm.sandbox.reaper import this_process
from dgm.sandbox.removal import remove_container
from dgm.sandbox.sweep import Target
from dgm.sandbox.uids import leased_uids
from tests.docker_fixtures import IMAGE, RUN

pytestmark = [pytest.mark.docker, pytest.mark.slow]

Config = dict[str, Any]
Change = Callable[[Config, Path], object]
"""Takes what the engine is told of a container, and the directory that is bound into it."""


class UnsweptContainer(DockerContainer):
    """A container in which nothing ends what commands leave behind."""

    def _sweep(self, owner: Owner, given_up: object) -> None:
        del owner, given_up


@pytest.fixture(scope="module")
def engine() -> Generator[Engine]:
    with closing(connect()) as engine:
        ensure_image(engine, IMAGE, say=print)
        yield engine


@contextmanager
def changed_container(
    engine: Engine, change: Change, directory: Path, *, kind: type[DockerContainer] = DockerContainer
) -> Generator[DockerContainer]:
    """Start a container as the sandbox does, but for a change of what the engine is told."""
    spec = ContainerSpec(IMAGE, "agent", SessionId("examined"), 120.0, directory)
    with leased_uids() as uids:
        config = container_config(
            spec,
            LIMITS,
            uids=uids,
            image_id=require_image(engine, IMAGE),
            seccomp=seccomp_profile(),
            labels={Label.OURS: "1", Label.RUN: RUN, Label.HOST: this_process()},
        )
        change(config, directory)
        container = engine.create(config, name=f"dgm-{RUN}-{uids.agent}").id
        try:
            engine.start(container)
            init = int(engine.inspect(container)["State"]["Pid"])
            target = Target(container, init, uids, host_uid(init, uids.agent), in_sight=True)
            yield kind(engine, target, stopped=lambda: False)
        finally:
            remove_container(engine, container)


@contextmanager
def examined(
    engine: Engine, change: Change, directory: Path, *, kind: type[DockerContainer] = DockerContainer
) -> Generator[Subject]:
    with listening(directory), changed_container(engine, change, directory, kind=kind) as container:
        yield subject_of(engine, container, LIMITS, gateway=str(directory), native=True)


def failed(subject: Subject, *, but: set[str]) -> set[str]:
    """Return the controls that are said not to hold; those that take long only where they are asked for."""
    probes = [probe for probe in PROBES if probe.name not in {"memory", "time-out", "output"} - but]
    findings = container_findings(subject, runtime="runc", probes=probes)
    return {finding.name for finding in findings if finding.result == Result.FAILED}


def unchanged(config: Config, directory: Path) -> None:
    """Leave a container as the sandbox makes it."""
    del config, directory


def host(**options: object) -> Change:
    """Replace options of the part that limits and isolates."""

    def change(config: Config, directory: Path) -> None:
        del directory
        config["HostConfig"].update(options)

    return change


def writable_gateway(config: Config, directory: Path) -> None:
    del directory
    config["HostConfig"]["Mounts"][0]["ReadOnly"] = False


def place(path: str, old: str, new: str) -> Change:
    """Change an option of one place in memory."""

    def change(config: Config, _: Path) -> None:
        places = config["HostConfig"]["Tmpfs"]
        words = [new if word.startswith(old) else word for word in places[path].split(",")]
        places[path] = ",".join(words)

    return change


def one_mount_more(config: Config, directory: Path) -> None:
    mount = {"Type": "bind", "Source": str(directory), "Target": "/extra", "ReadOnly": True}
    config["HostConfig"]["Mounts"].append(mount)


def as_the_agent(config: Config, _: Path) -> None:
    keeper = int(config["User"].partition(":")[0])
    config["User"] = f"{keeper - 1}:{keeper - 1}"


def with_a_network(config: Config, _: Path) -> None:
    config["NetworkDisabled"] = False
    config["HostConfig"]["NetworkMode"] = "bridge"


def with_a_variable(config: Config, _: Path) -> None:
    config["Env"].append("TOKEN=of the host")


UNCONFINED = ["no-new-privileges", "seccomp=unconfined"]
REMOVED: dict[str, tuple[Change, set[str]]] = {
    "capabilities": (host(CapDrop=[]), {"as asked", "on the host", "capabilities"}),
    "no-new-privileges": (host(SecurityOpt=[f"seccomp={seccomp_profile()}"]), {"on the host", "new privileges"}),
    "seccomp": (host(SecurityOpt=UNCONFINED), {"on the host", "seccomp", "system calls", "socket families"}),
    "our own profile": (host(SecurityOpt=["no-new-privileges"]), {"system calls", "socket families"}),
    "a namespace": (host(CgroupnsMode="host"), {"on the host"}),
    "the read-only root": (host(ReadonlyRootfs=False), {"as asked", "root", "writable"}),
    "a mount": (host(Mounts=[]), {"mounts", "gateway"}),
    "a read-only mount": (writable_gateway, {"writable"}),
    "the end of the list of mounts": (one_mount_more, {"mounts", "other sockets"}),
    "a place's size": (place("/tmp", "size=", "size=1g"), {"as asked", "sizes"}),
    "a place's number of files": (
        place("/dev/shm", "nr_inodes=", "nr_inodes=100k"),
        {"as asked", "numbers of files"},
    ),
    "a place's flags": (place("/workspace", "nodev", "dev"), {"as asked", "writable"}),
    "the lack of a network": (with_a_network, {"as asked", "network"}),
    "the environment": (with_a_variable, {"environment"}),
    "the limits of a process": (host(Ulimits=[]), {"open files", "limits of a process"}),
    "the limit of processes": (host(PidsLimit=256), {"as asked", "processes"}),
    "the limit of memory": (host(Memory=2**30, MemorySwap=2**30), {"as asked", "memory"}),
    "the log driver": (host(LogConfig={"Type": "json-file"}), {"log"}),
}


def test_nothing_is_wrong_with_a_container_of_ours(engine: Engine, tmp_path: Path) -> None:
    with examined(engine, unchanged, tmp_path) as subject:
        assert failed(subject, but={"memory", "time-out", "output"}) == set()


@pytest.mark.parametrize("control", REMOVED)
def test_a_control_that_is_taken_away_is_seen(engine: Engine, tmp_path: Path, control: str) -> None:
    change, seen = REMOVED[control]
    with examined(engine, change, tmp_path) as subject:
        assert failed(subject, but=seen) == seen


def test_a_first_process_of_the_agents_own_is_seen(engine: Engine, tmp_path: Path) -> None:
    # Unswept, since the first sweep would end it, and the container with it.
    with examined(engine, as_the_agent, tmp_path, kind=UnsweptContainer) as subject:
        assert failed(subject, but=set()) == {"on the host", "first process"}


def test_a_sweep_that_does_not_happen_is_seen(engine: Engine, tmp_path: Path) -> None:
    with examined(engine, unchanged, tmp_path, kind=UnsweptContainer) as subject:
        assert failed(subject, but={"time-out"}) == {"time-out"}


def test_a_dead_mans_timer_that_does_not_end_is_seen(engine: Engine, tmp_path: Path) -> None:
    with changed_container(engine, unchanged, tmp_path) as container:
        assert lifetime_finding(engine, container.id, runtime="runc", bound_s=0.2).result == Result.FAILED


def test_a_whole_examination_of_this_engine_fails_nowhere_and_leaves_nothing(engine: Engine) -> None:
    findings = list(examine(engine, LIMITS.model_copy(update={"minimum_free_bytes": 0})))
    assert [finding for finding in findings if finding.result == Result.FAILED] == []
    assert {finding.name for finding in findings} >= {probe.name for probe in PROBES} | {"removal", "lifetime"}


def test_an_engine_that_refuses_to_start_a_container_is_a_finding(
    engine: Engine,
) -> None:
    findings = list(examine(engine, LIMITS.model_copy(update={"runtime": "no-such-runtime"})))
    assert [(finding.name, finding.result) for finding in findings if finding.subject == "no-such-runtime"] == [
        ("container", Result.FAILED)
    ]
