"""The patch that is judged: what an agent changed, as git says it, made by the host.

Git gets bytes and paths as objects of an empty repository that is thrown away; nothing is written at a path that an
agent named, and nothing that an agent left is run or believed.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from dgm.boundary.bare_git import bare_git_environment
from dgm.boundary.scratch import scratch_directory
from dgm.core.errors import HostileBytesError, SandboxError
from dgm.core.files import Change, File, FileTree, only

MAX_PATCH_BYTES = 16 * 2**20
"""Far above any solution's; the harness, the archive and people take patches as a whole."""
_TIMEOUT_S = 60.0
_SHOWN_OF_A_REASON = 200
# --full-index: git applies a binary patch only to the very file that it was made of.
_DIFF = ("diff-tree", "-r", "--patch", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv")
_NO_COLOUR = ("--no-color", "--src-prefix=a/", "--dst-prefix=b/")
# No file is written under these names here. Where the patch is applied, git judges them once more.
_ANY_NAME = ("-c", "core.protectNTFS=false", "-c", "core.protectHFS=false")
_ALL_BINARY = "* -diff\n"
# No other line of a patch begins like this: those of a file's text have a mark before them.
_UNQUOTED_NAMES = re.compile(rb"^diff --git (a/[^\n]*)$", re.MULTILINE)


def exact_patch(change: Change) -> str:
    """Return a patch that `git apply` makes exactly `change.after` of `change.before` with; "" where they are the same.

    Files that are not UTF-8 text are told as binary ones, so that the patch itself is UTF-8.

    Raises:
        HostileBytesError: it would be too large, or takes git too long.
        SandboxError: there is no git, it failed, or there is no room for its files.
    """
    text = [path for path in change.paths if _is_text(change.before.get(path)) and _is_text(change.after.get(path))]
    others = sorted(set(change.paths).difference(text))
    # Before git is asked, which takes forty bytes for each empty line: its end for want of memory would be our fault.
    if sum(_least_bytes(change, path) for path in text) > MAX_PATCH_BYTES:
        raise _too_large()
    try:
        patch = _patch(change, text, attributes="") + _patch(change, others, attributes=_ALL_BINARY)
    except OSError as error:
        raise SandboxError(f"A patch could not be written: {error}.") from error
    if len(patch) > MAX_PATCH_BYTES:
        raise _too_large()
    return patch.decode("utf-8")


def _least_bytes(change: Change, path: str) -> int:
    """Return what a patch of a text takes at least: a line of one side alone stands there with a mark before it."""
    before, after = (side[path].content if path in side else b"" for side in (change.before, change.after))
    return abs(len(after) + after.count(b"\n") - len(before) - before.count(b"\n"))


def _is_text(file: File | None) -> bool:
    if file is None:
        return True
    try:
        return "\0" not in file.content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _patch(change: Change, paths: Sequence[str], *, attributes: str) -> bytes:
    if not paths:
        return b""
    with scratch_directory("patch") as place:
        repository, found = place / "bare", place / "patch"
        _git(repository, "init", "--quiet", "--bare", "--template=", str(repository))
        (repository / "info").mkdir(exist_ok=True)
        (repository / "info" / "attributes").write_text(attributes, "utf-8")
        _import(repository, before=only(change.before, paths), after=only(change.after, paths))
        with found.open("wb") as output:
            _git(repository, *_DIFF, *_NO_COLOUR, "refs/before", "refs/after", stdout=output.fileno())
        if found.stat().st_size > MAX_PATCH_BYTES:
            raise _too_large()
        return _UNQUOTED_NAMES.sub(_quoting_spaces, found.read_bytes())


def _quoting_spaces(names: re.Match[bytes]) -> bytes:
    """Quote names with spaces: git cannot read again what it says of an empty file whose name begins with one."""
    half = len(names[1]) // 2  # "a/NAME b/NAME"
    before, after = names[1][:half], names[1][half + 1 :]
    return b'diff --git "%b" "%b"' % (before, after) if b" " in before else names[0]


def _too_large() -> HostileBytesError:
    return HostileBytesError(f"its patch is larger than {MAX_PATCH_BYTES // 2**20} MiB")


def _import(repository: Path, *, before: FileTree, after: FileTree) -> None:
    stream = repository.parent / "stream"
    with stream.open("wb") as output:
        output.writelines(_commit("refs/before", before))
        output.writelines(_commit("refs/after", after))
        output.write(b"done\n")
    with stream.open("rb") as output:
        _git(repository, "fast-import", "--quiet", "--done", stdin=output.fileno())


def _commit(name: str, tree: FileTree) -> Iterator[bytes]:
    yield f"commit {name}\ncommitter dgm <dgm@localhost> 0 +0000\ndata 0\n".encode()
    for path, file in tree.items():
        mode = "100755" if file.executable else "100644"
        yield f"M {mode} inline {_quoted(path)}\ndata {len(file.content)}\n".encode()
        yield file.content
        yield b"\n"


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _git(repository: Path, *arguments: str, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.DEVNULL) -> None:
    argv = ["git", *_ANY_NAME, *arguments]
    try:
        done = subprocess.run(
            argv,
            cwd=repository.parent,
            env=bare_git_environment(repository),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            check=False,
            start_new_session=True,  # else Ctrl-C, which lets a run end in order, would kill it
        )
    except FileNotFoundError as error:
        raise SandboxError("git cannot be found; install git, which makes the patches that are judged.") from error
    except subprocess.TimeoutExpired as error:
        raise HostileBytesError(f"git took more than {_TIMEOUT_S:.0f} s to make its patch") from error
    if done.returncode != 0:
        reason = " ".join(done.stderr.decode("ascii", "replace").split())[:_SHOWN_OF_A_REASON]
        raise SandboxError(f"git could not make a patch: {reason}.")
