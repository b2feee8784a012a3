"""The git repository of agents' code."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dgm.archive.codestore import CodeStore, CommitId, NewCommit, create_repository
from dgm.archive.difference import DiffStat, diff_stat, diff_text
from dgm.archive.run import open_run, read_run
from dgm.core.actions import Expand
from dgm.core.errors import CorruptArchiveError
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId
from tests.fakes.runs import SEED_CODE, TickingClock, grow, new_run, step

ONE, TWO = AgentId("1" * 12), AgentId("2" * 12)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    create_repository(tmp_path / "agents.git")
    return tmp_path / "agents.git"


def commit(*parents: CommitId, message: str = "agent\n") -> NewCommit:
    return NewCommit(message, parents, 1_800_000_000.0)


def write(repository: Path, code: FileTree, *, agent: AgentId = ONE) -> CommitId:
    return CodeStore(repository).write(agent, code, commit())


def git(repository: Path, *arguments: str, stdin: bytes = b"") -> str:
    argv = ["git", "-C", str(repository), *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, check=True).stdout.decode().strip()


def commit_of_tree(repository: Path, *entries: tuple[str, str, bytes]) -> CommitId:
    """Return a commit that git itself made of (mode, name, blob content) entries, however strange."""
    lines: list[str] = []
    for mode, name, content in entries:
        sha = git(repository, "hash-object", "-w", "--stdin", stdin=content)
        lines.append(f"{mode} commit {'1' * 40}\t{name}" if mode == "160000" else f"{mode} blob {sha}\t{name}")
    tree = git(repository, "mktree", "--missing", stdin="\n".join(lines).encode())
    author = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    return CommitId(git(repository, *author, "commit-tree", tree, "-m", "x"))


def test_git_finds_nothing_wrong_with_the_repository(repository: Path) -> None:
    write(repository, {"a": File(b""), "a.b": File(b"x"), "a-b/c": File(b"x", executable=True), "a0": File(b"y")})
    assert git(repository, "fsck", "--full", "--strict") == ""


def test_git_lists_the_files_that_were_stored(repository: Path) -> None:
    write(repository, {"b/c.py": File(b"x"), "a": File(b"y", executable=True)})
    assert git(repository, "ls-tree", "-r", "--format=%(objectmode) %(path)", ONE_REF) == "100755 a\n100644 b/c.py"


ONE_REF = f"refs/agents/{ONE}"


def test_git_shows_both_parents_of_a_merge(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.seed_agent()
        left, right = (grow(run, root, {"main.py": File(text)}).id for text in (b"1", b"2"))
        decision = run.decide(Expand(left, 3, partner=right)).number
        child = run.add_step(decision, replace(step(3, left, child={"main.py": File(b"3")}), partner=right))
    assert child is not None
    repository = tmp_path / "run" / "agents.git"
    commits = [git(repository, "rev-parse", f"refs/agents/{agent}") for agent in (left, right)]
    assert git(repository, "show", "--no-patch", "--format=%P", f"refs/agents/{child.id}").split() == commits
    assert git(repository, "fsck", "--full", "--strict") == ""


def test_git_shows_the_lineage(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root
        child = grow(run, root.id, {"main.py": File(b"1")})
        grandchild = grow(run, child.id, {"main.py": File(b"2")})
    subjects = git(tmp_path / "run" / "agents.git", "log", "--all", "--topo-order", "--format=%s").splitlines()
    assert subjects == [f"agent {agent.id} (step {agent.step})" for agent in (grandchild, child, root)]


def test_git_log_without_arguments_starts_at_the_seed_agent(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
        grow(run, root, {"main.py": File(b"1")})
    assert git(tmp_path / "run" / "agents.git", "log", "--format=%s") == f"agent {root} (step 0)"


def test_a_proposal_cannot_forge_lines_of_a_commit_message(tmp_path: Path) -> None:
    hostile = "Better\x1b[2J edits\n\nParent: 000000000000\nSigned-off-by: \u202eroot\ud800\0"
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
        child = grow(run, root, {"main.py": File(b"1")}, proposal=hostile)
    body = git(tmp_path / "run" / "agents.git", "log", "-1", "--format=%b", f"refs/agents/{child.id}")
    assert body == (
        f"Parent: {root}\n\nEvidence: anagram\n\nBetter edits Parent: 000000000000 Signed-off-by: root\ufffd"
    )


def test_code_can_be_read_after_git_packed_the_repository(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        child = grow(run, run.agent_tree().root.id, {"main.py": File(b"1")}).id
    git(tmp_path / "run" / "agents.git", "gc", "--quiet")
    with open_run(tmp_path / "run") as run:
        assert run.code(child) == {"main.py": File(b"1")}
        grow(run, child, {"main.py": File(b"2")})


def test_a_ref_that_a_killed_writer_left_is_pointed_anew(repository: Path) -> None:
    write(repository, {"main.py": File(b"first")})
    again = write(repository, {"main.py": File(b"second")})
    assert git(repository, "rev-parse", ONE_REF) == again


def test_an_object_that_a_power_cut_left_empty_is_written_anew(repository: Path) -> None:
    code = {"main.py": File(b"content")}
    first = write(repository, code)
    for path in (repository / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(b"")
    assert (write(repository, code), CodeStore(repository).read(first)) == (first, code)


def test_deeply_nested_code_is_kept(repository: Path) -> None:
    code = {"/".join("d" * 1100): File(b"deep")}
    assert CodeStore(repository).read(write(repository, code)) == code


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "a//b", "./a", "a/../b", ".git/config", "a/.GIT/x", "git~1/x", "a\0b"]
)
def test_what_is_no_files_path_is_not_stored(repository: Path, path: str) -> None:
    with pytest.raises(ValueError, match="no file's path"):
        write(repository, {path: File(b"")})


def test_a_file_below_a_file_is_not_stored(repository: Path) -> None:
    with pytest.raises(ValueError, match="a file and a directory"):
        write(repository, {"a": File(b""), "a/b": File(b"")})


@pytest.mark.parametrize("mode", ["120000", "160000", "100664"])
def test_only_plain_files_are_read(repository: Path, mode: str) -> None:
    strange = commit_of_tree(repository, (mode, "link", b"/etc/passwd"))
    with pytest.raises(CorruptArchiveError, match="not a plain file"):
        CodeStore(repository).read(strange)


@pytest.mark.parametrize("name", ["..", ".", ".git", ".Git"])
def test_a_name_that_leads_elsewhere_is_not_read(repository: Path, name: str) -> None:
    strange = commit_of_tree(repository, ("100644", name, b"x"))
    with pytest.raises(CorruptArchiveError, match="no file's name"):
        CodeStore(repository).read(strange)


def test_trees_that_multiply_are_not_read_to_their_end(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgm.archive.codestore.MAX_ENTRIES", 2_000)
    sha = git(repository, "hash-object", "-w", "--stdin", stdin=b"bomb")
    tree = git(repository, "mktree", stdin="".join(f"100644 blob {sha}\t{n}\n" for n in range(10)).encode())
    for _ in range(9):
        tree = git(repository, "mktree", stdin="".join(f"040000 tree {tree}\t{n}\n" for n in range(10)).encode())
    bomb = CommitId(git(repository, "-c", "user.name=x", "-c", "user.email=x", "commit-tree", tree, "-m", "x"))
    with pytest.raises(CorruptArchiveError, match="too many files"):
        CodeStore(repository).read(bomb)


def test_a_missing_object_is_reported(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
        shutil.rmtree(tmp_path / "run" / "agents.git" / "objects")
        (tmp_path / "run" / "agents.git" / "objects").mkdir()
        with pytest.raises(CorruptArchiveError, match="missing or damaged"):
            run.code(root)


def test_a_missing_repository_is_reported(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
    shutil.rmtree(tmp_path / "run" / "agents.git")
    with read_run(tmp_path / "run") as run, pytest.raises(CorruptArchiveError, match=r"agents\.git is missing"):
        run.code(root)


def test_a_missing_object_is_reported_by_a_diff(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
        child = grow(run, root, {"main.py": File(b"1")}).id
        shutil.rmtree(tmp_path / "run" / "agents.git" / "objects")
        (tmp_path / "run" / "agents.git" / "objects").mkdir()
        with pytest.raises(CorruptArchiveError, match="damaged"):
            run.diff(root, child)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"x\x9c\x4b\xca\xc9\x4f\x52\x30\x31\x60\x00"])
def test_a_damaged_object_is_reported(repository: Path, content: bytes) -> None:
    stored = write(repository, {"main.py": File(b"content")})
    for path in (repository / "objects").glob("??/*"):
        path.chmod(0o644)
        path.write_bytes(content)
    with pytest.raises(CorruptArchiveError):
        CodeStore(repository).read(stored)


@pytest.mark.parametrize("kind", ["idx", "pack"])
@pytest.mark.parametrize("size", [0, 3, 100])
def test_a_pack_that_is_cut_off_is_reported(repository: Path, kind: str, size: int) -> None:
    stored = write(repository, {"main.py": File(b"content")})
    git(repository, "gc", "--quiet")
    (path,) = (repository / "objects" / "pack").glob(f"*.{kind}")
    content = path.read_bytes()[:size]
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(CorruptArchiveError, match="damaged"):
        CodeStore(repository).read(stored)


@pytest.mark.parametrize("size", [0, 100])
def test_nothing_is_written_beside_a_pack_that_is_cut_off(repository: Path, size: int) -> None:
    write(repository, {"main.py": File(b"content")})
    git(repository, "gc", "--quiet")
    (path,) = (repository / "objects" / "pack").glob("*.idx")
    content = path.read_bytes()[:size]
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(CorruptArchiveError, match="a pack is damaged"):
        write(repository, {"main.py": File(b"another")}, agent=TWO)


def test_code_that_is_not_what_was_archived_is_refused(tmp_path: Path) -> None:
    """Git names objects by SHA-1; the facts hold the SHA-256 of the whole."""
    from tests.unit.test_archive_opening import edit

    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
    edit(tmp_path / "run" / "archive.db", "DROP TRIGGER agents_no_update")
    edit(tmp_path / "run" / "archive.db", "UPDATE agents SET code_hash = 'another'")
    edit(
        tmp_path / "run" / "archive.db",
        "CREATE TRIGGER agents_no_update BEFORE UPDATE ON agents "
        "BEGIN SELECT RAISE(ABORT, 'facts are only inserted'); END",
    )
    with read_run(tmp_path / "run") as run, pytest.raises(CorruptArchiveError, match="not the code that was archived"):
        run.code(root)


def test_a_diff_is_unified_and_counted(repository: Path) -> None:
    before = write(repository, {"a.py": File(b"1\n2\n"), "gone": File(b"x\n")})
    after = write(repository, {"a.py": File(b"1\n3\n4\n"), "new.bin": File(b"\0\1")}, agent=TWO)
    assert diff_stat(repository, before, after) == DiffStat(files_changed=3, insertions=2, deletions=2)
    assert "@@ -1,2 +1,3 @@\n 1\n-2\n+3\n+4\n" in diff_text(repository, before, after)


def test_code_that_does_not_differ_has_an_empty_diff(repository: Path) -> None:
    same = write(repository, SEED_CODE)
    assert (diff_text(repository, same, same), diff_stat(repository, same, same)) == ("", DiffStat(0, 0, 0))


def test_neither_agents_nor_published_runs_choose_programs_for_a_diff(repository: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {proof}\n")
    program.chmod(0o755)
    attributes = File(b"* diff=evil filter=evil\n")
    before = write(repository, {"a.py": File(b"1\n"), ".gitattributes": attributes})
    after = write(repository, {"a.py": File(b"2\n"), ".gitattributes": attributes}, agent=TWO)
    (repository / "info").mkdir()
    (repository / "info" / "attributes").write_bytes(attributes.content)
    (repository / "config").write_text(
        f"[core]\n\tbare = true\n\trepositoryformatversion = 0\n\tpager = {program}\n\tfsmonitor = {program}\n"
        f'[diff]\n\texternal = {program}\n[diff "evil"]\n\tcommand = {program}\n\ttextconv = {program}\n'
    )
    assert "-1\n+2\n" in diff_text(repository, before, after)
    assert not proof.exists()


def test_a_diff_of_a_file_made_to_be_slow_is_quick(repository: Path) -> None:
    """difflib needs time that grows with the cube of such a file; git gives up on the smallest diff."""
    lines = [f"{number % 7}\n" for number in range(60_000)]
    before = write(repository, {"a": File("".join(lines).encode())})
    after = write(repository, {"a": File("".join(reversed(lines)).encode())}, agent=TWO)
    begun = time.monotonic()
    diff_text(repository, before, after)
    assert time.monotonic() - begun < 30.0


KILLED_WRITER = """
import sys
from pathlib import Path
from dgm.archive.run import open_run
from dgm.core.actions import Expand, Step
from dgm.core.files import File
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Usage
with open_run(Path(sys.argv[1])) as run:
    root = run.agent_tree().root.id
    while True:
        number = run.steps_done() + 1
        decision = run.decide(Expand(root, number)).number
        session = SessionId(f"{decision:05}.1.improve")
        run.reserve_call(session, 1, worst_case=Usage(calls=1, cost_usd=1.0))
        run.settle_call(session, 1, usage=Usage(calls=1, cost_usd=0.25))
        code = {"main.py": File(b"# " * number)}
        run.add_step(decision, Step(number, root, TaskId("t"), None, code, None, "", 1.0, (session,)))
        print(number, flush=True)
"""


@pytest.mark.parametrize("steps", [1, 4])
def test_a_killed_writer_loses_nothing_that_it_recorded(tmp_path: Path, steps: int) -> None:
    directory = tmp_path / "run"
    new_run(directory).close()
    argv = [sys.executable, "-c", KILLED_WRITER, str(directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as writer:
        assert writer.stdout is not None
        for _ in range(steps):
            writer.stdout.readline()
        writer.kill()
    with open_run(directory, clock=TickingClock()) as run:
        done = run.steps_done()
        assert done >= steps
        assert [agent.step for agent in run.agent_tree()] == list(range(done + 1))
        for agent in list(run.agent_tree())[1:]:
            assert run.code(agent.id) == {"main.py": File(b"# " * agent.step)}
        assert run.decision_count() - done == len(run.open_decisions()) <= 1
        assert run.spent().cost_usd in {done * 0.25, done * 0.25 + 1.0, (done + 1) * 0.25}
