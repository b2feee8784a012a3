"""Every resource has a bound: bombs go off inside, and the host counts."""

import json
import platform
import signal
from collections.abc import Generator
from dataclasses import dataclass

import pytest

from dgm.config import SandboxLimits
from dgm.core.files import File
from dgm.core.ports import Execution
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.examination_calls import FORBIDDEN_SOCKETS, NEWER_THAN_ANY, calls_of
from dgm.sandbox.policy import SCRATCH, Scratch, scratch_bytes
from tests.docker_fixtures import docker_sandbox, spec
from tests.escape.watching import agent_processes, cgroup_value

pytestmark = pytest.mark.docker

LIMITS = SandboxLimits(memory_bytes=256 * 2**20, pids=64)
WRITABLE = [place for place in SCRATCH if place.owner != "keeper"]


@pytest.fixture(scope="module")
def container() -> Generator[DockerContainer]:
    with docker_sandbox(LIMITS) as sandbox, sandbox.container(spec("resources")) as made:
        yield made


def python(container: DockerContainer, code: str, *, timeout_s: float = 30.0) -> Execution:
    return container.execute(["python3", "-c", code], timeout_s=timeout_s)


def still_works(container: DockerContainer) -> bool:
    return container.execute(["echo", "alive"], timeout_s=20).stdout == b"alive\n"


FORK_BOMB = """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
"""


def test_a_fork_bomb_stays_below_the_limit_and_leaves_nothing(container: DockerContainer) -> None:
    execution = python(container, FORK_BOMB, timeout_s=1.5)
    assert execution.timed_out
    most = cgroup_value(container.target.init, controller="pids", v1="pids.max", v2="pids.max")
    assert most == str(LIMITS.pids)
    assert agent_processes(container) == []


@pytest.mark.attack("a fork bomb that leaves the container useless")
def test_a_container_works_after_a_fork_bomb(container: DockerContainer) -> None:
    python(container, FORK_BOMB, timeout_s=1)
    assert still_works(container)


def test_a_memory_bomb_is_killed_at_the_limit(container: DockerContainer) -> None:
    execution = python(container, "held = []\nwhile True: held.append(bytearray(2**20) or b'x' * 2**20)")
    assert execution.exit_code == 137
    used = cgroup_value(container.target.init, controller="memory", v1="memory.max_usage_in_bytes", v2="memory.current")
    assert int(used) <= LIMITS.memory_bytes
    assert still_works(container)


MEMFDS = """
import os
files = []
while True:
    files.append(os.memfd_create("held"))
    for _ in range(32):
        os.write(files[-1], bytes(2**20))
"""


def test_files_without_a_name_are_counted_as_memory(container: DockerContainer) -> None:
    execution = python(container, MEMFDS)
    assert execution.exit_code == 137
    used = cgroup_value(container.target.init, controller="memory", v1="memory.max_usage_in_bytes", v2="memory.current")
    assert int(used) <= LIMITS.memory_bytes
    assert still_works(container)


NAMES_THAT_ARE_NOT = """
import os
for number in range(400_000):
    try:
        os.stat("/workspace/" + "n" * 200 + str(number))
    except OSError:
        pass
print("done")
"""


@pytest.mark.attack("filling the kernel's memory of names that are not")
def test_names_that_are_not_there_leave_the_container_within_its_memory(container: DockerContainer) -> None:
    python(container, NAMES_THAT_ARE_NOT, timeout_s=60)
    used = cgroup_value(container.target.init, controller="memory", v1="memory.max_usage_in_bytes", v2="memory.current")
    assert int(used) <= LIMITS.memory_bytes
    assert still_works(container)


ZOMBIES = """
import os, time
for _ in range(200):
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.waitpid(child, 0)
print("done")
"""


def test_orphans_that_nobody_waits_for_do_not_use_up_the_processes(container: DockerContainer) -> None:
    assert python(container, ZOMBIES).stdout == b"done\n"
    assert agent_processes(container) == []


