"""What an agent leaves is taken only where it is a small tree of plain files."""

from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from dgm.boundary.tarball import MAX_CONTENT_BYTES, pack_tar, parse_tar
from dgm.core.errors import HostileBytesError
from dgm.core.files import File
from dgm.sandbox.container import DockerContainer
from dgm.sandbox.docker_sandbox import DockerSandbox
from tests.docker_fixtures import spec

# --- trees left in a container ---------------------------------------------------------------------------------------

HOSTILE_TREES = {
    "a symbolic link out of the tree": ("os.symlink('/etc/passwd', 'x')", "symbolic link"),
    "a symbolic link within the tree": ("open('a', 'w'); os.symlink('a', 'b')", "symbolic link"),
    "a link to a directory": ("os.symlink('/', 'root')", "symbolic link"),
    "a dangling link": ("os.symlink('nowhere', 'x')", "symbolic link"),
    "a hard link": ("open('a', 'w'); os.link('a', 'b')", "hard link"),
    "a named pipe": ("os.mkfifo('pipe')", "named pipe"),
    "a socket": ("import socket; socket.socket(socket.AF_UNIX).bind('s')", "socket"),
    "too many files": ("[open(f'f{n}', 'w').close() for n in range(20_001)]", "more than 20,000"),
    "a file too large": ("os.truncate(os.open('x', os.O_CREAT | os.O_RDWR), 150 * 2**20)", "too large|larger than"),
    "many sparse files": (
        "[os.truncate(os.open(f'x{n}', os.O_CREAT | os.O_RDWR), 150 * 2**20) for n in range(60)]",
        "too large|larger than",
    ),
    "a newline in a name": ("open('a\\nb', 'w')", "control character"),
    "an escape in a name": ("open('a\\x1b[31m', 'w')", "control character"),
    "a turn of direction in a name": ("open('a\\u202eb', 'w')", "control character"),
    "bytes that are no text": ("open(b'a\\xff', 'w')", "UTF-8"),
    "a colon": ("open('a:b', 'w')", "colon"),
    "a backslash": ("open('a\\\\b', 'w')", "backslash"),
    "git in capitals": ("os.mkdir('.GIT'); open('.GIT/config', 'w')", "spelling of .git"),
    "git with a dot": ("os.mkdir('.git.'); open('.git./config', 'w')", "spelling of .git"),
    "git by its short name": ("os.mkdir('GIT~1'); open('GIT~1/config', 'w')", "spelling of .git"),
    "git below a directory": ("os.makedirs('a/.Git'); open('a/.Git/config', 'w')", "spelling of .git"),
    "git with an invisible letter": ("os.mkdir('.g\\u200cit'); open('.g\\u200cit/config', 'w')", "control character"),
    "names that differ in case": ("open('A', 'w'); open('a', 'w')", "case only"),
    "directories that differ in case": (
        "os.mkdir('A'); open('A/x', 'w'); os.mkdir('a'); open('a/y', 'w')",
        "case only",
    ),
    "names that are equal once normalized": ("open('\\u00e9', 'w'); open('e\\u0301', 'w')", "case only"),
    "a deep tree": ("os.makedirs('d/' * 100); open('d/' * 100 + 'x', 'w')", "deeper than"),
    "a path without end": ("[(os.mkdir('d' * 200), os.chdir('d' * 200)) for _ in range(100)]", "path is too long|read"),
    "a file that cannot be opened": ("os.mkdir('d'); os.chmod('d', 0)", "could not be read"),
}


@pytest.fixture(scope="module")
def container(sandbox: DockerSandbox) -> Generator[DockerContainer]:
    with sandbox.container(spec("copy-out")) as made:
        yield made


def left(container: DockerContainer, code: str) -> str:
    """Let the agent run `code` in an empty directory and return that directory."""
    empty = "import os, shutil, subprocess; subprocess.run(['chmod', '-R', 'u+rwx', '/workspace/case']);"
    empty += "shutil.rmtree('/workspace/case', ignore_errors=True); os.mkdir('/workspace/case');"
    empty += "os.chdir('/workspace/case')\n"
    execution = container.execute(["python3", "-W", "ignore", "-c", empty + code], timeout_s=60)
    assert (execution.exit_code, execution.timed_out) == (0, False), execution.stderr
    return "/workspace/case"


