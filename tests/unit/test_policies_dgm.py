"""The adaptive midpoint of the Darwin Gödel Machine's parents."""

from collections import Counter
from random import Random

import pytest

from dgm.core.actions import Action, Expand
from dgm.core.policies.dgm import AdaptiveDgmPolicy, DgmPolicy
from tests.fakes.views import Member, agent_id_of, goal_of, view_of

DRAWS = 1_000


def shares(policy: DgmPolicy | AdaptiveDgmPolicy, members: list[Member]) -> list[float]:
    view = view_of(members, goal_of())
    chosen: Counter[Action | None] = Counter(policy.next_action(view, Random(n)) for n in range(DRAWS))
    parents = Counter(action.parent for action in chosen.elements() if isinstance(action, Expand))
    return [parents[agent_id_of(number)] / DRAWS for number in range(len(members))]


def test_the_midpoint_is_the_mean_of_the_three_best() -> None:
    # Posterior means 3/14, 10/14, 11/14, 12/14, the midpoint 11/14. The sigmoids are 0.0033, 0.3287, 0.5 and 0.6713,
    # the first one has three children: 0.0005, 0.2190, 0.3331, 0.4473 of their sum. With midpoint 0.5 they
    # would be 0.0048, 0.3166, 0.3345 and 0.3441.
    members = [Member(2, 12), Member(9, 12), Member(10, 12), Member(11, 12)]
    assert shares(AdaptiveDgmPolicy(), members) == pytest.approx([0.0005, 0.2190, 0.3331, 0.4473], abs=0.05)


def test_it_prefers_the_best_more_than_the_fixed_midpoint_where_all_are_good() -> None:
    members = [Member(8, 12), Member(9, 12), Member(10, 12), Member(11, 12)]
    assert shares(AdaptiveDgmPolicy(), members)[3] > shares(DgmPolicy(), members)[3] + 0.05


def test_the_midpoint_of_fewer_than_three_is_the_mean_of_them() -> None:
    # Means 6/14 and 10/14, the midpoint 8/14: sigmoids 0.1933 and 0.8067, the first one halved by its child.
    assert shares(AdaptiveDgmPolicy(), [Member(5, 12), Member(9, 12)]) == pytest.approx([0.107, 0.893], abs=0.03)
