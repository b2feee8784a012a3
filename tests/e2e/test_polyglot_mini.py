"""An evolution over exercises in all six languages of Polyglot, drained and gone on with, in real containers."""

import signal
from pathlib import Path
from typing import Any

import pytest

from dgm.archive.reader import read_run
from dgm.benchmarks.catalogue import outline_named
from dgm.core.groups import group_of
from dgm.core.outcomes import Verdict
from tests.e2e.commands import Command

pytestmark = [pytest.mark.docker, pytest.mark.slow]

LANGUAGES = {"cpp", "go", "java", "javascript", "python", "rust"}
TASKS = [task for stage in outline_named("polyglot-mini", ["stage:1"]).stages() for task in stage.tasks]
CONFIG = """
benchmark = "polyglot-mini"
tasks = ["stage:1"]
children = 2
workers = 2
seed = 10
"""


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return a command line whose run `mini` was drained once its first agent was measured, and then finished."""
    place = tmp_path_factory.mktemp("mini")
    (place / "mini.toml").write_text(CONFIG)
    command = Command(place / "runs")
    process = command.start("run", "mini", "--config", str(place / "mini.toml"))
    assert process.stdout is not None
    assert any("resolved" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors
    assert command.json("status", "mini")["state"] == "interrupted"
    done = command("resume", "mini")
    assert done.returncode == 0, done.stderr
    return command


@pytest.fixture(scope="module")
def agents(evolved: Command) -> list[dict[str, Any]]:
    """Return all that is known of each agent, the seed agent first."""
    return [evolved.json("show", "mini", agent["id"]) for agent in evolved.json("tree", "mini")["agents"]]


def test_the_drained_run_came_to_its_end(evolved: Command, agents: list[dict[str, Any]]) -> None:
    status = evolved.json("status", "mini")
    assert (status["state"], len(agents), status["evaluations"]) == ("finished", 3, 3 * len(TASKS))
    with read_run(evolved.runs / "mini") as run:
        assert ([end.reason for end in run.ends()], run.faults()) == (["drained", "finished"], ())


def test_every_agent_has_a_verdict_in_every_language(agents: list[dict[str, Any]]) -> None:
    for agent in agents:
        assert sorted(outcome["task"] for outcome in agent["outcomes"]) == sorted(TASKS)
        assert {group_of(outcome["task"]) for outcome in agent["outcomes"]} == LANGUAGES
        assert {outcome["verdict"] for outcome in agent["outcomes"]} <= {verdict.value for verdict in Verdict}


def test_some_task_was_resolved_and_some_was_not(agents: list[dict[str, Any]]) -> None:
    """Else the rest would say little."""
    verdicts = {outcome["verdict"] for agent in agents for outcome in agent["outcomes"]}
    assert {"resolved", "unresolved"} <= verdicts


def test_the_counts_by_language_are_those_of_the_outcomes(agents: list[dict[str, Any]]) -> None:
    for agent in agents:
        counts = {language: {"resolved": 0, "attempted": 0} for language in sorted(LANGUAGES)}
        for outcome in agent["outcomes"]:
            counts[group_of(outcome["task"])]["attempted"] += 1
            counts[group_of(outcome["task"])]["resolved"] += outcome["verdict"] == "resolved"
        assert agent["by_language"]["languages"] == counts


def test_the_digest_of_every_image_is_recorded(evolved: Command) -> None:
    with read_run(evolved.runs / "mini") as run:
        images = run.images()
        assert images["python"] == run.facts().image_digest
    assert set(images) == set(outline_named("polyglot-mini").images())
    assert len(set(images.values())) == len(images)


def test_a_replay_with_a_second_attempt_has_both_verdicts(
    evolved: Command, agents: list[dict[str, Any]], tmp_path: Path
) -> None:
    seed = agents[0]
    answer = evolved.json("replay", "mini", seed["id"], "--attempts", "2", "--out", str(tmp_path / "out"))
    assert (answer["as_recorded"], answer["compared"]) == (len(TASKS), len(TASKS))
    failed = [outcome for outcome in answer["outcomes"] if outcome["verdict"] != "resolved"]
    assert failed
    assert all(outcome["second"]["verdict"] for outcome in failed)
    assert all(outcome["second"] is None for outcome in answer["outcomes"] if outcome not in failed)
    later = sum(outcome["second"]["verdict"] == "resolved" for outcome in failed)
    assert (answer["resolved"], answer["after_second"]["resolved"]) == (
        len(TASKS) - len(failed),
        len(TASKS) - len(failed) + later,
    )
    transcripts = [path.name for path in (tmp_path / "out" / "transcripts").iterdir()]
    assert sum(name.endswith(".second.agent.jsonl.gz") for name in transcripts) == len(failed)


def test_recorded_sessions_are_done_again_in_the_images_of_their_languages(
    evolved: Command, agents: list[dict[str, Any]], tmp_path: Path
) -> None:
    words = ("--recorded", "--tasks", "go/*,rust/*", "--out", str(tmp_path / "out"))
    answer = evolved.json("replay", "mini", agents[0]["id"], *words)
    assert (answer["sessions"], answer["equal"]) == (2, 2)
