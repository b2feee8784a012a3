"""The Huxley-Gödel Machine: the figures, worked out by hand."""

from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.ids import AgentId
from dgm.core.policies.auto import AutoPolicy
from dgm.core.policies.hgm import HgmPolicy, evaluation_budget, sharpness
from dgm.core.posterior import leading
from dgm.core.scores import Score
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView
from tests.fakes.searches import Search, World
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

SHORT_FIRST = (Stage(TASKS[:2], above=0.0), Stage(TASKS[2:], above=0.4))


def choices(view: ArchiveView, *, times: int = 100) -> list[Action | None]:
    return [HgmPolicy().next_action(view, Random(number)) for number in range(times)]


def parents(view: ArchiveView, *, times: int = 100) -> list[int]:
    return [view.number(action.parent) for action in choices(view, times=times) if isinstance(action, Expand)]


def evaluated(view: ArchiveView, *, times: int = 100) -> list[int]:
    return [view.number(action.agent) for action in choices(view, times=times) if isinstance(action, Evaluate)]


# The start


def test_the_seed_agent_is_measured_on_the_first_stage_before_anything_else() -> None:
    view = view_of([Member(0, 1)], goal_of(stages=SHORT_FIRST))
    assert set(choices(view)) == {Evaluate(agent_id_of(0), TASKS[1], 0)}


def test_nothing_is_begun_before_the_seed_agents_first_stage_is_there() -> None:
    view = view_of([Member(0, 1)], goal_of(stages=SHORT_FIRST), in_flight=[Evaluate(agent_id_of(0), TASKS[1], 0)])
    assert set(choices(view)) == {None}


def test_the_first_five_steps_are_the_seed_agents_whatever_its_clade() -> None:
    # After four steps; one of the two with the better clades would be drawn otherwise.
    members = [Member(0, 12), Member(11, 12), Member(11, 12, parent=1), Member(0, 0), Member(0, 0)]
    assert set(choices(view_of(members))) == {Expand(agent_id_of(0), step=5)}


def test_from_the_sixth_step_on_clades_decide() -> None:
    members = [Member(0, 12), Member(10, 12), *(Member(0, 12) for _ in range(4))]
    assert parents(view_of(members, goal_of(evaluations=10_000))).count(1) > 90


def test_a_seed_agent_that_resolved_the_first_stage_is_measured_on() -> None:
    view = view_of([Member(2, 2)], goal_of(stages=SHORT_FIRST))
    assert set(choices(view)) == {Evaluate(agent_id_of(0), task, 0) for task in TASKS[2:]}


# Expand or evaluate


@pytest.mark.parametrize(("measured", "expands"), [(31, False), (32, True), (33, True)])
def test_it_expands_from_n_to_the_0_6_as_large_as_the_tree_on(measured: int, expands: bool) -> None:
    # Eight agents: 32^0.6 = 8 exactly.
    attempts = [8, 8, 8, measured - 27, 1, 1, 1, 0]
    view = view_of([Member(0, count) for count in attempts], goal_of(tasks=12, stages=SHORT_FIRST))
    assert {isinstance(action, Expand) for action in choices(view)} == {expands}


def test_agents_that_are_being_made_count_as_agents() -> None:
    attempts = [8, 8, 8, 5, 1, 1, 1, 0]
    busy = [Expand(agent_id_of(0), step=8)]
    view = view_of([Member(0, count) for count in attempts], goal_of(stages=SHORT_FIRST), in_flight=busy)
    assert {type(action) for action in choices(view)} == {Evaluate}


def test_evaluations_in_flight_do_not_count_as_done() -> None:
    attempts = [8, 8, 8, 4, 1, 1, 1, 0]
    busy = [Evaluate(agent_id_of(7), TASKS[number], 0) for number in range(3)]
    view = view_of([Member(0, count) for count in attempts], goal_of(stages=SHORT_FIRST), in_flight=busy)
    assert {type(action) for action in choices(view)} == {Evaluate}


# Which agent


