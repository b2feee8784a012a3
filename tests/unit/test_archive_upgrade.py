"""Archives of the versions before: read as they are, brought to this version by whoever writes to them."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dgm.archive.processes import RunState
from dgm.archive.records import BesideStep
from dgm.archive.run import open_run, read_run
from dgm.archive.schema import SCHEMA_VERSION, expected_schema, schema_of, version_of
from dgm.core.actions import Expand, Judgement, PastStep, Rejection
from dgm.core.errors import CorruptArchiveError, RunInUseError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Role
from dgm.core.scores import Score
from tests.fakes.runs import OLD_SCHEMAS, SEED_CODE, TickingClock, grow, new_run, run_of_schema, step
from tests.unit.test_archive_opening import edit, public_place, read_without_rights

__all__ = ["public_place"]

SPENT = Usage(calls=4, input_tokens=1600, output_tokens=600, cost_usd=0.937500001)
_HAD = {"cache_read_tokens": 200, "cache_write_tokens": 50}
CACHED = {1: {}, 2: _HAD, 3: _HAD, 4: _HAD, 5: _HAD}
"""What an archive of a version knows of the cache."""
FLAGGED = {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}
"""How many measurements an archive of a version knows to be flagged."""


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each old schema, not to be changed."""
    directory = tmp_path_factory.mktemp("templates")
    for version in OLD_SCHEMAS:
        run_of_schema(version, directory / str(version))
    return directory


@pytest.fixture(params=OLD_SCHEMAS)
def version(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def old(templates: Path, tmp_path: Path, version: int) -> Path:
    """A run of an old schema of the test's own."""
    return Path(shutil.copytree(templates / str(version), tmp_path / "old"))


@pytest.fixture
def spent(version: int) -> Usage:
    """What that run used."""
    return replace(SPENT, **CACHED[version])


def declared(directory: Path) -> tuple[int, list[tuple[str, str, str]]]:
    connection = sqlite3.connect(directory / "archive.db")
    try:
        return version_of(connection), schema_of(connection)
    finally:
        connection.close()


def test_all_facts_of_an_old_archive_can_be_read(old: Path, spent: Usage) -> None:
    with read_run(old) as run:
        root = run.agent_tree().root.id
        assert (run.spent(), run.facts().name, run.state()) == (spent, "first", RunState.INTERRUPTED)
        assert [(outcome.task, outcome.verdict) for outcome in run.outcomes()[root]] == [("anagram", Verdict.RESOLVED)]
        assert ([step.detail for step in run.steps()], len(run.open_decisions())) == (["It does not start."], 1)
        assert run.unsettled() == Usage(calls=1, input_tokens=1000, output_tokens=500, cost_usd=0.75)


def test_the_costs_of_an_old_archive_are_told_by_role(old: Path, version: int) -> None:
    with read_run(old) as run:
        assert run.usage_by_role() == {
            Role.AGENT: Usage(2, input_tokens=1300, output_tokens=530, cost_usd=0.750000001, **CACHED[version]),
            Role.IMPROVE: Usage(calls=1, input_tokens=200, output_tokens=20, cost_usd=0.0625),
            Role.DIAGNOSE: Usage(calls=1, input_tokens=100, output_tokens=50, cost_usd=0.125),
        }


def test_reading_an_old_archive_writes_nothing(old: Path) -> None:
    before = (old / "archive.db").read_bytes()
    with read_run(old) as run, run.snapshot():
        run.usage_by_role()
        assert sorted(path.name for path in old.iterdir() if path.name.startswith("archive")) == ["archive.db"]
    assert (old / "archive.db").read_bytes() == before


def test_an_old_archive_can_be_read_where_nothing_can_be_written(public_place: Path, version: int) -> None:
    run_of_schema(version, public_place / "run")
    assert read_without_rights(public_place / "run") == "1 ['main.py', 'tools/edit.py'] interrupted\n"


def test_what_a_killed_writer_left_of_an_old_archive_can_be_read_where_nothing_can_be_written(
    public_place: Path, version: int
) -> None:
    run_of_schema(version, public_place / "run")
    writer = sqlite3.connect(public_place / "run" / "archive.db", isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO ends (at, reason) VALUES (1800000020.0, 'finished')")
    shutil.copytree(public_place / "run", public_place / "copy")  # with its log, as a kill leaves it
    writer.close()
    (public_place / "copy" / "archive.db-shm").unlink()
    assert read_without_rights(public_place / "copy") == "1 ['main.py', 'tools/edit.py'] finished\n"


def test_opening_an_old_archive_for_writing_makes_it_one_of_this_version(old: Path, tmp_path: Path) -> None:
    open_run(old).close()
    new_run(tmp_path / "new").close()
    assert declared(old) == declared(tmp_path / "new") == (SCHEMA_VERSION, expected_schema(SCHEMA_VERSION))


def test_an_upgraded_archive_has_all_that_it_had(old: Path, spent: Usage) -> None:
    with open_run(old) as run:
        assert (run.spent(), run.steps_done(), len(run.open_decisions())) == (spent, 1, 1)


def test_an_old_archive_has_the_one_image_that_it_knows_of(old: Path) -> None:
    with read_run(old) as run:
        before = run.images()
    with open_run(old) as run:
        assert run.images() == before == {"python": "sha256:" + "0" * 64}


def test_what_is_flagged_in_an_old_archive_does_not_count(old: Path, version: int) -> None:
    flagged = FLAGGED[version]
    for opened in (read_run, open_run):
        with opened(old) as run:
            assert (run.scores(), run.flagged_count()) == ({run.seed_agent(): Score(1 - flagged, 1)}, flagged)
            ((_, found),) = run.measured()
            assert found.resolved is not bool(flagged)


def test_an_old_archive_holds_nothing_out_and_knows_of_no_other_agents_in_a_step(old: Path) -> None:
    for opened in (read_run, open_run):
        with opened(old) as run:
            (step,) = run.steps()
            assert (run.held_out(), run.held_out_scores(), step.beside) == (frozenset(), {}, BesideStep())


def test_what_was_tried_in_an_old_archive_is_told_to_the_next_step(old: Path) -> None:
    for opened in (read_run, open_run):
        with opened(old) as run:
            proposal = "Retry when the reply is empty\nbecause it happens."
            rejected = PastStep(1, run.seed_agent(), None, proposal, Rejection.EMPTY_PATCH, "It does not start.")
            assert (run.steps_from(run.seed_agent()), run.proposals()) == ((rejected,), (proposal,))


def test_an_upgraded_archive_takes_the_new_facts(old: Path) -> None:
    with open_run(old, clock=TickingClock()) as run:
        root, number = run.seed_agent(), 2
        decision = run.decide(Expand(root, number, editor=root)).number
        judged = replace(step(number, root, rejection=Rejection.NOT_NEW), judgement=Judgement(False, "Tried before."))
        run.add_step(decision, judged)
    with read_run(old) as run:
        assert run.steps()[1].beside == BesideStep(editor=root, judgement=Judgement(False, "Tried before."))


def test_an_upgraded_archive_goes_on_and_keeps_what_the_cache_had(old: Path, version: int) -> None:
    with open_run(old, clock=TickingClock()) as run:
        grow(run, run.agent_tree().root.id, SEED_CODE)
        run.settle_call(SessionId("00003.1.agent"), 1, usage=Usage(1, 900, 5, 0.25, cache_read_tokens=800))
    with read_run(old) as run:
        assert len(run.agent_tree()) == 2
        had = CACHED[version]
        assert run.spent() == Usage(
            *(4, 1500, 105, 0.437500001),
            cache_read_tokens=800 + had.get("cache_read_tokens", 0),
            cache_write_tokens=had.get("cache_write_tokens", 0),
        )


def test_an_old_archive_that_another_process_writes_to_is_left_alone(old: Path) -> None:
    with open_run(old), pytest.raises(RunInUseError):
        open_run(old)


def test_somebody_who_reads_an_old_archive_does_not_keep_it_from_being_upgraded(old: Path) -> None:
    with read_run(old) as reader, open_run(old) as run:
        grow(run, run.agent_tree().root.id, SEED_CODE)
        assert len(reader.agent_tree()) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE held (task TEXT)",
        "CREATE VIEW held AS SELECT task FROM evaluations",
        "DROP TRIGGER settlements_no_update",
        "DROP TABLE faults",
    ],
    ids=["more", "view", "fewer triggers", "fewer tables"],
)
def test_an_old_archive_with_other_tables_than_its_version_has_is_refused(
    old: Path, version: int, statement: str
) -> None:
    edit(old / "archive.db", statement)
    before = (old / "archive.db").read_bytes()
    for opened in (read_run, open_run):
        with pytest.raises(CorruptArchiveError, match=f"does not have the tables of schema {version}"):
            opened(old)
    assert (old / "archive.db").read_bytes() == before


