"""What a run's costs are made of."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from dgm.archive.run import RunArchive, open_run, read_run
from dgm.core.actions import Evaluate, Expand
from dgm.core.errors import ArchiveError, CorruptArchiveError
from dgm.core.ids import SessionId, TaskId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Role
from tests.fakes.runs import SEED_CODE, grow, measure, new_run, pay, run_of_schema, step
from tests.unit.test_archive_opening import edit


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "run"


def dollars(usd: float) -> Usage:
    return Usage(calls=1, cost_usd=usd)


def test_what_the_cache_had_comes_back_to_a_reader(directory: Path) -> None:
    used = Usage(1, input_tokens=100, output_tokens=5, cost_usd=0.1, cache_read_tokens=80, cache_write_tokens=15)
    with new_run(directory) as run:
        pay(run, "00001.1.agent", used)
        pay(run, "00001.1.agent", dollars(0.2), number=2)
    with read_run(directory) as reader:
        assert reader.spent() == Usage(2, 100, 5, 0.3, cache_read_tokens=80, cache_write_tokens=15)


def test_a_reopened_run_remembers_what_the_cache_had(directory: Path) -> None:
    with new_run(directory) as run:
        pay(run, "00001.1.agent", Usage(1, 100, 5, 0.1, cache_read_tokens=80, cache_write_tokens=15))
    with open_run(directory) as run:
        assert run.spent() == Usage(1, 100, 5, 0.1, cache_read_tokens=80, cache_write_tokens=15)


def test_a_call_that_the_cache_had_nothing_of_takes_no_room_for_it(directory: Path) -> None:
    with new_run(directory) as run:
        pay(run, "00001.1.agent", dollars(0.1))
        pay(run, "00001.1.agent", Usage(1, 10, 0, 0.1, cache_write_tokens=1), number=2)
    connection = sqlite3.connect(directory / "archive.db")
    assert connection.execute("SELECT number, read_tokens, written_tokens FROM cached").fetchall() == [(2, 0, 1)]
    connection.close()


@pytest.mark.parametrize("statement", ["UPDATE cached SET read_tokens = 1", "DELETE FROM cached"])
def test_what_the_cache_had_is_never_changed(directory: Path, statement: str) -> None:
    with new_run(directory) as run:
        pay(run, "00001.1.agent", Usage(1, 10, 0, 0.1, cache_read_tokens=9))
    with pytest.raises(sqlite3.IntegrityError, match="facts are only inserted"):
        edit(directory / "archive.db", statement)


def test_a_call_that_the_cache_had_less_than_nothing_of_is_not_settled(directory: Path) -> None:
    with new_run(directory) as run:
        with pytest.raises(ArchiveError, match="contradicts another one: CHECK constraint failed"):
            pay(run, "00001.1.agent", Usage(1, 10, 0, 0.1, cache_read_tokens=-1))
        assert run.spent() == run.unsettled() == dollars(9.0)
    with read_run(directory) as reader:
        assert reader.spent() == dollars(9.0)


def test_costs_are_told_by_role_repeated_attempts_and_calls_under_way_included(directory: Path) -> None:
    with new_run(directory) as run:
        pay(run, "00001.1.diagnose", Usage(1, 10, 2, 0.5, cache_read_tokens=8))
        pay(run, "00001.2.diagnose", Usage(1, 30, 2, 0.25, cache_write_tokens=4))
        pay(run, "00001.2.improve", dollars(0.125))
        pay(run, "00001.2.probe", Usage(calls=1))
        run.reserve_call(SessionId("00002.1.agent"), 1, worst_case=Usage(1, 1000, 500, 4.0))
        assert run.usage_by_role() == {
            Role.AGENT: Usage(1, 1000, 500, 4.0),
            Role.IMPROVE: dollars(0.125),
            Role.DIAGNOSE: Usage(2, 40, 4, 0.75, cache_read_tokens=8, cache_write_tokens=4),
            Role.PROBE: Usage(calls=1),
        }


def test_a_role_that_called_no_model_is_not_told(directory: Path) -> None:
    with new_run(directory) as run:
        assert run.usage_by_role() == {}


def test_what_is_not_settled_is_told(directory: Path) -> None:
    with new_run(directory) as run:
        pay(run, "00001.1.agent", dollars(0.5))
        run.reserve_call(SessionId("00001.1.agent"), 2, worst_case=dollars(0.25))
        run.reserve_call(SessionId("00001.1.agent"), 3, worst_case=dollars(0.25))
        assert run.unsettled() == Usage(calls=2, cost_usd=0.5)


def test_a_session_for_no_purpose_of_ours_is_no_cost_of_ours(directory: Path) -> None:
    run_of_schema(1, directory)
    edit(directory / "archive.db", "INSERT INTO reservations VALUES ('00003.1.\x1b[2J', 1, 1800000020.0, 1, 1, 1, 1)")
    with read_run(directory) as run, pytest.raises(CorruptArchiveError, match="facts that make no sense"):
        run.usage_by_role()


@pytest.fixture
def family(directory: Path) -> RunArchive:
    """A run with a seed agent, two children of it and a grandchild; every decision's first session costs its power of
    two in cents: decisions 1 to 4 measure the seed agent, make a child, measure it, make a grandchild, and so on.
    """
    run = new_run(directory)
    root = run.agent_tree().root.id
    measure_once(run, root)  # 1
    child = grow(run, root, SEED_CODE).id  # 2
    measure_once(run, child)  # 3
    grandchild = grow(run, child, SEED_CODE).id  # 4
    measure_once(run, grandchild)  # 5
    other = grow(run, root, SEED_CODE).id  # 6
    measure_once(run, other)  # 7
    run.decide(Expand(grandchild, 4))  # 8
    for decision in range(1, 9):
        role = "improve" if decision in {2, 4, 6, 8} else "agent"
        pay(run, f"{decision:05}.1.{role}", dollars(0.01 * 2**decision))
    return run


def measure_once(run: RunArchive, agent: str) -> None:
    measure(run, next(member.id for member in run.agent_tree() if member.id == agent), [Verdict.RESOLVED])


def test_a_lineage_is_what_it_took_to_make_and_measure_its_agents(family: RunArchive) -> None:
    with family as run:
        root, child, grandchild, other = (agent.id for agent in run.agent_tree())
        cents = {agent: round(100 * run.lineage_usage(agent).cost_usd) for agent in (root, child, grandchild, other)}
    assert cents == {root: 2, child: 2 + 4 + 8, grandchild: 2 + 4 + 8 + 16 + 32, other: 2 + 64 + 128}


def test_a_lineage_has_repeated_attempts_in_it(family: RunArchive) -> None:
    with family as run:
        child = list(run.agent_tree())[1].id
        pay(run, "00002.2.diagnose", dollars(5.0))
        pay(run, "00003.2.agent", dollars(0.5))
        assert run.lineage_usage(child) == Usage(calls=5, cost_usd=5.64)


def test_a_step_with_an_editor_or_a_partner_is_in_the_lineage_of_what_it_made(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        child = grow(run, root, SEED_CODE).id  # 1
        run.decide(Expand(child, 2, editor=root))  # 2
        edited = run.add_step(2, step(2, child, child=SEED_CODE))
        assert edited is not None
        run.decide(Expand(edited.id, 3, partner=root))  # 3
        merged = run.add_step(3, replace(step(3, edited.id, child=SEED_CODE), partner=root))
        assert merged is not None
        for decision in (1, 2, 3):
            pay(run, f"{decision:05}.1.improve", dollars(0.25 * decision))
        assert run.lineage_usages(merged.id) == {
            root: Usage(),
            child: dollars(0.25),
            edited.id: dollars(0.5),
            merged.id: dollars(0.75),
        }


def test_a_lineage_is_told_by_member(family: RunArchive) -> None:
    with family as run:
        root, child, grandchild, _ = (agent.id for agent in run.agent_tree())
        usages = run.lineage_usages(grandchild)
    assert usages == {
        root: Usage(calls=1, cost_usd=0.02),
        child: Usage(calls=2, cost_usd=0.12),
        grandchild: Usage(calls=2, cost_usd=0.48),
    }


def test_an_agent_that_cost_nothing_is_in_its_lineage(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        assert (run.lineage_usages(root), run.lineage_usage(root)) == ({root: Usage()}, Usage())


def test_an_agents_own_steps_and_measurements_are_told_by_role(family: RunArchive) -> None:
    with family as run:
        root = run.agent_tree().root.id
        assert run.usage_by_role_of(root) == {
            Role.AGENT: Usage(calls=1, cost_usd=0.02),
            Role.IMPROVE: Usage(calls=2, cost_usd=0.68),
        }


def test_a_second_measurement_of_a_task_belongs_to_the_same_agent(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        for trial in (0, 1):
            run.decide(Evaluate(root, TaskId("one"), trial))
            pay(run, f"{trial + 1:05}.1.agent", dollars(1.0))
        assert run.lineage_usage(root) == Usage(calls=2, cost_usd=2.0)
