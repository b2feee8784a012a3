"""A command ends when the host says so, and so does a container, with or without its host process."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from dgm.config import SandboxLimits
from dgm.core.errors import DiskFullError, HostileBytesError, SandboxError
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import Created
from dgm.sandbox.engine_answers import GoneError, Json
from dgm.sandbox.policy import Label
from dgm.sandbox.reaper import collect_garbage
from dgm.sandbox.sweep import Sweeper, Target
from tests.docker_fixtures import RUN, docker_sandbox, spec
from tests.escape.watching import agent_processes, sdk

pytestmark = pytest.mark.docker

LINGERING = {
    "plain": "sleep 300",
    "ignoring every signal": "trap '' TERM INT HUP QUIT; while :; do sleep 300; done",
    "in a session of its own": "setsid sleep 300",
    "orphaned": "(setsid sh -c 'sleep 300 & sleep 300' &) ; sleep 300",
    "holding the output": "sleep 300 & sleep 301 & wait",
    "with its output closed": "exec >&- 2>&-; sleep 300",
    "stopped": "kill -STOP $$; sleep 300",
    "unreadable for others": "python3 -c 'import ctypes, time; ctypes.CDLL(None).prctl(4, 0); time.sleep(300)'",
    "forking without end": "f() { f & f & }; f; sleep 300",
    "forking and dying": "f() { while :; do (f &) ; exit; done; }; f & f & f & sleep 300",
}
LEFT_BEHIND = {
    "in the background": "sleep 300 & exit 3",
    "in the background, output closed": "sleep 300 >/dev/null 2>&1 & exit 3",
    "in a session of its own": "setsid sleep 300 >/dev/null 2>&1 & exit 3",
    "double-forked": "(setsid sh -c 'sleep 300 >/dev/null 2>&1 &' &); exit 3",
}


@pytest.fixture(scope="module")
def container(sandbox: DockerSandbox) -> Generator[DockerContainer]:
    with sandbox.container(spec("control")) as made:
        yield made


def elapsed_s(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


@pytest.mark.attack("a process after its time-out")
@pytest.mark.parametrize("how", LINGERING)
def test_nothing_lives_after_a_time_out(container: DockerContainer, how: str) -> None:
    execution = container.execute(["sh", "-c", LINGERING[how]], timeout_s=0.7)
    assert (execution.timed_out, execution.exit_code) == (True, None)
    assert agent_processes(container) == []


@pytest.mark.attack("a process after a clean exit")
@pytest.mark.parametrize("how", LEFT_BEHIND)
def test_nothing_lives_after_a_clean_exit(container: DockerContainer, how: str) -> None:
    execution = container.execute(["sh", "-c", LEFT_BEHIND[how]], timeout_s=30)
    assert (execution.timed_out, execution.exit_code) == (False, 3)
    assert agent_processes(container) == []


def test_a_daemon_that_holds_the_output_does_not_hold_the_session(container: DockerContainer) -> None:
    execution = container.execute(["sh", "-c", LEFT_BEHIND["in the background"]], timeout_s=60)
    assert execution.seconds < 10


@pytest.mark.attack("processes behind an output flood")
def test_nothing_lives_after_an_output_flood(container: DockerContainer) -> None:
    container.execute(["sh", "-c", "yes & yes & yes"], timeout_s=30, output_bytes=10_000)
    assert agent_processes(container) == []


@pytest.mark.attack("a command that outlasts its time")
def test_a_time_out_is_in_time(container: DockerContainer) -> None:
    assert elapsed_s(lambda: container.execute(["sleep", "300"], timeout_s=0.5)) < 5


def test_a_command_of_the_keepers_is_ended_and_the_timer_is_not(container: DockerContainer) -> None:
    execution = container.execute(["sleep", "300"], timeout_s=0.5, user="keeper", directory="/")
    assert execution.timed_out
    assert container.execute(["echo", "alive"], timeout_s=20).stdout == b"alive\n"


@pytest.mark.attack("ending the container's first process")
def test_the_agent_cannot_end_the_first_process(sandbox: DockerSandbox, container: DockerContainer) -> None:
    container.execute(["sh", "-c", "kill -9 1; kill -TERM 1; kill -9 -1"], timeout_s=20)
    assert sandbox.engine.inspect(container.id)["State"]["Running"]


@pytest.mark.parametrize("path", ["/proc/1/mem", "/proc/1/environ", "/proc/1/fd", "/proc/1/root"])
@pytest.mark.attack("getting into the container's first process")
def test_the_agent_cannot_look_into_the_first_process(container: DockerContainer, path: str) -> None:
    code = f"import os\ntry: print(os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}, 'r+b'))\n"
    code += "except PermissionError: print('refused')"
    assert container.execute(["python3", "-c", code], timeout_s=20).stdout == b"refused\n"


@pytest.fixture
def from_inside(sandbox: DockerSandbox, container: DockerContainer) -> Sweeper:
    """A sweeper that may not look into the host's /proc, as without root or with a remote engine."""
    real = container.target
    blind = Target(real.container, real.init, real.uids, real.agent_host_uid, in_sight=False)
    return Sweeper(sandbox.engine, blind)


