"""Trees on a screen: small ones whole, large ones folded."""

from collections.abc import Generator
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from dgm.archive.run import RunArchive
from dgm.cli import progress
from dgm.cli.folding import LeftOut, TreeLine, tree_lines
from dgm.cli.progress import LiveProgress
from dgm.cli.tree_views import MOST_LINES, tree_view
from dgm.core.actions import Evaluate
from dgm.core.agents import Agent, AgentTree
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Verdict
from dgm.core.ports import Decision
from dgm.core.scores import Score, best_of
from dgm.wiring import LiveRun
from tests.fakes.runs import grow, measure, new_run, outcome
from tests.fakes.views import agent_id_of

PARENTS = st.integers(0, 300).flatmap(
    lambda count: st.tuples(*(st.integers(0, number) for number in range(count)))  # of agent 1, 2, ...
)


def tree_of(parents: tuple[int, ...]) -> AgentTree:
    """Return the tree of a seed agent and others by their parents' numbers."""
    tree = AgentTree([Agent(agent_id_of(0), (), 0, 0, 0.0)])
    for number, parent in enumerate(parents, start=1):
        above = tree[agent_id_of(parent)]
        tree.add(Agent(agent_id_of(number), (above.id,), above.generation + 1, number, 0.0))
    return tree


def scores_of(tree: AgentTree, resolved: dict[int, int] | None = None) -> dict[AgentId, Score]:
    """Return scores of ten tasks each; none resolved unless said."""
    return {agent.id: Score((resolved or {}).get(agent.step, 0), 10) for agent in tree}


def drawn(lines: list[TreeLine]) -> list[str]:
    return [
        f"{line.guides}… {line.content.count} {line.content.best.resolved}"
        if isinstance(line.content, LeftOut)
        else f"{line.guides}{line.content.step}"
        for line in lines
    ]


def test_a_small_tree_is_drawn_whole() -> None:
    tree = tree_of((0, 1, 0, 1))
    assert drawn(tree_lines(tree, scores_of(tree), most=5)) == ["0", "├─1", "│ ├─2", "│ └─4", "└─3"]


def test_a_large_tree_shows_the_seed_agent_the_best_lineage_and_the_newest() -> None:
    # 1 to 40 below the seed agent, 41 below 20, 42 below 41: the best.
    tree = tree_of((0,) * 40 + (20, 41) + (0,) * 20)
    lines = drawn(tree_lines(tree, scores_of(tree, {42: 9, 7: 3}), most=11))
    assert lines == ["0", "├─7", "├─20", "│ └─41", "│   └─42", "├─58", "├─59", "├─60", "├─61", "├─62", "└─… 53 0"]


def test_no_line_is_kept_free_below_an_agent_whose_children_are_all_shown() -> None:
    tree = tree_of((0,) + (1,) * 30)
    lines = drawn(tree_lines(tree, scores_of(tree), most=8))
    assert lines == ["0", "└─1", "  ├─27", "  ├─28", "  ├─29", "  ├─30", "  ├─31", "  └─… 25 0"]


def test_what_is_left_out_says_how_good_the_best_of_it_is() -> None:
    tree = tree_of((0, *range(1, 100)))
    scores = scores_of(tree, {100: 9, 60: 8, 61: 8})
    lines = [line.content for line in tree_lines(tree, scores, most=8) if isinstance(line.content, LeftOut)]
    assert max(found.best.resolved for found in lines) == 8


def test_agents_left_out_between_a_shown_one_and_its_ancestor_are_marked() -> None:
    tree = tree_of(tuple(range(100)))
    lines = drawn(tree_lines(tree, scores_of(tree, {100: 9}), most=6))
    assert lines == ["0", "├┄98", "│ └─99", "│   └─100", "└─… 97 0"]


def test_one_agent_alone_is_never_left_out() -> None:
    tree = tree_of((0,) * 11)
    lines = tree_lines(tree, scores_of(tree), most=11)
    assert [line.content.count for line in lines if isinstance(line.content, LeftOut)] == [2]


