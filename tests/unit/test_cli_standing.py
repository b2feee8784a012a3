"""What `dgm status` says of standing controls."""

from pathlib import Path

from dgm.archive.run import RunArchive
from dgm.cli.standing import control_rows, controls_answer
from dgm.core.controls import StandingControl
from dgm.core.ids import TaskId
from dgm.core.outcomes import Verdict
from tests.fakes.runs import measure, new_run


def run_with(directory: Path, *controls: StandingControl) -> RunArchive:
    run = new_run(directory / "run")
    for control in controls:
        run.add_controls([control])
    return run


def base(*, passed: bool, summary: str = "not resolved, 0 of 3 tests passed") -> StandingControl:
    return StandingControl("base", TaskId("anagram"), passed, summary, 1.5)


def test_a_run_without_controls_says_nothing_of_them(tmp_path: Path) -> None:
    with run_with(tmp_path) as run:
        assert control_rows(run) == {}


def test_controls_that_passed_are_counted(tmp_path: Path) -> None:
    with run_with(tmp_path, base(passed=True)) as run:
        measure(run, run.seed_agent(), [Verdict.RESOLVED, Verdict.UNRESOLVED])
        run.add_controls([base(passed=True)])
        assert control_rows(run) == {"controls": "2 of 2 passed, the last after 2 evaluations"}


def test_a_control_that_failed_is_told_with_what_is_in_doubt_and_made_safe(tmp_path: Path) -> None:
    with run_with(tmp_path, base(passed=True)) as run:
        measure(run, run.seed_agent(), [Verdict.RESOLVED, Verdict.UNRESOLVED])
        run.add_controls([base(passed=False, summary="resolved\x1b[2J, 3 of 3")])
        assert control_rows(run)["controls"] == (
            "1 of 2 passed; FAILED: base of anagram: resolved, 3 of 3; "
            "2 evaluations since the last that passed are in doubt"
        )
        assert controls_answer(run)["failed"][0]["evaluations"] == 2


def test_controls_that_passed_after_one_that_failed_are_what_counts(tmp_path: Path) -> None:
    with run_with(tmp_path, base(passed=True)) as run:
        measure(run, run.seed_agent(), [Verdict.RESOLVED])
        run.add_controls([base(passed=False)])
        run.add_controls([base(passed=True)])
        assert control_rows(run) == {
            "controls": "2 of 3 passed, the last after 1 evaluations; 1 evaluations before one that failed are in doubt"
        }
        answer = controls_answer(run)
        assert (answer["evaluations_since"], answer["in_doubt"]) == (0, 1)


def test_a_harness_that_was_mended_before_anything_was_measured_leaves_no_doubt(tmp_path: Path) -> None:
    with run_with(tmp_path, base(passed=False), base(passed=True)) as run:
        measure(run, run.seed_agent(), [Verdict.RESOLVED])
        assert control_rows(run) == {"controls": "1 of 2 passed, the last after 0 evaluations"}
