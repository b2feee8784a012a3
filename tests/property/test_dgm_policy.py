"""The paper's policy on any archive."""

import math
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Evaluate, Expand
from dgm.core.policies.dgm import DgmPolicy, parent_weights
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

scores = st.integers(0, 12).flatmap(lambda attempted: st.tuples(st.integers(0, attempted), st.just(attempted)))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 500)), min_size=1, max_size=50))
def test_weights_are_chances_that_sum_to_one(drawn: list[tuple[float, int]]) -> None:
    weights = parent_weights(np.array([score for score, _ in drawn]), np.array([children for _, children in drawn]))
    assert math.isclose(weights.sum(), 1.0)
    assert ((weights > 0.0) & (weights <= 1.0)).all()


@given(st.floats(0, 0.99), st.integers(0, 20), st.floats(0.05, 0.95))
def test_a_higher_score_weighs_more_and_more_children_weigh_less(score: float, children: int, midpoint: float) -> None:
    base, better, prolific = parent_weights(
        np.array([score, score + 0.01, score]), np.array([children, children, children + 1]), midpoint=midpoint
    )
    assert better > base > prolific


def test_the_weights_are_the_papers_figures() -> None:
    # Posterior means 6/14 and 9/14; sigmoid(10 (a - 0.5)) is 0.3287 and 0.8067; one child halves the second.
    weights = parent_weights(np.array([6 / 14, 9 / 14]), np.array([0, 1]))
    assert [round(float(weight), 4) for weight in weights] == [0.4490, 0.5510]


def test_what_is_due_is_measured_before_anything_is_expanded() -> None:
    assert DgmPolicy().next_action(view_of([Member(1, 3)]), Random(1)) == Evaluate(agent_id_of(0), TASKS[3], 0)


def test_what_is_in_flight_is_not_measured_twice() -> None:
    view = view_of([Member(1, 3)], in_flight=[Evaluate(agent_id_of(0), TASKS[3], 0)])
    assert DgmPolicy().next_action(view, Random(1)) == Evaluate(agent_id_of(0), TASKS[4], 0)


def test_nothing_is_expanded_before_the_seed_agent_is_measured() -> None:
    view = view_of([Member(1, 11)], in_flight=[Evaluate(agent_id_of(0), TASKS[11], 0)])
    assert DgmPolicy().next_action(view, Random(1)) is None


def test_an_agent_that_resolved_everything_is_no_parent() -> None:
    """The public code crashes when a parent has nothing unresolved."""
    view = view_of([Member(12, 12), Member(1, 12)])
    chosen = {DgmPolicy().next_action(view, Random(number)) for number in range(50)}
    assert chosen == {Expand(agent_id_of(1), step=2)}


def test_an_agent_that_edited_nothing_is_no_parent() -> None:
    view = view_of([Member(0, 12, edited=False), Member(1, 12)])
    chosen = {DgmPolicy().next_action(view, Random(number)) for number in range(50)}
    assert chosen == {Expand(agent_id_of(1), step=2)}


def test_steps_in_flight_count_towards_the_children_that_are_wanted() -> None:
    busy = [Expand(agent_id_of(0), step=1)]
    assert DgmPolicy().next_action(view_of([Member(1, 12)], goal_of(children=1), in_flight=busy), Random(1)) is None
    chosen = DgmPolicy().next_action(view_of([Member(1, 12)], goal_of(children=2), in_flight=busy), Random(1))
    assert chosen == Expand(agent_id_of(0), step=2)


def test_parallel_steps_spread() -> None:
    alike = [Member(6, 12), Member(6, 12)]
    busy = [Expand(agent_id_of(1), step=number) for number in range(2, 12)]
    draws = [DgmPolicy().next_action(view_of(alike, in_flight=busy), Random(number)) for number in range(300)]
    from_the_idle_one = sum(isinstance(draw, Expand) and draw.parent == agent_id_of(0) for draw in draws)
    assert from_the_idle_one > 230  # 1/2 to 1/11, of which the seed agent has a child: 85 %


@settings(deadline=None)
@given(st.lists(scores, min_size=1, max_size=20), st.integers(0, 30), st.integers(0, 10**6))
def test_it_never_fails_and_only_names_what_is_possible(drawn: list[tuple[int, int]], wanted: int, seed: int) -> None:
    members = [Member(resolved, attempted) for resolved, attempted in drawn]
    view = view_of(members, goal_of(children=wanted))
    match DgmPolicy().next_action(view, Random(seed)):
        case Evaluate(agent=agent, task=task):
            assert (task, 0) not in view.done(view.number(agent))
        case Expand(parent=parent):
            assert members[view.number(parent)].resolved < members[view.number(parent)].attempted
            assert len(members) - 1 < wanted
        case None:
            assert view.settled.all()
