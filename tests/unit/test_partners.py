"""Second parents of merges: who can be one, and when there is none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.ids import AgentId
from dgm.core.policies import POLICIES
from dgm.core.policies.partners import DRAWS, with_partner
from dgm.core.view import ArchiveView
from tests.fakes.views import TASKS, Member, agent_id_of, view_of

# 0 is the seed agent, 1 and 2 are its children, 3 is the child of 1.
MEMBERS = (Member(1, 4), Member(2, 4), Member(2, 4), Member(3, 4, parent=1))
PARENT = Expand(agent_id_of(1), step=4)


@dataclass
class Naming:
    """A policy that names what a test says, the last for ever after."""

    actions: Sequence[Action | None]
    asked: int = field(default=0)

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        del view, random
        self.asked += 1
        return self.actions[min(self.asked, len(self.actions)) - 1]


def expanding(*numbers: int) -> list[Action | None]:
    return [Expand(agent_id_of(number), step=4) for number in numbers]


def partner_of(action: Expand, answers: Sequence[Action | None], view: ArchiveView | None = None) -> AgentId | None:
    return with_partner(action, Naming(answers), view or view_of(MEMBERS), Random(0)).partner


def test_a_partner_is_the_first_draw_that_is_not_related() -> None:
    assert partner_of(PARENT, expanding(1, 0, 3, 2)) == agent_id_of(2)


@pytest.mark.parametrize("related", [0, 1, 3])
def test_an_expansion_stays_as_it_is_where_only_related_agents_are_drawn(related: int) -> None:
    policy = Naming(expanding(related))
    assert with_partner(PARENT, policy, view_of(MEMBERS), Random(0)) == PARENT
    assert policy.asked == DRAWS


def test_other_answers_of_the_policy_are_let_go() -> None:
    answers = [None, Evaluate(agent_id_of(2), TASKS[5], 0), *expanding(2)]
    assert partner_of(PARENT, answers) == agent_id_of(2)


def test_a_policy_that_only_measures_leaves_a_plain_expansion() -> None:
    assert partner_of(PARENT, [Evaluate(agent_id_of(2), TASKS[5], 0)]) is None


def test_the_editor_stays() -> None:
    action = Expand(agent_id_of(1), step=4, editor=agent_id_of(0))
    found = with_partner(action, Naming(expanding(2)), view_of(MEMBERS), Random(0))
    assert found == Expand(agent_id_of(1), step=4, editor=agent_id_of(0), partner=agent_id_of(2))


def test_second_parents_and_what_they_come_from_are_related() -> None:
    view = view_of(MEMBERS)
    child = Agent(AgentId("f" * 12), (agent_id_of(2), agent_id_of(3)), 2, step=9, created_at=0.0)
    view.add_agent(child)
    assert [partner_of(Expand(child.id, step=4), expanding(number), view) for number in (0, 1, 2, 3)] == [None] * 4
    assert partner_of(PARENT, [Expand(child.id, step=4)], view) is None


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_merges_agents_that_are_not_related_and_draws_the_same_again(name: str) -> None:
    # More than the five children that hgm begins with, none like another in what it costs and changes.
    children = [Member(6 + number % 4, 12, tokens=10**number, changed_lines=4**number) for number in range(6)]
    view = view_of([Member(0, 12), *children])
    policy = POLICIES[name]()
    found: list[Expand] = []
    for seed in range(30):
        random = Random(seed)
        action = policy.next_action(view, random)
        assert isinstance(action, Expand)
        state = random.getstate()
        merge = with_partner(action, policy, view, random)
        random.setstate(state)
        assert with_partner(action, policy, view, random) == merge
        found.append(merge)
    partners = [(merge.parent, merge.partner) for merge in found if merge.partner is not None]
    assert partners
    assert all(agent_id_of(0) not in pair and pair[0] != pair[1] for pair in partners)


def test_what_is_in_flight_does_not_keep_a_partner_from_being_found() -> None:
    in_flight = [Expand(agent_id_of(2), step=4), Evaluate(agent_id_of(2), TASKS[5], 0)]
    assert partner_of(PARENT, expanding(2), view_of(MEMBERS, in_flight=in_flight)) == agent_id_of(2)
