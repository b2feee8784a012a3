"""The arithmetic of estimates, with values worked out by hand."""

from dataclasses import replace
from random import Random

import pytest

from dgm.core.averages import (
    AS_MEASURED,
    REAL_FROM_SIMULATED,
    Amounts,
    Assumption,
    Average,
    Averages,
    FlatRates,
    average_of,
)
from dgm.core.counting import Count, Range, Share, among_the_best, growth, range_around, went_on
from dgm.core.estimate import Ahead, Estimate, estimate, most_sessions
from dgm.core.ports import Role

RATES = FlatRates(input_usd=3.0, output_usd=15.0, cache_read_usd=0.3, cache_write_usd=3.75)
FREE = FlatRates(0.0, 0.0, 0.0, 0.0)
ALL = Share(10**9, 10**9)
NONE = Share(0, 10**9)
ROLES = (Role.AGENT, Role.IMPROVE, Role.DIAGNOSE)


def exact(amounts: Amounts, *, assumption: Assumption = AS_MEASURED) -> Average:
    """Return the average of ever so many samples that are all the same."""
    return Average(10**9, amounts, Amounts(), assumption)


def averages(*, accepted: Share = ALL, passed: Share = NONE) -> Averages:
    """Return averages without any spread: every step makes a child, and none goes on to the second stage."""
    return Averages(
        seed=exact(Amounts(calls=2, input_tokens=1_000, output_tokens=100, seconds=10)),
        child=exact(Amounts(calls=4, input_tokens=2_000, output_tokens=200, cache_read_tokens=500, seconds=20)),
        improve=exact(Amounts(calls=6, input_tokens=3_000, output_tokens=300, seconds=30)),
        diagnose=exact(Amounts(calls=1, input_tokens=4_000, output_tokens=400)),
        accepted=accepted,
        passed=(passed,),
    )


def ahead(*, children: int = 2, workers: int = 1, seed_sessions: int = 28, due_sessions: int = 0) -> Ahead:
    return Ahead(
        seed_sessions=seed_sessions,
        stage_sessions=(8, 20),
        children=children,
        steps_allowed=3 * children,
        workers=workers,
        due_sessions=due_sessions,
    )


def estimated(what: Ahead, of: Averages, rates: FlatRates = RATES) -> Estimate:
    return estimate(what, of, dict.fromkeys(ROLES, rates))


def ends(found: Range) -> tuple[float, float, float]:
    return found.low, found.expected, found.high


def sure(found: Range) -> float:
    """Return what is not in doubt."""
    assert found.low == pytest.approx(found.high, rel=1e-6)
    return found.expected


def test_tokens_cost_what_their_kind_costs() -> None:
    amounts = Amounts(
        input_tokens=1_000_000, cache_read_tokens=600_000, cache_write_tokens=300_000, output_tokens=100_000
    )
    assert amounts.cost_usd(RATES) == pytest.approx(0.1 * 3 + 0.6 * 0.3 + 0.3 * 3.75 + 0.1 * 15)


def test_a_spread_counts_one_sample_more_that_lies_half_the_mean_away() -> None:
    found = average_of([Amounts(calls=10), Amounts(calls=20)])
    assert (found.count, found.mean.calls) == (2, 15)
    assert found.spread.calls == pytest.approx(((25 + 25 + 7.5**2) / 2) ** 0.5)


def test_a_single_sample_has_a_spread_of_half_of_it() -> None:
    assert average_of([Amounts(calls=10)]).spread.calls == 5


def test_one_child_with_an_unknown_acceptance_rate_takes_these_steps() -> None:
    # Under a uniform prior: 1/2 at once, 1/6 at the second, 1/12 at the third attempt, 1/4 never.
    found = growth(1, 3, Share(0, 0))
    assert found.steps.mean == pytest.approx(1 / 2 + 2 / 6 + 3 / 12 + 3 / 4)
    assert found.children.mean == pytest.approx(3 / 4)
    assert ends(found.steps_range()) == pytest.approx((1, 11 / 6, 3))
    assert ends(found.children_range()) == pytest.approx((0, 3 / 4, 1))


@pytest.mark.parametrize("accepted", [Share(0, 0), Share(0, 40), Share(5, 13), Share(40, 40)])
@pytest.mark.parametrize(("children", "allowed"), [(0, 0), (0, 9), (5, 15), (5, 2), (7, 0), (80, 240)])
def test_the_ways_to_grow_are_all_that_there_are(children: int, allowed: int, accepted: Share) -> None:
    assert sum(chance for chance, _, _ in growth(children, allowed, accepted).ways) == pytest.approx(1)


