"""What every archive must do: the one on disk and the one in memory."""

from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from dgm.core.actions import Evaluate, Expand, PastStep, Rejection
from dgm.core.agents import Agent
from dgm.core.errors import ArchiveError
from dgm.core.files import File
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Measured, Outcome, Usage, Verdict
from dgm.core.ports import Archive, Role
from tests.fakes.archive import MemoryArchive
from tests.fakes.runs import SEED_CODE, grow, measure, new_run, outcome, reject, step
from tests.fakes.sound_runs import HELD_OUT

CHILD_CODE = {"main.py": File(b"print('child')\n", executable=True), "a/b/c.bin": File(bytes(range(256)))}
SESSION = SessionId("00001.1.agent")


def record(archive: Archive, agent: AgentId, found: Outcome) -> None:
    archive.add_outcome(archive.decide(Evaluate(agent, found.task, found.trial)).number, agent, found)


def merge(archive: Archive, parent: AgentId, partner: AgentId, *, conflicts: tuple[str, ...] = ()) -> Agent:
    number = archive.steps_done() + 1
    decision = archive.decide(Expand(parent, number, partner=partner)).number
    merged = replace(step(number, parent, child=CHILD_CODE), partner=partner, conflicts=conflicts, diagnosis=None)
    child = archive.add_step(decision, merged)
    assert child is not None
    return child


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
    assert archive.outcomes_of(root) == expected


def test_what_is_flagged_comes_back_in_its_order(archive: Archive, root: AgentId) -> None:
    flagged = outcome("task-0", flags=("Two tests did not run.", "It ended early."))
    archive.add_outcome(archive.decide(Evaluate(root, TaskId("task-0"), 0)).number, root, flagged)
    assert archive.outcomes_of(root) == (flagged,)


def test_an_agent_without_measurements_has_none(archive: Archive, root: AgentId) -> None:
    assert archive.outcomes_of(root) == ()


def test_a_task_and_trial_is_measured_once_only(archive: Archive, root: AgentId) -> None:
    measure(archive, root, [Verdict.RESOLVED])
    again = archive.decide(Evaluate(root, TaskId("task-0"), 0))
    with pytest.raises(ArchiveError):
        archive.add_outcome(again.number, root, outcome("task-0"))


def test_another_trial_of_the_same_task_is_another_measurement(archive: Archive, root: AgentId) -> None:
    measure(archive, root, [Verdict.RESOLVED])
    decision = archive.decide(Evaluate(root, TaskId("task-0"), 1))
    archive.add_outcome(decision.number, root, outcome("task-0", trial=1))
    assert len(archive.outcomes_of(root)) == 2


def test_what_is_held_out_is_told_apart(archive: Archive, root: AgentId) -> None:
    record(archive, root, outcome("task-0"))
    record(archive, root, outcome(HELD_OUT))
    assert archive.held_out() == {HELD_OUT}
    assert archive.outcomes_of(root) == (outcome("task-0"),)
    assert archive.held_out_of(root) == (outcome(HELD_OUT),)


def test_what_is_held_out_chooses_no_best_agent(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE).id
    record(archive, root, outcome("task-0"))
    record(archive, child, outcome("task-0", Verdict.UNRESOLVED))
    record(archive, child, outcome(HELD_OUT))
    assert archive.best() == root


def test_the_best_agent_is_the_one_with_the_best_record(archive: Archive, root: AgentId) -> None:
    lucky, good, equal, unmeasured = (grow(archive, root, CHILD_CODE).id for _ in range(4))
    for agent, verdicts in ((root, [True, False]), (lucky, [True]), (good, [True] * 4), (equal, [True] * 4)):
        measure(archive, agent, [Verdict.RESOLVED if each else Verdict.UNRESOLVED for each in verdicts])
    assert (archive.best(), archive.outcomes_of(unmeasured)) == (good, ())


def test_a_flagged_measurement_makes_nobody_the_best(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE).id
    record(archive, root, outcome("task-0"))
    record(archive, child, outcome("task-0"))
    record(archive, child, outcome("task-1", flags=("It ended early.",)))
    assert archive.best() == root


def test_what_policies_see_comes_in_the_order_of_recording(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE).id
    first = outcome("task-1", Verdict.UNRESOLVED)
    second = replace(outcome("task-0", trial=1), usage=Usage(1, 5, 6, 1 / 3), patch="+++ a\n+ one\n- two\n+ three\n")
    third = outcome(HELD_OUT, flags=("It ended early.",))
    for agent, found in ((child, first), (root, second), (child, third)):
        record(archive, agent, found)
    assert list(archive.measured()) == [
        (child, Measured(("task-1", 0), False, True, 10, 0.000000125, 0)),  # pyright: ignore[reportArgumentType]
        (root, Measured(("task-0", 1), True, True, 11, 0.333333333, 3)),  # pyright: ignore[reportArgumentType]
        (child, Measured((HELD_OUT, 0), False, True, 10, 0.000000125, 0)),
    ]