FILL = """
import os, sys
written = 0
number = 0
block = b"x" * 65536
try:
    while True:
        number += 1
        with open(os.path.join(sys.argv[1], f"fill{number}"), "wb", buffering=0) as file:
            for _ in range(64):
                count = file.write(block)
                written += count
                if count < len(block):
                    raise OSError(28, "full")
except OSError as error:
    print(written, error.errno)
"""


@pytest.fixture(scope="module")
def filled() -> Generator["Filled"]:
    """A container in which the agent filled every place that it can write to, one after the other."""
    with docker_sandbox(LIMITS) as sandbox, sandbox.container(spec("fill")) as made:
        said = [made.execute(["python3", "-c", FILL, place.path], timeout_s=60).stdout.split() for place in WRITABLE]
        yield Filled(made, {place.path: (int(row[0]), int(row[1])) for place, row in zip(WRITABLE, said, strict=True)})


@dataclass
class Filled:
    container: DockerContainer
    ends: dict[str, tuple[int, int]]
    """Path -> bytes that fitted, and the error number then."""


@pytest.mark.parametrize("place", WRITABLE, ids=lambda place: place.path)
def test_a_place_in_memory_takes_its_size_and_no_more(filled: Filled, place: Scratch) -> None:
    written, error = filled.ends[place.path]
    assert error == 28
    assert written <= scratch_bytes(LIMITS, place)


@pytest.mark.attack("filling every place")
def test_commands_still_run_when_every_place_is_full(filled: Filled) -> None:
    assert still_works(filled.container)


INODES = """
import itertools, os, sys
made = 0
try:
    for number in itertools.count():
        os.close(os.open(os.path.join(sys.argv[1], f"empty{number}"), os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError as error:
    print(made, error.errno)
"""


@pytest.mark.parametrize("place", WRITABLE, ids=lambda place: place.path)
def test_empty_files_are_limited_in_number(place: Scratch, inode_bomb: DockerContainer) -> None:
    made, error = inode_bomb.execute(["python3", "-c", INODES, place.path], timeout_s=60).stdout.split()
    assert int(error) == 28
    assert int(made) <= place.inodes


@pytest.fixture(scope="module")
def inode_bomb() -> Generator[DockerContainer]:
    with docker_sandbox() as sandbox, sandbox.container(spec("inodes")) as made:
        yield made


def test_open_files_are_limited(container: DockerContainer) -> None:
    code = "import os\nn = 0\ntry:\n    while True: os.dup(0); n += 1\nexcept OSError as e: print(n, e.errno)"
    opened, error = python(container, code).stdout.split()
    assert int(error) == 24
    assert int(opened) < 1024


def test_an_output_flood_is_cut_at_the_cap(container: DockerContainer) -> None:
    execution = container.execute(["yes"], timeout_s=30, output_bytes=200_000)
    assert execution.truncated
    assert len(execution.stdout) + len(execution.stderr) == 200_000
    assert execution.exit_code is None


@pytest.mark.attack("a flood on both streams")
def test_both_streams_share_one_cap(container: DockerContainer) -> None:
    execution = container.execute(["sh", "-c", "yes & yes >&2"], timeout_s=30, output_bytes=200_000)
    assert len(execution.stdout) + len(execution.stderr) == 200_000


@pytest.mark.attack("an output flood that takes its time")
def test_an_output_flood_ends_long_before_the_deadline(container: DockerContainer) -> None:
    assert container.execute(["yes"], timeout_s=60, output_bytes=200_000).seconds < 10


@pytest.mark.attack("writing to the engine's log")
def test_the_engines_log_cannot_be_written_through_the_first_process(container: DockerContainer) -> None:
    execution = container.execute(["sh", "-c", "echo flood > /proc/1/fd/1"], timeout_s=20)
    assert execution.exit_code != 0
    assert b"ermission denied" in execution.stderr


@pytest.mark.attack("a file of a terabyte")
def test_no_file_grows_beyond_its_limit(container: DockerContainer) -> None:
    code = "import os, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    code += "with open('/workspace/sparse', 'wb') as f:\n    try: os.truncate(f.fileno(), 2**40)\n"
    code += "    except OSError as e: print(e.errno)"
    assert python(container, code).stdout == b"27\n"


