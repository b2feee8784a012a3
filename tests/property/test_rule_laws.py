"""Rules on any archive."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.actions import Evaluate
from dgm.core.adaptive import Adaptive, chances_to_reach, least_resolved, needed_to_reach
from dgm.core.agents import Agent
from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Measured
from dgm.core.rules import Rule, Staged, WithBestTrials, best_settled
from dgm.core.scores import Score, best_of
from dgm.core.stages import Measurement, Stage
from dgm.core.view import ArchiveView
from tests.fakes.views import TASKS, agent_id_of, goal_of

STAGES = (Stage(TASKS[:3], above=0.0), Stage(TASKS[3:7], above=0.4), Stage(TASKS[7:], above=0.5))
FOR_THE_BEST = (*STAGES[:2], replace(STAGES[2], top=2))
WHOLE = len(TASKS)
HELD_OUT = TaskId("held-out")

Fact = tuple[int, Measurement, bool]
"""An agent's number, what it was measured on, and whether it was resolved."""


@dataclass(frozen=True)
class Facts:
    """What an archive knows: how many agents there are, and results in some order."""

    agents: int
    results: tuple[Fact, ...]


def archive_of(agents: int, seed: int) -> Facts:
    """Return agents that were measured on the first so many tasks, some on a few others too, in any order."""
    random = Random(seed)
    results: list[Fact] = []
    for number in range(agents):
        quality = random.random()
        tasks = {*range(random.choice([0, 2, 3, 3, 5, 7, WHOLE])), *random.sample(range(WHOLE), random.randrange(3))}
        results += [(number, (TASKS[task], 0), random.random() < quality) for task in sorted(tasks)]
    return Facts(agents, tuple(random.sample(results, len(results))))


def adaptive_rule(top: int, least_chance: float) -> Adaptive:
    return Adaptive(STAGES, 1, top=top, least_chance=least_chance)


# Drawn from seeds: drawing each result takes ten times as long.
seeds = st.integers(0, 2**32)
archives = st.builds(archive_of, st.integers(1, 6), seeds)
# Limits that no chance of WHOLE results is equal to: fractions and floats agree on all others.
adaptive_rules = st.builds(
    adaptive_rule, st.integers(1, 4), st.sampled_from([1e-9, 0.0131, 0.0531, 0.3137, 0.8927, 1 - 1e-9])
)
plain_rules = st.sampled_from([Staged(STAGES, 1), Staged(FOR_THE_BEST, 1)]) | adaptive_rules
rules: st.SearchStrategy[Rule] = plain_rules | st.builds(WithBestTrials, plain_rules, st.integers(2, 3))
some = settings(max_examples=25)


def view_of(facts: Facts, rule: Rule, *, children: int = 99) -> ArchiveView:
    view = ArchiveView(goal_of(stages=FOR_THE_BEST, rule=rule, children=children))
    for number in range(facts.agents):
        parents = (agent_id_of(0),) if number else ()
        view.add_agent(Agent(agent_id_of(number), parents, min(number, 1), step=number, created_at=0.0))
    for number, measurement, resolved in facts.results:
        view.add_measured(agent_id_of(number), measured(measurement, resolved=resolved))
    return view


def measured(measurement: Measurement, *, resolved: bool) -> Measured:
    return Measured(measurement, resolved, edited=True, tokens=1, cost_usd=0.0, changed_lines=1)


def all_due(view: ArchiveView) -> list[list[Measurement]]:
    return [view.due(number) for number in range(len(view))]


def chance(resolved: int, attempted: int, *, needed: int) -> Fraction:
    """Return the chance to come to `needed` of WHOLE as the sum of the beta-binomial distribution's terms."""
    left, failed = WHOLE - attempted, attempted - resolved
    terms = [
        Fraction(math.comb(more + resolved, resolved) * math.comb(left - more + failed, failed))
        for more in range(left + 1)
    ]
    all_of_it = math.comb(left + attempted + 1, attempted + 1)
    assert sum(terms) == all_of_it
    return sum(terms[max(0, needed - resolved) :], Fraction(0)) / all_of_it


# Chances


@some
@given(st.integers(0, WHOLE))
def test_chances_are_the_sums_of_the_beta_binomial_distribution(needed: int) -> None:
    for attempted, chances in chances_to_reach(WHOLE, needed):
        expected = [float(chance(resolved, attempted, needed=needed)) for resolved in range(attempted + 1)]
        assert all(map(math.isclose, chances.tolist(), expected))


@some
@given(st.integers(1, 60))
def test_the_predictive_distribution_sums_to_one(whole: int) -> None:
    assert all(math.isclose(share, 1.0) for _, chances in chances_to_reach(whole, 0) for share in chances.tolist())


