"""What the screen says while a run is under way."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from dgm.archive.run import RunArchive
from dgm.cli.progress import LiveProgress, doing, step_line
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
