"""What every archive must do: the one on disk and the one in memory."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import cast

import pytest

from dgm.core.actions import Evaluate, Expand, Rejection
from dgm.core.errors import ArchiveError
from dgm.core.files import File
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Archive
from tests.fakes.archive import MemoryArchive
from tests.fakes.runs import SEED_CODE, grow, measure, new_run, outcome, reject, step

CHILD_CODE = {"main.py": File(b"print('child')\n", executable=True), "a/b/c.bin": File(bytes(range(256)))}
SESSION = SessionId("00001.1.agent")


@pytest.fixture(params=["memory", "disk"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Archive]:
    """An archive with a seed agent."""
    if cast("str", request.param) == "memory":
        memory = MemoryArchive()
        memory.add_seed_agent(SEED_CODE)
        yield memory
    else:
        with new_run(tmp_path / "run") as run:
            yield run


@pytest.fixture
def root(archive: Archive) -> AgentId:
    return archive.agent_tree().root.id


def test_the_seed_agent_is_the_root(archive: Archive) -> None:
    agent = archive.agent_tree().root
    assert (agent.parents, agent.generation, agent.step) == ((), 0, 0)


def test_a_second_seed_agent_is_refused(archive: Archive) -> None:
    with pytest.raises(ArchiveError):
        archive.add_seed_agent(CHILD_CODE)


def test_an_accepted_step_makes_a_child_of_its_parent(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE)
    assert (child.parents, child.generation, child.step) == ((root,), 1, 1)
    assert [agent.id for agent in archive.agent_tree()] == [root, child.id]


def test_code_comes_back_byte_for_byte_with_its_modes(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE)
    assert (archive.code(root), archive.code(child.id)) == (SEED_CODE, CHILD_CODE)


def test_an_agent_without_any_file_is_kept(archive: Archive, root: AgentId) -> None:
    assert archive.code(grow(archive, root, {}).id) == {}


def test_two_children_with_the_same_code_are_two_agents(archive: Archive, root: AgentId) -> None:
    assert grow(archive, root, CHILD_CODE).id != grow(archive, root, CHILD_CODE).id


def test_ids_hang_on_origin_and_code_alone(tmp_path: Path) -> None:
    memory = MemoryArchive()
    memory.add_seed_agent(SEED_CODE)
    with new_run(tmp_path / "run") as run:
        of_run = [run.agent_tree().root.id, grow(run, run.agent_tree().root.id, CHILD_CODE).id]
    assert of_run == [memory.agent_tree().root.id, grow(memory, memory.agent_tree().root.id, CHILD_CODE).id]


def test_a_rejected_step_counts_and_makes_no_agent(archive: Archive, root: AgentId) -> None:
    reject(archive, root, Rejection.NOT_AN_AGENT)
    assert (archive.steps_done(), len(archive.agent_tree())) == (1, 1)


def test_outcomes_come_back_in_the_order_of_recording(archive: Archive, root: AgentId) -> None:
    measure(archive, root, [Verdict.RESOLVED, Verdict.TIMED_OUT])
    expected = (outcome("task-0"), outcome("task-1", Verdict.TIMED_OUT))
    assert archive.outcomes() == {root: expected}


def test_what_is_flagged_comes_back_in_its_order(archive: Archive, root: AgentId) -> None:
    flagged = outcome("task-0", flags=("Two tests did not run.", "It ended early."))
    archive.add_outcome(archive.decide(Evaluate(root, TaskId("task-0"), 0)).number, root, flagged)
    assert archive.outcomes()[root] == (flagged,)


def test_an_agent_without_measurements_has_none(archive: Archive, root: AgentId) -> None:
    assert archive.outcomes() == {root: ()}


def test_a_task_and_trial_is_measured_once_only(archive: Archive, root: AgentId) -> None:
    measure(archive, root, [Verdict.RESOLVED])
    again = archive.decide(Evaluate(root, TaskId("task-0"), 0))
    with pytest.raises(ArchiveError):
        archive.add_outcome(again.number, root, outcome("task-0"))


def test_another_trial_of_the_same_task_is_another_measurement(archive: Archive, root: AgentId) -> None:
    measure(archive, root, [Verdict.RESOLVED])
    decision = archive.decide(Evaluate(root, TaskId("task-0"), 1))
    archive.add_outcome(decision.number, root, outcome("task-0", trial=1))
    assert len(archive.outcomes()[root]) == 2


def test_decisions_are_numbered_from_one(archive: Archive, root: AgentId) -> None:
    assert [archive.decide(Expand(root, number)).number for number in (1, 2)] == [1, 2]
    assert archive.decision_count() == 2


def test_a_decision_is_open_until_it_has_a_result(archive: Archive, root: AgentId) -> None:
    first = archive.decide(Expand(root, 1))
    second = archive.decide(Evaluate(root, TaskId("task-0"), 0))
    archive.add_step(first.number, step(1, root, rejection=Rejection.EMPTY_PATCH))
    assert archive.open_decisions() == (second,)


def test_a_fault_leaves_a_decision_open(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Expand(root, 1))
    archive.add_fault(decision.number, "The engine went away.")
    assert archive.open_decisions() == (decision,)


def test_a_decision_about_an_unknown_agent_is_refused(archive: Archive) -> None:
    with pytest.raises(ArchiveError):
        archive.decide(Expand(AgentId("0" * 12), 1))


def test_a_decision_has_one_result(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Expand(root, 1))
    archive.add_step(decision.number, step(1, root, rejection=Rejection.EMPTY_PATCH))
    with pytest.raises(ArchiveError):
        archive.add_step(decision.number, step(1, root, rejection=Rejection.EMPTY_PATCH))


def test_a_result_must_be_what_was_decided(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Evaluate(root, TaskId("task-0"), 0))
    with pytest.raises(ArchiveError):
        archive.add_outcome(decision.number, root, outcome("task-1"))


def test_attempts_at_a_decision_are_counted(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Expand(root, 1)).number
    assert [archive.begin_attempt(decision).number for _ in range(3)] == [1, 2, 3]


def test_an_attempt_at_nothing_is_refused(archive: Archive) -> None:
    with pytest.raises(ArchiveError):
        archive.begin_attempt(7)


def test_a_call_counts_at_its_worst_case_until_it_is_settled(archive: Archive) -> None:
    worst = Usage(calls=1, input_tokens=100, output_tokens=50, cost_usd=0.75)
    archive.reserve_call(SESSION, 1, worst_case=worst)
    assert archive.spent() == worst


def test_a_settled_call_counts_at_what_it_used(archive: Archive) -> None:
    used = Usage(calls=1, input_tokens=10, output_tokens=5, cost_usd=0.1)
    archive.reserve_call(SESSION, 1, worst_case=Usage(calls=1, input_tokens=100, output_tokens=50, cost_usd=0.75))
    archive.settle_call(SESSION, 1, usage=used)
    assert archive.spent() == used


def test_what_the_cache_had_of_a_settled_call_is_kept(archive: Archive) -> None:
    used = Usage(1, input_tokens=10, output_tokens=5, cost_usd=0.1, cache_read_tokens=7, cache_write_tokens=2)
    archive.reserve_call(SESSION, 1, worst_case=Usage(calls=1, input_tokens=100))
    archive.settle_call(SESSION, 1, usage=used)
    assert archive.spent() == used


def test_nobody_knows_yet_what_the_cache_has_of_a_call_under_way(archive: Archive) -> None:
    worst = Usage(calls=1, input_tokens=100, cache_read_tokens=60, cache_write_tokens=40)
    archive.reserve_call(SESSION, 1, worst_case=worst)
    assert archive.spent() == Usage(calls=1, input_tokens=100)


def test_a_measurement_says_nothing_of_the_cache(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Evaluate(root, TaskId("task-0"), 0))
    usage = Usage(calls=1, input_tokens=7, output_tokens=3, cost_usd=0.000000125)
    cached = replace(usage, cache_read_tokens=5, cache_write_tokens=1)
    archive.add_outcome(decision.number, root, replace(outcome("task-0"), usage=cached))
    assert archive.outcomes()[root] == (replace(outcome("task-0"), usage=usage),)


def test_ten_dimes_are_one_dollar(archive: Archive) -> None:
    for number in range(1, 11):
        archive.reserve_call(SESSION, number, worst_case=Usage(calls=1, cost_usd=0.1))
    assert archive.spent().cost_usd == 1.0


def test_a_call_is_reserved_once(archive: Archive) -> None:
    archive.reserve_call(SESSION, 1, worst_case=Usage(calls=1))
    with pytest.raises(ArchiveError):
        archive.reserve_call(SESSION, 1, worst_case=Usage(calls=1))


def test_a_call_that_was_not_reserved_cannot_be_settled(archive: Archive) -> None:
    with pytest.raises(ArchiveError):
        archive.settle_call(SESSION, 1, usage=Usage(calls=1))


def test_a_call_is_settled_once(archive: Archive) -> None:
    archive.reserve_call(SESSION, 1, worst_case=Usage(calls=1))
    archive.settle_call(SESSION, 1, usage=Usage(calls=1))
    with pytest.raises(ArchiveError):
        archive.settle_call(SESSION, 1, usage=Usage(calls=1))


def test_many_threads_pay_while_the_engine_records(archive: Archive, root: AgentId) -> None:
    def pay(worker: int) -> None:
        session = SessionId(f"{worker:05}.1.agent")
        for number in range(1, 21):
            archive.reserve_call(session, number, worst_case=Usage(calls=1, cost_usd=1.0))
            archive.settle_call(session, number, usage=Usage(calls=1, input_tokens=1, cost_usd=0.01))

    threads = [Thread(target=pay, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    measure(archive, root, [Verdict.RESOLVED] * 20)
    for thread in threads:
        thread.join()
    assert archive.spent() == Usage(calls=160, input_tokens=160, output_tokens=0, cost_usd=1.6)
