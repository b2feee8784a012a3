"""What a replay is compared with: what its run recorded of the same agent, model and tasks."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from dgm.archive.reader import read_run
from dgm.cli.answers import Answer
from dgm.cli.replay_results import Results, answer_of, summary
from dgm.config import ModelChoice, Models, RunConfig
from dgm.core.actions import Evaluate
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Verdict
from dgm.evolution.replay import Replayed, Second
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


FORGED = replace(outcome("seen"), flags=("2 of 9 tests that must fail were reported as passed.",))


def test_a_flagged_second_attempt_is_told_as_one(run: Path, tmp_path: Path) -> None:
    first = replace(outcome("seen", Verdict.UNRESOLVED), dropped_paths=())
    results = [Replayed(0, (first.task, 0), first, "", Second(FORGED, ""))]
    found = Results(RunConfig(), attempts=2, results=results, images={}, cost_usd=0.0)
    with read_run(run) as reader:
        answer = answer_of(reader, reader.seed_agent(), found)
    second = answer["outcomes"][0]["second"]
    assert (second["verdict"], second["flags"]) == ("resolved", list(FORGED.flags))
    assert [sign["kind"] for sign in second["signs"]] == ["flagged by the grading", "settings of tests"]
    assert (answer["tampering"]["measurements"], answer["tampering"]["with_signs"]) == (2, 1)
    console = Console(width=200, record=True)
    console.print(*summary(AgentId("a" * 40), found, answer, tmp_path), sep="\n")
    assert (
        "\n1 flagged as tampered with; they do not count as resolved.\nSigns of tampering: 1 of 2 measurements: "
        in (console.export_text())
    )