def test_two_children_of_six_attempts_are_as_many_as_the_posterior_says() -> None:
    # Each number of accepted steps of six is as likely as another: 1/7 none, 1/7 one, 5/7 at least two.
    assert growth(2, 6, Share(0, 0)).children.mean == pytest.approx(1 / 7 + 2 * 5 / 7)


def test_children_go_on_to_the_next_stage_in_families() -> None:
    # Eight children are two families; of two, with an unknown share, 0, 1 and 2 are as likely: variance 2/3, times 4^2.
    found = went_on(Count(8), Share(0, 0))
    assert (found.mean, found.variance) == (pytest.approx(4), pytest.approx(32 / 3))


def test_of_agents_that_come_one_after_another_some_are_among_the_best_when_they_come() -> None:
    # 2 (1 + ln(20 / 2)) = 6.605 of 19 children and the seed agent: a share of 0.6605 of the 10 that earned the stage.
    found = among_the_best(2, Count(10, 4), measured=19)
    assert (found.mean, found.variance) == (pytest.approx(6.6052, abs=1e-4), pytest.approx(3.9874, abs=1e-4))


def test_no_more_are_among_the_best_than_earned_it() -> None:
    assert among_the_best(2, Count(3, 4), measured=19) == Count(3, 4)
    assert among_the_best(5, Count(3, 4), measured=3) == Count(3, 4)
    assert among_the_best(2, Count(0, 0), measured=0) == Count(0, 0)


def test_a_stage_for_the_best_takes_as_many_sessions_as_come_to_it_and_at_the_most_all() -> None:
    whole = replace(ahead(children=19), stage_sessions=(8, 20))
    found = replace(whole, stage_tops={1: 2})
    sessions = [estimated(each, averages(passed=ALL)).roles[Role.AGENT].sessions.expected for each in (whole, found)]
    assert sessions == pytest.approx([28 + 19 * 28, 28 + 19 * 8 + 6.6052 * 20], abs=1e-3)
    assert most_sessions(found) == most_sessions(whole)


def test_a_range_is_that_of_a_log_normal_sum() -> None:
    # ln(1 + 0.5^2) = 0.22314, so exp(ln 100 - 0.11157 -+ 1.64485 * 0.47238)
    assert ends(range_around(100, 50)) == pytest.approx((41.124, 100, 194.532), abs=1e-3)


def test_what_is_sure_has_no_range() -> None:
    assert ends(range_around(100, 0)) == pytest.approx((100, 100, 100))
    assert range_around(0, 0) == Range(0, 0, 0)


def test_a_run_without_children_is_the_seed_agents_measurement() -> None:
    found = estimated(ahead(children=0), averages())
    assert (found.steps, found.children) == (Range(0, 0, 0), Range(0, 0, 0))
    assert sure(found.total.sessions) == pytest.approx(28)
    assert sure(found.total.calls) == pytest.approx(56)
    assert sure(found.total.input_tokens) == pytest.approx(28_000)
    assert sure(found.total.output_tokens) == pytest.approx(2_800)
    assert sure(found.total.cost_usd) == pytest.approx(28 * (0.003 + 0.0015))
    assert sure(found.hours) == pytest.approx(280 / 3600)
    assert found.seed_cost_usd == pytest.approx(28 * 0.0045)


def test_a_run_is_the_seed_agent_the_steps_and_the_first_stage_of_each_child() -> None:
    found = estimated(ahead(children=2), averages())
    assert ends(found.steps) == pytest.approx((2, 2, 2))
    assert found.roles[Role.AGENT].sessions.expected == pytest.approx(28 + 2 * 8, rel=1e-6)
    assert found.roles[Role.IMPROVE].calls.expected == pytest.approx(12, rel=1e-6)
    assert found.roles[Role.DIAGNOSE].input_tokens.expected == pytest.approx(8_000, rel=1e-6)
    assert found.total.input_tokens.expected == pytest.approx(28_000 + 32_000 + 6_000 + 8_000, rel=1e-6)
    assert found.total.cached_tokens.expected == pytest.approx(16 * 500, rel=1e-6)
    assert found.hours.expected == pytest.approx((280 + 2 * 30 + 16 * 20) / 3600, rel=1e-6)


def test_children_that_go_on_have_the_second_stage_too() -> None:
    found = estimated(ahead(children=2), averages(passed=ALL))
    assert found.roles[Role.AGENT].sessions.expected == pytest.approx(28 + 2 * 28, rel=1e-6)


