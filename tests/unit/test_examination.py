"""What an examination makes of what a container's scripts tell, and what `dgm doctor --deep` makes of it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from dgm.cli.main import run_command
from dgm.config import SandboxLimits
from dgm.core.errors import SandboxError
from dgm.core.ports import Execution
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.doctor import Check
from dgm.sandbox.engine import Engine
from dgm.sandbox.examination import LIMITS, PROBES, container_findings, examine, listening
from dgm.sandbox.examination_calls import FORBIDDEN_SOCKETS, calls_of
from dgm.sandbox.examination_engine import engine_findings, runtimes_of
from dgm.sandbox.examination_findings import Finding, Result
from dgm.sandbox.examination_seen import Seen, Strained, parse_mounts, parse_report
from dgm.sandbox.examination_subject import NotHere, Probe, Subject
from dgm.sandbox.policy import ENVIRONMENT, SCRATCH, scratch_bytes, ulimits
from dgm.sandbox.sweep import Target
from dgm.sandbox.uids import Uids

UIDS = Uids(agent=20_000, keeper=20_001)
MOUNTS = [
    "1 0 0:1 / / ro,relatime - overlay overlay rw,lowerdir=x",
    "2 1 0:2 / /proc rw,nosuid - proc proc rw",
    "3 1 0:3 / /gateway ro - ext4 /dev/a rw",
    *(f"4 1 0:4 / {place.path} rw,nosuid,nodev - tmpfs tmpfs rw,size=1k" for place in SCRATCH),
]
SEEN = Seen(
    status=[
        "Name:\tpython3",
        "Uid:\t20000\t20000\t20000\t20000",
        "Gid:\t20000\t20000\t20000\t20000",
        "Groups:\t20000 ",
        "CapEff:\t0000000000000000",
        "Seccomp:\t2",
    ],
    no_new_privileges=1,
    calls=dict.fromkeys(calls_of("x86_64"), 1),
    unknown_call=38,
    sockets=dict.fromkeys(FORBIDDEN_SOCKETS, 1),
    mounts=MOUNTS,
    interfaces=["lo"],
    routes=[],
    address=101,
    gateway=0,
    listening=[],
    environment=ENVIRONMENT | {"HOSTNAME": "sandbox"},
    open_files=["/dev/null", "pipe:[1]", "pipe:[2]"],
    first_process=1,
    socket_files=["/gateway/model.sock"],
    setuid_programs=[],
)
STRAINED = Strained(
    limits={limit["Name"]: [limit["Soft"], limit["Hard"]] for limit in ulimits(LIMITS)},
    open_files=1_020,
    processes=60,
    places={place.path: scratch_bytes(LIMITS, place) for place in SCRATCH},
    files={place.path: place.inodes - 1 for place in SCRATCH},
    processor=0.5,
)
INSPECTED = {"HostConfig": {"LogConfig": {"Type": "none"}}}


class FakeContainer(DockerContainer):
    """A container in which every command ends alike."""

    def __init__(self, execution: Execution) -> None:
        super().__init__(cast("Engine", None), Target("c", 1, UIDS, 20_000, in_sight=False), stopped=lambda: False)
        self._execution = execution

    def execute(self, *_: object, **__: object) -> Execution:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._execution


class FakeEngine:
    """An engine on which two processes live, as (pid, user)."""

    def __init__(self, *processes: tuple[int, int]) -> None:
        self._processes = list(processes)

    def processes(self, container: str) -> list[tuple[int, int]]:
        del container
        return self._processes


class DescribedEngine:
    """An engine that only says what it is."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._info = info

    def info(self) -> dict[str, Any]:
        return self._info

    def version(self) -> dict[str, Any]:
        return {}


def ended(
    exit_code: int | None = 0,
    *,
    stdout: bytes = b"",
    stderr: bytes = b"",
    timed_out: bool = False,
    truncated: bool = False,
) -> Execution:
    return Execution(
        exit_code=exit_code, stdout=stdout, stderr=stderr, timed_out=timed_out, truncated=truncated, seconds=0.1
    )


SUBJECT = Subject(
    container=FakeContainer(ended()),
    engine=cast("Engine", FakeEngine()),
    limits=LIMITS,
    inspected=INSPECTED,
    gateway="/somewhere",
    native=True,
    seen=SEEN,
    strained=STRAINED,
)


def found(name: str, subject: Subject) -> Finding:
    """Return what one probe finds."""
    (finding,) = container_findings(subject, runtime="runc", probes=[p for p in PROBES if p.name == name])
    return finding


def with_seen(**changes: object) -> Subject:
    return replace(SUBJECT, seen=SEEN.model_copy(update=changes))


def with_strained(**changes: object) -> Subject:
    return replace(SUBJECT, strained=STRAINED.model_copy(update=changes))


