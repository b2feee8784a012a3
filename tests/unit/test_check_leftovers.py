"""What a killed process leaves beside runs and in the temporary directory is found and removed; what lives is not."""

import os
import signal
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import pytest

from dgm.archive.build_sites import build_site, remove_stale_build_sites
from dgm.boundary import scratch
from dgm.boundary.scratch import remove_stale_scratch, scratch_directory
from dgm.core.errors import SandboxError
from dgm.sandbox.bootstrap import bootstrap_base
from dgm.sandbox.engine import Engine


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "roomy").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(scratch, "ROOMY", tmp_path / "roomy")


def killed_within(context: Callable[[], AbstractContextManager[Path]]) -> None:
    """Let a process of its own be killed within a context."""
    pid = os.fork()
    if pid == 0:
        with context():
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_run_whose_making_was_killed_is_removed(tmp_path: Path) -> None:
    killed_within(lambda: build_site(tmp_path / "runs" / "first"))
    assert len(remove_stale_build_sites(tmp_path / "runs")) == 1
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_that_is_being_made_is_left_alone(tmp_path: Path) -> None:
    with build_site(tmp_path / "runs" / "first") as place:
        assert remove_stale_build_sites(tmp_path / "runs") == []
        assert place.is_dir()


def test_a_link_that_is_named_like_an_unfinished_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / ".first.x.new").symlink_to(tmp_path / "target")
    assert remove_stale_build_sites(tmp_path) == []


@pytest.mark.parametrize("purpose", ["diff", "merge", "swebench"])
def test_scratch_of_a_killed_process_is_removed(purpose: str) -> None:
    killed_within(lambda: scratch_directory(purpose))
    assert len(remove_stale_scratch()) == 1
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_a_systems_scratch_of_a_killed_process_is_removed_where_it_has_room(tmp_path: Path) -> None:
    killed_within(lambda: scratch_directory("base", within=tmp_path / "roomy"))
    assert len(remove_stale_scratch()) == 1
    assert list((tmp_path / "roomy").iterdir()) == []


def test_a_base_image_is_bootstrapped_in_such_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, lines in (("debootstrap", ""), ("unshare", 'echo "$@"\nexit 1\n')):
        (tmp_path / name).touch(0o755)
        (tmp_path / name).write_text(f"#!/bin/sh\n{lines}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("dgm.sandbox.bootstrap.ROOMY", tmp_path / "roomy")
    with pytest.raises(SandboxError, match=rf"/roomy/dgm-base-{os.getpid()}-\w+/root$"):
        bootstrap_base(cast("Engine", None), repository="dgm-base", tag="x")
    assert list((tmp_path / "roomy").iterdir()) == []


def test_scratch_of_a_killed_process_is_removed_from_anywhere_else(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    killed_within(lambda: scratch_directory("fetch", within=tmp_path / "cache"))
    assert remove_stale_scratch(tmp_path / "missing") == []
    assert len(remove_stale_scratch(tmp_path / "cache")) == 1
    assert list((tmp_path / "cache").iterdir()) == []


def test_scratch_of_a_live_process_is_left_alone() -> None:
    with scratch_directory("read") as directory:
        assert remove_stale_scratch() == []
        assert directory.is_dir()
