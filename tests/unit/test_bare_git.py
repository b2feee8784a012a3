"""The host's git as a run uses it: Ctrl-C on a terminal, which lets the run end in order, does not reach it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dgm.archive.codestore import CommitId
from dgm.archive.difference import diff_text
from dgm.benchmarks.swebench.prediction import exact_patch
from dgm.boundary.merging import merged_trees
from dgm.core.errors import ArchiveError, CorruptArchiveError
from dgm.core.files import Change, File


def difference() -> str:
    return diff_text(Path("agents.git"), CommitId("1" * 40), CommitId("2" * 40))


def merge() -> str:
    base, ours, theirs = ({"a": File(content)} for content in (b"1\n", b"2\n", b"3\n"))
    return merged_trees(base, ours, theirs).tree["a"].content.decode()


def patch() -> str:
    return exact_patch(Change({}, {"a": File(b"1\n")}))


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is started in git's place; to be written."""
    program = tmp_path / "git"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return program


@pytest.mark.parametrize("use", [difference, merge, patch])
def test_git_is_in_a_session_of_its_own_which_no_terminal_signals(git: Path, use: Callable[[], str]) -> None:
    git.write_text(
        '#!/bin/sh\nmkdir -p "$GIT_DIR"\nread -r pid name state parent group session rest < "/proc/$$/stat"\n'
        'echo "$session"\n'
    )
    assert int(use()) != os.getsid(0)


def test_a_git_that_was_killed_says_nothing_of_the_repository(git: Path) -> None:
    git.write_text("#!/bin/sh\nkill -INT $$\n")
    with pytest.raises(ArchiveError, match="killed by signal 2") as raised:
        difference()
    assert not isinstance(raised.value, CorruptArchiveError)
