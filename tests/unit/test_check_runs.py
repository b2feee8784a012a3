"""`dgm check`: each invariant, broken alone, is found by its own line; sound runs have no problem."""

# ruff: noqa: S608 - queries with ids of our own

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgm.archive.checks import MOST_SHOWN, Finding, Subject, check
from dgm.archive.checks_results import RESULTS
from dgm.archive.codestore import CodeStore, CommitId, NewCommit
from dgm.archive.run import open_run
from dgm.cli.main import run_command
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.wiring.checking import check_run
from dgm.wiring.checking_transcripts import MOST_CALLS_AT_ONCE
from tests.fakes.runs import OLD_SCHEMAS, new_run, run_of_schema
from tests.fakes.sound_runs import HELD_OUT, USED, WORST, Growing, sound_run
from tests.unit.test_archive_opening import edit


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has something of everything, not to be changed."""
    directory = tmp_path_factory.mktemp("template") / "run"
    sound_run(directory)
    return directory


@pytest.fixture
def run(template: Path, tmp_path: Path) -> Path:
    """The directory of such a run of the test's own."""
    return Path(shutil.copytree(template, tmp_path / "run"))


def tamper(run: Path, *statements: str) -> None:
    """Change facts behind the back of their triggers, which are there again afterwards."""
    sql = sqlite3.connect(run / "archive.db")
    triggers = sql.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    unsynced = "PRAGMA synchronous = OFF"
    edit(
        run / "archive.db",
        unsynced,
        *(f"DROP TRIGGER {name}" for name, _ in triggers),
        *statements,
        *(s for _, s in triggers),
    )
    sql.close()


def broken(run: Path) -> list[str]:
    """Return the names of the invariants that do not hold."""
    return [finding.name for finding in check_run(run) if not finding.holds]


def finding(run: Path, name: str) -> Finding:
    return next(found for found in check_run(run) if found.name == name)


def query(run: Path, text: str) -> list[tuple[str, ...]]:
    sql = sqlite3.connect(run / "archive.db")
    rows = sql.execute(text).fetchall()
    sql.close()
    return rows


def agent(run: Path, number: int) -> str:
    return query(run, f"SELECT id FROM agents WHERE number = {number}")[0][0]


def transcript(run: Path, query_of_session: str) -> Path:
    return run / "transcripts" / f"{query(run, query_of_session)[0][0]}.jsonl.gz"


PAID = """
    SELECT session FROM settlements WHERE input_tokens > 0 AND session IN (SELECT session FROM evaluations) LIMIT 1"""
ABANDONED = "SELECT session FROM reservations WHERE session LIKE '%.1.agent' ORDER BY rowid DESC LIMIT 1"


def test_of_a_sound_run_every_invariant_holds(run: Path) -> None:
    assert broken(run) == []