@pytest.mark.attack("a process after its time-out, where we are not root")
@pytest.mark.parametrize("how", ["plain", "ignoring every signal", "in a session of its own", "forking without end"])
def test_without_host_root_nothing_lives_either(
    sandbox: DockerSandbox, container: DockerContainer, from_inside: Sweeper, how: str
) -> None:
    client = sdk(sandbox.engine)
    command = client.exec_create(container.id, ["sh", "-c", LINGERING[how]], user=container.target.uids.as_agent)["Id"]
    client.exec_start(command, detach=True)
    from_inside.sweep("agent")
    assert agent_processes(container) == []


def test_a_container_with_an_unread_stream_is_removed_quickly(sandbox: DockerSandbox) -> None:
    with ExitStack() as stack:
        container = stack.enter_context(sandbox.container(spec("unread")))
        client = sdk(sandbox.engine)
        command = client.exec_create(container.id, ["yes"], user=container.target.uids.as_agent)["Id"]
        stream = sandbox.engine.exec_start(command)
        next(stream.pieces(deadline=time.monotonic() + 10))
        stream.close()
        assert elapsed_s(stack.close) < 2


@pytest.mark.attack("a container that is left behind by an error of ours")
def test_a_context_that_ends_in_an_error_removes_its_container(sandbox: DockerSandbox) -> None:
    with pytest.raises(KeyError), sandbox.container(spec("error")) as container:
        raise KeyError
    with pytest.raises(GoneError):
        sandbox.engine.inspect(container.id)


@pytest.mark.attack("a container that nobody ends")
def test_a_container_ends_by_itself_when_its_lifetime_is_over(sandbox: DockerSandbox) -> None:
    with sandbox.container(spec("dead-man", lifetime_s=1)) as container:
        sdk(sandbox.engine).wait(container.id, timeout=30)
        assert sandbox.engine.inspect(container.id)["State"]["Status"] == "exited"


@pytest.mark.attack("a command that outlasts its container")
def test_the_end_of_a_lifetime_is_a_fault_of_ours_and_no_verdict(sandbox: DockerSandbox) -> None:
    with sandbox.container(spec("over", lifetime_s=1)) as container, pytest.raises(SandboxError, match="lifetime"):
        container.execute(["sleep", "300"], timeout_s=60)