AS_IT_SHOULD_BE = [
    probe.name for probe in PROBES if probe.name not in {"as asked", "on the host", "output", "time-out", "memory"}
]


@pytest.mark.parametrize("name", AS_IT_SHOULD_BE)
def test_a_container_as_it_should_be_is_ok(name: str) -> None:
    assert found(name, SUBJECT).result == Result.OK


BROKEN: dict[str, tuple[str, Subject]] = {
    "another user": ("users", with_seen(status=["Uid:\t0\t0\t0\t0", *SEEN.status[2:]])),
    "a group more": ("users", with_seen(status=[*SEEN.status[:3], "Groups:\t20000 999"])),
    "a capability to be had": ("capabilities", with_seen(status=["CapEff:\t0", "CapBnd:\t0000000000000400"])),
    "no word of capabilities": ("capabilities", with_seen(status=[])),
    "privileges": ("new privileges", with_seen(no_new_privileges=0)),
    "a program of root's": ("programs", with_seen(setuid_programs=["/usr/bin/su"])),
    "no filter": ("seccomp", with_seen(status=["Seccomp:\t0"])),
    "a call": ("system calls", with_seen(calls={**SEEN.calls, "io_uring_setup": 14})),
    "a call that succeeds": ("system calls", with_seen(calls={**SEEN.calls, "ptrace": 0})),
    "an unknown call": ("newer system calls", with_seen(unknown_call=1)),
    "a socket": ("socket families", with_seen(sockets={**SEEN.sockets, "vsock": 0})),
    "a family that was not tried": ("socket families", with_seen(sockets={})),
    "a root to write to": ("root", with_seen(mounts=[MOUNTS[0].replace(" ro,", " rw,")])),
    "no root": ("root", with_seen(mounts=[])),
    "a mount more": ("mounts", with_seen(mounts=[*MOUNTS, "5 1 0:5 / /home ro - ext4 /dev/a ro"])),
    "a mount less": ("mounts", with_seen(mounts=MOUNTS[:-1])),
    "a disk to write to": ("writable", with_seen(mounts=[*MOUNTS, "5 1 0:5 / /home rw - ext4 /dev/a rw"])),
    "an interface": ("network", with_seen(interfaces=["lo", "eth0"])),
    "a route": ("network", with_seen(routes=["eth0 0000"])),
    "an address": ("network", with_seen(address=110)),
    "no gateway": ("gateway", with_seen(gateway=13)),
    "the engine's socket": ("other sockets", with_seen(socket_files=["/run/docker.sock"])),
    "a socket without a file": ("other sockets", with_seen(listening=["@secret"])),
    "a variable": ("environment", with_seen(environment={**SEEN.environment, "TOKEN": "x"})),
    "a changed variable": ("environment", with_seen(environment={**SEEN.environment, "HOME": "/root"})),
    "an open file": ("inherited files", with_seen(open_files=["/etc/shadow"])),
    "a place without an end": ("sizes", with_strained(places=dict.fromkeys(STRAINED.places, 2**40))),
    "a place that takes nothing": ("sizes", with_strained(places={})),
    "files without an end": ("numbers of files", with_strained(files=dict.fromkeys(STRAINED.files, 10**6))),
    "a place that takes no file": ("numbers of files", with_strained(files={})),
    "open files without an end": ("open files", with_strained(open_files=1_280)),
    "a core file": ("limits of a process", with_strained(limits={**STRAINED.limits, "core": [-1, -1]})),
    "processes without an end": ("processes", with_strained(processes=96)),
    "a whole processor": ("processor time", with_strained(processor=1.0)),
    "a first process at hand": ("first process", with_seen(first_process=0)),
    "a log": ("log", replace(SUBJECT, inspected={"HostConfig": {"LogConfig": {"Type": "json-file"}}})),
    "memory without an end": ("memory", replace(SUBJECT, container=FakeContainer(ended(0, stdout=b"512\n")))),
    "output without an end": ("output", replace(SUBJECT, container=FakeContainer(ended(None, stdout=b"y" * 10**6)))),
    "a command without an end": ("time-out", SUBJECT),
    "a process that lives on": (
        "time-out",
        replace(
            SUBJECT,
            container=FakeContainer(ended(None, timed_out=True)),
            engine=cast("Engine", FakeEngine((7, 20_001), (8, 20_000))),
        ),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_not_as_it_should_be_fails(what: str) -> None:
    name, subject = BROKEN[what]
    assert found(name, subject).result == Result.FAILED


def test_no_value_of_a_variable_is_told() -> None:
    sentence = found("environment", with_seen(environment={**SEEN.environment, "TOKEN": "sk-123"})).sentence
    assert "TOKEN" in sentence
    assert "sk-123" not in sentence


def test_what_failed_says_what_to_do() -> None:
    assert found("root", with_seen(mounts=[])).sentence == (
        "The container's root can be written to. The runtime ignores what it is asked for; use runc, crun or a newer "
        "runsc."
    )


def test_what_a_container_says_cannot_colour_the_screen() -> None:
    assert "\x1b" not in found("programs", with_seen(setuid_programs=["/\x1b[31m"])).sentence


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("seccomp", replace(with_seen(status=["Seccomp:\t0"]), native=False)),
        ("system calls", with_seen(calls={})),
        ("gateway", replace(SUBJECT, gateway=None)),
        ("on the host", SUBJECT),
    ],
)
def test_what_cannot_be_seen_from_here_is_no_fault(name: str, subject: Subject) -> None:
    assert found(name, subject).result == Result.NOT_HERE


