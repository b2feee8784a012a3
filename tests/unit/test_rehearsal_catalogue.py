"""The catalogue of ideas: real edits that fit together in any order."""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from random import Random

import pytest

from dgm.core.errors import MalformedContentError
from dgm.gateway.rehearsal.ideas import AnchorMissingError, Idea, Symptom, catalogue, edited, read_idea
from tests.fakes.offline import as_tree, seed_agent, with_ideas, write_tree

SEED = seed_agent()
IDEAS = catalogue()
HELPFUL = [idea for idea in IDEAS if idea.kind == "helpful"]
WORKING = [idea for idea in IDEAS if idea.kind != "broken"]
BROKEN = [idea for idea in IDEAS if idea.kind == "broken"]


def own_tests(ideas: list[Idea]) -> subprocess.CompletedProcess[str]:
    """Run the tests of the seed agent with ideas added."""
    with tempfile.TemporaryDirectory() as directory:
        write_tree(Path(directory), as_tree(with_ideas(SEED, ideas)))
        command = [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"]
        return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def some_order(seed: int) -> list[Idea]:
    """Return some of the working ideas in some order."""
    chance = Random(seed)
    return chance.sample(WORKING, chance.randint(1, len(WORKING)))


def test_there_are_enough_ideas_of_every_kind() -> None:
    kinds = [idea.kind for idea in IDEAS]
    assert (len(IDEAS) >= 16, kinds.count("helpful") >= 8, kinds.count("useless") >= 2) == (True, True, True)
    assert (kinds.count("harmful") >= 2, kinds.count("broken") >= 3) == (True, True)


def test_every_symptom_has_one_remedy() -> None:
    assert sorted(idea.symptom for idea in HELPFUL if idea.symptom) == sorted(Symptom)


def test_no_marker_stands_in_the_seed_agent() -> None:
    source = "\n".join(SEED.values())
    assert [idea.name for idea in IDEAS if idea.marker in source] == []


def test_each_idea_is_told_in_words_of_its_own() -> None:
    texts = [text for idea in IDEAS for text in (idea.proposal, idea.suggestion, idea.problem)]
    assert len(set(texts)) == 3 * len(IDEAS)


@pytest.mark.parametrize("seed", range(60))
def test_any_ideas_fit_together_in_any_order(seed: int) -> None:
    ideas = some_order(seed)
    code = with_ideas(SEED, ideas)
    source = "\n".join(code.values())
    assert [idea.name for idea in ideas if idea.marker not in source] == []
    with warnings.catch_warnings(action="error"):
        for path, text in code.items():
            if path.endswith(".py"):
                compile(text, path, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_with_many_ideas_the_agents_own_tests_pass(seed: int) -> None:
    ideas = list(WORKING)
    Random(seed).shuffle(ideas)
    ended = own_tests(ideas)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("idea", WORKING, ids=lambda idea: idea.name)
def test_with_one_idea_the_agents_own_tests_pass(idea: Idea) -> None:
    ended = own_tests([idea])
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("idea", BROKEN, ids=lambda idea: idea.name)
def test_a_broken_idea_fails_the_agents_own_tests(idea: Idea) -> None:
    assert own_tests([idea]).returncode == 1


def test_with_everything_each_file_can_still_be_viewed_whole() -> None:
    code = with_ideas(SEED, WORKING)
    assert [path for path, text in code.items() if len(text) >= 10_000 or text.count("\n") > 160] == []


def test_an_anchor_that_stands_there_twice_is_no_anchor() -> None:
    edit = IDEAS[0].edits[0]
    with pytest.raises(AnchorMissingError, match="2 times"):
        edited(edit.anchor * 2, edit)


@pytest.mark.parametrize(
    "text", ["name = ", 'name = "x"', "unknown = 1"], ids=["no TOML", "keys missing", "unknown key"]
)
def test_a_wrong_file_of_the_catalogue_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(MalformedContentError, match=r"wrong\.toml"):
        read_idea(tmp_path / "wrong.toml")