SYSTEM_V = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
got = 0
while libc.shmget(0, 2**20, 0o1600) >= 0:
    got += 1
print(got, ctypes.get_errno())
"""


def test_shared_memory_that_outlives_its_process_is_limited(container: DockerContainer) -> None:
    segments, error = python(container, SYSTEM_V).stdout.split()
    assert int(segments) <= 8
    assert int(error) == 28


SEMAPHORES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
got = 0
while libc.semget(0, 250, 0o1600) >= 0:
    got += 250
print(got, ctypes.get_errno(), libc.semget(0, 251, 0o1600))
"""


def test_semaphores_that_outlive_their_process_are_limited(container: DockerContainer) -> None:
    semaphores, error, larger = map(int, python(container, SEMAPHORES).stdout.split())
    assert (semaphores, error, larger) == (4_000, 28, -1)


@pytest.mark.attack("taking all processor time")
def test_processor_time_is_shared(container: DockerContainer) -> None:
    quota = cgroup_value(container.target.init, controller="cpu", v1="cpu.cfs_quota_us", v2="cpu.max")
    assert quota.split()[0] == str(round(LIMITS.cpus * 100_000))


def test_a_killed_process_leaves_no_core_file(container: DockerContainer) -> None:
    python(container, "import os; os.abort()")
    listed = container.execute(["sh", "-c", "find /workspace /tmp /home/agent -name 'core*'"], timeout_s=20)
    assert listed.stdout == b""


# --- system calls ----------------------------------------------------------------------------------------------------

EPERM, ENOSYS = 1, 38
FORBIDDEN_CALLS = calls_of(platform.machine())
PROBE = """
import ctypes, json, os, socket
calls, sockets = json.load(open("/task/calls.json"))
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name, words in calls.items():
    child = os.fork()
    if child == 0:
        libc.syscall(*[ctypes.c_long(word) for word in words])
        os._exit(ctypes.get_errno())
    found[name] = os.waitpid(child, 0)[1] >> 8
for name, arguments in sockets.items():
    try:
        socket.socket(*arguments).close()
        found[name] = 0
    except OSError as error:
        found[name] = error.errno
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def refusals(container: DockerContainer) -> dict[str, int]:
    """What each forbidden call was answered with, as received on the host."""
    calls = json.dumps([FORBIDDEN_CALLS, FORBIDDEN_SOCKETS]).encode()
    container.write_files({"calls.json": File(calls)}, directory="/task", owner="keeper")
    return json.loads(python(container, PROBE).stdout)


@pytest.mark.parametrize("name", [*FORBIDDEN_CALLS, *FORBIDDEN_SOCKETS])
def test_a_system_call_is_refused(refusals: dict[str, int], name: str) -> None:
    assert refusals[name] == EPERM


@pytest.mark.parametrize(("name", "number"), [("clone3", 435), ("one that no kernel has yet", NEWER_THAN_ANY)])
def test_a_system_call_that_the_filter_cannot_judge_does_not_exist(
    container: DockerContainer, name: str, number: int
) -> None:
    code = f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.syscall({number}, 0, 0)\n"
    assert python(container, code + "print(ctypes.get_errno())").stdout == f"{ENOSYS}\n".encode(), name


# ptrace by other doors of the kernel, whose numbers a filter may not know. The answer is the exit code.
OTHER_DOORS = {
    "that of 32 bits": """
import ctypes, mmap, os
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("5331db31c931d231f6b81a000000cd805bc3"))
os._exit(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))() & 0x7F)
""",
    "that of x32": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
os._exit(ctypes.get_errno() if libc.syscall(ctypes.c_long(0x40000000 | 101), 0, 0, 0, 0) else 0)
""",
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have no such doors")
@pytest.mark.parametrize("door", OTHER_DOORS)
def test_a_system_call_by_another_door_of_the_kernel_ends_its_process(container: DockerContainer, door: str) -> None:
    assert python(container, OTHER_DOORS[door]).exit_code == 128 + signal.SIGSYS