def test_an_answer_of_gvisors_kernel_is_a_refusal_too() -> None:
    assert found("system calls", with_seen(calls={"io_uring_setup": 38, "mount": 1})).result == Result.OK


def test_a_look_that_breaks_off_is_a_failure_and_the_next_one_is_made() -> None:
    def broken(_: Subject) -> str:
        raise SandboxError("The container is gone.")

    probes = [Probe("one", broken, "Try again."), Probe("two", lambda _: NotHere("later"), "")]
    assert list(container_findings(SUBJECT, runtime="runc", probes=probes)) == [
        Finding("runc", "one", Result.FAILED, "The container is gone. Try again."),
        Finding("runc", "two", Result.NOT_HERE, "later"),
    ]


def test_both_kinds_of_processor_are_tried_with_the_same_calls() -> None:
    assert set(calls_of("x86_64")) - set(calls_of("aarch64")) == {"ports of the machine"}


def test_a_processor_that_is_not_known_has_no_calls() -> None:
    assert calls_of("riscv64") == {}


# --- what scripts print ----------------------------------------------------------------------------------------------


def test_a_report_is_read() -> None:
    assert parse_report(ended(stdout=STRAINED.model_dump_json().encode()), Strained) == STRAINED


@pytest.mark.parametrize("printed", [b"", b"{}", b"[]", b'{"processes": "60"}', b"\xff", b"1" * 5_000])
def test_what_is_no_report_is_refused(printed: bytes) -> None:
    with pytest.raises(SandboxError, match="never prints"):
        parse_report(ended(stdout=printed), Strained)


@pytest.mark.parametrize(
    ("execution", "why"),
    [
        (ended(1, stderr=b"No \x1b[31mfile.\n"), "No file"),
        (ended(137), "exit code 137"),
        (ended(None, timed_out=True), "it took too long"),
        (ended(None, truncated=True, stderr=b"x"), "it printed too much"),
    ],
)
def test_a_script_that_failed_is_refused_and_it_is_told_why(execution: Execution, why: str) -> None:
    with pytest.raises(SandboxError) as caught:
        parse_report(execution, Strained)
    assert str(caught.value) == f"A script of the examination did not run to its end: {why}."


def test_of_two_mounts_on_one_place_the_upper_counts() -> None:
    lines = ["1 0 0:1 / /x rw - ext4 a rw", "2 1 0:2 / /x ro,nosuid - tmpfs b rw,size=1k"]
    assert parse_mounts(lines)["/x"].kind == "tmpfs"


def test_optional_fields_of_a_mount_are_passed_over() -> None:
    mount = parse_mounts(["1 0 0:1 / /x ro shared:7 master:1 - tmpfs b rw"])["/x"]
    assert (mount.options, mount.kind) == ({"ro"}, "tmpfs")


def test_a_mount_in_no_known_form_is_refused() -> None:
    with pytest.raises(SandboxError, match="no form"):
        parse_mounts(["nonsense"])


# --- engines ---------------------------------------------------------------------------------------------------------

DOCKER: dict[str, Any] = {"Version": "28.1", "ApiVersion": "1.49", "Components": [{"Name": "Engine"}]}


def of_engine(name: str, *, version: dict[str, Any] | None = None, **info: object) -> Finding:
    return next(finding for finding in engine_findings(version or DOCKER, info) if finding.name == name)


def test_docker_is_told_by_its_version() -> None:
    assert of_engine("kind").sentence == "Docker 28.1, API 1.49"


def test_podman_is_told_from_docker() -> None:
    podman = {"Version": "5.4", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}]}
    assert of_engine("kind", version=podman).sentence == "Podman 5.4, API 1.41"


@pytest.mark.parametrize(("option", "name"), [("name=userns", "userns-remap"), ("name=rootless", "rootless")])
def test_an_option_of_the_engine_is_seen(option: str, name: str) -> None:
    assert of_engine(name, SecurityOptions=["name=seccomp,profile=default", option]).result == Result.OK


