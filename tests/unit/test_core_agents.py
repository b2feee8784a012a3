"""Agents' ids and the tree, by example."""

import pytest

from dgm.core.agents import Agent, AgentTree
from dgm.core.errors import UnknownNameError
from dgm.core.files import File, changed_paths, only, tree_hash
from dgm.core.ids import AgentId, TaskId, agent_id
from dgm.core.outcomes import Verdict, resolved_by_measurement
from dgm.core.scores import Score, beta_quantile, score_of
from dgm.core.stages import Measurement, Stage, due_measurements
from tests.fakes.runs import outcome

SEED, LEFT, RIGHT, LEAF, LATER = (AgentId(name * 12) for name in ("a", "b", "c", "d", "e"))


def agent(name: AgentId, parent: AgentId | None, generation: int) -> Agent:
    return Agent(name, () if parent is None else (parent,), generation, step=0, created_at=0.0)


@pytest.fixture
def tree() -> AgentTree:
    return AgentTree([agent(SEED, None, 0), agent(LEFT, SEED, 1), agent(RIGHT, SEED, 1), agent(LEAF, LEFT, 2)])


def test_the_root_is_the_first_agent(tree: AgentTree) -> None:
    assert tree.root.id == SEED


def test_children_are_listed_oldest_first(tree: AgentTree) -> None:
    assert tree.children(SEED) == (LEFT, RIGHT)


def test_a_lineage_goes_from_the_seed_agent_to_the_agent(tree: AgentTree) -> None:
    assert [member.id for member in tree.lineage(LEAF)] == [SEED, LEFT, LEAF]


def test_a_clade_is_an_agent_with_all_its_descendants(tree: AgentTree) -> None:
    assert (tree.clade(LEFT), tree.clade(RIGHT)) == ((LEFT, LEAF), (RIGHT,))


def test_a_common_ancestor_is_the_newest_agent_that_both_come_from(tree: AgentTree) -> None:
    assert [tree.common_ancestor(LEAF, other) for other in (RIGHT, LEFT, LEAF)] == [SEED, LEFT, LEAF]


def test_a_common_ancestor_is_found_by_second_parents_too(tree: AgentTree) -> None:
    merged, child = AgentId("e" * 12), AgentId("f" * 12)
    tree.add(Agent(merged, (RIGHT, LEFT), 2, step=0, created_at=0.0))
    tree.add(agent(child, merged, 3))
    assert (tree.common_ancestor(child, LEAF), tree.common_ancestor(LEAF, child)) == (LEFT, LEFT)


def test_a_tree_as_it_was_knows_nothing_of_what_came_later(tree: AgentTree) -> None:
    before = tree.as_it_is()
    tree.add(agent(LATER, LEFT, 2))
    assert (len(before), [member.id for member in before]) == (4, [SEED, LEFT, RIGHT, LEAF])
    assert (before.children(LEFT), before.clade(LEFT)) == ((LEAF,), (LEFT, LEAF))
    assert (LATER in before, LATER in tree, tree.children(LEFT)) == (False, True, (LEAF, LATER))
    with pytest.raises(KeyError):
        before.lineage(LATER)
    with pytest.raises(UnknownNameError):
        before.find("e")


def test_a_tree_as_it_was_does_not_grow(tree: AgentTree) -> None:
    before = tree.as_it_is()
    tree.add(agent(LATER, LEFT, 2))
    with pytest.raises(ValueError, match="as it was"):
        before.add(agent(AgentId("f" * 12), LEFT, 2))


def test_an_agent_whose_parent_is_missing_is_not_added(tree: AgentTree) -> None:
    with pytest.raises(KeyError):
        tree.add(agent(LATER, AgentId("f" * 12), 1))
    assert len(tree) == 4


def test_an_agent_is_found_by_its_first_digits_in_any_case(tree: AgentTree) -> None:
    assert tree.find("DD") == LEAF


@pytest.mark.parametrize("prefix", ["", "e", "a" * 13])
def test_an_agent_that_is_not_there_is_not_found(tree: AgentTree, prefix: str) -> None:
    with pytest.raises(UnknownNameError, match="No agent starts with"):
        tree.find(prefix)


def test_an_ambiguous_prefix_names_the_candidates() -> None:
    twins = [agent(AgentId("ab0000000000"), None, 0), agent(AgentId("ab1111111111"), AgentId("ab0000000000"), 1)]
    with pytest.raises(UnknownNameError, match="ambiguous: it could be ab0000000000, ab1111111111"):
        AgentTree(twins).find("ab")


def test_an_agents_id_never_changes() -> None:
    assert agent_id(run_seed=0, step=1, parent=SEED, code_hash="00") == "0a41c2042b4f"


@pytest.mark.parametrize("change", [{"run_seed": 1}, {"step": 2}, {"parent": LEFT}, {"code_hash": "01"}])
def test_an_agents_id_hangs_on_each_part_of_its_origin(change: dict[str, object]) -> None:
    origin: dict[str, object] = {"run_seed": 0, "step": 1, "parent": SEED, "code_hash": "00"}
    assert agent_id(**origin) != agent_id(**(origin | change))  # pyright: ignore[reportArgumentType]


def test_the_hash_of_a_tree_never_changes() -> None:
    assert tree_hash({"main.py": File(b"x", executable=True), "a": File(b"")})[:16] == "b861f0818ac38245"


