"""Policies that look at next to nothing, and those that keep agents which differ: shares worked out by hand."""

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Action, Expand
from dgm.core.outcomes import Measured
from dgm.core.policies import POLICIES
from dgm.core.policies.pareto import titles
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

DRAWS = 1_000
TOLERANCE = 0.05  # more than three standard deviations of a share of so many draws


def shares(name: str, view: ArchiveView) -> list[float]:
    """Return the share of the draws in which each agent is the parent."""
    chosen: Counter[Action | None] = Counter(POLICIES[name]().next_action(view, Random(n)) for n in range(DRAWS))
    parents = Counter(action.parent for action in chosen.elements() if isinstance(action, Expand))
    return [parents[view.agent(number).id] / DRAWS for number in range(len(view))]


def approximately(*expected: float) -> object:
    return pytest.approx(expected, abs=TOLERANCE)


def resolving(*tasks: set[int]) -> ArchiveView:
    """Return an archive of agents that were measured on six tasks, and resolved those."""
    view = view_of([Member(0, 0)] * len(tasks), goal_of(tasks=6))
    for number, resolved in enumerate(tasks):
        for task in range(6):
            found = Measured((TASKS[task], 0), task in resolved, True, tokens=1, cost_usd=0.0, changed_lines=1)
            view.add_measured(agent_id_of(number), found)
    return view


# Random, and in proportion to the score


def test_random_gives_every_agent_the_same_chance() -> None:
    view = view_of([Member(0, 12), Member(11, 12), Member(5, 12)], in_flight=[Expand(agent_id_of(0), step=3)])
    assert shares("random", view) == approximately(1 / 3, 1 / 3, 1 / 3)


def test_score_proportional_goes_by_the_posterior_mean() -> None:
    # 1/14, 4/14 and 9/14.
    view = view_of([Member(0, 12), Member(3, 12), Member(8, 12)])
    assert shares("score-proportional", view) == approximately(1 / 14, 4 / 14, 9 / 14)


def test_score_proportional_shares_a_weight_among_the_steps_in_flight() -> None:
    # 5/14 halved by one step in flight, beside 5/14.
    view = view_of([Member(4, 12), Member(4, 12)], in_flight=[Expand(agent_id_of(1), step=2)])
    assert shares("score-proportional", view) == approximately(2 / 3, 1 / 3)


# Pareto


def test_an_agent_that_alone_resolves_a_task_is_kept_in_play() -> None:
    # Tasks 0 to 3 are resolved by the second and the third, half each; task 5 by the first alone.
    view = resolving({5}, {0, 1, 2, 3}, {0, 1, 2, 3}, {0})
    # Task 0 is shared by three: 4 titles in tasks 0 to 3 and one in task 5.
    held = np.array([1.0, 3 / 2 + 1 / 3, 3 / 2 + 1 / 3, 1 / 3])
    assert titles(view.wins).tolist() == pytest.approx(held, abs=1e-6)
    assert shares("pareto", view) == approximately(*(held / 5.0))


def test_with_trials_the_best_at_a_task_is_who_resolved_it_most_often() -> None:
    assert titles(np.array([[2, 0, 1], [1, 0, 1]], np.int16)).tolist() == [1.5, 0.5]


def test_where_nobody_resolved_anything_all_are_alike() -> None:
    assert shares("pareto", resolving(set(), set())) == approximately(1 / 2, 1 / 2)


def test_an_agent_that_can_be_no_parent_takes_no_title_from_others() -> None:
    # The first one resolved everything.
    view = resolving({0, 1, 2, 3, 4, 5}, {0}, {1})
    assert shares("pareto", view) == approximately(0, 1 / 2, 1 / 2)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=12))
def test_every_task_that_was_resolved_is_one_title(wins: list[list[int]]) -> None:
    held = titles(np.array(wins, np.int16))
    resolved = sum(any(row[task] for row in wins) for task in range(4))
    assert held.sum() == pytest.approx(resolved or len(wins), abs=1e-5)


# MAP-Elites

THRIFTY, WASTEFUL = 1_000, 50_000  # tokens per task


def test_cells_have_the_same_chance_and_each_the_best_agent_in_it() -> None:
    members = [
        Member(1, 12, tokens=THRIFTY),
        Member(9, 12, tokens=THRIFTY),
        Member(2, 12, tokens=WASTEFUL),
        Member(0, 12, tokens=WASTEFUL),
        Member(1, 12, tokens=WASTEFUL, changed_lines=200),
    ]
    assert shares("map-elites", view_of(members)) == approximately(0, 1 / 3, 1 / 3, 0, 1 / 3)


def test_of_equals_in_a_cell_the_oldest_is_its_elite() -> None:
    assert shares("map-elites", view_of([Member(3, 12), Member(3, 12)])) == [1.0, 0.0]


def test_cells_without_steps_in_flight_come_first() -> None:
    members = [Member(1, 12), Member(1, 12, tokens=WASTEFUL), Member(2, 12, tokens=WASTEFUL)]
    # A step of the wasteful cell's other agent keeps the cell busy.
    view = view_of(members, in_flight=[Expand(agent_id_of(1), step=3)])
    assert shares("map-elites", view) == [1.0, 0.0, 0.0]


def test_behaviour_is_taken_per_task() -> None:
    # 12 tasks of 1,000 tokens are as thrifty as 2 of 1,000, and a mean of 2/4 is more than one of 4/14.
    stages = (Stage(TASKS[:2], above=0.0), Stage(TASKS[2:], above=0.5))
    view = view_of([Member(3, 12), Member(1, 2)], goal_of(stages=stages))
    assert shares("map-elites", view) == [0.0, 1.0]
