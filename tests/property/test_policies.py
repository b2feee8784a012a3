"""Every policy on any archive, and played through to its end."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Action, Evaluate, Expand
from dgm.core.policies import POLICIES, Policy
from dgm.core.policies.hgm import HgmPolicy, evaluation_budget
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView, Goal
from tests.fakes.searches import Search, World, all_policies
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

POLICIES_BY_NAME = all_policies()
every_policy = pytest.mark.parametrize("policy", POLICIES_BY_NAME.values(), ids=POLICIES_BY_NAME.keys())

CHANCES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
WORLDS = st.builds(World, st.integers(0, 10**6), CHANCES, CHANCES, CHANCES)


@st.composite
def goals(draw: st.DrawFn) -> Goal:
    first = draw(st.integers(1, 6))
    second = first + draw(st.integers(1, 4))
    last = Stage(TASKS[second : second + draw(st.integers(1, 2))], 0.4, draw(st.none() | st.integers(1, 2)))
    stages = (Stage(TASKS[:first], 0.0), Stage(TASKS[first:second], 0.4), last)
    return goal_of(
        stages=stages[: draw(st.integers(1, 3))],
        trials=draw(st.integers(1, 2)),
        children=draw(st.integers(0, 8)),
        evaluations=draw(st.none() | st.integers(1, 60)),
    )


searches = settings(max_examples=12, deadline=None)


@dataclass
class Watched:
    """A policy whose every choice is checked for being possible."""

    policy: Policy

    def next_action(self, view: ArchiveView, random: Random) -> Action | None:
        action = self.policy.next_action(view, random)
        match action:
            case Evaluate(agent=agent, task=task, trial=trial):
                number = view.number(agent)
                assert (task, trial) not in view.done(number)
                assert trial < view.goal.trials
            case Expand(parent=parent, step=step):
                assert view.wants_children
                assert view.with_evidence[view.number(parent)]
                assert step == view.steps_done + view.steps_in_flight + 1
            case None:
                pass
        return action


def something_useful(policy: Policy, view: ArchiveView) -> bool:
    """Whether anything is left that the policy could have done with nothing in flight."""
    if view.evaluations_left <= 0:
        return False
    can_be_parents = view.with_evidence if isinstance(policy, HgmPolicy) else view.with_evidence & view.settled
    if view.wants_children and can_be_parents.any():
        return True
    if not isinstance(policy, HgmPolicy):
        return view.first_due() is not None
    overdrawn = view.evaluations >= evaluation_budget(view.goal)
    return bool(view.with_untried.any()) and (view.wants_children or not overdrawn)


@every_policy
@searches
@given(goal=goals(), world=WORLDS, workers=st.integers(1, 9))
def test_a_search_ends_and_only_when_nothing_useful_is_left(
    policy: Policy, goal: Goal, world: World, workers: int
) -> None:
    search = Search(Watched(policy), goal, world, workers)
    view = search.play(actions=5_000)
    assert not search.in_flight
    assert len(set(search.decisions)) == len(search.decisions)
    assert not something_useful(policy, view)


@every_policy
def test_all_children_come_where_steps_work(policy: Policy) -> None:
    search = Search(policy, goal_of(tasks=6, children=12), World(seed=5, edits=1.0, accepts=1.0), workers=4)
    assert len(search.play()) == 13


@every_policy
@pytest.mark.parametrize("workers", [1, 4])
def test_attempts_end_where_no_step_works(policy: Policy, workers: int) -> None:
    search = Search(policy, goal_of(tasks=6, children=4), World(seed=5, edits=1.0, accepts=0.0), workers)
    assert (len(search.play()), search.view.steps_done) == (1, 12)


@every_policy
def test_the_same_seed_makes_the_same_choices(policy: Policy) -> None:
    goal, world = goal_of(tasks=5, children=6), World(seed=11)
    first, second = Search(policy, goal, world, workers=3), Search(policy, goal, world, workers=3)
    first.play()
    second.play()
    assert first.decisions == second.decisions


@every_policy
def test_a_choice_hangs_on_the_random_that_is_given(policy: Policy) -> None:
    view = view_of([Member(3, 12), Member(4, 12), Member(5, 12, tokens=9_000), Member(2, 12, changed_lines=80)])
    chosen = [policy.next_action(view, Random(seed)) for seed in range(20)]
    assert chosen == [policy.next_action(view, Random(seed)) for seed in range(20)]


@every_policy
def test_nothing_resolved_is_something_to_learn_from(policy: Policy) -> None:
    view = view_of([Member(0, 12)])
    assert policy.next_action(view, Random(1)) == Expand(agent_id_of(0), step=1)


@every_policy
def test_an_archive_that_resolved_everything_has_no_parent(policy: Policy) -> None:
    """Defect 2 of the public code: a parent with nothing unresolved crashes the run."""
    view = view_of([Member(12, 12), Member(12, 12)])
    assert policy.next_action(view, Random(1)) is None


@every_policy
def test_an_agent_that_resolved_everything_is_no_parent_beside_others(policy: Policy) -> None:
    """Defect 2 of the public code, with a choice."""
    view = view_of([Member(2, 12), Member(12, 12)])
    chosen = [policy.next_action(view, Random(seed)) for seed in range(30)]
    assert {action.parent for action in chosen if isinstance(action, Expand)} == {agent_id_of(0)}
    assert None not in chosen


@every_policy
def test_a_new_seed_agent_is_measured(policy: Policy) -> None:
    assert policy.next_action(view_of([Member(0, 0)]), Random(1)) == Evaluate(agent_id_of(0), TASKS[0], 0)


@every_policy
def test_nothing_is_done_where_everything_is_in_flight(policy: Policy) -> None:
    in_flight = [Evaluate(agent_id_of(0), task, 0) for task in TASKS]
    assert policy.next_action(view_of([Member(0, 0)], in_flight=in_flight), Random(1)) is None


@every_policy
def test_nothing_is_expanded_where_all_the_steps_wanted_are_in_flight(policy: Policy) -> None:
    in_flight = [Expand(agent_id_of(0), step) for step in (1, 2)]
    view = view_of([Member(3, 12)], goal_of(children=2), in_flight=in_flight)
    assert policy.next_action(view, Random(1)) is None


@every_policy
def test_an_exhausted_bound_on_evaluations_is_no_error(policy: Policy) -> None:
    view = view_of([Member(6, 12), Member(1, 3)], goal_of(evaluations=15))
    policy.next_action(view, Random(1))  # the engine asks none any more


@every_policy
def test_no_worker_waits_for_another_ones_step(policy: Policy) -> None:
    """Defect 10 of the public code: rounds with a barrier, each as long as its slowest step."""
    view = view_of([Member(3, 12)], in_flight=[Expand(agent_id_of(0), step=1)])
    assert policy.next_action(view, Random(1)) == Expand(agent_id_of(0), step=2)


@pytest.mark.parametrize("name", POLICIES)
def test_every_name_makes_a_policy_without_arguments(name: str) -> None:
    """Defect 1 of the public code: a missing comma rejects two selection methods by name."""
    assert callable(POLICIES[name]().next_action)


@pytest.mark.parametrize("name", sorted({"dgm", "dgm-adaptive", "pareto", "score-proportional", "map-elites", "hgm"}))
def test_parallel_steps_spread(name: str) -> None:
    # 10 steps of one of two agents that are alike are in flight; their doublings differ, so each has its own cell.
    alike = [Member(6, 12), Member(6, 12, tokens=64_000)]
    busy = [Expand(agent_id_of(1), step=number) for number in range(2, 12)]
    view = view_of(alike, goal_of(evaluations=10_000), in_flight=busy)
    chosen = [POLICIES[name]().next_action(view, Random(seed)) for seed in range(100)]
    idle = sum(isinstance(action, Expand) and action.parent == agent_id_of(0) for action in chosen)
    assert idle > 70


@searches
@given(goal=goals(), world=WORLDS, workers=st.integers(1, 9), actions=st.integers(0, 80))
def test_no_array_of_the_view_is_changed_by_a_choice(goal: Goal, world: World, workers: int, actions: int) -> None:
    search = Search(POLICIES["random"](), goal, world, workers)
    view = search.play(actions=actions)
    columns = [view.resolved, view.attempted, view.clade_resolved, view.clade_attempted, view.children, view.expanding]
    before = [column.copy() for column in columns]
    for policy in POLICIES_BY_NAME.values():
        policy.next_action(view, Random(1))
    assert all(np.array_equal(one, other) for one, other in zip(before, columns, strict=True))