def test_the_tables_of_this_version_under_the_number_of_one_before_are_refused(old: Path, version: int) -> None:
    open_run(old).close()
    edit(old / "archive.db", f"PRAGMA user_version = {version}")
    with pytest.raises(CorruptArchiveError, match=f"does not have the tables of schema {version}"):
        read_run(old)


KILLED_UPGRADE = """
import os, signal, sqlite3, sys
from pathlib import Path
from dgm.archive.records import BesideStep
from dgm.archive.run import open_run

class Killed(sqlite3.Connection):
    def execute(self, statement, *values):
        if statement.startswith(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(statement, *values)

connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Killed, **options)
open_run(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("killed_at", "is_new"),
    [("CREATE TRIGGER controls_no_delete", False), ("COMMIT", False), ("INSERT INTO starts", True)],
    ids=["between two statements", "before the commit", "after the commit"],
)
def test_a_kill_leaves_one_version_whole(old: Path, killed_at: str, is_new: bool, version: int, spent: Usage) -> None:
    writer = subprocess.run([sys.executable, "-c", KILLED_UPGRADE, str(old), killed_at], check=False)
    assert writer.returncode == -signal.SIGKILL
    with read_run(old) as run:
        assert run.spent() == spent
    left = SCHEMA_VERSION if is_new else version
    assert declared(old) == (left, expected_schema(left))
    with open_run(old) as run:
        assert (run.spent(), len(run.open_decisions())) == (spent, 1)
    assert declared(old)[0] == SCHEMA_VERSION
