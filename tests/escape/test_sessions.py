"""What an agent can make of the one thing that it reaches: its session's socket, bound into a real container."""

from collections.abc import Generator
from pathlib import Path

import pytest

from dgm.gateway.gateway import Gateway
from dgm.gateway.session import Session
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import DockerSandbox
from tests.docker_fixtures import spec
from tests.escape.watching import PROC, sdk
from tests.fakes.providers import Setting, grant

pytestmark = pytest.mark.docker

ASK = """
import socket
client = socket.socket(socket.AF_UNIX)
client.settimeout(10)
try:
    client.connect({path!r})
    client.sendall(b"GET /v1/models HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    print(client.recv(15).decode())
except OSError as error:
    print(type(error).__name__)
"""
OWN = "/gateway/model.sock"
UNANSWERED = {b"", b"ConnectionResetError", b"BrokenPipeError"}
"""What comes of a connection that is closed unread, which may be before or after the request is sent."""


@pytest.fixture
def gateway(tmp_path: Path) -> Generator[Gateway]:
    with Setting(tmp_path).gateway() as gateway:
        yield gateway


@pytest.fixture
def session(gateway: Gateway) -> Generator[Session]:
    with gateway.session(grant("00001.1.agent")) as session:
        yield session


@pytest.fixture
def container(sandbox: DockerSandbox, session: Session) -> Generator[DockerContainer]:
    """A container with its session, whose agent is admitted."""
    with sandbox.container(spec("session", gateway_directory=session.directory)) as made:
        session.admit(made.peer_uid)
        yield made


def python(container: DockerContainer, code: str, *, as_keeper: bool = False) -> bytes:
    owner = "keeper" if as_keeper else "agent"
    execution = container.execute(["python3", "-c", code], timeout_s=30, user=owner, directory="/")
    return execution.stdout.strip()


@pytest.mark.honest
def test_the_agent_is_answered_on_its_own_socket(container: DockerContainer) -> None:
    assert python(container, ASK.format(path=OWN)) == b"HTTP/1.1 200 OK"


REPLACING = {
    "removing it": "os.remove(SOCKET)",
    "renaming it": "os.rename(SOCKET, '/gateway/other')",
    "another one over it": "s = socket.socket(socket.AF_UNIX); s.bind('/tmp/s'); os.rename('/tmp/s', SOCKET)",
    "another one beside it": "socket.socket(socket.AF_UNIX).bind('/gateway/other.sock')",
    "a link in its place": "os.symlink('/tmp/s', '/gateway/link'); os.rename('/gateway/link', SOCKET)",
    "its mode": "os.chmod(SOCKET, 0)",
    "its owner": "os.chown(SOCKET, os.getuid(), os.getgid())",
    "the mode of its directory": "os.chmod('/gateway', 0o777)",
    "another directory over its own": "os.rename('/tmp', '/gateway')",
    "its times": "os.utime(SOCKET, (0, 0))",
    "a mark of its own": "os.setxattr(SOCKET, 'user.x', b'1')",
}


def standing(directory: Path) -> dict[str, tuple[int, ...]]:
    """Return what can be changed of a directory and of what is in it, but for when it was last read."""
    found = {path.name: path.lstat() for path in (directory, *directory.iterdir())}
    return {
        name: (status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_ctime_ns)
        for name, status in found.items()
    }


@pytest.mark.parametrize("how", REPLACING)
@pytest.mark.attack("replacing the gateway's socket")
def test_the_socket_stays_as_it_is(container: DockerContainer, session: Session, how: str) -> None:
    before = standing(session.directory)
    code = f"import os, socket\nSOCKET = {OWN!r}\ntry:\n    {REPLACING[how]}\nexcept OSError: print('refused')"
    assert python(container, code) == b"refused"
    assert standing(session.directory) == before
    assert python(container, ASK.format(path=OWN)) == b"HTTP/1.1 200 OK"


@pytest.mark.attack("the keeper's rights at the agent's socket")
def test_another_user_of_the_same_container_is_not_answered(container: DockerContainer) -> None:
    assert python(container, ASK.format(path=OWN), as_keeper=True) in UNANSWERED


@pytest.mark.attack("another session's socket, by its path on the host")
def test_the_socket_of_another_session_is_not_in_the_container(container: DockerContainer, gateway: Gateway) -> None:
    with gateway.session(grant("00002.1.agent")) as other:
        other.admit(container.peer_uid)
        asked = python(container, ASK.format(path=str(other.directory / "model.sock")))
        assert (asked, other.usage.calls) == (b"FileNotFoundError", 0)


@pytest.mark.attack("another session's socket, bound by a mistake of ours")
def test_the_agent_of_one_session_is_not_answered_by_another(sandbox: DockerSandbox, gateway: Gateway) -> None:
    with (
        gateway.session(grant("00003.1.agent")) as theirs,
        sandbox.container(spec("owner")) as owner,
        sandbox.container(spec("thief", gateway_directory=theirs.directory)) as thief,
    ):
        theirs.admit(owner.peer_uid)
        assert python(thief, ASK.format(path=OWN)) in UNANSWERED
        assert theirs.usage.calls == 0


@pytest.mark.attack("passing one's socket on to another container")
def test_containers_share_no_place_to_meet(container: DockerContainer, sandbox: DockerSandbox) -> None:
    meet = "import socket, time\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0meeting')\ns.listen()\ntime.sleep(60)"
    join = "import socket\ntry: socket.socket(socket.AF_UNIX).connect('\\0meeting'); print('met')\n"
    join += "except OSError as error: print(type(error).__name__)"
    client = sdk(sandbox.engine)
    command = client.exec_create(container.id, ["python3", "-c", meet], user=container.target.uids.as_agent)["Id"]
    client.exec_start(command, detach=True)
    while "@meeting" not in (PROC / str(container.target.init) / "net" / "unix").read_text():
        assert client.exec_inspect(command)["Running"]
    with sandbox.container(spec("second")) as second:
        assert python(second, join) == b"ConnectionRefusedError"