@pytest.mark.parametrize("name", ["userns-remap", "rootless", "gVisor"])
def test_what_an_engine_does_not_offer_is_no_fault(name: str) -> None:
    assert of_engine(name, SecurityOptions=None, Runtimes={"runc": {}}).result == Result.NOT_HERE


def test_no_engine_fails_for_what_it_is() -> None:
    assert [finding for finding in engine_findings({}, {}) if finding.result == Result.FAILED] == []


@pytest.mark.parametrize(
    ("chosen", "known", "examined"),
    [
        (None, ["runc"], ["runc"]),
        (None, ["runc", "runsc"], ["runc", "runsc"]),
        ("runsc", ["runc", "runsc"], ["runsc"]),
        ("crun", ["runc", "crun", "runsc"], ["crun", "runsc"]),
    ],
)
def test_the_runtime_of_runs_is_examined_and_gvisors_where_it_is(
    chosen: str | None, known: list[str], examined: list[str]
) -> None:
    info: dict[str, Any] = {"DefaultRuntime": "runc", "Runtimes": {name: {} for name in known}}
    assert runtimes_of(info, chosen=chosen) == examined


@pytest.mark.parametrize("info", [{}, {"DefaultRuntime": ""}, {"DefaultRuntime": "runc"}])
@pytest.mark.parametrize(("chosen", "asked"), [(None, [None, "runsc"]), ("crun", ["crun", "runsc"])])
def test_the_engine_is_asked_for_a_runtime_by_name_only_where_it_is_not_its_default(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], chosen: str | None, asked: list[str | None]
) -> None:
    runtimes: list[str | None] = []

    def sandbox(_: object, limits: SandboxLimits, **__: object) -> None:
        runtimes.append(limits.runtime)
        raise SandboxError("It is not here.")

    monkeypatch.setattr("dgm.sandbox.examination.DockerSandbox", sandbox)
    engine = cast("Engine", DescribedEngine({**info, "Runtimes": {"runsc": {}}}))
    list(examine(engine, LIMITS.model_copy(update={"runtime": chosen})))
    assert runtimes == asked


def test_a_socket_listens_in_a_directory_whose_path_is_longer_than_an_address(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30)
    directory.mkdir()
    with listening(directory), closing(socket.socket(socket.AF_UNIX)) as client:
        descriptor = os.open(directory, os.O_PATH)
        client.connect(f"/proc/self/fd/{descriptor}/model.sock")
        os.close(descriptor)


# --- the verb --------------------------------------------------------------------------------------------------------

SOUND = Finding("runc", "root", Result.OK, "read-only")
ABSENT = Finding("engine", "gVisor", Result.NOT_HERE, "no [bold]runsc[/bold]")
UNSOUND = Finding("runc", "network", Result.FAILED, "There is a route. Remove it.")


class ClosableEngine:
    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the examination of this machine finds; its plain checks hold."""
    findings: list[Finding] = [SOUND, ABSENT]

    def examine(*_: object) -> Iterator[Finding]:
        return iter(findings)

    plain_checks(monkeypatch, Check("engine", ok=True, sentence="Docker"))
    monkeypatch.setattr("dgm.sandbox.engine.connect", ClosableEngine)
    monkeypatch.setattr("dgm.sandbox.examination.examine", examine)
    return findings


def plain_checks(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    def diagnose(*_: object, **__: object) -> list[Check]:
        return list(checks)

    monkeypatch.setattr("dgm.sandbox.doctor.diagnose", diagnose)


@pytest.mark.usefixtures("machine")
def test_deep_findings_follow_the_checks_in_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--deep"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "check                     finding",
        "engine          ok        Docker",
        "runc: root      ok        read-only",
        "engine: gVisor  not here  no [bold]runsc[/bold]",
    ]


def test_a_control_that_does_not_hold_ends_with_4(machine: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    machine.append(UNSOUND)
    assert run_command(["doctor", "--deep"]) == 4
    assert capsys.readouterr().out.splitlines()[-1] == "runc: network   FAILED    There is a route. Remove it."


def test_deep_findings_are_told_as_json(machine: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    machine.append(UNSOUND)
    run_command(["doctor", "--deep", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ok"], answer["deep"][-1]) == (
        False,
        {"subject": "runc", "name": "network", "result": "failed", "sentence": "There is a route. Remove it."},
    )


@pytest.mark.usefixtures("machine")
def test_without_deep_no_control_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor", "--json"]) == 0
    assert "deep" not in json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("machine")
def test_controls_are_not_tried_on_a_machine_that_cannot_run_containers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain_checks(monkeypatch, Check("engine", ok=False, sentence="None."))
    assert run_command(["doctor", "--deep"]) == 4
    captured = capsys.readouterr()
    assert "runc: root" not in captured.out
    assert captured.err == "The controls of a container are tried once these checks hold.\n"
