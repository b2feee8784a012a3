"""The paper's policy on any archive."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dgm.core.actions import Evaluate, Expand
from dgm.core.agents import Agent
from dgm.core.ids import AgentId, SessionId, TaskId
from dgm.core.outcomes import Outcome, Verdict
from dgm.core.policies.dgm import DgmPolicy, parent_weights
from dgm.core.stages import Stage
from dgm.core.view import AgentState, ArchiveView

TASKS = tuple(TaskId(f"task-{number}") for number in range(12))


def outcome(number: int, *, resolved: bool, patch: str = "+x\n") -> Outcome:
    verdict = Verdict.RESOLVED if resolved else Verdict.UNRESOLVED
    return Outcome(TASKS[number], 0, verdict, "", seconds=1.0, session=SessionId("00001.1.agent"), patch=patch)


def state(number: int, *, resolved: int, attempted: int, children: int = 0, patch: str = "+x\n") -> AgentState:
    parents = () if number == 0 else (AgentId("agent-0"),)
    agent = Agent(AgentId(f"agent-{number}"), parents, generation=min(number, 1), step=number, created_at=0.0)
    outcomes = tuple(outcome(task, resolved=task < resolved, patch=patch) for task in range(attempted))
    return AgentState(agent, outcomes, children)


def view(
    *states: AgentState, tasks: int = 12, wanted: int = 99, in_flight: tuple[Evaluate | Expand, ...] = ()
) -> ArchiveView:
    return ArchiveView(
        agents=states,
        in_flight=in_flight,
        steps_done=len(states) - 1,
        stages=(Stage(TASKS[:tasks], above=0.0),),
        trials=1,
        children_wanted=wanted,
        steps_allowed=3 * wanted,
    )


scores = st.integers(0, 12).flatmap(lambda attempted: st.tuples(st.integers(0, attempted), st.just(attempted)))


@given(st.lists(st.tuples(scores, st.integers(0, 500)), min_size=1, max_size=50))
def test_weights_are_chances_that_sum_to_one(drawn: list[tuple[tuple[int, int], int]]) -> None:
    states = [
        state(number, resolved=resolved, attempted=attempted, children=children)
        for number, ((resolved, attempted), children) in enumerate(drawn)
    ]
    weights = parent_weights(states)
    assert math.isclose(sum(weights), 1.0)
    assert all(0.0 < weight <= 1.0 for weight in weights)


@given(st.integers(0, 11), st.integers(0, 20))
def test_a_higher_score_weighs_more_and_more_children_weigh_less(resolved: int, children: int) -> None:
    base = state(1, resolved=resolved, attempted=12, children=children)
    better = state(2, resolved=resolved + 1, attempted=12, children=children)
    prolific = state(3, resolved=resolved, attempted=12, children=children + 1)
    weights = parent_weights([base, better, prolific])
    assert weights[1] > weights[0] > weights[2]


def test_the_weights_are_the_papers_figures() -> None:
    # Posterior means 6/14 and 9/14; sigmoid(10 (a - 0.5)) is 0.3287 and 0.8067; one child halves the second.
    weights = parent_weights([state(0, resolved=5, attempted=12), state(1, resolved=8, attempted=12, children=1)])
    assert [round(weight, 4) for weight in weights] == [0.4490, 0.5510]


def test_what_is_due_is_measured_before_anything_is_expanded() -> None:
    chosen = DgmPolicy().next_action(view(state(0, resolved=1, attempted=3)), Random(1))
    assert chosen == Evaluate(AgentId("agent-0"), TASKS[3], 0)


def test_what_is_in_flight_is_not_measured_twice() -> None:
    busy = (Evaluate(AgentId("agent-0"), TASKS[3], 0),)
    chosen = DgmPolicy().next_action(view(state(0, resolved=1, attempted=3), in_flight=busy), Random(1))
    assert chosen == Evaluate(AgentId("agent-0"), TASKS[4], 0)


def test_nothing_is_expanded_before_the_seed_agent_is_measured() -> None:
    busy = (Evaluate(AgentId("agent-0"), TASKS[11], 0),)
    assert DgmPolicy().next_action(view(state(0, resolved=1, attempted=11), in_flight=busy), Random(1)) is None


def test_an_agent_that_resolved_everything_is_no_parent() -> None:
    """The public code crashes when a parent has nothing unresolved."""
    perfect, other = state(0, resolved=12, attempted=12), state(1, resolved=1, attempted=12)
    chosen = {DgmPolicy().next_action(view(perfect, other), Random(number)) for number in range(50)}
    assert chosen == {Expand(AgentId("agent-1"), step=2)}


def test_an_agent_that_edited_nothing_is_no_parent() -> None:
    idle, other = state(0, resolved=0, attempted=12, patch=""), state(1, resolved=1, attempted=12)
    chosen = {DgmPolicy().next_action(view(idle, other), Random(number)) for number in range(50)}
    assert chosen == {Expand(AgentId("agent-1"), step=2)}


def test_steps_in_flight_count_towards_the_children_that_are_wanted() -> None:
    seed = state(0, resolved=1, attempted=12)
    busy = (Expand(AgentId("agent-0"), step=1),)
    assert DgmPolicy().next_action(view(seed, wanted=1, in_flight=busy), Random(1)) is None
    assert DgmPolicy().next_action(view(seed, wanted=2, in_flight=busy), Random(1)) == Expand(
        AgentId("agent-0"), step=2
    )


@given(st.lists(scores, min_size=1, max_size=20), st.integers(0, 30), st.integers(0, 10**6))
def test_it_never_fails_and_only_names_what_is_possible(drawn: list[tuple[int, int]], wanted: int, seed: int) -> None:
    states = [state(number, resolved=low, attempted=high) for number, (low, high) in enumerate(drawn)]
    seen = view(*states, wanted=wanted)
    match DgmPolicy().next_action(seen, Random(seed)):
        case Evaluate(agent=agent, task=task):
            measured = next(state for state in states if state.agent.id == agent)
            assert task not in {outcome.task for outcome in measured.outcomes}
        case Expand(parent=parent):
            assert next(state for state in states if state.agent.id == parent).unresolved
            assert len(states) - 1 < wanted
        case None:
            assert all(seen.is_measured(state) for state in states)
