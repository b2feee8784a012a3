"""How a run explores and exploits: entropy of parent choice, new behaviour, gain for what it cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.core.ids import AgentId, TaskId
from dgm.core.monitoring import Choice, Event, Novelty, entropy_bits, gains, new_behaviour, parent_choice
from dgm.core.scores import Score

SEED, ONE, TWO, THREE = (AgentId(name * 12) for name in "a123")
ANT, BEE, CAT = (TaskId(name) for name in ("ant", "bee", "cat"))
FIRST = (ANT, BEE)


def step(parent: AgentId = SEED, *, usd: float = 0.0, tokens: int = 0) -> Event:
    return Event(parent, None, resolved=False, nanos=round(usd * 1e9), tokens=tokens)


def result(
    agent: AgentId, task: TaskId, *, resolved: bool = False, trial: int = 0, usd: float = 0.0, tokens: int = 0
) -> Event:
    return Event(agent, (task, trial), resolved, round(usd * 1e9), tokens)


def results(agent: AgentId, *resolved: TaskId, of: tuple[TaskId, ...] = FIRST) -> list[Event]:
    """Return one measurement for each task of which some were resolved."""
    return [result(agent, task, resolved=task in resolved) for task in of]


@pytest.mark.parametrize(("counts", "bits"), [([], 0.0), ([7], 0.0), ([1, 1], 1.0), ([2, 1, 1], 1.5)])
def test_entropy_is_in_bits(counts: list[int], bits: float) -> None:
    assert entropy_bits(counts) == pytest.approx(bits)


def test_parents_that_take_turns_are_chosen_as_evenly_as_can_be() -> None:
    assert parent_choice([SEED, ONE, TWO, THREE] * 2, agents=4) == Choice(steps=8, bits=2.0, most_bits=2.0)


def test_no_more_parents_can_have_been_chosen_than_there_were_steps() -> None:
    assert parent_choice([SEED, SEED], agents=99) == Choice(steps=2, bits=0.0, most_bits=1.0)


def test_before_the_first_step_nothing_was_chosen() -> None:
    assert parent_choice([], agents=1) == Choice(steps=0, bits=0.0, most_bits=0.0)


@given(st.lists(st.sampled_from([SEED, ONE, TWO, THREE])))
def test_no_choice_is_more_even_than_the_most_even_one(parents: list[AgentId]) -> None:
    choice = parent_choice(parents, agents=4)
    assert -1e-12 <= choice.bits <= choice.most_bits + 1e-12


def test_a_child_is_new_that_resolves_what_no_agent_before_it_resolved() -> None:
    events = results(SEED, ANT) + results(ONE, BEE) + results(TWO, ANT)
    assert new_behaviour([SEED, ONE, TWO], events, tasks=FIRST) == Novelty(new=1, children=2)


def test_the_same_set_of_a_later_child_is_not_new_a_second_time() -> None:
    events = results(SEED) + results(ONE, BEE) + results(TWO, BEE)
    assert new_behaviour([SEED, ONE, TWO], events, tasks=FIRST) == Novelty(new=1, children=2)


def test_what_is_earlier_is_told_by_the_agents_not_by_the_results() -> None:
    events = results(TWO, BEE) + results(ONE, BEE) + results(SEED)
    assert new_behaviour([SEED, ONE, TWO], events, tasks=FIRST) == Novelty(new=1, children=2)


def test_tasks_of_later_stages_are_not_compared() -> None:
    events = results(SEED, of=(ANT, BEE, CAT)) + results(ONE, CAT, of=(ANT, BEE, CAT))
    assert new_behaviour([SEED, ONE], events, tasks=FIRST) == Novelty(new=0, children=1)


def test_a_child_that_is_still_being_measured_is_not_looked_at() -> None:
    events = [*results(SEED), result(ONE, ANT, resolved=True)]
    assert new_behaviour([SEED, ONE], events, tasks=FIRST) == Novelty(new=0, children=0)


@pytest.mark.parametrize(
    ("resolved", "is_new"), [([True, False], 0), ([False, True, True], 1), ([True], 1), ([False], 0)]
)
def test_a_task_counts_as_resolved_where_more_than_half_of_its_trials_are(resolved: list[bool], is_new: int) -> None:
    trials = [result(ONE, ANT, resolved=found, trial=trial) for trial, found in enumerate(resolved)]
    assert new_behaviour([SEED, ONE], [result(SEED, ANT), *trials], tasks=[ANT]) == Novelty(is_new, children=1)


def test_where_nothing_is_compared_nobody_is_new() -> None:
    assert new_behaviour([SEED, ONE], results(ONE, ANT), tasks=[]) == Novelty(new=0, children=0)


def test_gains_are_counted_from_where_the_seed_agent_stood_before_the_first_step() -> None:
    events = [*results(SEED, ANT), step(), *results(ONE, ANT, BEE), step()]
    (part,) = gains(events, parts=1)
    assert (part.events, part.low_before, part.low_after) == (4, Score(1, 2).low, Score(2, 2).low)
    assert part.gain == pytest.approx(Score(2, 2).low - Score(1, 2).low)


def test_each_part_begins_where_the_one_before_it_ended() -> None:
    events = [*results(SEED), step(), *results(ONE, ANT), step(), *results(TWO, ANT, BEE)]
    parts = gains(events, parts=2)
    assert [part.events for part in parts] == [3, 3]
    assert [(part.low_before, part.low_after) for part in parts] == [
        (Score(0, 2).low, Score(1, 2).low),
        (Score(1, 2).low, Score(2, 2).low),
    ]


def test_luck_that_passes_is_a_negative_gain() -> None:
    events = [*results(SEED), step(), result(ONE, ANT, resolved=True), result(ONE, BEE), result(ONE, CAT)]
    assert [part.gain > 0 for part in gains(events, parts=2)] == [True, False]


def test_what_a_part_cost_is_all_that_ended_in_it() -> None:
    events = [
        result(SEED, ANT, usd=9.0, tokens=900),
        step(usd=1.5, tokens=20_000),
        result(ONE, ANT, resolved=True, usd=0.5, tokens=5_000),
    ]
    (part,) = gains(events, parts=1)
    assert (part.cost_usd, part.tokens) == (2.0, 25_000)
    assert part.gain_per_usd == pytest.approx(part.gain / 2)
    assert part.gain_per_million_tokens == pytest.approx(part.gain * 40)


def test_a_gain_for_nothing_has_no_price() -> None:
    (part,) = gains([step(), result(ONE, ANT, resolved=True)], parts=1)
    assert (part.gain_per_usd, part.gain_per_million_tokens) == (None, None)


def test_before_the_first_step_there_is_no_part() -> None:
    assert gains(results(SEED, ANT)) == []


def test_a_run_with_fewer_events_than_parts_has_a_part_for_each() -> None:
    assert [part.events for part in gains([step(), result(ONE, ANT)], parts=4)] == [1, 1]


@given(st.lists(st.tuples(st.sampled_from([SEED, ONE]), st.booleans(), st.booleans())), st.integers(1, 6))
def test_parts_hold_every_event_from_the_first_step_on_and_differ_by_one_at_most(
    drawn: list[tuple[AgentId, bool, bool]], parts: int
) -> None:
    events = [
        step(agent) if is_step else result(agent, TaskId(f"task-{number}"), resolved=resolved)
        for number, (agent, is_step, resolved) in enumerate(drawn)
    ]
    sizes = [part.events for part in gains(events, parts=parts)]
    first = next((number for number, event in enumerate(events) if event.measurement is None), len(events))
    assert sum(sizes) == len(events) - first
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
