"""What a reader makes of the facts."""

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from dgm.archive.difference import DiffStat
from dgm.archive.processes import RunState
from dgm.archive.records import BesideStep
from dgm.archive.run import open_run, read_run
from dgm.core.actions import Evaluate, EvidenceKind, Expand, Judgement, Rejection
from dgm.core.errors import ArchiveError, CorruptArchiveError, UnknownNameError
from dgm.core.files import File
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Usage, Verdict
from dgm.core.ports import Role
from dgm.core.scores import Score
from tests.fakes.runs import (
    CREATED_AT,
    SEED_CODE,
    TickingClock,
    diagnosis,
    grow,
    measure,
    new_run,
    outcome,
    pay,
    reject,
    step,
)
from tests.unit.test_archive_opening import edit


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_step_comes_back_with_all_that_was_known_of_it(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        child = grow(run, root, {"main.py": File(b"print('seed')\nmore\n", executable=True)})
        record = run.step_of(child.id)
    assert record is not None
    assert (record.number, record.decision, record.parent, record.child) == (1, 1, root, child.id)
    assert (record.evidence_task, record.diagnosis, record.rejection) == ("anagram", diagnosis(), None)
    assert (record.detail, record.seconds, record.patch, record.exit) == ("", 2.5, "--- a/main.py\n", "exit 0")
    assert record.sessions == ("00001.1.diagnose", "00001.1.improve")
    assert record.usage == Usage(calls=2, input_tokens=10, output_tokens=5, cost_usd=0.25)
    assert record.diff_stat == DiffStat(files_changed=2, insertions=1, deletions=1)


@pytest.mark.parametrize("seconds", [math.inf, -1.0])
def test_a_time_that_nothing_takes_is_a_corrupt_archive(directory: Path, seconds: float) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        decision = run.decide(Evaluate(root, TaskId("a"), 0))
        run.add_outcome(decision.number, root, replace(outcome("a"), seconds=seconds))
        decision = run.decide(Expand(root, 1))
        run.add_step(decision.number, replace(step(1, root, rejection=Rejection.NOT_AN_AGENT), seconds=seconds))
    with read_run(directory) as reader:
        for ask in (reader.outcomes, reader.steps):
            with pytest.raises(CorruptArchiveError, match="nothing takes"):
                ask()


def test_processes_that_worked_for_longer_than_anything_takes_are_a_corrupt_archive(directory: Path) -> None:
    new_run(directory).close()
    edit(directory / "archive.db", "INSERT INTO starts VALUES (7, -9e999, 1, 1)")
    with read_run(directory) as reader, pytest.raises(CorruptArchiveError, match="nothing takes"):
        reader.elapsed_seconds(now=CREATED_AT)


def test_parents_are_told_by_their_positions_not_by_where_they_lie_in_the_file(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        first, second = (grow(run, root, {"main.py": File(name)}).id for name in (b"1", b"2"))
        child = grow(run, second, {}).id
    with closing(sqlite3.connect(directory / "archive.db")) as connection, connection:
        connection.execute("INSERT INTO parents VALUES (?, -1, ?)", (child, first))
    with read_run(directory) as reader:
        assert reader.agent_tree()[child].parents == (first, second)


def test_a_rejected_step_keeps_its_reason(directory: Path) -> None:
    with new_run(directory) as run:
        reject(run, run.agent_tree().root.id, Rejection.NOT_AN_AGENT)
        (record,) = run.steps()
    assert (record.rejection, record.detail, record.child, record.diff_stat) == (
        Rejection.NOT_AN_AGENT,
        "It does not start.",
        None,
        None,
    )


def test_the_seed_agent_has_no_step(directory: Path) -> None:
    with new_run(directory) as run:
        assert run.step_of(run.agent_tree().root.id) is None


def test_half_a_surrogate_pair_of_a_model_can_be_recorded(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        grow(run, root, SEED_CODE, proposal="broken \ud800 text")
        (record,) = run.steps()
    assert record.diagnosis == diagnosis("broken \ud800 text")


def test_half_a_surrogate_pair_in_a_fault_can_be_recorded(directory: Path) -> None:
    with new_run(directory) as run:
        decision = run.decide(Expand(run.agent_tree().root.id, 1))
        run.add_fault(decision.number, "broken \udcff bytes")
        assert [fault.message for fault in run.faults()] == ["broken ? bytes"]


def test_the_writer_and_a_reader_agree_on_costs_below_a_nano_dollar(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        decision = run.decide(Evaluate(root, TaskId("odd"), 0))
        third = outcome("odd")
        object.__setattr__(third, "usage", Usage(calls=1, cost_usd=1 / 3))
        run.add_outcome(decision.number, root, third)
        with read_run(directory) as reader:
            assert reader.outcomes() == run.outcomes()
        assert run.outcomes()[root][0].usage.cost_usd == 0.333333333


def test_a_million_small_costs_add_up_exactly(directory: Path) -> None:
    with new_run(directory) as run:
        for number in range(1, 101):
            run.reserve_call(SessionId("00001.1.agent"), number, worst_case=Usage(calls=10**4, cost_usd=0.000000001))
    with read_run(directory) as reader:
        assert reader.spent() == Usage(calls=10**6, cost_usd=0.0000001)


@pytest.mark.parametrize("cost", [float("nan"), float("inf")])
def test_a_cost_that_is_no_number_is_refused(directory: Path, cost: float) -> None:
    with new_run(directory) as run, pytest.raises(ValueError, match="a cost of"):
        run.reserve_call(SessionId("00001.1.agent"), 1, worst_case=Usage(cost_usd=cost))


def test_scores_are_those_of_the_outcomes(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        child = grow(run, root, SEED_CODE).id
        measure(run, root, [Verdict.RESOLVED, Verdict.TIMED_OUT, Verdict.RESOLVED])
        assert run.scores() == {root: Score(2, 3), child: Score(0, 0)}


def test_a_flagged_measurement_keeps_its_verdict_and_does_not_count(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        for flagged in (outcome("a", flags=("It ended early.", "A test did not run.")), outcome("b")):
            run.add_outcome(run.decide(Evaluate(root, flagged.task, 0)).number, root, flagged)
    with read_run(directory) as reader:
        assert [found.verdict for found in reader.outcomes_of(root)] == [Verdict.RESOLVED] * 2
        assert (reader.scores()[root], reader.flagged_count()) == (Score(1, 2), 1)


def test_half_a_surrogate_pair_in_a_flag_can_be_recorded(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        decision = run.decide(Evaluate(root, TaskId("odd"), 0))
        run.add_outcome(decision.number, root, outcome("odd", flags=("test \udcff did not run",)))
        assert run.outcomes_of(root) == run.outcomes()[root]
        assert run.outcomes_of(root)[0].flags == ("test ? did not run",)


def test_an_image_is_recorded_when_it_is_first_used(directory: Path) -> None:
    with new_run(directory) as run:
        run.pin_image("owner/task-1:latest", "sha256:" + "1" * 64)
        run.pin_image("owner/task-1:latest", "sha256:" + "1" * 64)
    with read_run(directory) as reader:
        assert reader.images() == {"python": "sha256:" + "0" * 64, "owner/task-1:latest": "sha256:" + "1" * 64}


@pytest.mark.parametrize("name", ["python", "owner/task-1:latest"])
def test_another_image_than_the_recorded_one_is_refused(directory: Path, name: str) -> None:
    with new_run(directory) as run:
        run.pin_image("owner/task-1:latest", "sha256:" + "1" * 64)
        with pytest.raises(ArchiveError, match=f"of {name}, but the image here is sha256:222222222222;"):
            run.pin_image(name, "sha256:" + "2" * 64)
        assert run.images()[name] != "sha256:" + "2" * 64


def test_many_workers_may_use_the_same_image_first(directory: Path) -> None:
    with new_run(directory) as run:
        workers = [Thread(target=run.pin_image, args=("task", "sha256:" + "1" * 64)) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert run.images()["task"] == "sha256:" + "1" * 64


def test_the_best_agent_has_the_best_record_not_the_luckiest_one(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        measure(run, root, [Verdict.RESOLVED] * 9 + [Verdict.UNRESOLVED])
        lucky = grow(run, root, SEED_CODE).id
        measure(run, lucky, [Verdict.RESOLVED] * 3)
        assert run.best() == root


def test_an_agent_that_was_not_measured_yet_is_not_the_best(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        measure(run, root, [Verdict.UNRESOLVED] * 5)
        grow(run, root, SEED_CODE)
        assert run.best() == root


def test_the_child_of_a_step_is_found_by_its_number(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        reject(run, root, Rejection.EMPTY_PATCH)
        child = grow(run, root, SEED_CODE)
        assert [run.child_of_step(number) for number in (0, 1, 2, 3)] == [None, None, child.id, None]


def test_usage_belongs_to_the_agent_of_the_decision(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.agent_tree().root.id
        child = grow(run, root, SEED_CODE).id  # decision 1
        run.decide(Evaluate(child, TaskId("one"), 0))  # decision 2
        pay(run, "00001.1.improve", Usage(calls=1, cost_usd=0.5))
        pay(run, "00002.1.agent", Usage(calls=1, cost_usd=0.25))
        pay(run, "00002.2.agent", Usage(calls=1, cost_usd=0.125))
        pay(run, "replay.agent", Usage(calls=1, cost_usd=4.0))
        usage = run.usage_by_agent()
    assert {agent: usage[agent].cost_usd for agent in usage} == {root: 0.5, child: 0.375}


def test_a_run_that_a_process_holds_is_running(directory: Path) -> None:
    with new_run(directory), read_run(directory) as reader:
        assert reader.state() is RunState.RUNNING


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("finished", RunState.FINISHED),
        ("drained", RunState.INTERRUPTED),
        ("out of budget", RunState.INTERRUPTED),
        (None, RunState.INTERRUPTED),
    ],
)
def test_a_run_that_nobody_holds_is_finished_or_interrupted(
    directory: Path, reason: str | None, state: RunState
) -> None:
    with new_run(directory) as run:
        if reason is not None:
            run.end(reason)
    with read_run(directory) as reader:
        assert reader.state() is state


def test_a_finished_run_that_was_killed_while_it_grew_further_is_interrupted(directory: Path) -> None:
    with new_run(directory) as run:
        run.end("finished")
    open_run(directory, children=20, clock=TickingClock(CREATED_AT + 100)).close()
    with read_run(directory) as reader:
        assert (reader.state(), reader.children_wanted()) == (RunState.INTERRUPTED, 20)


def test_a_process_ends_once_whatever_comes_just_after_it(directory: Path) -> None:
    with new_run(directory) as run:
        run.end("finished")
        run.end("stopped")
        assert [end.reason for end in run.ends()] == ["finished"]
    with open_run(directory) as run:
        run.end("drained")
        assert [end.reason for end in run.ends()] == ["finished", "drained"]


def test_elapsed_time_leaves_out_the_time_between_processes(directory: Path) -> None:
    with new_run(directory) as run:
        began = run.starts()[0].at
        run.end("drained")
        assert run.ends()[0].at - began == 1.0
    with open_run(directory, clock=TickingClock(CREATED_AT + 1000)) as run:
        run.decide(Expand(run.agent_tree().root.id, 1))
        run.end("finished")
    with read_run(directory) as reader:
        assert reader.elapsed_seconds(now=CREATED_AT + 10**6) == 1.0 + 2.0


def test_a_killed_process_counts_until_the_last_fact_that_it_left(directory: Path) -> None:
    with new_run(directory) as run:
        run.decide(Expand(run.agent_tree().root.id, 1))
        run.begin_attempt(1)
    with read_run(directory) as reader:
        assert reader.elapsed_seconds(now=CREATED_AT + 10**6) == 2.0


def test_a_running_process_counts_until_now(directory: Path) -> None:
    with new_run(directory) as run, read_run(directory) as reader:
        assert reader.elapsed_seconds(now=run.starts()[0].at + 60) == 60.0


def test_code_of_an_unknown_agent_is_refused(directory: Path) -> None:
    with new_run(directory) as run, pytest.raises(UnknownNameError):
        run.code(AgentId("0" * 12))


def test_a_resumed_run_keeps_its_number_of_children(directory: Path) -> None:
    with new_run(directory) as run:
        wanted = run.children_wanted()
    with open_run(directory) as run:
        assert run.children_wanted() == wanted == 10


def test_a_step_comes_back_with_what_is_known_beside_it(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        other = grow(run, root, {}).id
        decision = run.decide(Expand(root, 2, editor=other, partner=other)).number
        merged = replace(
            step(2, root, child={}),
            partner=other,
            evidence_kind=EvidenceKind.CONTEXT_LENGTH,
            judgement=Judgement(True, "Nobody tried it. \ud800"),
            conflicts=("b", "a"),
        )
        run.add_step(decision, merged)
    with read_run(directory) as reader:
        assert [record.beside for record in reader.steps()] == [
            BesideStep(),
            BesideStep(other, other, EvidenceKind.CONTEXT_LENGTH, Judgement(True, "Nobody tried it. ?"), ("b", "a")),
        ]


def test_steps_are_found_by_what_they_made(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        reject(run, root, Rejection.TOO_LARGE)
        one, other = (grow(run, root, {}).id for _ in range(2))
    with read_run(directory) as reader:
        assert {agent: record.number for agent, record in reader.steps_to([root, other]).items()} == {other: 3}
        assert [reader.child_of_step(number) for number in range(5)] == [None, None, one, other, None]


def test_rejections_are_counted_by_their_reason(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        grow(run, root, {})
        for rejection in (Rejection.TOO_LARGE, Rejection.NOT_NEW, Rejection.TOO_LARGE):
            reject(run, root, rejection)
    with read_run(directory) as reader:
        assert reader.rejections() == {Rejection.TOO_LARGE: 2, Rejection.NOT_NEW: 1}


def test_the_writer_knows_without_asking_the_file_what_a_reader_finds_in_it(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        run.reserve_call(SessionId("00001.1.agent"), 1, worst_case=Usage(calls=1, input_tokens=9, cost_usd=0.5))
        run.reserve_call(SessionId("00001.1.agent"), 2, worst_case=Usage(calls=1, input_tokens=8))
        run.settle_call(SessionId("00001.1.agent"), 2, usage=Usage(calls=1, input_tokens=4))
        grow(run, root, {}, proposal="first")
        run.proposals()
        grow(run, root, {}, proposal="second")
        with read_run(directory) as reader:
            assert reader.unsettled() == run.unsettled() == Usage(calls=1, input_tokens=9, cost_usd=0.5)
            assert reader.proposals() == run.proposals() == ("first", "second")
            assert reader.agent_count() == run.agent_count() == 3


def test_a_call_left_open_long_ago_is_found_below_many_settled_ones(directory: Path) -> None:
    with new_run(directory) as run:
        run.reserve_call(SessionId("00001.1.agent"), 1, worst_case=Usage(calls=1, cost_usd=0.5))
        for number in range(2, 9):
            pay(run, f"{number:05}.1.improve", Usage(calls=1, cost_usd=0.25))
    with read_run(directory) as reader:
        assert reader.unsettled() == Usage(calls=1, cost_usd=0.5)
        assert reader.usage_by_role() == {
            Role.AGENT: Usage(calls=1, cost_usd=0.5),
            Role.IMPROVE: Usage(calls=7, cost_usd=1.75),
        }


def test_decisions_left_open_long_ago_are_found_below_many_with_results(directory: Path) -> None:
    with new_run(directory) as run:
        root = run.seed_agent()
        opened = [run.decide(Evaluate(root, TaskId("a"), 0))]
        measure(run, root, [Verdict.RESOLVED] * 3)
        opened.append(run.decide(Expand(root, 1)))
    with read_run(directory) as reader:
        assert list(reader.open_decisions()) == opened