def test_every_invariant_looks_at_something(run: Path) -> None:
    assert [found.name for found in check_run(run) if not found.looked_at] == []


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16))
def test_runs_that_grow_by_chance_are_sound(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("grown") / "run"
    with new_run(directory) as archive:
        growing = Growing(archive, Random(seed))
        for _ in range(12):
            growing.anything()
    assert broken(directory) == []


@pytest.mark.parametrize("version", OLD_SCHEMAS)
def test_a_run_of_an_older_schema_can_be_checked(tmp_path: Path, version: int) -> None:
    run_of_schema(version, tmp_path / "run")
    assert {"database", "references", "one result", "tree"}.isdisjoint(broken(tmp_path / "run"))


FACTS = {
    "references": ["DELETE FROM judgements WHERE step = 1", "INSERT INTO judgements VALUES (99, 1, 'x')"],
    "configuration": ["UPDATE run SET policy = 'hgm'"],
    "times": ["UPDATE ends SET at = 1e300"],
    "spans": ["INSERT INTO ends VALUES (2, 1800000000, 'x'), (3, 1800000000, 'x')"],
    "reviews": ["UPDATE reviews SET approved = 1"],
    "controls": ["UPDATE controls SET evaluations = 5 WHERE number = 1"],
    "decisions": ["INSERT INTO decisions SELECT 77, kind, agent, step, task || '-', trial, at FROM decisions LIMIT 1"],
    "asked for": ["UPDATE decisions SET trial = 3 WHERE number = 1"],
    "children": ["UPDATE steps SET insertions = NULL WHERE number = 1"],
    "attempts": ["INSERT INTO attempts VALUES (1, 9, 1800000000)"],
    "words": ["UPDATE evaluations SET verdict = 'splendid' WHERE number = 2"],
    "lists": ["UPDATE conflicts SET position = 4"],
    "held out": [f"UPDATE steps SET evidence_task = '{HELD_OUT}' WHERE number = 1"],
    "calls": ["UPDATE reservations SET calls = 2 WHERE session LIKE '%.probe'"],
    "cost of results": ["UPDATE steps SET input_tokens = input_tokens + 1 WHERE number = 1"],
}


@pytest.mark.parametrize(("name", "statements"), FACTS.items())
def test_a_fact_that_was_changed_breaks_its_invariant_alone(run: Path, name: str, statements: list[str]) -> None:
    tamper(run, *statements)
    assert broken(run) == [name]


def test_an_index_that_lacks_a_row_is_found(run: Path) -> None:
    which, sql = "WHERE name = 'steps_by_parent'", "CREATE INDEX steps_by_parent ON steps (parent)"
    schema = "PRAGMA writable_schema = ON"
    edit(run / "archive.db", schema, f"UPDATE sqlite_master SET sql = '{sql} WHERE parent IS NULL' {which}")
    edit(run / "archive.db", "REINDEX steps_by_parent")
    edit(run / "archive.db", schema, f"UPDATE sqlite_master SET sql = '{sql}' {which}")
    assert broken(run) == ["database"]


def test_a_second_root_is_found(run: Path) -> None:
    tamper(run, f"DELETE FROM parents WHERE agent = '{agent(run, 2)}'")
    assert f"Agent {agent(run, 2)} is a second root." in finding(run, "tree").problems


def test_a_wrong_generation_is_found(run: Path) -> None:
    tamper(run, "UPDATE agents SET generation = 9 WHERE number = (SELECT max(number) FROM agents)")
    assert broken(run) == ["tree"]


def test_an_agent_under_another_seed_is_found(run: Path) -> None:
    tamper(run, "UPDATE run SET seed = 5")
    assert "names" in broken(run)


def test_code_that_is_gone_is_found(run: Path) -> None:
    commit = query(run, "SELECT commit_id FROM agents WHERE number = 2")[0][0]
    tree = next(line for line in objects(run, commit).splitlines() if line.startswith("tree ")).split()[1]
    (run / "agents.git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert broken(run) == ["code"]


def objects(run: Path, sha: str) -> str:
    return (
        zlib.decompress((run / "agents.git" / "objects" / sha[:2] / sha[2:]).read_bytes()).split(b"\0", 1)[1].decode()
    )


def test_code_that_is_not_the_recorded_code_is_found(run: Path) -> None:
    other = query(run, "SELECT commit_id FROM agents WHERE number = 1")[0][0]
    tamper(run, f"UPDATE agents SET commit_id = '{other}' WHERE number = 2")
    assert f"Agent {agent(run, 2)}: its code is not the code that was recorded" in finding(run, "code").problems


def test_a_commit_on_other_parents_is_found(run: Path) -> None:
    first, last = agent(run, 1), query(run, "SELECT agent FROM parents WHERE position = 1")[0][0]
    tamper(run, f"UPDATE parents SET parent = '{first}' WHERE agent = '{last}' AND position = 1")
    assert f"The commit of agent {last} does not have" in finding(run, "commits").problems[0]


def test_a_ref_that_is_gone_is_found(run: Path) -> None:
    (run / "agents.git" / "refs" / "agents" / agent(run, 2)).unlink()
    assert broken(run) == ["refs"]


def test_a_ref_that_points_elsewhere_is_found(run: Path) -> None:
    commit = query(run, "SELECT commit_id FROM agents WHERE number = 1")[0][0]
    (run / "agents.git" / "refs" / "agents" / agent(run, 2)).write_text(f"{commit}\n")
    assert broken(run) == ["refs"]


def test_a_ref_that_dgm_never_makes_is_found(run: Path) -> None:
    (run / "agents.git" / "refs" / "tags" / "v1").write_text("0" * 40)
    assert broken(run) == ["refs"]


def test_code_of_a_child_that_never_came_to_be_is_left_over_and_no_problem(run: Path) -> None:
    commit = query(run, "SELECT commit_id FROM agents WHERE number = 2")[0][0]
    (run / "agents.git" / "refs" / "agents" / ("a" * 12)).write_text(f"{commit}\n")
    found = finding(run, "refs")
    assert (found.problems, found.left_over) == ((), (f"refs/agents/{'a' * 12}",))


def descend(run: Path, *parents: str) -> tuple[str, str]:
    """Store code of two agents that no fact tells of, the second on the first, and return their refs."""
    first, second = AgentId("b" * 12), AgentId("a" * 12)
    store = CodeStore(run / "agents.git")
    child = store.write(first, {}, NewCommit("x\n", tuple(map(CommitId, parents)), 1_800_000_000.0))
    store.write(second, {}, NewCommit("x\n", (child,), 1_800_000_000.0))
    return f"refs/agents/{second}", f"refs/agents/{first}"


def test_code_of_a_child_and_its_child_that_came_after_the_facts_were_read_is_no_problem(run: Path) -> None:
    refs = descend(run, query(run, "SELECT commit_id FROM agents WHERE number = 2")[0][0])
    found = finding(run, "refs")
    assert (found.problems, found.left_over) == ((), refs)


def test_code_that_stands_on_no_agent_is_found_and_so_is_what_stands_on_it(run: Path) -> None:
    refs = descend(run, "0" * 40)
    assert finding(run, "refs").problems == tuple(f"{ref} points at what dgm never makes." for ref in refs)


def test_packed_refs_are_refs(run: Path) -> None:
    path = run / "agents.git" / "refs" / "agents" / agent(run, 2)
    (run / "agents.git" / "packed-refs").write_text(f"# packed\n{path.read_text().strip()} refs/agents/{path.name}\n")
    path.unlink()
    assert broken(run) == []


def test_held_code_that_is_gone_is_found(run: Path) -> None:
    tamper(run, f"UPDATE held SET code_hash = '{'0' * 64}'")
    assert broken(run) == ["held code"]


def test_two_results_of_a_decision_are_found(run: Path) -> None:
    tamper(run, "UPDATE steps SET decision = (SELECT min(decision) FROM evaluations) WHERE number = 1")
    assert "Decision 1 has 2 results." in finding(run, "one result").problems


def test_an_agent_that_was_measured_twice_is_found(run: Path) -> None:
    invariant = next(found for found in RESULTS if found.name == "measured once")
    with Subject(run) as subject:
        subject.rows("CREATE TEMP TABLE evaluations AS SELECT * FROM main.evaluations")
        subject.rows("INSERT INTO temp.evaluations SELECT * FROM main.evaluations WHERE number = 1")
        assert "measured 2 times on task task-0, trial 0" in check(invariant, subject).problems[0]


def test_a_result_of_a_session_of_another_decision_is_found(run: Path) -> None:
    tamper(run, "UPDATE evaluations SET session = '00099.1.agent' WHERE number = 1")
    assert "Session 00099.1.agent of evaluation 1 is of no attempt" in finding(run, "sessions of results").problems[0]


def test_a_call_of_nobody_is_found(run: Path) -> None:
    tamper(run, "INSERT INTO reservations VALUES ('00077.1.agent', 1, 1800000000, 1, 5, 5, 5)")
    assert broken(run) == ["calls", "cost of the whole"]


def test_a_probe_that_cost_something_is_found(run: Path) -> None:
    tamper(run, "UPDATE reservations SET nanos = 5 WHERE session LIKE '00000.%'")
    tamper(run, "UPDATE settlements SET nanos = 5 WHERE session LIKE '00000.%'")
    assert "cost of the whole" in broken(run)


@pytest.mark.parametrize(("fewer", "found"), [(0, []), (1, ["caps"])])
def test_a_cap_that_was_exceeded_is_found_and_probes_count_against_none(
    run: Path, fewer: int, found: list[str]
) -> None:
    ((calls,),) = query(run, "SELECT count(*) FROM reservations WHERE session NOT LIKE '%.probe'")
    text = (run / "run.toml").read_text()
    (run / "run.toml").write_text(text.replace("[budget]", f"[budget]\nmax_calls = {int(calls) - fewer}"))
    assert broken(run) == found


@pytest.mark.parametrize(("cap", "found"), [(1000.0, []), (0.0000002, ["caps"])])
def test_the_highest_cap_that_was_ever_said_counts(run: Path, cap: float, found: list[str]) -> None:
    text = (run / "run.toml").read_text()
    (run / "run.toml").write_text(text.replace("[budget]", "[budget]\nmax_cost_usd = 0.0000001"))
    tamper(run, f"INSERT INTO bounds (start, max_cost_usd) VALUES (1, {cap})")
    assert broken(run) == found


def test_a_run_that_went_on_may_have_had_a_cap_that_nobody_recorded(run: Path) -> None:
    text = (run / "run.toml").read_text()
    (run / "run.toml").write_text(text.replace("[budget]", "[budget]\nmax_cost_usd = 0.0000001"))
    tamper(run, "INSERT INTO starts (at, pid, children) SELECT at, pid, children FROM starts")
    tamper(run, "INSERT INTO bounds (start, evaluations) VALUES (1, 999)")
    assert "caps" not in broken(run)


def test_a_call_that_ended_after_its_session_may_count_at_its_worst_in_the_result(run: Path) -> None:
    step = "number = 1"
    tamper(run, f"UPDATE steps SET input_tokens = input_tokens + 30, output_tokens = output_tokens + 30 WHERE {step}")
    tamper(run, f"UPDATE steps SET nanos = nanos + 10000000 - 12346 WHERE {step}")
    assert broken(run) == []


def test_a_transcript_that_is_gone_is_found(run: Path) -> None:
    transcript(run, PAID).unlink()
    assert broken(run) == ["transcripts"]


def test_a_transcript_that_is_cut_off_is_found(run: Path) -> None:
    path = transcript(run, PAID)
    path.write_bytes(path.read_bytes()[:-20])
    assert broken(run) == ["transcripts"]


def test_a_call_that_a_finished_transcript_lacks_is_found(run: Path) -> None:
    path = transcript(run, "SELECT session FROM step_sessions WHERE session LIKE '%.improve'")
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"\x1f\x8b\x08\x00")])
    assert "lacks 1 calls, such as call 2." in finding(run, "transcripts").problems[0]