@pytest.mark.docker
@pytest.mark.parametrize("how", HOSTILE_TREES)
def test_a_hostile_tree_is_refused_with_its_reason(container: DockerContainer, how: str) -> None:
    code, reason = HOSTILE_TREES[how]
    directory = left(container, code)
    with pytest.raises(HostileBytesError, match=reason):
        container.read_files(directory)


@pytest.mark.attack("a link to a secret of the host")
@pytest.mark.docker
def test_a_link_out_of_the_tree_brings_nothing_of_the_host_along(container: DockerContainer, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    directory = left(container, f"os.symlink({str(secret)!r}, 'x')")
    with pytest.raises(HostileBytesError):
        container.read_files(directory)
    assert secret.read_text() == "of the host"


@pytest.mark.attack("a device file")
@pytest.mark.docker
def test_a_device_cannot_even_be_made(container: DockerContainer) -> None:
    execution = container.execute(["mknod", "/workspace/device", "b", "7", "0"], timeout_s=20)
    assert execution.exit_code != 0
    assert not (Path(f"/proc/{container.target.init}/root") / "workspace" / "device").exists()


@pytest.mark.honest
@pytest.mark.docker
def test_a_plain_tree_comes_out_as_it_is(container: DockerContainer) -> None:
    code = "os.makedirs('a/b'); open('a/b/c.py', 'w').write('x'); open('run', 'w').write('y'); os.chmod('run', 0o700)"
    tree = container.read_files(left(container, code))
    assert tree == {"a/b/c.py": File(b"x"), "run": File(b"y", executable=True)}


@pytest.mark.honest
@pytest.mark.docker
def test_a_long_name_comes_out_whole(container: DockerContainer) -> None:
    code = "os.makedirs('d' * 150 + '/' + 'e' * 150); open('d' * 150 + '/' + 'e' * 150 + '/' + 'f' * 150, 'w')"
    tree = container.read_files(left(container, code))
    assert list(tree) == [f"{'d' * 150}/{'e' * 150}/{'f' * 150}"]


@pytest.mark.attack("modes that hide a file")
@pytest.mark.docker
def test_unreadable_modes_hide_nothing_from_us(container: DockerContainer) -> None:
    tree = container.read_files(left(container, "open('x', 'w').write('kept'); os.chmod('x', 0o600)"))
    assert tree == {"x": File(b"kept")}


@pytest.mark.docker
def test_git_and_bytecode_stay_behind(container: DockerContainer) -> None:
    code = "os.makedirs('.git'); open('.git/config', 'w'); os.makedirs('a/__pycache__')\n"
    code += "open('a/__pycache__/m.pyc', 'w'); os.makedirs('sub/.git'); open('sub/.git/x', 'w'); open('kept', 'w')"
    assert list(container.read_files(left(container, code))) == ["kept"]


@pytest.mark.docker
def test_a_tree_that_is_being_written_is_taken_at_rest(container: DockerContainer) -> None:
    script = "mkdir -p /workspace/busy; (while :; do date > /workspace/busy/now; done) >/dev/null 2>&1 & exit 0"
    container.execute(["sh", "-c", script], timeout_s=20)
    first, second = container.read_files("/workspace/busy"), container.read_files("/workspace/busy")
    assert first == second


# --- streams that no honest tar writes -------------------------------------------------------------------------------


def header(name: bytes, *, size: bytes = b"00000000000", kind: bytes = b"0", mode: bytes = b"0000644") -> bytes:
    """Return one tar header with a right checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100 : 100 + len(mode)] = mode
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[257:265] = b"ustar  \0"
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


END = bytes(1024)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def pax(**records: str) -> bytes:
    body = b""
    for key, value in records.items():
        record = f" {key.replace('__', '.')}={value}\n".encode()
        body += str(len(record) + 2).encode() + record
    return header(b"pax", size=f"{len(body):011o}".encode(), kind=b"x") + padded(body)


def sparse(size: int) -> bytes:
    return header(b"x", kind=b"S", size=f"{size:011o}".encode())


HOSTILE_STREAMS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no bytes": (lambda: b"", "cut off"),
    "half a header": (lambda: header(b"x")[:100], "cut off"),
    "no end": (lambda: header(b"x"), "cut off"),
    "one block of end": (lambda: header(b"x") + bytes(512), "cut off"),
    "bytes behind the end": (lambda: END + header(b"x"), "behind its end"),
    "a wrong checksum": (lambda: header(b"x").replace(b"x", b"y", 1) + END, "checksum"),
    "an unknown format": (lambda: old_format(END), "unknown format"),
    "a duplicate member": (lambda: (header(b"x") * 2) + END, "there twice"),
    "a member twice by other spelling": (lambda: header(b"x") + header(b"./x") + END, "there twice"),
    "a file that becomes a directory": (lambda: header(b"x") + header(b"x/y") + END, "both"),
    "a directory that becomes a file": (lambda: header(b"x/y") + header(b"x") + END, "both"),
    "a negative size": (lambda: header(b"x", size=b"-0000000001") + END, "no plain number"),
    "a negative binary size": (lambda: header(b"x", size=b"\xff" * 12) + END, "no plain number"),
    "a huge binary size": (lambda: header(b"x", size=b"\x80" + bytes(10) + b"\x01") + END, "no plain number"),
    "a size behind the end": (lambda: header(b"x", size=b"77777777777") + END, "cut off"),
    "a parent directory": (lambda: header(b"../x") + END, "plain relative path"),
    "a parent directory in the middle": (lambda: header(b"a/../../x") + END, "plain relative path"),
    "an absolute path": (lambda: header(b"/etc/passwd") + END, "plain relative path"),
    "an empty name": (lambda: header(b"") + END, "plain relative path"),
    "a doubled slash": (lambda: header(b"a//b") + END, "plain relative path"),
    "a file that ends in a slash": (lambda: header(b"a/") + END, "plain relative path"),
    "a directory up": (lambda: header(b"../a/", kind=b"5") + END, "plain relative path"),
    "a directory named git": (lambda: header(b".git/", kind=b"5") + END, "spelling of .git"),
    "a directory with content": (lambda: header(b"a/", kind=b"5", size=b"00000000010") + END, "with content"),
    "a symbolic link": (lambda: header(b"x", kind=b"2") + END, "symbolic link"),
    "a hard link": (lambda: header(b"x", kind=b"1") + END, "hard link"),
    "a character device": (lambda: header(b"x", kind=b"3") + END, "character device"),
    "a block device": (lambda: header(b"x", kind=b"4") + END, "block device"),
    "a sparse file": (lambda: sparse(0) + END, "sparse"),
    "an unknown kind": (lambda: header(b"x", kind=b"V") + END, "special file"),
    "a long link": (lambda: header(b"x", kind=b"K") + END, "link with a long name"),
    "a global header": (lambda: header(b"x", kind=b"g") + END, "global header"),
    "a name of git in pax": (lambda: pax(path=".git/x") + header(b"x") + END, "spelling of .git"),
    "a size in pax": (lambda: pax(size="1") + header(b"x") + END, "not taken"),
    "a link in pax": (lambda: pax(linkpath="/etc") + header(b"x") + END, "not taken"),
    "a sparse map in pax": (lambda: pax(GNU__sparse__major="1") + header(b"x") + END, "not taken"),
    "a long name for nothing": (lambda: pax(path="x") + END, "behind its end"),
    "two long names": (lambda: pax(path="x") + pax(path="y") + header(b"x") + END, "twice"),
    "a long name without an end": (
        lambda: header(b"L", kind=b"L", size=b"00000000001") + padded(b"x") + header(b"x") + END,
        "without an end",
    ),
    "more content than is taken": (lambda: pack_tar({"x": File(bytes(MAX_CONTENT_BYTES + 1))}), "larger than 64 MB"),
}


def old_format(end: bytes) -> bytes:
    block = bytearray(header(b"x"))
    block[257:265] = bytes(8)
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block) + end


@pytest.mark.parametrize("how", HOSTILE_STREAMS)
def test_a_hostile_stream_is_refused_with_its_reason(how: str) -> None:
    stream, reason = HOSTILE_STREAMS[how]
    with pytest.raises(HostileBytesError, match=reason):
        parse_tar(stream())


@pytest.mark.honest
def test_an_honest_stream_of_the_same_making_is_taken() -> None:
    stream = header(b"./", kind=b"5") + header(b"./x", size=b"00000000002", mode=b"0000755") + padded(b"hi") + END
    assert parse_tar(stream) == {"x": File(b"hi", executable=True)}


@pytest.mark.attack("control characters in a name that an error shows")
def test_a_message_shows_a_name_without_its_control_characters() -> None:
    with pytest.raises(HostileBytesError) as refused:
        parse_tar(header(b"a\x1b[31mb") + END)
    assert str(refused.value).isprintable()