NO_WAY_OUT = {
    "the metadata address": ("AF_INET", "SOCK_STREAM", ("169.254.169.254", 80)),
    "the engine's port": ("AF_INET", "SOCK_STREAM", ("172.17.0.1", 2375)),
    "a name server": ("AF_INET", "SOCK_DGRAM", ("8.8.8.8", 53)),
    "a broadcast": ("AF_INET", "SOCK_DGRAM", ("255.255.255.255", 67)),
    "IPv6": ("AF_INET6", "SOCK_STREAM", ("2001:4860:4860::8888", 443)),
}
NO_ROUTE = (99, 101)
"""No address of one's own, and no route."""


@pytest.mark.parametrize("where", NO_WAY_OUT)
@pytest.mark.attack("reaching an address")
def test_no_address_can_be_reached(container: DockerContainer, where: str) -> None:
    family, kind, address = NO_WAY_OUT[where]
    code = f"import socket\nclient = socket.socket(socket.{family}, socket.{kind})\nclient.settimeout(3)\n"
    code += f"try:\n    client.connect({address!r})\n    client.send(b'x')\n    print(0)\n"
    code += "except OSError as error:\n    print(error.errno)"
    assert int(python(container, code).stdout) in NO_ROUTE


@pytest.mark.attack("asking for a name")
def test_no_name_is_resolved(container: DockerContainer) -> None:
    code = "import socket\ntry: print(socket.getaddrinfo('example.com', 80))\nexcept OSError: print('unknown')"
    assert python(container, code).stdout == b"unknown\n"


# --- what must work --------------------------------------------------------------------------------------------------

WORKING = {
    "threads": "import threading; t = threading.Thread(target=print, args=('done',)); t.start(); t.join()",
    "processes": "import multiprocessing as m\nwith m.get_context('fork').Pool(2) as p: p.map(abs, [1])\nprint('done')",
    "locks across processes": "import multiprocessing as m\nwith m.Lock(): print('done')",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory as S\n"
    "s = S(create=True, size=10); s.close(); s.unlink(); print('done')",
    "subprocesses": "import subprocess; print(subprocess.check_output(['echo', 'done'], text=True).strip())",
    "databases": "import sqlite3\nwith sqlite3.connect('/workspace/x.db') as c: c.execute('create table t (a)')\n"
    "print('done')",
    "programs in the workspace": "import os, subprocess\n"
    "with open('/workspace/run', 'w') as f: f.write('#!/bin/sh\\necho done\\n')\n"
    "os.chmod('/workspace/run', 0o755); print(subprocess.check_output('/workspace/run', text=True).strip())",
    "event loops": "import asyncio; asyncio.run(asyncio.sleep(0)); print('done')",
    "loopback": "import socket\ns = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())\n"
    "print('done')",
    "temporary files": "import tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(b'x')\nprint('done')",
    "home": "import pathlib; (pathlib.Path.home() / 'x').write_text('x'); print('done')",
    "file locks": "import fcntl\nwith open('/tmp/lock', 'w') as f: fcntl.flock(f, fcntl.LOCK_EX)\nprint('done')",
    "alarms": "import signal\nsignal.signal(signal.SIGALRM, lambda *_: print('done'))\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()",
}


@pytest.fixture(scope="module")
def toolchain() -> Generator[DockerContainer]:
    with docker_sandbox() as sandbox, sandbox.container(spec("toolchain")) as made:
        yield made


@pytest.mark.honest
@pytest.mark.parametrize("name", WORKING)
def test_an_honest_program_works(toolchain: DockerContainer, name: str) -> None:
    assert python(toolchain, WORKING[name]).stdout == b"done\n"


@pytest.mark.honest
def test_pytest_works(toolchain: DockerContainer) -> None:
    script = "printf 'def test_it():\\n    assert True\\n' > test_it.py && python3 -m pytest -q -p no:cacheprovider"
    execution = toolchain.execute(["sh", "-c", script], timeout_s=60)
    assert execution.exit_code == 0
    assert b"1 passed" in execution.stdout
