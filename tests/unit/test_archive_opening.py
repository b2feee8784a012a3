"""Making, opening, copying and refusing runs."""

import errno
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from dgm.archive import database
from dgm.archive.database import open_for_writing
from dgm.archive.processes import RunState
from dgm.archive.run import create_run, open_run, read_run
from dgm.archive.schema import SCHEMA_VERSION, create_schema, expected_schema
from dgm.config import Budget, Price, RunConfig, read_config
from dgm.core.errors import (
    ArchiveError,
    CorruptArchiveError,
    DiskFullError,
    NewerArchiveError,
    RunExistsError,
    RunInUseError,
)
from dgm.core.outcomes import Verdict
from tests.fakes.runs import SEED_CODE, grow, measure, new_run

NOBODY = 65_534


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with a seed agent and a child, not to be changed."""
    directory = tmp_path_factory.mktemp("template") / "first"
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        measure(run, root, [Verdict.RESOLVED, Verdict.UNRESOLVED])
        grow(run, root, {"main.py": SEED_CODE["main.py"]})
        run.end("finished")
    return directory


@pytest.fixture
def finished(template: Path, tmp_path: Path) -> Path:
    """The directory of a finished run of the test's own."""
    return Path(shutil.copytree(template, tmp_path / "runs" / "first"))


