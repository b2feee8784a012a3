"""What stopping early saved, in numbers and as `dgm status` says it."""

from pathlib import Path
from typing import Literal

import pytest

from dgm.archive.reader import RunReader, read_run
from dgm.cli.savings import savings_answer, savings_rows
from dgm.config import RunConfig
from dgm.config.run import Search
from dgm.core.actions import Evaluate
from dgm.core.files import File
from dgm.core.ids import TaskId
from dgm.core.outcomes import Verdict
from dgm.core.saving import Saving, saving_of
from tests.fakes.runs import grow, measure, new_run


def test_what_was_not_measured_is_saved() -> None:
    saving = saving_of([60, 10, 10, 60], whole=60)
    assert saving == Saving(whole=240, made=140, repeated=0)
    assert (saving.saved, round(saving.share, 3)) == (100, 0.417)


def test_an_agent_that_is_not_measured_yet_saves_nothing() -> None:
    assert saving_of([60, 0], whole=60) == Saving(whole=60, made=60, repeated=0)


def test_repeated_trials_are_told_apart() -> None:
    assert saving_of([90, 10], whole=60) == Saving(whole=120, made=70, repeated=30)


def test_nothing_measured_saves_nothing() -> None:
    assert saving_of([], whole=0).share == 0.0


def finished(directory: Path, config: RunConfig | None = None) -> RunReader:
    """Return a run in which the seed agent was measured on 8 tasks, its child on 3."""
    with new_run(directory, config=config) as run:
        root = run.agent_tree().root.id
        measure(run, root, [Verdict.RESOLVED] * 8)
        measure(run, grow(run, root, {"main.py": File(b"child")}).id, [Verdict.UNRESOLVED] * 3)
        run.end("finished")
    return read_run(directory)


def test_status_says_how_many_evaluations_the_stages_saved(tmp_path: Path) -> None:
    with finished(tmp_path / "run") as run:
        assert savings_rows(run, run.scores()) == {"evaluations saved": "5 of 16 (31%) by the stages"}
        expected = {"by": "stages", "whole": 16, "made": 11, "saved": 5, "repeated": 0}
        assert savings_answer(run, run.scores()) == expected


def test_status_says_what_adaptive_stopping_saved(tmp_path: Path) -> None:
    with finished(tmp_path / "run", RunConfig(search=Search(stopping="adaptive"))) as run:
        assert savings_rows(run, run.scores()) == {"evaluations saved": "5 of 16 (31%) by adaptive stopping"}


@pytest.mark.parametrize(("stopping", "rule"), [("stages", "the stages"), ("adaptive", "adaptive stopping")])
def test_a_bound_on_evaluations_has_its_part_in_what_is_saved(
    tmp_path: Path, stopping: Literal["stages", "adaptive"], rule: str
) -> None:
    config = RunConfig(search=Search(stopping=stopping, evaluations=11))
    with finished(tmp_path / "run", config) as run:
        words = f"5 of 16 (31%) by {rule} and the bound on evaluations"
        assert savings_rows(run, run.scores()) == {"evaluations saved": words}


def test_where_the_bound_ends_with_the_seed_agents_measurements_nothing_was_there_to_be_saved(tmp_path: Path) -> None:
    with new_run(tmp_path / "run", config=RunConfig(search=Search(evaluations=5))) as run:
        measure(run, run.agent_tree().root.id, [Verdict.RESOLVED] * 5)
        run.end("finished")
    with read_run(tmp_path / "run") as run:
        assert (savings_rows(run, run.scores()), savings_answer(run, run.scores())) == ({}, None)


def test_more_trials_are_more_to_save(tmp_path: Path) -> None:
    with finished(tmp_path / "run", RunConfig(trials=2)) as run:
        assert savings_rows(run, run.scores()) == {"evaluations saved": "21 of 32 (66%) by the stages"}


def test_a_policy_that_chooses_every_evaluation_itself_saves_nothing(tmp_path: Path) -> None:
    with finished(tmp_path / "run", RunConfig(policy="hgm")) as run:
        assert (savings_rows(run, run.scores()), savings_answer(run, run.scores())) == ({}, None)


def test_an_agent_that_is_being_measured_does_not_count_yet(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as run:
        root = run.agent_tree().root.id
        measure(run, root, [Verdict.RESOLVED] * 8)
        child = grow(run, root, {"main.py": File(b"child")}).id
        measure(run, child, [Verdict.UNRESOLVED] * 3)
        run.decide(Evaluate(child, TaskId("another"), 0))
    with read_run(tmp_path / "run") as run:
        assert savings_rows(run, run.scores()) == {"evaluations saved": "0 of 8 (0%) by the stages, so far"}
