"""What is said of a run before it evolves and when it ended."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from dgm.cli.foreground import opening_text, resume_command
from dgm.cli.main import run_command
from dgm.config import parse_config
from dgm.wiring import LiveRun
from tests.fakes.runs import new_run

HIDDEN_TESTS = "the diagnosing model is shown hidden tests, as in the paper: scores on them say less"


def opening(settings: str, directory: Path) -> list[str]:
    config = parse_config(settings, source="test")
    with new_run(directory, config=config) as archive:
        run = cast("LiveRun", SimpleNamespace(archive=archive, config=config, name="mine"))
        return opening_text(run, children=10, workers=2).splitlines()


def test_a_run_whose_search_is_as_by_default_says_nothing_of_it(tmp_path: Path) -> None:
    lines = opening("", tmp_path / "run")
    assert lines[0] == "run mine: katas, model rehearsal, policy dgm, 10 children, 2 workers, seed 0"
    assert lines[1].startswith("model: rehearsal (simulated")


def test_a_run_says_how_its_search_is_not_as_by_default(tmp_path: Path) -> None:
    settings = """
    trials = 2
    [search]
    ablation = "greedy"
    evaluations = 1000
    holdout = 0.3
    stopping = "adaptive"
    best_trials = 5
    merge_rate = 0.25
    [diagnoses]
    memory = false
    interest = true
    """
    assert opening(settings, tmp_path / "run")[1] == (
        "ablation greedy; at most 1,000 evaluations; 2 trials of each task; 5 with the best agent of the time; "
        "adaptive stopping: agents are measured while they may come to the top 3; "
        "30 % of the tasks held out from selection; 25 % of the steps merge two parents; "
        "a model judges whether a proposal is new; diagnoses without memory of earlier steps"
    )


def test_a_run_with_the_papers_diagnosis_says_so_on_a_line_of_its_own(tmp_path: Path) -> None:
    assert opening("diagnoses.hidden_tests = true", tmp_path / "run")[1] == HIDDEN_TESTS


@pytest.mark.parametrize(
    ("approve", "line"),
    [
        ("each", "every child waits to be seen before it first runs: `dgm review mine`"),
        ("first", "children wait to be seen before they first run, until one is approved: `dgm review mine`"),
    ],
)
def test_a_run_in_which_children_wait_says_so_and_how_they_are_seen(tmp_path: Path, approve: str, line: str) -> None:
    assert opening(f"oversight.approve = '{approve}'", tmp_path / "run")[1] == line


@pytest.mark.parametrize(("settings", "says"), [("", False), ("diagnoses.hidden_tests = true", True)])
def test_every_screen_of_a_run_with_the_papers_diagnosis_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: str, *, says: bool
) -> None:
    with new_run(tmp_path / "mine", config=parse_config(settings, source="test")) as archive:
        seed = archive.agent_tree().root.id
    for words in (["tree", "mine"], ["status", "mine"], ["show", "mine", seed], ["lineage", "mine", seed]):
        assert run_command([*words, "--runs-dir", str(tmp_path)]) == 0
        assert (HIDDEN_TESTS in " ".join(capsys.readouterr().out.split())) == says


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ("", "dgm resume mine"),
        ("[openai]\nbase_url = 'http://h:1/v1'", "dgm resume mine"),
        ("models.agent = 'openai:m'\n[openai]\nbase_url = 'http://h:1/v1'", "dgm resume mine --base-url http://h:1/v1"),
        ("models.agent = 'anthropic:m'\n[anthropic]\nbase_url = 'http://h:1'", "dgm resume mine --config FILE"),
    ],
)
def test_the_command_that_goes_on_says_again_where_keys_go(settings: str, command: str) -> None:
    assert resume_command("mine", parse_config(settings, source="test")) == command