def edit(database: Path, *statements: str) -> None:
    connection = sqlite3.connect(database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_run_has_its_configuration_written_beside_it(tmp_path: Path) -> None:
    config = RunConfig(
        children=3,
        tasks=("anagram",),
        budget=Budget(max_cost_usd=2.5),
        prices={"openai:some.model": Price(input_usd=0.25, output_usd=1.0)},
    )
    new_run(tmp_path / "run", config=config).close()
    assert read_config(tmp_path / "run" / "run.toml") == config


def test_a_run_from_before_stages_were_for_the_best_goes_on_without_that(finished: Path) -> None:
    text = (finished / "run.toml").read_text("utf-8")
    with read_run(finished) as run:
        new = run.config().search
    (finished / "run.toml").write_text(text.replace("stage_tops = true\n", ""), "utf-8")
    with read_run(finished) as run:
        old = run.config().search
    assert (new.stage_tops, old) == (True, new.model_copy(update={"stage_tops": False}))


def test_a_new_run_keeps_the_prices_of_its_day(tmp_path: Path) -> None:
    prices = {"openai:x": Price(input_usd=1.0, output_usd=2.0)}
    arguments = {"config": RunConfig(), "image": "python", "images": {"python": "sha256:0"}, "seed_code": SEED_CODE}
    create_run(tmp_path / "run", prices=prices, **arguments).close()  # pyright: ignore[reportArgumentType]
    assert (tmp_path / "run" / "prices.toml").read_text() == '["openai:x"]\ninput_usd = 1.0\noutput_usd = 2.0\n'


def test_a_new_run_records_what_its_results_hang_on(finished: Path) -> None:
    with read_run(finished) as run:
        facts = run.facts()
    assert (facts.name, facts.benchmark, facts.policy, facts.model, facts.seed) == (
        "first",
        "katas",
        "dgm",
        "rehearsal",
        0,
    )
    assert facts.image_digest == "sha256:" + "0" * 64


def test_a_new_run_records_every_image_that_its_results_hang_on(tmp_path: Path) -> None:
    images = {"python": "sha256:1", "polyglot-go": "sha256:2"}
    create_run(tmp_path / "run", config=RunConfig(), image="python", images=images, seed_code=SEED_CODE).close()
    with read_run(tmp_path / "run") as run:
        assert (run.images(), run.facts().image_digest) == (images, "sha256:1")


def test_an_empty_directory_can_become_a_run(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    new_run(tmp_path / "run").close()
    assert (tmp_path / "run" / "archive.db").is_file()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    with pytest.raises(RunExistsError, match="exists already"):
        new_run(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_a_run_that_could_not_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file's path"):
        new_run(tmp_path / "run", code={"../main.py": SEED_CODE["main.py"]})
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_a_new_archive_is_said_to_be_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 2")
        create_schema(connection)

    monkeypatch.setattr(database, "create_schema", full)
    with pytest.raises(DiskFullError, match=r"archive\.db cannot grow"):
        new_run(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(finished: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    opened: list[int] = []

    def refuse(descriptor: int, _operation: int) -> None:
        opened.append(descriptor)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(ArchiveError, match=f"lock cannot be locked: {os.strerror(code)}"):
        open_run(finished)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_a_second_writer_is_told_who_has_the_run(tmp_path: Path) -> None:
    with new_run(tmp_path / "run"), pytest.raises(RunInUseError, match=f"process {os.getpid()}"):
        open_run(tmp_path / "run")


def test_a_run_can_be_opened_again_after_it_was_closed(finished: Path) -> None:
    with open_run(finished) as run:
        assert len(run.agent_tree()) == 2


def test_reading_does_not_keep_a_writer_out(finished: Path) -> None:
    with read_run(finished) as reader, open_run(finished):
        assert reader.state() is RunState.RUNNING


def test_a_reader_sees_what_is_written_after_it_opened(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run, read_run(tmp_path / "run") as reader:
        child = grow(run, run.agent_tree().root.id, SEED_CODE)
        assert child in list(reader.agent_tree())


def test_a_snapshot_stays_as_it_was(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run, read_run(tmp_path / "run") as reader, reader.snapshot():
        before = len(reader.agent_tree())
        grow(run, run.agent_tree().root.id, SEED_CODE)
        assert len(reader.agent_tree()) == before


def test_a_copied_run_opens_elsewhere(finished: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "copy"
    shutil.copytree(finished, copy)
    shutil.rmtree(finished)
    with open_run(copy) as run:
        root = run.agent_tree().root.id
        assert run.code(root) == SEED_CODE
        grow(run, root, SEED_CODE)


def test_a_closed_run_is_one_file_of_facts_without_a_log(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == [
        "agents.git",
        "archive.db",
        "lock",
        "prices.toml",
        "run.toml",
        "transcripts",
    ]


@pytest.fixture
def public_place() -> Generator[Path]:
    """A directory that a user without rights can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


READ_WITHOUT_RIGHTS = f"""
import os, sys
from pathlib import Path
import git.db, gitdb.exc  # here, since without rights the libraries may be out of reach
from dgm.archive.run import read_run
if os.geteuid() == 0:
    os.setegid({NOBODY})
    os.seteuid({NOBODY})
directory = Path(sys.argv[1])
assert not os.access(directory, os.W_OK, effective_ids=True)
with read_run(directory) as run:
    print(len(run.agent_tree()), sorted(run.code(run.agent_tree().root.id)), run.state().value)
"""


def read_without_rights(directory: Path) -> str:
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        argv = [sys.executable, "-c", READ_WITHOUT_RIGHTS, str(directory)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    finally:
        for path in (directory, *directory.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_closed_run_can_be_read_where_nothing_can_be_written(public_place: Path) -> None:
    with new_run(public_place / "run") as run:
        grow(run, run.agent_tree().root.id, SEED_CODE)
        run.end("finished")
    assert read_without_rights(public_place / "run") == "2 ['main.py', 'tools/edit.py'] finished\n"


def test_what_a_killed_writer_left_can_be_read_where_nothing_can_be_written(public_place: Path) -> None:
    with new_run(public_place / "run") as run:
        grow(run, run.agent_tree().root.id, SEED_CODE)
        shutil.copytree(public_place / "run", public_place / "copy")  # with its log, as a kill leaves it
    (public_place / "copy" / "archive.db-shm").unlink()
    assert read_without_rights(public_place / "copy") == "2 ['main.py', 'tools/edit.py'] interrupted\n"


def test_a_newer_archive_is_refused_by_name(finished: Path) -> None:
    edit(finished / "archive.db", f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(NewerArchiveError, match="newer version of dgm"):
        read_run(finished)


def test_a_newer_archive_is_not_written_to(finished: Path) -> None:
    edit(finished / "archive.db", f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(NewerArchiveError):
        open_run(finished)


def test_an_archive_of_no_version_is_refused(finished: Path) -> None:
    edit(finished / "archive.db", "PRAGMA user_version = 0")
    with pytest.raises(CorruptArchiveError, match="does not have the tables of schema 1"):
        read_run(finished)


def test_somebody_elses_database_is_refused(finished: Path) -> None:
    edit(finished / "archive.db", "PRAGMA application_id = 1")
    with pytest.raises(CorruptArchiveError, match="not an archive of dgm"):
        read_run(finished)


def test_a_file_that_is_no_database_is_refused(finished: Path) -> None:
    (finished / "archive.db").write_bytes(b"not a database " * 1000)
    with pytest.raises(CorruptArchiveError, match="not a database"):
        read_run(finished)


@pytest.mark.parametrize("size", [0, 100, 5000, 40_000])
def test_a_truncated_database_is_refused(finished: Path, size: int) -> None:
    os.truncate(finished / "archive.db", size)
    with pytest.raises(CorruptArchiveError):
        read_run(finished)


def test_a_database_with_a_page_of_rubbish_is_refused(finished: Path) -> None:
    with (finished / "archive.db").open("r+b") as stream:
        stream.seek(-4096 * 3, os.SEEK_END)
        stream.write(b"\xa5" * 4096)
    with pytest.raises(CorruptArchiveError):
        read_run(finished)


@pytest.fixture
def damaged_results(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with rubbish in place of its evaluations, of which readers check the skeleton alone, as of a large one."""
    monkeypatch.setattr(database, "_SMALL_BYTES", 0)
    connection = sqlite3.connect(finished / "archive.db")
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'evaluations'").fetchone()
    connection.close()
    with (finished / "archive.db").open("r+b") as stream:
        stream.seek(4096 * (root - 1))
        stream.write(b"\xa5" * 4096)
    return finished


def test_damage_of_a_large_archive_is_an_error_of_whatever_comes_upon_it(damaged_results: Path) -> None:
    with read_run(damaged_results) as run:
        assert len(run.agent_tree()) == 2
        with pytest.raises(CorruptArchiveError, match="is damaged"):
            run.outcomes()


def test_nothing_is_written_to_a_large_archive_that_is_damaged_anywhere(damaged_results: Path) -> None:
    before = (damaged_results / "archive.db").read_bytes()
    with pytest.raises(CorruptArchiveError):
        open_run(damaged_results)
    assert (damaged_results / "archive.db").read_bytes() == before


@pytest.mark.parametrize("table", ["agents", "parents", "starts", "run"])
def test_a_reader_checks_the_skeleton_of_an_archive_of_any_size(
    finished: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setattr(database, "_SMALL_BYTES", 0)
    connection = sqlite3.connect(finished / "archive.db")
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.close()
    with (finished / "archive.db").open("r+b") as stream:
        stream.seek(4096 * (root - 1))
        stream.write(b"\xa5" * 4096)
    with pytest.raises(CorruptArchiveError):
        read_run(finished)


def test_a_view_in_place_of_a_table_is_refused(finished: Path) -> None:
    edit(finished / "archive.db", "DROP TABLE faults")
    edit(finished / "archive.db", "CREATE VIEW faults AS SELECT 1")
    with pytest.raises(CorruptArchiveError, match="tables of schema"):
        read_run(finished)


def test_a_directory_without_a_database_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(CorruptArchiveError, match="not a run of dgm"):
        read_run(tmp_path)


def test_opening_a_directory_that_is_no_run_leaves_no_lock_in_it(tmp_path: Path) -> None:
    with pytest.raises(CorruptArchiveError):
        open_run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_run_is_not_left_locked(finished: Path) -> None:
    sound = (finished / "archive.db").read_bytes()
    (finished / "archive.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(CorruptArchiveError):
        open_run(finished)
    (finished / "archive.db").write_bytes(sound)
    open_run(finished).close()


def test_a_run_without_its_configuration_is_refused_when_that_is_asked_for(finished: Path) -> None:
    (finished / "run.toml").unlink()
    with read_run(finished) as run, pytest.raises(CorruptArchiveError, match=r"run\.toml"):
        run.config()


@pytest.mark.parametrize("statement", ["UPDATE evaluations SET verdict = 'resolved'", "DELETE FROM agents"])
def test_facts_cannot_be_changed_or_removed(finished: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="only inserted"):
        edit(finished / "archive.db", statement)


def test_facts_cannot_be_replaced_by_the_writer(finished: Path) -> None:
    connection = open_for_writing(finished / "archive.db")
    with pytest.raises(sqlite3.IntegrityError, match="only inserted"):
        connection.execute("INSERT OR REPLACE INTO ends (number, at, reason) VALUES (1, 0.0, 'better')")
    connection.close()


@pytest.mark.parametrize(
    ("version", "digest"),
    [
        (1, "4745eb33feb25983"),
        (2, "ccaf1c21ae8eda75"),
        (3, "c42950861c24b595"),
        (4, "943614f2266d7985"),
        (5, "481b0e30f1991fe8"),
    ],
)
def test_the_schema_of_a_version_never_changes(version: int, digest: str) -> None:
    """A change of the tables needs a new SCHEMA_VERSION: runs of these could not be opened any more."""
    assert hashlib.sha256(repr(expected_schema(version)).encode()).hexdigest()[:16] == digest


def test_a_writer_that_cannot_make_its_directory_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match="cannot be made"):
        new_run(tmp_path / "file" / "run")
