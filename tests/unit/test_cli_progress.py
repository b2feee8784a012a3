"""What the screen says while a run is under way."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from dgm.archive.run import RunArchive
from dgm.cli.main import run_command
from dgm.cli.progress import LiveProgress, doing, opening_text, resume_command, step_line
from dgm.config import parse_config
from dgm.core.actions import Expand, Rejection, Step
from dgm.core.files import File, FileTree
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Usage
from dgm.wiring import LiveRun
from tests.fakes.runs import SEED_CODE, grow, new_run, pay, step


def first_line(archive: RunArchive) -> str:
    console = Console(width=120)
    run = cast("LiveRun", SimpleNamespace(archive=archive, draining=False))
    with console.capture() as captured:
        console.print(LiveProgress(run, console, children=2))
    return captured.get().splitlines()[0]


def test_what_is_set_aside_for_calls_under_way_is_told_apart_from_what_was_paid(tmp_path: Path) -> None:
    with new_run(tmp_path / "run") as archive:
        pay(archive, "00001.1.agent", Usage(calls=1, input_tokens=1_000, output_tokens=200, cost_usd=0.5))
        assert "| 1,200 tokens | $0.50 |" in first_line(archive)
        reserved = Usage(calls=1, input_tokens=4_000, output_tokens=16_384, cost_usd=0.25)
        archive.reserve_call(SessionId("00002.1.agent"), 1, worst_case=reserved)
        assert "| 1,200 tokens | $0.50 and $0.25 reserved |" in first_line(archive)


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


# --- how a run begins ------------------------------------------------------------------------------------------------

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


# --- merges ----------------------------------------------------------------------------------------------------------


def merge_of(parent: AgentId, partner: AgentId, *, child: FileTree | None, conflicts: tuple[str, ...] = ()) -> Step:
    return replace(
        step(3, parent, child=child, rejection=None if child else Rejection.NOTHING_TO_MERGE),
        diagnosis=None,
        evidence_task=TaskId(""),
        partner=partner,
        conflicts=conflicts,
    )


@pytest.mark.parametrize(
    ("conflicts", "says"),
    [((), "merged"), (("a",), "merged, 1 conflict settled"), (("a", "b"), "merged, 2 conflicts settled")],
)
def test_a_merge_names_both_parents_and_how_many_conflicts_were_settled(
    tmp_path: Path, conflicts: tuple[str, ...], says: str
) -> None:
    with new_run(tmp_path / "run") as archive:
        seed = archive.agent_tree().root.id
        one, other = (grow(archive, seed, {**SEED_CODE, name: File(b"1")}).id for name in ("one", "other"))
        merged = merge_of(one, other, child={**SEED_CODE, "both": File(b"1")}, conflicts=conflicts)
        child = archive.add_step(archive.decide(Expand(one, 3, partner=other)).number, merged)
        assert child is not None
        assert step_line(archive, merged) == f"step 3: {one[:7]} + {other[:7]} -> {child.id[:7]}  {says}"


def test_a_merge_without_a_child_says_why(tmp_path: Path) -> None:
    one, other = AgentId("a" * 12), AgentId("b" * 12)
    with new_run(tmp_path / "run") as archive:
        line = step_line(archive, merge_of(one, other, child=None))
    assert line == "step 3: aaaaaaa + bbbbbbb -> rejected, nothing to merge: It does not start."


def test_a_merge_under_way_names_both_parents() -> None:
    action = Expand(AgentId("a" * 12), 3, partner=AgentId("b" * 12))
    assert doing(action) == "step 3: aaaaaaa is merged with bbbbbbb"
    assert doing(replace(action, partner=None)) == "step 3: aaaaaaa modifies its own code"