@some
@given(st.integers(1, 60), st.data())
def test_more_resolved_is_more_chance(whole: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, whole))
    for _, chances in chances_to_reach(whole, needed):
        assert (chances[1:] >= chances[:-1]).all()


@some
@given(st.integers(1, 60), st.floats(0.001, 0.998), st.data())
def test_a_higher_bar_or_limit_takes_no_fewer_resolved(whole: int, limit: float, data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, whole - 1))
    base = least_resolved(whole, needed, limit)
    assert (base <= least_resolved(whole, needed + 1, limit)).all()
    assert (base <= least_resolved(whole, needed, limit + 0.001)).all()


@some
@given(st.integers(1, 60), st.integers(1, 99), st.data())
def test_what_is_needed_is_the_fewest_for_a_mean_as_high(whole: int, attempted: int, data: st.DataObject) -> None:
    resolved = data.draw(st.integers(0, attempted))
    bar = Fraction(resolved + 1, attempted + 2)
    enough = [count for count in range(whole + 1) if Fraction(count + 1, whole + 2) >= bar]
    assert max(0, needed_to_reach(resolved, attempted, whole)) == min(enough, default=whole)


# Adaptive stopping


@some
@given(archives, adaptive_rules)
def test_who_goes_on_is_who_has_the_least_chance_to_come_to_the_top(facts: Facts, rule: Adaptive) -> None:
    view = view_of(facts, rule)
    for number in range(1, len(view)):
        if not view.settled[number]:
            continue
        others = [other for other in range(len(view)) if other != number and view.settled[other]]
        means = sorted((Fraction(int(view.resolved[o]) + 1, int(view.attempted[o]) + 2) for o in others), reverse=True)
        goes_on = True
        if len(means) >= rule.top:
            enough = [count for count in range(WHOLE + 1) if Fraction(count + 1, WHOLE + 2) >= means[rule.top - 1]]
            needed = min(enough, default=WHOLE)
            goes_on = chance(int(view.resolved[number]), int(view.attempted[number]), needed=needed) >= Fraction(
                rule.least_chance
            )
        missing = [(task, 0) for task in TASKS if (task, 0) not in view.done(number)]
        assert view.due(number) == (missing if goes_on else [])


@some
@given(archives, st.integers(1, 4), st.floats(0.01, 0.99))
def test_nobody_is_stopped_while_there_is_room_in_the_top(facts: Facts, top: int, least_chance: float) -> None:
    view = view_of(facts, Adaptive(STAGES, 1, top=top, least_chance=least_chance))
    if view.settled.sum() <= top:
        assert all(view.due(number) for number in range(len(view)) if len(view.done(number)) < WHOLE)


@some
@given(st.integers(0, 3), st.floats(0.01, 0.99))
def test_the_only_agent_is_never_stopped(resolved: int, least_chance: float) -> None:
    results = tuple((0, (TASKS[task], 0), task < resolved) for task in range(3))
    view = view_of(Facts(1, results), Adaptive(STAGES, 1, top=1, least_chance=least_chance))
    assert view.due(0) == [(task, 0) for task in TASKS[3:]]


@some
@given(archives)
def test_a_higher_limit_measures_no_more(facts: Facts) -> None:
    due = [
        all_due(view_of(facts, Adaptive(STAGES, 1, top=1, least_chance=least))) for least in (1e-9, 0.05, 0.5, 1 - 1e-9)
    ]
    for low, high in pairwise(due):
        assert all(set(more) <= set(wanted) for more, wanted in zip(high, low, strict=True))


@some
@given(archives, st.integers(0, 12))
def test_at_a_limit_of_next_to_nothing_all_go_on_who_can_come_to_the_top(facts: Facts, best: int) -> None:
    """One other agent stands at `best` of 12, measured on everything."""
    view = view_of(_with_rival(facts, best), Adaptive(STAGES, 1, top=1, least_chance=1e-12))
    for number in _others_settled(view):
        can = int(view.resolved[number]) + WHOLE - int(view.attempted[number]) >= _bar(view, number)
        assert bool(view.due(number)) == (can and len(view.done(number)) < WHOLE)


@some
@given(archives, st.integers(0, 12))
def test_at_a_limit_of_next_to_one_the_first_stage_is_all_but_for_who_is_certain(facts: Facts, best: int) -> None:
    view = view_of(_with_rival(facts, best), Adaptive(STAGES, 1, top=1, least_chance=1 - 1e-12))
    for number in _others_settled(view):
        is_certain = int(view.resolved[number]) >= _bar(view, number)
        assert bool(view.due(number)) == (is_certain and len(view.done(number)) < WHOLE)


def _with_rival(facts: Facts, best: int) -> Facts:
    rival = tuple((facts.agents, (task, 0), place < best) for place, task in enumerate(TASKS))
    return Facts(facts.agents + 1, facts.results + rival)


