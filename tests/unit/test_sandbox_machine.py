"""What the sandbox reads of this machine: processes, disk, user ids, control groups, orphans."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgm.core.errors import DiskFullError, SandboxError, UnknownNameError
from dgm.sandbox import images, uids
from dgm.sandbox.cgroups import forks_forbidden
from dgm.sandbox.disk import free_bytes, require_free_disk
from dgm.sandbox.processes import belongs_to, host_uid, pid_namespace, processes_in, start_ticks, status_of
from dgm.sandbox.reaper import this_process
from dgm.sandbox.uids import leased_uids

NO_PID = 2**22 + 1


def test_two_leases_at_once_are_four_different_users() -> None:
    with leased_uids() as one, leased_uids() as two:
        assert len({one.agent, one.keeper, two.agent, two.keeper}) == 4


def test_users_are_within_what_a_remapped_engine_can_map() -> None:
    with leased_uids() as lease:
        assert 10_000 <= lease.agent < lease.keeper < 60_000


def test_a_lease_ends_with_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uids, "PAIRS", 1)
    with leased_uids() as first:
        pass
    with leased_uids() as second:
        assert second == first


def test_a_lease_holds_against_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uids, "PAIRS", 1)
    monkeypatch.setattr(uids, "FIRST_UID", 10_000)
    code = "from dgm.sandbox import uids\nuids.PAIRS = 1\nwith uids.leased_uids(): pass"
    with leased_uids():
        other = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "is taken" in other.stderr


def test_no_pair_left_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uids, "PAIRS", 0)
    with pytest.raises(SandboxError, match="taken"), leased_uids():
        pytest.fail("a lease was given")


def test_too_little_disk_is_refused_and_the_place_named(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match=str(tmp_path)):
        require_free_disk([tmp_path], minimum_bytes=2**62)


def test_enough_disk_is_taken(tmp_path: Path) -> None:
    require_free_disk([tmp_path], minimum_bytes=1)


def test_the_disk_of_a_directory_that_is_not_made_yet_is_that_of_its_parent(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "not" / "yet") is not None


def test_this_process_is_among_those_of_its_namespace() -> None:
    namespace = pid_namespace(os.getpid())
    assert namespace is not None
    assert (os.getpid(), os.getuid()) in {(process.pid, process.uid) for process in processes_in(namespace)}


def test_a_process_that_is_gone_has_no_namespace_status_or_start() -> None:
    assert (pid_namespace(NO_PID), status_of(NO_PID), start_ticks(NO_PID)) == (None, {}, None)


def test_a_process_belongs_to_no_container_of_a_name_that_its_groups_lack() -> None:
    assert not belongs_to(os.getpid(), "f" * 64)


def test_without_a_user_namespace_a_uid_is_the_hosts() -> None:
    assert host_uid(os.getpid(), 12_345) == 12_345


def test_a_process_names_itself_the_same_every_time() -> None:
    assert this_process() == this_process()


def test_forks_are_not_forbidden_where_the_process_is_gone() -> None:
    with forks_forbidden(NO_PID) as held:
        assert not held


@pytest.fixture
def a_groups_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the limit of the control group of `NO_PID`."""
    monkeypatch.setattr("dgm.sandbox.cgroups.PROC", tmp_path / "proc")
    monkeypatch.setattr("dgm.sandbox.cgroups._HIERARCHIES", tmp_path / "groups")
    (tmp_path / "proc" / str(NO_PID)).mkdir(parents=True)
    (tmp_path / "proc" / str(NO_PID) / "cgroup").write_text("0::/box\n")
    limit = tmp_path / "groups" / "box" / "pids.max"
    limit.parent.mkdir(parents=True)
    limit.write_text("512\n")
    return limit


def refusing(code: int) -> Callable[..., None]:
    def refuse(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


def test_forks_are_forbidden_for_a_while(a_groups_limit: Path) -> None:
    with forks_forbidden(NO_PID) as held:
        assert (held, a_groups_limit.read_text()) == (True, "0")
    assert a_groups_limit.read_text() == "512\n"


@pytest.mark.usefixtures("a_groups_limit")
@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENODEV])
def test_a_container_may_end_while_forks_are_forbidden(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    with forks_forbidden(NO_PID) as held:
        assert held
        monkeypatch.setattr(Path, "write_text", refusing(code))


@pytest.mark.usefixtures("a_groups_limit")
def test_a_limit_that_cannot_be_restored_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxError, match="could not be restored: Input/output error"), forks_forbidden(NO_PID):
        monkeypatch.setattr(Path, "write_text", refusing(errno.EIO))


def test_a_tag_changes_with_any_file_of_its_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "sandbox_directory", lambda: tmp_path)
    dockerfile = tmp_path / "images" / "small" / "Dockerfile"
    dockerfile.parent.mkdir(parents=True)
    dockerfile.write_text("FROM scratch\n")
    before = images.image_tag("small")
    dockerfile.write_text("FROM scratch\n# edited\n")
    assert images.image_tag("small") != before


def test_an_unknown_image_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownNameError, match="python"):
        images.image_tag("cobol")
