"""What policies see against brute force: sums of clades, and a view made anew of the same facts."""

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Evaluate, Expand
from dgm.core.agents import Agent, AgentTree
from dgm.core.columns import Column
from dgm.core.ids import TaskId
from dgm.core.outcomes import Measured
from dgm.core.policies import POLICIES
from dgm.core.stages import Stage
from dgm.core.view import ArchiveView
from tests.fakes.searches import Search, World, all_policies
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

STAGES = (Stage(TASKS[:3], above=0.0), Stage(TASKS[3:7], above=0.4), Stage(TASKS[7:9], above=0.4, top=2))
OWN = ["resolved", "attempted", "means", "tokens", "cost_usd", "changed_lines", "wins", "with_evidence"]
OTHERS = ["clade_resolved", "clade_attempted", "children", "expanding", "evaluating", "settled", "with_untried"]
SUMS = ["evaluations", "evaluations_in_flight", "evaluations_left", "steps_done", "steps_in_flight", "wants_children"]


def found(task: int, *, resolved: bool, trial: int = 0) -> Measured:
    return Measured((TASKS[task], trial), resolved=resolved, edited=True, tokens=10, cost_usd=0.5, changed_lines=2)


def recounted(view: ArchiveView) -> tuple[list[int], list[int]]:
    """Return the resolved and the attempted measurements of each agent's clade, from its members' own results."""
    agents = [view.agent(number) for number in range(len(view))]
    tree = AgentTree(agents)
    clades = [[view.done(view.number(member)).values() for member in tree.clade(agent.id)] for agent in agents]
    return [sum(map(sum, clade)) for clade in clades], [sum(map(len, clade)) for clade in clades]


def clades(view: ArchiveView) -> tuple[list[int], list[int]]:
    return view.clade_resolved.tolist(), view.clade_attempted.tolist()


def test_clade_sums_equal_a_recount_after_ten_thousand_random_operations() -> None:
    """Defect 6 of the public code: descendants' results are appended to an agent's own at every decision."""
    random = Random(6)
    tasks = tuple(TaskId(f"task-{number}") for number in range(400))
    view = ArchiveView(goal_of(stages=(Stage(tasks, above=0.0),)))
    view.add_agent(Agent(agent_id_of(0), (), 0, step=0, created_at=0.0))
    reads = 0
    for _ in range(10_000):
        chance, number = random.random(), random.randrange(len(view))
        if chance < 0.03:  # an agent
            parent = view.agent(number)
            view.add_agent(Agent(agent_id_of(len(view)), (parent.id,), parent.generation + 1, len(view), 0.0))
        elif chance < 0.035:  # a look, after few results or after many
            assert clades(view) == recounted(view)
            reads += 1
        elif (task := view.untried(number)) is not None:
            view.add_measured(agent_id_of(number), Measured(task, random.random() < 0.5, True, 1, 0.0, 1))
    assert (len(view) > 200, view.evaluations > 9_000, reads > 30) == (True, True, True)
    assert clades(view) == recounted(view)


def test_looking_at_clades_does_not_change_them() -> None:
    """Defect 6 of the public code: after 800 evaluations agents hold 13,000 results."""
    view = view_of([Member(1, 2), Member(2, 3, parent=0), Member(0, 4, parent=1)])
    assert [clades(view) for _ in range(3)] == [([3, 2, 0], [9, 7, 4])] * 3
    assert (view.resolved.tolist(), view.attempted.tolist()) == ([1, 2, 0], [2, 3, 4])


def test_many_results_between_two_looks_are_all_in_the_clades() -> None:
    members = [Member(3, 12), *(Member(2, 12, parent=number) for number in range(20))]
    view = view_of(members)
    assert clades(view)[0] == [43, *range(40, 0, -2)]


@settings(max_examples=25, deadline=None)
@given(
    st.builds(World, st.integers(0, 10**6), st.floats(0, 1), st.floats(0, 1), st.floats(0.2, 1)),
    st.sampled_from(sorted(POLICIES)),
    st.integers(1, 6),
    st.integers(0, 120),
)
def test_a_view_equals_one_that_is_made_anew_of_the_same_facts(
    world: World, name: str, workers: int, actions: int
) -> None:
    goal = goal_of(stages=STAGES, trials=2, children=6, evaluations=90)
    search = Search(POLICIES[name](), goal, world, workers)
    search.play(actions=actions)
    search.fill_workers()
    one, other = search.view, search.rebuilt()
    assert [name for name in OWN + OTHERS if not np.array_equal(getattr(one, name), getattr(other, name))] == []
    assert [name for name in SUMS if getattr(one, name) != getattr(other, name)] == []
    assert one.leaders(2) == other.leaders(2)
    for number in range(len(one)):
        assert list(one.done(number).items()) == list(other.done(number).items())
        assert (one.due(number), one.untried(number)) == (other.due(number), other.untried(number))
    for policy in all_policies().values():
        assert policy.next_action(one, Random(3)) == policy.next_action(other, Random(3))


def test_what_selection_does_not_see_is_not_counted() -> None:
    view = view_of([Member(1, 2)])
    hidden = Evaluate(agent_id_of(0), TaskId("held-out"), 0)
    view.begin(hidden)
    view.end_evaluation(hidden, Measured((hidden.task, 0), True, True, tokens=9, cost_usd=9.0, changed_lines=9))
    assert (view.evaluations, view.attempted[0], view.clade_resolved[0], view.tokens[0]) == (2, 2, 1, 2_000)
    assert view.evaluations_in_flight == 0


def test_trials_beyond_those_that_every_agent_has_are_no_wins() -> None:
    view = view_of([Member(1, 1)])
    view.add_measured(agent_id_of(0), found(0, resolved=True, trial=1))
    assert (view.wins[0, 0], view.resolved[0]) == (1, 2)


def test_wins_are_counted_by_task_in_the_order_of_the_stages() -> None:
    view = view_of([Member(2, 3)], goal_of(tasks=4))
    assert view.wins.tolist() == [[1, 1, 0, 0]]


def test_what_is_in_flight_is_not_untried() -> None:
    view = view_of([Member(0, 1)], goal_of(tasks=3), in_flight=[Evaluate(agent_id_of(0), TASKS[1], 0)])
    assert (view.untried(0), bool(view.with_untried[0])) == ((TASKS[2], 0), True)
    assert view.untried_in(view.goal.stages[0], 0) == [(TASKS[2], 0)]
    view.begin(Evaluate(agent_id_of(0), TASKS[2], 0))
    assert (view.untried(0), bool(view.with_untried[0])) == (None, False)


def test_an_agent_is_settled_with_its_last_result_and_not_before() -> None:
    last = Evaluate(agent_id_of(0), TASKS[2], 0)
    view = view_of([Member(1, 2)], goal_of(tasks=3), in_flight=[last])
    assert view.settled.tolist() == [False]
    view.end_evaluation(last, found(2, resolved=False))
    assert view.settled.tolist() == [True]


def test_a_rejected_step_uses_up_an_attempt_and_leaves_no_trace_on_the_parent() -> None:
    """Defect 7 of the public code: a counter of what is pending is not released on an error."""
    view, step = view_of([Member(1, 2)]), Expand(agent_id_of(0), step=1)
    view.begin(step)
    view.end_step(step, None)
    assert (view.steps_done, view.steps_in_flight, view.expanding[0], view.children[0]) == (1, 0, 0, 0)


def test_a_column_keeps_its_numbers_when_it_grows() -> None:
    column = Column(np.int64)
    for number in range(1_000):
        column.append()
        column.rows[number] = number
    assert column.rows.tolist() == list(range(1_000))