HOST_PROCESS = """
import sys
from tests.docker_fixtures import spec
from dgm.config import SandboxLimits
from dgm.sandbox.docker_sandbox import DockerSandbox
from dgm.sandbox.engine import connect
from pathlib import Path
sandbox = DockerSandbox(connect(), SandboxLimits(), run=sys.argv[1], directory=Path("/tmp"))
with sandbox.container(spec("orphan")) as made:
    print(made.id, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_host_process_left_is_collected_and_what_lives_is_not(
    sandbox: DockerSandbox, container: DockerContainer
) -> None:
    assert container.execute(["true"], timeout_s=20).exit_code == 0
    host = subprocess.Popen(
        [sys.executable, "-c", HOST_PROCESS, RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with host:
        assert host.stdout is not None
        orphan = host.stdout.readline().strip()
        assert not [c for c in collect_garbage(sandbox.engine, everything=False, run=RUN) if c.id == orphan]
        host.send_signal(signal.SIGKILL)
        host.wait()
    collected = {c.id for c in collect_garbage(sandbox.engine, everything=False, run=RUN)}
    assert collected == {orphan}
    with pytest.raises(GoneError):
        sandbox.engine.inspect(orphan)


@pytest.mark.attack("a command that holds an abort")
@pytest.mark.parametrize("moment", ["while it starts", "while it runs"])
def test_an_abort_frees_a_thread_that_waits_for_a_command(moment: str) -> None:
    with docker_sandbox() as sandbox, ThreadPoolExecutor(1) as pool:
        started = threading.Event()
        live: list[DockerContainer] = []

        def work() -> None:
            with sandbox.container(spec("aborted")) as container:
                live.append(container)
                started.set()
                container.execute(["sleep", "300"], timeout_s=100)

        future = pool.submit(work)
        started.wait()
        while moment == "while it runs" and not agent_processes(live[0]):
            assert not future.done()
        assert elapsed_s(sandbox.abort) < 5
        with pytest.raises(SandboxError, match="stopped"):
            future.result(timeout=10)
        with pytest.raises(GoneError):
            sandbox.engine.inspect(live[0].id)


@pytest.mark.attack("a start after an abort")
def test_an_aborted_sandbox_starts_nothing_more() -> None:
    with docker_sandbox() as sandbox:
        sandbox.abort()
        with pytest.raises(SandboxError, match="stopped"), sandbox.container(spec("late")):
            pytest.fail("a container was started")


def test_a_container_that_cannot_be_swept_is_killed_and_its_tree_is_refused(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgm.sandbox.sweep.BOUND_S", 0.0)
    with sandbox.container(spec("unsweepable")) as container:
        execution = container.execute(["sh", "-c", "sleep 300 >/dev/null 2>&1 & exit 3"], timeout_s=20)
        assert execution.exit_code == 3
        assert not sandbox.engine.inspect(container.id)["State"]["Running"]
        with pytest.raises(HostileBytesError, match="processes"):
            container.read_files("/workspace")


def test_a_full_disk_is_refused_before_anything_starts() -> None:
    with docker_sandbox(SandboxLimits(minimum_free_bytes=2**62)) as sandbox:
        with pytest.raises(DiskFullError), sandbox.container(spec("disk-full")):
            pytest.fail("a container was started")
        assert [c for c in sandbox.engine.containers(label=Label.OURS) if "disk-full" in c["Names"][0]] == []


def test_a_container_whose_limits_were_not_applied_is_removed(
    sandbox: DockerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sandbox.engine.create
    made: list[Created] = []

    def create(config: Json, *, name: str) -> Created:
        made.append(real(config, name=name))
        return Created(made[0].id, ("Your kernel does not support PIDs limit capabilities.",))

    monkeypatch.setattr(sandbox.engine, "create", create)
    with pytest.raises(SandboxError, match="PIDs"), sandbox.container(spec("unlimited")):
        pytest.fail("a container was started")
    with pytest.raises(GoneError):
        sandbox.engine.inspect(made[0].id)


def test_a_container_that_somebody_removed_is_a_fault_of_ours(sandbox: DockerSandbox) -> None:
    with sandbox.container(spec("removed")) as container:
        sandbox.engine.remove(container.id)
        with pytest.raises(SandboxError, match="removed"):
            container.read_files("/workspace")