def test_a_torn_transcript_of_a_session_that_was_killed_is_left_over_and_no_problem(run: Path) -> None:
    path = transcript(run, ABANDONED)
    path.write_bytes(path.read_bytes()[:-20])
    found = finding(run, "transcripts")
    assert (found.problems, len(found.left_over)) == ((), 1)


def test_more_calls_without_a_record_than_can_be_under_way_are_found(run: Path) -> None:
    session = query(run, ABANDONED)[0][0]
    with open_run(run) as archive:
        for number in range(3, 3 + MOST_CALLS_AT_ONCE):
            archive.reserve_call(SessionId(session), number, worst_case=WORST)
            archive.settle_call(SessionId(session), number, usage=USED)
    assert broken(run) == ["transcripts"]


def test_a_transcript_that_says_another_price_is_found(run: Path) -> None:
    session = query(run, ABANDONED)[0][0]
    tamper(run, f"UPDATE settlements SET nanos = nanos + 1 WHERE session = '{session}'")
    assert broken(run) == ["transcripts"]


def test_a_transcript_of_no_session_is_found(run: Path) -> None:
    (run / "transcripts" / "00099.1.agent.jsonl.gz").write_bytes(b"")
    assert broken(run) == ["transcripts of the run"]


def test_prices_that_cannot_be_read_are_found(run: Path) -> None:
    (run / "prices.toml").write_text("[")
    assert broken(run) == ["prices"]


