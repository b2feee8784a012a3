"""What every archive must do with what persons said and what controls found."""

from dataclasses import replace

import pytest

from dgm.core.actions import Expand, Judgement, Rejection, Step
from dgm.core.controls import Controlled, StandingControl
from dgm.core.errors import ArchiveError
from dgm.core.files import File
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Verdict
from dgm.core.oversight import Review
from dgm.core.ports import Archive
from tests.fakes.runs import measure, step

CHILD_CODE = {"main.py": File(b"print('child')\n", executable=True)}


def hold(archive: Archive, parent: AgentId) -> tuple[int, Step]:
    """Hold the next step of a parent and return its decision."""
    number = archive.steps_done() + 1
    made = replace(step(number, parent, child=CHILD_CODE), judgement=Judgement(True, 'New \x1b[2J "\n\u202e'))
    decision = archive.decide(Expand(parent, number)).number
    archive.hold(decision, made)
    return decision, made


def test_what_is_held_comes_back_whole_and_makes_no_agent(archive: Archive, root: AgentId) -> None:
    decision, made = hold(archive, root)
    (held,) = archive.held()
    assert (held.decision, held.step, held.review) == (decision, made, None)
    assert (archive.steps_done(), len(archive.agent_tree()), len(archive.open_decisions())) == (0, 1, 1)


def test_a_review_is_kept_until_the_step_has_its_result(archive: Archive, root: AgentId) -> None:
    decision, made = hold(archive, root)
    archive.add_review(decision, Review(approved=True, reason="reads well"))
    assert [held.review for held in archive.held()] == [Review(approved=True, reason="reads well")]
    assert archive.approvals() == 1
    archive.add_step(decision, made)
    assert (archive.held(), len(archive.agent_tree())) == ((), 2)


def test_a_review_against_a_child_is_no_approval(archive: Archive, root: AgentId) -> None:
    decision, _ = hold(archive, root)
    archive.add_review(decision, Review(approved=False))
    assert archive.approvals() == 0


def test_nothing_is_held_or_reviewed_twice(archive: Archive, root: AgentId) -> None:
    decision, made = hold(archive, root)
    with pytest.raises(ArchiveError):
        archive.hold(decision, made)
    archive.add_review(decision, Review(approved=False))
    with pytest.raises(ArchiveError):
        archive.add_review(decision, Review(approved=True))


def test_what_is_not_held_is_not_reviewed(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Expand(root, 1)).number
    with pytest.raises(ArchiveError):
        archive.add_review(decision, Review(approved=True))


def test_a_step_without_a_child_is_not_held(archive: Archive, root: AgentId) -> None:
    decision = archive.decide(Expand(root, 1)).number
    with pytest.raises(ArchiveError):
        archive.hold(decision, step(1, root, rejection=Rejection.EMPTY_PATCH))


def control(*, passed: bool, of: Controlled = "base") -> StandingControl:
    return StandingControl(of, TaskId("anagram"), passed, "0 of 3 tests passed", 1.5)


def test_measurements_count_from_the_last_controls_that_all_passed(archive: Archive, root: AgentId) -> None:
    assert archive.evaluations_since_control() == 0
    archive.add_controls([control(passed=True)])
    measure(archive, root, [Verdict.RESOLVED, Verdict.UNRESOLVED])
    archive.add_controls([control(passed=False), control(passed=True, of="reference")])
    assert (archive.evaluations_since_control(), archive.control_count()) == (2, 3)


def test_controls_that_pass_after_some_that_failed_count_although_nothing_was_measured_between(
    archive: Archive, root: AgentId
) -> None:
    measure(archive, root, [Verdict.RESOLVED, Verdict.UNRESOLVED])
    archive.add_controls([control(passed=True), control(passed=False, of="reference")])
    archive.add_controls([control(passed=True), control(passed=True, of="reference")])
    assert archive.evaluations_since_control() == 0


def test_controls_that_pass_leave_nothing_in_doubt(archive: Archive, root: AgentId) -> None:
    measure(archive, root, [Verdict.RESOLVED, Verdict.UNRESOLVED])
    assert archive.evaluations_since_control() == 2
    archive.add_controls([control(passed=True), control(passed=True, of="reference")])
    assert archive.evaluations_since_control() == 0
