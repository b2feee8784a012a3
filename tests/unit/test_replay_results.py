"""What a replay is compared with: what its run recorded of the same agent, model and tasks."""

from pathlib import Path

import pytest

from dgm.archive.reader import read_run
from dgm.cli.answers import Answer
from dgm.cli.replay_results import Results, answer_of
from dgm.config import ModelChoice, Models, RunConfig
from dgm.core.actions import Evaluate
from dgm.core.ids import TaskId
from dgm.core.outcomes import Verdict
from dgm.evolution.replay import Replayed
from tests.fakes.runs import new_run, outcome

RECORDED = {"seen": Verdict.RESOLVED, "held": Verdict.RESOLVED, "held too": Verdict.UNRESOLVED}
FOUND = [outcome(task) for task in (*RECORDED, "new")]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a run whose seed agent was measured on a task that selection sees and on two that are held out."""
    directory = tmp_path / "run"
    with new_run(directory, held_out=[TaskId("held"), TaskId("held too")]) as archive:
        root = archive.agent_tree().root.id
        for task, verdict in RECORDED.items():
            decision = archive.decide(Evaluate(root, TaskId(task), 0)).number
            archive.add_outcome(decision, root, outcome(task, verdict))
    return directory


def answer(run: Path, config: RunConfig | None = None) -> Answer:
    """Return what is said of a replay in which each task was resolved."""
    results = [Replayed(number, (found.task, found.trial), found, "") for number, found in enumerate(FOUND)]
    with read_run(run) as reader:
        replayed = Results(config or RunConfig(), attempts=1, results=results, images={}, cost_usd=0.0)
        return answer_of(reader, reader.seed_agent(), replayed)


def test_held_out_tasks_are_compared_with_what_was_recorded_of_them(run: Path) -> None:
    found = answer(run)
    assert (found["as_recorded"], found["compared"]) == (2, 3)


def test_each_task_has_the_verdict_that_was_recorded_held_out_or_not(run: Path) -> None:
    verdicts = {found["task"]: found["recorded_verdict"] for found in answer(run)["outcomes"]}
    assert verdicts == {"seen": "resolved", "held": "resolved", "held too": "unresolved", "new": None}


def test_with_another_model_nothing_is_compared(run: Path) -> None:
    other = RunConfig(models=Models(agent=ModelChoice(model="openai:other")))
    assert answer(run, other)["compared"] == 0