def test_a_parent_is_as_good_as_its_clade() -> None:
    # Agent 1 is the best of three and its clade the worst; agent 2 has children that are good, but no parents.
    members = [Member(1, 12), Member(8, 12), Member(3, 12), *(Member(0, 12, parent=1) for _ in range(3))]
    members += [Member(10, 12, parent=2, edited=False) for _ in range(3)]
    assert parents(view_of(members, goal_of(evaluations=100_000))).count(2) > 95


def test_what_is_measured_is_chosen_by_the_agents_own_results() -> None:
    # Agent 1 is the best one and its clade the worst, as above; 96^0.6 = 15.5 is too little for 16 agents.
    members = [Member(1, 6), Member(6, 6), Member(2, 6), *(Member(0, 6, parent=1) for _ in range(3))]
    members += [Member(2, 6, parent=2) for _ in range(10)]
    drawn = evaluated(view_of(members, goal_of(stages=SHORT_FIRST, evaluations=100_000)))
    assert drawn.count(1) > 75


def test_an_agent_without_evidence_is_no_parent_however_good_its_clade() -> None:
    members = [Member(0, 12), Member(12, 12), *(Member(10, 12, parent=1, edited=False) for _ in range(5))]
    assert set(parents(view_of(members, goal_of(evaluations=10_000)))) == {0}


def test_choices_become_greedy_as_the_budget_is_used_up() -> None:
    members = [Member(2, 12), Member(6, 12), Member(5, 12), *(Member(0, 12) for _ in range(4))]
    early = parents(view_of(members, goal_of(evaluations=100_000)))
    late = parents(view_of(members, goal_of(evaluations=85)))  # one is left: tau is 85
    assert (early.count(1) < 75, late.count(1) > 95) == (True, True)


def test_evaluations_in_flight_do_not_pile_on_one_agent() -> None:
    # Seven agents are too many for 24 results. Of the two that are alike, one is being measured six times.
    members = [Member(0, 8), Member(2, 2), Member(2, 2), *(Member(0, 3) for _ in range(4))]
    busy = [Evaluate(agent_id_of(1), TASKS[number], 0) for number in range(2, 8)]
    drawn = evaluated(view_of(members, goal_of(stages=SHORT_FIRST, evaluations=80), in_flight=busy))
    assert drawn.count(2) > 10 * drawn.count(1)


def test_tasks_come_stage_by_stage_and_within_a_stage_by_chance() -> None:
    stages = (Stage(TASKS[:4], above=0.0), Stage(TASKS[4:], above=0.4))
    members = [Member(0, 4), *(Member(0, 3) for _ in range(6))]
    # The last one's first measurement is in flight; three of the first stage are left.
    busy = [Evaluate(agent_id_of(7), TASKS[0], 0)]
    view = view_of([*members, Member(0, 0)], goal_of(stages=stages), in_flight=busy)
    drawn = [action.task for action in choices(view) if isinstance(action, Evaluate) and action.agent == agent_id_of(7)]
    assert set(drawn) == set(TASKS[1:4])


# tau


def test_tau_is_the_budget_by_what_is_left_of_it() -> None:
    view = view_of([Member(3, 10)], goal_of(evaluations=800), in_flight=[Evaluate(agent_id_of(0), TASKS[10], 0)])
    assert sharpness(view) == 800 / 789


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_tau_is_positive_also_when_more_was_measured_than_the_budget(
    budget: int, first: int, second: int, in_flight: int
) -> None:
    """Defect 7 of the public code: tau is negative when N > B."""
    busy = [Evaluate(agent_id_of(2), TASKS[number], 0) for number in range(in_flight)]
    view = view_of([Member(0, first), Member(0, second), Member(0, 0)], goal_of(evaluations=budget), in_flight=busy)
    assert 1.0 <= sharpness(view) <= budget


def test_without_a_bound_the_budget_is_what_the_children_take() -> None:
    # 55 agents are reached at 55^(5/3) = 795.4 evaluations; the paper takes 800. The first stage is 2 tasks.
    assert evaluation_budget(goal_of(children=54, stages=SHORT_FIRST)) == 796 + 2


