"""Results told apart by language or repository: counted by tasks' ids, with and without the tasks whose stub passes."""

import json
from pathlib import Path

import pytest

from dgm.cli.main import run_command
from dgm.config import RunConfig
from dgm.core.actions import Evaluate
from dgm.core.files import File
from dgm.core.groups import Kind, group_of, group_scores
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.ports import Archive
from dgm.core.scores import Score
from tests.fakes.runs import grow, new_run, outcome

NO_SIGNAL = "go/counter"
"""As benchmark polyglot has it."""
OF_SEED = {"go/dominoes": False, NO_SIGNAL: True, "rust/bowling": True}
OF_REPOSITORIES = {"django__django-1": True, "django__django-2": False, "psf__requests-3": True}
OF_CHILD = {"go/dominoes": True, "rust/bowling": True}


def outcomes(resolved: dict[str, bool]) -> list[Outcome]:
    return [
        outcome(task, Verdict.RESOLVED if is_resolved else Verdict.UNRESOLVED) for task, is_resolved in resolved.items()
    ]


def test_each_language_has_a_score() -> None:
    scores = group_scores(outcomes(OF_SEED), no_signal=[TaskId(NO_SIGNAL)])
    assert scores is not None
    assert scores.by_group == {"go": Score(1, 2), "rust": Score(1, 1)}
    assert (scores.total, scores.with_signal, scores.no_signal) == (Score(2, 3), Score(1, 2), (NO_SIGNAL,))


def test_languages_stand_in_alphabetical_order() -> None:
    scores = group_scores(outcomes({"rust/a": True, "cpp/a": True, "go/a": True}), no_signal=[])
    assert scores is not None
    assert list(scores.by_group) == ["cpp", "go", "rust"]


def test_each_trial_counts_and_a_task_is_named_once() -> None:
    tries = [outcome(NO_SIGNAL), outcome(NO_SIGNAL, Verdict.TIMED_OUT, trial=1)]
    scores = group_scores(tries, no_signal=[TaskId(NO_SIGNAL)])
    assert scores is not None
    assert (scores.total, scores.with_signal, scores.no_signal) == (Score(1, 2), Score(0, 0), (NO_SIGNAL,))


@pytest.mark.parametrize(
    ("task", "group"),
    [
        ("go/ant", "go"),
        ("django__django-10973", "django/django"),
        ("scikit-learn__scikit-learn-10297", "scikit-learn/scikit-learn"),
        ("owner__name__of-a__tool-7", "owner/name__of-a__tool"),
        ("boat-names", ""),
        ("boat_names-12", ""),
        ("django__django", ""),
        ("__django-1", ""),
        ("/ant", ""),
    ],
)
def test_an_id_names_a_language_a_repository_or_nothing(task: str, group: str) -> None:
    assert group_of(TaskId(task)) == group


def test_each_repository_has_a_score() -> None:
    scores = group_scores(outcomes(OF_REPOSITORIES), no_signal=[])
    assert scores is not None
    assert (scores.kind, scores.by_group) == (
        Kind.REPOSITORY,
        {"django/django": Score(1, 2), "psf/requests": Score(1, 1)},
    )


@pytest.mark.parametrize(
    "tasks",
    [{}, {"boat-names": True}, {"boat-names": True, "go/ant": True}, {"go/ant": True, "django__django-1": True}],
)
def test_tasks_without_languages_are_not_told_apart(tasks: dict[str, bool]) -> None:
    assert group_scores(outcomes(tasks), no_signal=[]) is None


def measure(run: Archive, agent: AgentId, resolved: dict[str, bool]) -> None:
    for found in outcomes(resolved):
        run.add_outcome(run.decide(Evaluate(agent, found.task, 0)).number, agent, found)