def test_half_of_the_children_are_expected_at_a_stage_that_was_never_reached() -> None:
    found = estimated(ahead(children=2), averages(passed=Share(0, 0)))
    assert found.roles[Role.AGENT].sessions.expected == pytest.approx(28 + 2 * 8 + 2 * 20 / 2, rel=1e-6)


def test_more_workers_share_the_work_but_wait_for_its_longest_chain() -> None:
    # A session of the seed agent, one attempt, a session in each of two stages: 10 + 30 + 20 + 20 s of 660 s.
    found = estimated(ahead(children=2, workers=4), averages())
    assert found.hours.expected == pytest.approx((660 / 4 + 0.75 * 80) / 3600, rel=1e-6)


def test_what_a_resumed_run_has_done_is_not_estimated_again() -> None:
    found = estimated(ahead(children=0, seed_sessions=3, due_sessions=5), averages())
    assert sure(found.total.sessions) == pytest.approx(8)
    assert sure(found.total.input_tokens) == pytest.approx(3 * 1_000 + 5 * 2_000)


def test_each_role_costs_what_its_model_costs() -> None:
    found = estimate(ahead(children=2), averages(), {Role.AGENT: FREE, Role.IMPROVE: FREE, Role.DIAGNOSE: RATES})
    assert found.roles[Role.AGENT].cost_usd == Range(0, 0, 0)
    assert found.total.cost_usd.expected == pytest.approx(2 * (0.012 + 0.006), rel=1e-6)
    assert found.step_cost_usd == pytest.approx(0.018)


def test_a_budget_pays_for_the_seed_agent_and_then_for_steps_with_their_childrens_first_stage() -> None:
    found = estimated(ahead(children=2), averages(accepted=Share(0, 0)))
    seed, child, improve, diagnose = 0.0045, 0.0015 * 3 + 0.0005 * 0.3 + 0.003, 0.0135, 0.018
    step = improve + diagnose + 8 * child / 2  # half of the steps make a child
    assert found.step_cost_usd == pytest.approx(step)
    assert found.steps_paid_by(28 * seed + 1.5 * step) == pytest.approx(1.5)
    assert found.steps_paid_by(0.01) < 0


def test_the_spread_of_few_samples_counts_twice_for_as_many_more() -> None:
    # Sessions of the seed agent: m s^2 (1 + m/n) with m = n = 4 and s = 3 is 72 calls squared.
    one = Average(4, Amounts(calls=10), Amounts(calls=3))
    known = averages()
    known = Averages(one, known.child, known.improve, known.diagnose, known.accepted, known.passed)
    found = estimated(ahead(children=0, seed_sessions=4), known)
    assert found.total.calls == range_around(40, 72**0.5)


def test_an_assumption_moves_what_is_expected_and_widens_the_range() -> None:
    known = averages()
    believed = exact(known.seed.mean, assumption=REAL_FROM_SIMULATED)
    known = Averages(believed, known.child, known.improve, known.diagnose, known.accepted, known.passed)
    found = estimated(ahead(children=0), known).total
    assert (found.calls.low, found.calls.expected, found.calls.high) == pytest.approx((56, 2 * 56, 5 * 56))
    assert (found.input_tokens.low, found.input_tokens.high) == pytest.approx((28_000, 10 * 28_000))
    assert found.output_tokens.expected == pytest.approx(28_000)
    assert found.cost_usd.high == pytest.approx(28 * (10 * 0.003 + 50 * 0.0015))


def test_a_real_models_time_is_that_of_its_words() -> None:
    known = averages()
    believed = exact(known.seed.mean, assumption=REAL_FROM_SIMULATED)
    known = Averages(believed, known.child, known.improve, known.diagnose, known.accepted, known.passed)
    seconds = 28 * (10 + 1_000 * 0.03)
    assert estimated(ahead(children=0), known).hours.expected == pytest.approx(seconds / 3600)


def test_at_most_every_child_goes_through_all_stages_and_every_attempt_is_used() -> None:
    assert most_sessions(ahead(children=5)) == {Role.AGENT: 28 + 5 * 28, Role.IMPROVE: 15, Role.DIAGNOSE: 15}


def test_a_range_of_steps_holds_nine_of_ten_runs_when_runs_are_as_it_believes() -> None:
    random, accepted, found = Random(3), Share(5, 13), growth(5, 15, Share(5, 13)).steps_range()
    a, b = accepted.posterior()
    inside = 0
    for _ in range(2_000):
        rate, steps, children = random.betavariate(a, b), 0, 0
        while children < 5 and steps < 15:
            steps += 1
            children += random.random() < rate
        inside += found.low <= steps <= found.high
    assert inside >= 0.9 * 2_000
