"""The policy of our own: what it changes of hgm."""

from collections import Counter
from random import Random

import pytest

from dgm.core.actions import Evaluate, Expand
from dgm.core.ids import AgentId
from dgm.core.policies.auto import AutoPolicy
from dgm.core.policies.hgm import HgmPolicy
from tests.fakes.views import Member, agent_id_of, goal_of, view_of

SEED = Member(1, 12)


@pytest.mark.parametrize(("children", "kind"), [(7, Expand), (8, Evaluate)])
def test_it_expands_while_the_evaluations_to_the_power_of_three_quarters_are_as_many_as_the_agents(
    children: int, kind: type
) -> None:
    # 12 + 4 evaluations: 16^0.75 = 8.
    members = [SEED, *[Member(1, 2)] * 2, *[Member(0, 0)] * (children - 2)]
    view = view_of(members, goal_of(children=99, evaluations=800))
    assert isinstance(AutoPolicy().next_action(view, Random(1)), kind)


def parents(policy: HgmPolicy, members: list[Member]) -> Counter[AgentId]:
    view = view_of(members, goal_of(children=99, evaluations=800))
    chosen = [policy.next_action(view, Random(number)) for number in range(300)]
    return Counter(action.parent for action in chosen if isinstance(action, Expand))


def test_an_agent_that_is_better_than_its_clade_is_chosen_more_often_than_by_hgm() -> None:
    """Its children failed, so that its clade is as bad as the other one; it is itself the best there is."""
    good_with_bad_children = [Member(9, 12), Member(0, 6, parent=1), Member(0, 6, parent=1)]
    members = [SEED, *good_with_bad_children, Member(4, 12), *[Member(1, 2)] * 3]
    good = agent_id_of(1)
    assert parents(AutoPolicy(), members)[good] > 2 * parents(HgmPolicy(), members)[good]


def test_when_all_children_are_there_it_measures_them_with_what_is_left() -> None:
    # 8 agents wanted, of which 16^0.75 = 8 are there after 16 evaluations; hgm's budget for them is 8^(5/3) = 32 + 12.
    grown = view_of([SEED, *[Member(1, 2)] * 2, *[Member(0, 0)] * 5], goal_of(children=7))
    assert isinstance(AutoPolicy().next_action(grown, Random(1)), Evaluate)
    spent = view_of([SEED, *[Member(1, 6)] * 5, Member(0, 3), Member(0, 0)], goal_of(children=7))
    assert spent.evaluations == 45
    assert AutoPolicy().next_action(spent, Random(1)) is None