@settings(max_examples=40)
@given(PARENTS, st.integers(2, 80), st.data())
def test_a_folded_tree_fits_and_tells_of_every_agent_once(
    parents: tuple[int, ...], most: int, data: st.DataObject
) -> None:
    tree = tree_of(parents)
    resolved = data.draw(st.dictionaries(st.integers(0, len(parents)), st.integers(0, 10), max_size=20))
    scores = scores_of(tree, resolved)
    lines = tree_lines(tree, scores, most=most)
    shown = [line.content.id for line in lines if isinstance(line.content, Agent)]
    left_out = sum(line.content.count for line in lines if isinstance(line.content, LeftOut))
    assert len(lines) <= most
    assert len(set(shown)) == len(shown)
    assert len(shown) + left_out == len(tree)
    assert shown[0] == tree.root.id
    assert best_of(scores) in shown or most < 4


def test_a_lineage_longer_than_pythons_recursion_limit_is_drawn() -> None:
    tree = tree_of(tuple(range(3_000)))
    lines = tree_lines(tree, scores_of(tree), most=None)
    assert len(lines) == 3_001
    assert drawn(lines)[-1] == "… " + " " * 20 + "└─3000"


def screen_of(archive: RunArchive, *, most: int | None = MOST_LINES, width: int = 120) -> list[str]:
    console = Console(width=width, height=24)
    with console.capture() as captured:
        console.print(tree_view(archive, most=most))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunArchive]:
    """A run of eight agents, not to be changed."""
    with new_run(tmp_path_factory.mktemp("folded") / "run") as run:
        root = run.seed_agent()
        measure(run, root, [Verdict.RESOLVED, Verdict.UNRESOLVED])
        for _ in range(7):
            measure(run, grow(run, root, {}).id, [Verdict.UNRESOLVED])
        yield run


def test_a_line_stands_for_what_is_left_out(archive: RunArchive) -> None:
    lines = screen_of(archive, most=4)
    assert [line.split() for line in lines if "agents more below" in line] == [
        ["└─…", "5", "agents", "more", "below,", "best", "0/1"]
    ]
    assert lines[-1] == "… agents left out, ┄ in between too; `dgm tree --all` shows every agent"


def test_every_agent_is_shown_where_all_are_asked_for(archive: RunArchive) -> None:
    lines = screen_of(archive, most=None)
    assert sum("/1 " in line for line in lines) == 7
    assert "* best: the highest lower end of the interval" in lines
    assert not any("agents left out" in line for line in lines)


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def test_the_screen_draws_the_tree_anew_at_most_a_few_times_a_second_and_shows_the_last_result(
    archive: RunArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, drawings = Clock(), list[int | None]()
    monkeypatch.setattr(progress, "time", clock)

    def slow_view(_run: RunArchive, *, most: int | None) -> str:
        drawings.append(most)
        clock.now += 0.5
        return "tree"

    monkeypatch.setattr(progress, "tree_view", slow_view)
    run = cast("LiveRun", SimpleNamespace(archive=archive, draining=False))
    screen = LiveProgress(run, Console(width=120, height=30), children=9)
    decision = Decision(1, Evaluate(archive.seed_agent(), TaskId("task-9"), 0))
    for _ in range(40):
        screen.__rich__()
        screen.recorded(decision, outcome("task-9"))
        clock.now += 0.25
    assert len(drawings) == 3  # in 11.5 s, at half a second each
    clock.now += 60
    screen.__rich__()
    screen.__rich__()
    assert drawings == [23, 23, 23, 23]


@pytest.mark.parametrize("height", [12, 14, 42])
def test_the_screen_fits_the_terminal(archive: RunArchive, monkeypatch: pytest.MonkeyPatch, height: int) -> None:
    monkeypatch.setattr(progress, "_FEWEST_LINES", 2)
    console = Console(width=120, height=height - 2)
    run = cast("LiveRun", SimpleNamespace(archive=archive, draining=False))
    with console.capture() as captured:
        console.print(LiveProgress(run, console, children=99))
    lines = captured.get().splitlines()
    assert len(lines) <= height - 2
    assert any("agents more below" in line for line in lines) is (height < 17)
