"""The paper's ablations: what each of them leaves out."""

from random import Random

import pytest

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.policies.ablations import ABLATIONS
from dgm.core.policies.dgm import AdaptiveDgmPolicy, DgmPolicy
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView
from tests.fakes.searches import Search, World
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

SEED = agent_id_of(0)


def choices(ablation: str, view: ArchiveView, *, times: int = 60) -> list[Action | None]:
    policy = ABLATIONS[ablation](DgmPolicy())
    return [policy.next_action(view, Random(number)) for number in range(times)]


def test_without_self_improvement_the_seed_agent_edits_what_the_policy_chose() -> None:
    view = view_of([Member(2, 12), Member(5, 12), Member(4, 12)])
    chosen = [DgmPolicy().next_action(view, Random(number)) for number in range(60)]
    expected = [
        Expand(action.parent, action.step, editor=None if action.parent == SEED else SEED)
        for action in chosen
        if isinstance(action, Expand)
    ]
    assert choices("no-self-improve", view) == expected


def test_without_self_improvement_agents_are_measured_as_ever() -> None:
    assert set(choices("no-self-improve", view_of([Member(1, 3)]))) == {Evaluate(SEED, TASKS[3], 0)}


def test_without_open_endedness_the_parent_is_the_latest_agent_that_can_be_one() -> None:
    # The latest one edited nothing, the one before resolved everything.
    members = [Member(2, 12), Member(9, 12), Member(1, 12), Member(12, 12), Member(0, 12, edited=False)]
    assert set(choices("no-open-ended", view_of(members))) == {Expand(agent_id_of(2), step=5)}


def test_without_open_endedness_the_archive_of_one_worker_is_a_chain() -> None:
    policy = ABLATIONS["no-open-ended"](DgmPolicy())
    search = Search(
        policy, goal_of(tasks=4, children=9), World(seed=1, resolves=0.3, edits=1.0, accepts=1.0), workers=1
    )
    search.play()
    assert [agent.generation for agent in search.agents] == list(range(10))


def test_without_open_endedness_parallel_steps_start_from_the_same_agent() -> None:
    view = view_of([Member(2, 12), Member(1, 12)], in_flight=[Expand(agent_id_of(1), step=2)])
    assert set(choices("no-open-ended", view)) == {Expand(agent_id_of(1), step=3)}


def test_greed_takes_the_best_score_and_of_equals_the_older_one() -> None:
    view = view_of([Member(2, 12), Member(5, 12), Member(5, 12), Member(4, 12)])
    assert set(choices("greedy", view)) == {Expand(agent_id_of(1), step=4)}


def test_greed_does_not_take_a_lucky_few_for_the_best() -> None:
    # 1 of 2 is a mean of 1/2, 8 of 12 one of 9/14.
    stages = (Stage(TASKS[:2], above=0.0), Stage(TASKS[2:], above=0.5))
    view = view_of([Member(8, 12), Member(1, 2)], goal_of(stages=stages))
    assert set(choices("greedy", view)) == {Expand(SEED, step=2)}


def test_parallel_steps_of_greed_start_from_the_same_agent() -> None:
    view = view_of([Member(2, 12), Member(5, 12)], in_flight=[Expand(agent_id_of(1), step=2)])
    assert set(choices("greedy", view)) == {Expand(agent_id_of(1), step=3)}


@pytest.mark.parametrize("ablation", ["no-open-ended", "greedy"])
def test_what_replaces_the_choice_is_the_same_for_both_policies(ablation: str) -> None:
    view = view_of([Member(2, 12), Member(5, 12), Member(4, 12)])
    policy = ABLATIONS[ablation](AdaptiveDgmPolicy())
    assert [policy.next_action(view, Random(number)) for number in range(60)] == choices(ablation, view)