Break = Callable[[Path], object]
HOSTILE: dict[str, Break] = {
    "no database": lambda run: (run / "archive.db").unlink(),
    "another file for a database": lambda run: (run / "archive.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000),
    "no repository": lambda run: shutil.rmtree(run / "agents.git"),
    "no refs": lambda run: shutil.rmtree(run / "agents.git" / "refs"),
    "a directory for a ref": lambda run: (run / "agents.git" / "refs" / "agents" / "x").mkdir(),
    "a configuration without end": lambda run: (run / "run.toml").write_text("a = " + "[" * 100_000),
    "a pipe for a configuration": lambda run: ((run / "run.toml").unlink(), os.mkfifo(run / "run.toml")),
    "a commit that is an option": lambda run: tamper(run, "UPDATE agents SET commit_id = '--help' WHERE number = 2"),
    "a held step without sense": lambda run: tamper(run, "UPDATE held SET step = '[[['"),
    "a session named like a path": lambda run: tamper(run, "UPDATE reservations SET session = '../' || session"),
    "sums beyond all numbers": lambda run: tamper(run, "UPDATE reservations SET nanos = 9223372036854775807"),
    "an agent called otherwise": lambda run: tamper(run, "UPDATE agents SET id = char(27) || '[2J' WHERE number = 3"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_lies_in_a_strangers_run_there_are_findings_and_no_error(run: Path, name: str) -> None:
    HOSTILE[name](run)
    assert broken(run) != []


def test_the_first_problems_are_kept_and_the_rest_is_counted(run: Path) -> None:
    rows = ", ".join(f"('{number:05}.1.agent', 1, 1800000000, 1, 0, 0, 0)" for number in range(50, 80))
    tamper(run, f"INSERT INTO reservations VALUES {rows}")
    found = finding(run, "calls")
    assert (len(found.problems), found.more) == (MOST_SHOWN, 30 - MOST_SHOWN)


def test_a_check_changes_nothing(run: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    list(check_run(run))
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_that_is_being_written_can_be_checked(run: Path) -> None:
    with open_run(run) as archive:
        growing = Growing(archive, Random(8))
        growing.measure(growing.agents[0], TaskId("while-it-lives"))
        assert broken(run) == []


def test_the_verb_ends_well_where_all_holds(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check", str(run)]) == 0
    assert capsys.readouterr().out.endswith("All 30 invariants hold.\n")


def test_the_verb_says_what_does_not_hold_and_ends_with_3(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(run, "UPDATE run SET policy = char(27) || '[2Jhgm'")
    assert run_command(["check", str(run)]) == 3
    shown = capsys.readouterr().out
    assert "1 of 30 invariants do not hold: 1 problem." in shown
    assert "run.toml has policy 'dgm'" in shown
    assert "\x1b" not in shown


def test_the_verb_answers_in_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check", str(run), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["run"], answer["ok"], len(answer["checks"])) == ("run", True, 30)