@pytest.fixture
def agents(tmp_path: Path) -> list[AgentId]:
    """The seed agent and its child of a run on Polyglot, whose exercises are not on this machine."""
    with new_run(tmp_path / "poly", config=RunConfig(benchmark="polyglot")) as run:
        root = run.agent_tree().root.id
        measure(run, root, OF_SEED)
        child = grow(run, root, {"main.py": File(b"print('child')\n")}).id
        measure(run, child, OF_CHILD)
    return [root, child]


class Reading:
    """The reading verbs on the runs of a test."""

    def __init__(self, runs: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.runs, self.capture = runs, capture

    def __call__(self, *words: str) -> str:
        assert run_command([*words, "--runs-dir", str(self.runs)]) == 0
        return self.capture.readouterr().out


@pytest.fixture
def dgm(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Reading:
    monkeypatch.setenv("COLUMNS", "80")
    return Reading(tmp_path, capsys)


def test_status_compares_the_best_agent_with_the_seed_agent(dgm: Reading, agents: list[AgentId]) -> None:
    seed, best = (f"{name} {agent[:7]}" for name, agent in zip(("seed", "best"), agents, strict=True))
    table = dgm("status", "poly").partition("Resolved by language\n")[2].partition("\n\n")[0]
    assert table.splitlines() == [
        f"language     {seed}  {best}",
        "go                    1/2           1/1",
        "rust                  1/1           1/1",
        "all                   2/3           2/2",
        "with signal           1/2           2/2",
        "without signal, as the untouched stub passes: go/counter",
    ]


def test_show_has_an_agents_results_by_language(dgm: Reading, agents: list[AgentId]) -> None:
    table = dgm("show", "poly", agents[1]).partition("Resolved by language\n")[2].partition("\n\n")[0]
    assert table.splitlines() == [
        "language  resolved",
        "go             1/1",
        "rust           1/1",
        "all            2/2",
    ]


def test_show_has_them_as_json(dgm: Reading, agents: list[AgentId]) -> None:
    assert json.loads(dgm("show", "poly", agents[0], "--json"))["by_language"] == {
        "languages": {"go": {"resolved": 1, "attempted": 2}, "rust": {"resolved": 1, "attempted": 1}},
        "all": {"resolved": 2, "attempted": 3},
        "with_signal": {"resolved": 1, "attempted": 2},
    }


def test_status_has_both_agents_as_json(dgm: Reading, agents: list[AgentId]) -> None:
    found = json.loads(dgm("status", "poly", "--json"))["by_language"]
    assert [(row["agent"], row["all"]["attempted"]) for row in found] == [(agents[0], 3), (agents[1], 2)]


def test_repositories_have_their_own_word(dgm: Reading, tmp_path: Path) -> None:
    with new_run(tmp_path / "issues", config=RunConfig(benchmark="gone")) as run:
        measure(run, run.agent_tree().root.id, OF_REPOSITORIES)
    assert dgm("status", "issues").partition("Resolved by repository\n")[2].splitlines() == [
        "repository     seed agent",
        "django/django         1/2",
        "psf/requests          1/1",
        "all                   2/3",
    ]
    (found,) = json.loads(dgm("status", "issues", "--json"))["by_repository"]
    assert found["repositories"]["django/django"] == {"resolved": 1, "attempted": 2}


def test_a_benchmark_that_is_not_known_any_more_still_has_languages(dgm: Reading, tmp_path: Path) -> None:
    with new_run(tmp_path / "old", config=RunConfig(benchmark="gone")) as run:
        measure(run, run.agent_tree().root.id, OF_SEED)
    assert json.loads(dgm("status", "old", "--json"))["by_language"][0]["with_signal"]["attempted"] == 3


def test_a_run_without_languages_says_nothing_of_them(dgm: Reading, tmp_path: Path) -> None:
    with new_run(tmp_path / "plain") as run:
        measure(run, run.agent_tree().root.id, {"boat-names": True})
    assert "language" not in dgm("status", "plain") + dgm("status", "plain", "--json")