def _others_settled(view: ArchiveView) -> list[int]:
    return [number for number in range(1, len(view) - 1) if view.settled[number]]


def _bar(view: ArchiveView, number: int) -> int:
    others = [other for other in range(len(view)) if other != number and view.settled[other]]
    best = max(others, key=lambda other: Score(int(view.resolved[other]), int(view.attempted[other])).mean)
    return max(0, needed_to_reach(int(view.resolved[best]), int(view.attempted[best]), WHOLE))


# Stages for the best


@some
@given(archives)
def test_a_stage_for_the_best_is_due_for_whom_fewer_than_so_many_others_are_ahead_of(facts: Facts) -> None:
    view, unbounded = view_of(facts, Staged(FOR_THE_BEST, 1)), view_of(facts, Staged(STAGES, 1))
    before = [(task, 0) for task in TASKS[:7]]
    ranked = [number for number in range(len(view)) if all(each in view.done(number) for each in before)]
    resolved = {number: sum(view.done(number)[each] for each in before) for number in ranked}
    for number in range(1, len(view)):
        ahead = [n for n in ranked if (-resolved[n], n) < (-resolved.get(number, 0), number)]
        is_bounded = number in ranked and len(ahead) >= 2
        assert view.due(number) == ([] if is_bounded else unbounded.due(number))
        assert view.settled[number] == (number in ranked or not unbounded.due(number))
    assert view.due(0) == unbounded.due(0)


# Any rule


@some
@given(archives, rules, seeds)
def test_the_order_of_the_results_does_not_matter(facts: Facts, rule: Rule, seed: int) -> None:
    other = Facts(facts.agents, tuple(Random(seed).sample(facts.results, len(facts.results))))
    assert all_due(view_of(facts, rule)) == all_due(view_of(other, rule))
    assert view_of(facts, rule).first_due() == view_of(other, rule).first_due()


@some
@given(archives, rules, st.integers(0, 99))
def test_what_is_measured_first_is_due_and_nothing_is_left_where_there_is_none(
    facts: Facts, rule: Rule, children: int
) -> None:
    view = view_of(facts, rule, children=children)
    due = {agent_id_of(number): measurements for number, measurements in enumerate(all_due(view))}
    first = view.first_due()
    if first is None:
        assert not any(due.values())
    else:
        assert (first.task, first.trial) == due[first.agent][0]


@some
@given(archives, rules)
def test_what_is_held_out_is_never_due_and_changes_nothing(facts: Facts, rule: Rule) -> None:
    held_out = tuple((number, (HELD_OUT, 0), True) for number in range(facts.agents))
    view = view_of(Facts(facts.agents, facts.results + held_out), rule)
    assert all_due(view) == all_due(view_of(facts, rule))
    assert all(task != HELD_OUT for measurements in all_due(view) for task, _ in measurements)


@some
@given(archives)
def test_the_best_settled_agent_is_the_one_that_the_archive_would_name(facts: Facts) -> None:
    view = view_of(facts, Staged(STAGES, 1))
    scores: dict[AgentId, Score] = {
        agent_id_of(number): Score(int(view.resolved[number]), int(view.attempted[number]))
        for number in range(len(view))
        if view.settled[number]
    }
    best = best_settled(view)
    assert (None if best is None else agent_id_of(best)) == (best_of(scores) if scores else None)


@settings(max_examples=10)
@given(st.integers(1, 5), rules, st.integers(1, 5), seeds)
def test_measuring_ends_with_every_first_stage_done_and_a_rebuilt_view_agrees_all_the_way(
    agents: int, rule: Rule, workers: int, seed: int
) -> None:
    random = Random(seed)
    qualities = [random.random() for _ in range(agents)]
    view, results = view_of(Facts(agents, ()), rule), list[Fact]()
    in_flight: list[Evaluate] = []
    while True:
        while len(in_flight) < workers and (action := view.first_due()) is not None:
            view.begin(action)
            in_flight.append(action)
        if not in_flight:
            break
        ended = in_flight.pop(random.randrange(len(in_flight)))
        number, measurement = view.number(ended.agent), (ended.task, ended.trial)
        resolved = random.random() < qualities[number]
        view.end_evaluation(ended, measured(measurement, resolved=resolved))
        results.append((number, measurement, resolved))
        if random.random() < 0.2:
            rebuilt = _resumed(Facts(agents, tuple(results)), rule, in_flight)
            assert (all_due(rebuilt), rebuilt.first_due()) == (all_due(view), view.first_due())
    assert view.settled.all()
    assert len(results) == len({(number, measurement) for number, measurement, _ in results})
    assert view.due(0) == []


def _resumed(facts: Facts, rule: Rule, in_flight: Sequence[Evaluate]) -> ArchiveView:
    view = view_of(facts, rule)
    for action in in_flight:
        view.begin(action)
    return view
