"""Fetches the files of one revision of a repository with git, which gets to run nothing that comes with them.

Git's own data stands in a directory of its own and is thrown away at the end; what is left are files. No configuration
of the user's or the machine's is read, since it can name programs to run: of what a network may need, only the usual
environment variables for proxies and certificates count.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from dgm.benchmarks.exercise_files import is_plain_path
from dgm.boundary.text import safe_line
from dgm.core.errors import FetchError

MAX_FILES = 20_000
MAX_BYTES = 200_000_000
_TIMEOUT_S = 900.0
_SHOWN_OF_STDERR = 200
_PASSED_ON = (
    *("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "gc.auto": "0",  # or it goes on in the background, in a directory that is being removed
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "transfer.fsckObjects": "true",
    "http.lowSpeedLimit": "1000",  # bytes per second, over so many seconds
    "http.lowSpeedTime": "60",
}
_ATTRIBUTES = "* -text -ident -filter !eol !working-tree-encoding\n"
_PLAIN_FILES = frozenset({"100644", "100755"})
_ENTRY = re.compile(r"(?P<mode>\d{6}) \w+ [0-9a-f]+ +(?P<size>\d+|-)\t(?P<path>.+)", re.ASCII | re.DOTALL)


def clone(repository: str, revision: str, directory: Path) -> None:
    """Put the files of one revision into a new directory.

    Args:
        repository: https:// or file:// URL.
        revision: 40 hexadecimal digits; never a name, which a repository could give to anything.
        directory: made, below a directory that there is.
    Raises:
        FetchError: there is no git or no network, or the revision does not hold a small tree of plain files.
    """
    with tempfile.TemporaryDirectory(prefix=".git-", dir=directory.parent) as place:
        git = _Git(repository, Path(place))
        git.run("init", "--quiet", "--bare", "--template=", git.directory)
        git.keep_bytes()
        fetch = ("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", repository, revision)
        git.run(*fetch)
        _require_plain_files(git.run("ls-tree", "-r", "-l", "-z", "--full-tree", revision), repository)
        directory.mkdir()
        git.run(f"--work-tree={directory.absolute()}", "checkout", "--quiet", "--force", revision, "--", ".")


class _Git:
    """The host's git on one bare repository, with nothing but our settings."""

    def __init__(self, repository: str, place: Path) -> None:
        self._program = shutil.which("git")
        self._repository = repository
        self.directory = str(place.absolute() / "data")
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        self._environment = passed_on | {
            "HOME": str(place.absolute()),
            "LC_ALL": "C",
            "GIT_ALLOW_PROTOCOL": "https:file",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_DIR": self.directory,
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def keep_bytes(self) -> None:
        """Overrule the repository's own attributes: files are written as they were stored."""
        attributes = Path(self.directory) / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(_ATTRIBUTES, "utf-8")

    def run(self, *arguments: str) -> bytes:
        """Run one command and return what it printed."""
        if self._program is None:
            raise FetchError("git cannot be found; install git, or name a checkout that you have.")
        settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
        argv = [self._program, *settings, *arguments]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=self._environment,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"{self._repository} could not be fetched within {_TIMEOUT_S:.0f} s.") from error
        if done.returncode != 0:
            raise FetchError(f"{self._repository} could not be fetched: {_reason(done.stderr)}.")
        return done.stdout


def _reason(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").splitlines()
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return safe_line((fatal or lines or ["git does not say why"])[0], max_chars=_SHOWN_OF_STDERR).rstrip(".")


def _require_plain_files(listing: bytes, repository: str) -> None:
    # Before git writes any of it: a link could lead out, and sizes are told without the contents.
    entries = listing.decode("utf-8", "replace").split("\0")[:-1]
    if len(entries) > MAX_FILES:
        raise FetchError(f"{repository} holds more than {MAX_FILES:,} files.")
    total = 0
    for entry in entries:
        found = _ENTRY.fullmatch(entry)
        if found is None or found["mode"] not in _PLAIN_FILES or not is_plain_path(found["path"]):
            name = safe_line(entry.partition("\t")[2], max_chars=_SHOWN_OF_STDERR)
            raise FetchError(f"{repository} holds {name}, which is not a plain file.")
        total += int(found["size"])
    if total > MAX_BYTES:
        raise FetchError(f"{repository} holds more than {MAX_BYTES // 1_000_000} MB.")
