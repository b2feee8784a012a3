"""What changed between two agents, by git's own diff.

Git rather than difflib: an agent can write a file on which difflib takes hours. Git never sees the run's repository as
such, only its objects, through an empty repository of ours: the configuration and attributes of a run that somebody
published could name programs to start.
"""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dgm.archive.codestore import CommitId, create_repository
from dgm.boundary.bare_git import bare_git_environment
from dgm.boundary.scratch import scratch_directory
from dgm.core.errors import ArchiveError, CorruptArchiveError

_TIMEOUT_S = 60.0
_OPTIONS = ("-r", "--no-commit-id", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames")


@dataclass(frozen=True, slots=True)
class DiffStat:
    """The size of a change. A file that is not text counts as changed, without lines."""

    files_changed: int
    insertions: int
    deletions: int


def diff_text(repository: Path, before: CommitId, after: CommitId) -> str:
    """Return the unified diff, as hostile as the code it shows; "" when nothing differs.

    Raises:
        CorruptArchiveError: an object is missing.
        ArchiveError: git is not there, was killed, or did not end in time.
    """
    return _diff_tree(repository, before, after, "--patch").decode("utf-8", "replace")


def diff_stat(repository: Path, before: CommitId, after: CommitId) -> DiffStat:
    """Return the size of the diff; see `diff_text`."""
    lines = _diff_tree(repository, before, after, "--numstat", "-z").decode("utf-8", "replace").split("\0")[:-1]
    counts = [line.split("\t", 2)[:2] for line in lines]
    return DiffStat(
        files_changed=len(counts),
        insertions=sum(int(added) for added, _ in counts if added != "-"),
        deletions=sum(int(removed) for _, removed in counts if removed != "-"),
    )


def _diff_tree(repository: Path, before: CommitId, after: CommitId, *what: str) -> bytes:
    with _empty_repository(repository / "objects") as (directory, environment):
        argv = ["git", "diff-tree", *_OPTIONS, *what, before, after]
        try:
            done = subprocess.run(
                argv,
                cwd=directory,
                env=environment,
                capture_output=True,
                timeout=_TIMEOUT_S,
                check=False,
                start_new_session=True,  # else Ctrl-C, which lets a run end in order, would kill it
            )
        except FileNotFoundError as error:
            raise ArchiveError("git cannot be found; install git to see differences.") from error
        except subprocess.TimeoutExpired as error:
            raise ArchiveError(f"git took more than {_TIMEOUT_S:.0f} s for the difference.") from error
    if done.returncode < 0:
        raise ArchiveError(f"git was killed by signal {-done.returncode} before it had the difference.")
    if done.returncode != 0:
        reason = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise CorruptArchiveError(f"{repository} is damaged: {reason}.")
    return done.stdout


@contextmanager
def _empty_repository(objects: Path) -> Generator[tuple[str, dict[str, str]]]:
    with scratch_directory("diff") as directory:
        create_repository(directory)
        environment = bare_git_environment(directory)
        yield str(directory), environment | {"GIT_OBJECT_DIRECTORY": str(objects.absolute())}