def test_the_hash_of_a_tree_does_not_hang_on_the_order_of_its_files() -> None:
    one, two = File(b"1"), File(b"2")
    assert tree_hash({"a": one, "b": two}) == tree_hash({"b": two, "a": one})


@pytest.mark.parametrize(
    "other",
    [{"a": File(b"1", executable=True)}, {"a": File(b"2")}, {"b": File(b"1")}, {"a": File(b"1"), "b": File(b"")}, {}],
)
def test_the_hash_of_a_tree_hangs_on_paths_modes_and_bytes(other: dict[str, File]) -> None:
    assert tree_hash({"a": File(b"1")}) != tree_hash(other)


def test_changed_paths_are_what_was_added_removed_or_differs() -> None:
    before = {"same": File(b"1"), "gone": File(b"1"), "mode": File(b"1"), "bytes": File(b"1")}
    after = {"same": File(b"1"), "new": File(b"1"), "mode": File(b"1", executable=True), "bytes": File(b"2")}
    assert changed_paths(before, after) == ("bytes", "gone", "mode", "new")


def test_only_leaves_out_what_is_absent() -> None:
    assert only({"a": File(b"1"), "b": File(b"2")}, ["b", "c"]) == {"b": File(b"2")}


@pytest.mark.parametrize(
    ("probability", "a", "b", "expected"),
    [
        (0.5, 1, 1, 0.5),
        (0.025, 1, 1, 0.025),
        (0.5, 2, 1, 0.5**0.5),
        (0.025, 1, 10, 1 - 0.975 ** (1 / 10)),
        (0.975, 10, 1, 0.975 ** (1 / 10)),
        (0.5, 2, 2, 0.5),
        (0.05, 2, 2, 0.1353503622),
        (0.975, 6, 16, 0.4716598277),
    ],
)
def test_quantiles_of_beta_are_the_known_ones(probability: float, a: int, b: int, expected: float) -> None:
    assert beta_quantile(probability, a, b) == pytest.approx(expected, abs=1e-8)


def test_a_score_shrinks_a_small_sample_towards_one_half() -> None:
    assert (Score(1, 1).mean, Score(60, 60).mean) == (2 / 3, 61 / 62)


def test_nothing_attempted_is_known_not_at_all() -> None:
    score = Score(0, 0)
    assert (score.mean, score.share) == (0.5, 0.0)
    assert (score.low, score.high) == pytest.approx((0.025, 0.975), abs=1e-8)


@pytest.mark.parametrize(("resolved", "attempted"), [(-1, 0), (2, 1)])
def test_an_impossible_score_is_refused(resolved: int, attempted: int) -> None:
    with pytest.raises(ValueError, match="resolved of"):
        Score(resolved, attempted)


def test_every_verdict_counts_as_attempted_and_one_as_resolved() -> None:
    outcomes = [outcome(f"task-{number}", verdict) for number, verdict in enumerate(Verdict)]
    assert score_of(outcomes) == Score(1, len(Verdict))


def test_an_agent_that_resolved_nothing_ranks_above_one_that_was_not_measured() -> None:
    assert Score(0, 60).rank() > Score(0, 0).rank()


def test_agents_rank_by_the_lower_end_unless_another_quantile_is_given() -> None:
    lucky, proven = Score(3, 3), Score(40, 60)
    assert (proven.rank() > lucky.rank(), proven.rank(0.5) > lucky.rank(0.5)) == (True, False)


def test_measurements_are_a_task_and_a_trial_each_and_what_is_flagged_is_not_resolved() -> None:
    found = [outcome("ant"), outcome("ant", Verdict.TIMED_OUT, trial=1), outcome("bee", flags=("It ended early.",))]
    assert resolved_by_measurement(found) == {("ant", 0): True, ("ant", 1): False, ("bee", 0): False}


FIRST, SECOND = (
    Stage(tuple(outcome(f"task-{number}").task for number in numbers), above=above)
    for numbers, above in (((0, 1), 0.9), ((2, 3), 0.4))
)


def done(*verdicts: bool) -> dict[Measurement, bool]:
    return {(TaskId(f"task-{number}"), 0): resolved for number, resolved in enumerate(verdicts)}


def test_the_first_stage_is_due_whatever_its_threshold() -> None:
    assert due_measurements([FIRST, SECOND], {}, trials=1, all_stages=False) == [("task-0", 0), ("task-1", 0)]


def test_a_stage_is_due_trial_by_trial_within_a_task() -> None:
    due = due_measurements([FIRST], done(True), trials=2, all_stages=False)
    assert due == [("task-0", 1), ("task-1", 0), ("task-1", 1)]


def test_an_agent_above_the_threshold_earns_the_next_stage() -> None:
    due = due_measurements([FIRST, SECOND], done(True, False), trials=1, all_stages=False)
    assert due == [("task-2", 0), ("task-3", 0)]


def test_an_agent_at_the_threshold_does_not_earn_the_next_stage() -> None:
    half = Stage(SECOND.tasks, above=0.5)
    assert due_measurements([FIRST, half], done(True, False), trials=1, all_stages=False) == []


def test_the_seed_agent_is_measured_on_all_stages() -> None:
    due = due_measurements([FIRST, SECOND], done(False, False), trials=1, all_stages=True)
    assert due == [("task-2", 0), ("task-3", 0)]


def test_a_fully_measured_agent_has_nothing_due() -> None:
    assert due_measurements([FIRST, SECOND], done(*[True] * 4), trials=1, all_stages=False) == []