def test_the_steps_from_an_agent_are_those_of_which_it_is_the_first_parent(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE, proposal="Grow.").id
    merged = merge(archive, child, root).id
    reject(archive, root, Rejection.TOO_LARGE)
    proposal = "Retry when the reply is empty\nbecause it happens."
    assert archive.steps_from(root) == (
        PastStep(1, root, child, "Grow.", None, ""),
        PastStep(3, root, None, proposal, Rejection.TOO_LARGE, "It does not start."),
    )
    assert archive.steps_from(child) == (PastStep(2, child, merged, "", None, ""),)
    assert archive.steps_from(merged) == ()


def test_steps_are_told_by_number_in_whatever_order_they_end(archive: Archive, root: AgentId) -> None:
    first, second = (archive.decide(Expand(root, number)).number for number in (1, 2))
    archive.add_step(second, step(2, root, rejection=Rejection.EMPTY_PATCH, proposal="second"))
    archive.proposals()  # what is remembered of this must not hide what comes later
    archive.add_step(first, step(1, root, rejection=Rejection.EMPTY_PATCH, proposal="first"))
    assert [past.number for past in archive.steps_from(root)] == [1, 2]
    assert archive.proposals() == ("first", "second")


def test_a_step_without_a_diagnosis_proposed_nothing(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Expand(root, 1)).number
    archive.add_step(decision, replace(step(1, root, rejection=Rejection.NO_DIAGNOSIS), diagnosis=None))
    assert archive.proposals() == ()


def test_a_merge_has_both_parents_and_stands_below_the_first(archive: Archive, root: AgentId) -> None:
    left, right = grow(archive, root, SEED_CODE).id, grow(archive, root, CHILD_CODE).id
    child = merge(archive, left, right, conflicts=("main.py",))
    assert (child.parents, child.generation) == ((left, right), 2)
    assert (archive.agent_tree().children(left), archive.agent_tree().children(right)) == ((child.id,), ())


def test_who_takes_part_in_a_step_stands_in_its_decision(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE).id
    wanted = [
        Expand(root, 2, editor=child),
        Expand(root, 3, partner=child),
        Expand(root, 4, editor=child, partner=root),
    ]
    for action in wanted:
        archive.decide(action)
    assert [decision.action for decision in archive.open_decisions()] == wanted


def test_a_step_with_another_partner_than_was_decided_is_refused(archive: Archive, root: AgentId) -> None:
    child = grow(archive, root, CHILD_CODE).id
    decision = archive.decide(Expand(root, 2, partner=child))
    with pytest.raises(ArchiveError):
        archive.add_step(decision.number, step(2, root, child=CHILD_CODE))
    assert archive.open_decisions() == (decision,)


@pytest.mark.parametrize("role", ["editor", "partner"])
def test_nobody_unknown_takes_part_in_a_step(archive: Archive, root: AgentId, role: str) -> None:
    with pytest.raises(ArchiveError):
        archive.decide(replace(Expand(root, 1), **{role: AgentId("0" * 12)}))
    assert archive.decision_count() == 0


def test_a_tree_stays_as_it_was_when_the_archive_grows(archive: Archive, root: AgentId) -> None:
    before = archive.agent_tree()
    child = grow(archive, root, CHILD_CODE).id
    assert ([agent.id for agent in before], before.children(root)) == ([root], ())
    assert ([agent.id for agent in archive.agent_tree()], archive.agent_tree().children(root)) == (
        [root, child],
        (child,),
    )


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
    assert archive.outcomes_of(root) == (replace(outcome("task-0"), usage=usage),)


def test_ten_dimes_are_one_dollar(archive: Archive) -> None:
    for number in range(1, 11):
        archive.reserve_call(SESSION, number, worst_case=Usage(calls=1, cost_usd=0.1))
    assert archive.spent().cost_usd == 1.0


def test_what_was_spent_is_told_by_role(archive: Archive) -> None:
    for session in (SESSION, SessionId("00001.1.probe"), SessionId("00001.1.interest.diagnose")):
        archive.reserve_call(session, 1, worst_case=Usage(calls=1, cost_usd=0.5))
    archive.settle_call(SESSION, 1, usage=Usage(calls=1, input_tokens=3, cost_usd=0.1))
    assert archive.usage_by_role() == {
        Role.AGENT: Usage(calls=1, input_tokens=3, cost_usd=0.1),
        Role.DIAGNOSE: Usage(calls=1, cost_usd=0.5),
        Role.PROBE: Usage(calls=1, cost_usd=0.5),
    }


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
