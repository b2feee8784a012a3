"""The real seed agent as a process, against the rehearsal model: on tasks, and on its own code."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dgm.core.files import FileTree
from dgm.core.tasks import KnownTask
from dgm.evolution.prompts import prompt
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.rehearsal.ideas import Idea, catalogue
from tests.fakes.conversing import GOOD_SEED, known_by, known_task, patch_of, seed_where
from tests.fakes.offline import Session, as_tree, run_agent, seed_agent, with_ideas

pytestmark = pytest.mark.slow  # each test starts processes

IDEAS = {idea.name: idea for idea in catalogue()}
SEED_CODE = seed_agent()
SHORT = known_task({"sums.py": "def add(a, b):\n    return a - b\n"}, {"sums.py": "def add(a, b):\n    return a + b\n"})
FUNCTIONS = "".join(f"def function_{number}():\n    return {number}\n\n\n" for number in range(60))
LONG = known_task(
    {"long.py": FUNCTIONS}, {"long.py": FUNCTIONS.replace("    return 40\n", "    return 40  # mended\n")}
)
WRONG_AT_FIRST = known_task(
    {"sums.py": "def add(a, b):\n    return a - b\n"},
    {"sums.py": "def add(a, b):\n    return a + b\n"},
    statement="# Add\n\n>>> add(1, 2)\n3\n",
    naive={"sums.py": "def add(a, b):\n    return a * b\n"},
)
GIVING_UP = seed_where("gives up")
EMPTY = seed_where("empty reply")
SLIPPING = seed_where("slip")


def solve(known: KnownTask, directory: Path, *, ideas: Sequence[str] = (), seed: int = GOOD_SEED) -> FileTree:
    """Return what the seed agent with some ideas leaves of a task."""
    code = as_tree(with_ideas(SEED_CODE, [IDEAS[name] for name in ideas]))
    provider = RehearsalProvider([known])
    return run_agent(
        code, known.task.statement, known.task.workspace, provider=provider, seed=seed, directory=directory
    ).workspace


@pytest.mark.parametrize(
    ("known", "idea", "seed"),
    [
        (LONG, "exact-replacement", GOOD_SEED),
        (WRONG_AT_FIRST, "check-the-examples", GOOD_SEED),
        (SHORT, "ask-again-when-unchanged", GIVING_UP),
        (SHORT, "ask-again-when-empty", EMPTY),
        (SHORT, "syntax-check", SLIPPING),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_idea_resolves_what_the_seed_agent_does_not(known: KnownTask, idea: str, seed: int, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "with").mkdir()
    assert solve(known, tmp_path / "without", seed=seed) != known.reference
    assert solve(known, tmp_path / "with", ideas=[idea], seed=seed) == known.reference


def test_the_seed_agent_resolves_a_plain_task(tmp_path: Path) -> None:
    assert solve(SHORT, tmp_path) == SHORT.reference


LARGE = as_tree({f"part{part}/module{number}.py": "X = 1\n" for part in range(50) for number in range(50)})


@pytest.mark.parametrize(
    ("known", "ideas"),
    [(SHORT, ()), (LONG, ("exact-replacement",))],
    ids=["a small file", "a long one"],
)
def test_an_agent_works_on_a_large_repository_with_a_long_issue(
    known: KnownTask, ideas: Sequence[str], tmp_path: Path
) -> None:
    before, after = (
        {path: file.content.decode() for path, file in tree.items()} for tree in (known.task.workspace, known.reference)
    )
    issue = "Something is wrong, and here is all that was printed:\n" + "0123456789\n" * 2_000
    large = known_by(patch_of(before, after), issue)
    code = as_tree(with_ideas(SEED_CODE, [IDEAS[name] for name in ideas]))
    session = run_agent(
        code,
        issue,
        {**LARGE, **known.task.workspace},
        provider=RehearsalProvider([large]),
        seed=GOOD_SEED,
        directory=tmp_path,
    )
    assert session.workspace == {**LARGE, **known.reference}


def improve(code: dict[str, str], idea: Idea, directory: Path) -> Session:
    """Let an agent carry out an idea on its own code, with a seed for which the model is in good form."""
    statement = prompt(
        "improve",
        problem_description=idea.problem.strip(),
        implementation_suggestion=idea.suggestion.strip(),
        files="\n".join(f"- `{path}`" for path in code),
        contract="Check everything, plan, and verify.",
    )
    seed = seed_where(subject=idea.name)
    tree = as_tree(code)
    return run_agent(tree, statement, tree, provider=RehearsalProvider([]), seed=seed, directory=directory)


@pytest.mark.parametrize("idea", IDEAS.values(), ids=IDEAS)
def test_the_seed_agent_carries_out_an_idea_on_its_own_code(idea: Idea, tmp_path: Path) -> None:
    assert improve(SEED_CODE, idea, tmp_path).workspace == as_tree(with_ideas(SEED_CODE, [idea]))


LINEAGE = ("exact-replacement", "line-ranges", "keep-head-and-tail", "ask-again-when-unchanged", "syntax-check")


@pytest.mark.parametrize("name", ["check-the-examples", "plan-every-place", "short-output", "never-overwrite"])
def test_an_improved_agent_carries_out_an_idea_on_its_own_code(name: str, tmp_path: Path) -> None:
    code = with_ideas(SEED_CODE, [IDEAS[name] for name in LINEAGE])
    assert improve(code, IDEAS[name], tmp_path).workspace == as_tree(with_ideas(code, [IDEAS[name]]))


def test_an_idea_that_is_there_already_changes_nothing(tmp_path: Path) -> None:
    code = with_ideas(SEED_CODE, [IDEAS["line-ranges"]])
    assert improve(code, IDEAS["line-ranges"], tmp_path).workspace == as_tree(code)


def test_an_idea_whose_place_is_gone_changes_nothing(tmp_path: Path) -> None:
    code = {**SEED_CODE, "chat.py": SEED_CODE["chat.py"].replace("if not calls", "if calls == []")}
    assert improve(code, IDEAS["ask-again-when-empty"], tmp_path).workspace == as_tree(code)


def test_an_agent_that_checks_its_work_runs_its_own_tests(tmp_path: Path) -> None:
    code = with_ideas(SEED_CODE, [IDEAS["check-the-examples"]])
    messages = improve(code, IDEAS["praise"], tmp_path).messages
    assert any("unittest discover" in str(message.get("tool_calls")) for message in messages)