@given(st.integers(1, 100))
def test_as_many_evaluations_as_a_pace_needs_are_told_exactly_at_cubes_too(agents: int) -> None:
    for pace in (HgmPolicy.pace, AutoPolicy.pace):
        assert pace.evaluations_for(agents) == next(n for n in count() if pace.allows(agents, after=n))


@pytest.mark.parametrize(("agents", "evaluations"), [(1, 1), (8, 32), (27, 243), (64, 1024), (10**9, 10**15)])
def test_the_papers_pace_needs_whole_numbers_at_cubes(agents: int, evaluations: int) -> None:
    assert HgmPolicy.pace.evaluations_for(agents) == evaluations


@pytest.mark.parametrize("policy", [HgmPolicy(), AutoPolicy()])
def test_where_no_children_are_wanted_the_seed_agent_is_measured_on_everything(policy: HgmPolicy) -> None:
    goal = goal_of(stages=SHORT_FIRST, children=0, trials=2)
    view = Search(policy, goal, World(seed=2), workers=3).play()
    assert (len(view), view.evaluations) == (1, 24)


def test_the_runs_bound_is_the_budget() -> None:
    assert evaluation_budget(goal_of(children=54, evaluations=123)) == 123


# The end


@pytest.mark.parametrize("workers", [1, 7])
def test_it_ends_with_the_children_wanted_and_the_budget_used_up(workers: int) -> None:
    """Defect 7 of the public code: 80,000 queued jobs leave a tail of half an hour."""
    goal = goal_of(stages=SHORT_FIRST, children=9)
    view = Search(HgmPolicy(), goal, World(seed=2, resolves=0.4), workers).play()
    assert (len(view), view.evaluations) == (10, evaluation_budget(goal))


def test_it_ends_where_everything_is_measured() -> None:
    view = Search(
        HgmPolicy(), goal_of(tasks=3, children=4, evaluations=500), World(seed=2, edits=1.0), workers=2
    ).play()
    assert (len(view), view.evaluations) == (5, 15)


def test_where_nothing_is_left_to_measure_it_expands_although_the_tree_is_large() -> None:
    # 9 results of 3 agents, and 9^0.6 = 3.7 allows 3; six steps are in flight.
    busy = [Expand(agent_id_of(0), step=number) for number in range(3, 9)]
    view = view_of([Member(0, 3)] * 3, goal_of(tasks=3), in_flight=busy)
    assert {type(action) for action in choices(view)} == {Expand}


def test_where_no_agent_can_be_a_parent_it_measures_beyond_the_budget() -> None:
    view = view_of([Member(0, 5, edited=False)], goal_of(stages=SHORT_FIRST, children=1))
    assert evaluation_budget(view.goal) == 6
    view.begin(Evaluate(agent_id_of(0), TASKS[5], 0))
    assert set(choices(view)) == {Evaluate(agent_id_of(0), task, 0) for task in TASKS[6:]}


# The final agent: what `dgm best --percentile 1` takes


def final_agent(scores: dict[AgentId, Score]) -> AgentId:
    (found,) = leading(scores, percentile=1, count=1)
    return found


def test_the_final_agent_is_the_one_that_is_good_for_sure() -> None:
    """Defects 1 and 7 of the public code: DGM sorts the wrong way round and picks the worst, HGM picks none."""
    lucky, proven, bad = AgentId("a"), AgentId("b"), AgentId("c")
    assert final_agent({lucky: Score(3, 3), proven: Score(40, 60), bad: Score(0, 60)}) == proven


def test_the_final_agent_is_measured() -> None:
    # The 1st percentile of one that failed at 60 tasks lies below that of nothing at all, 0.01.
    assert final_agent({AgentId("a"): Score(0, 0), AgentId("b"): Score(0, 60)}) == AgentId("b")


def test_of_equals_the_older_one_is_the_final_agent() -> None:
    assert final_agent({AgentId("b"): Score(1, 2), AgentId("a"): Score(1, 2)}) == AgentId("b")
