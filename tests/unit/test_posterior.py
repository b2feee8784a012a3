"""How likely an agent is better than another, and the best of all: beside closed forms and beside drawing at random."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from dgm.core.ids import AgentId, TaskId
from dgm.core.outcomes import Verdict
from dgm.core.paired import Paired, chance_of_more, paired, paired_outcomes
from dgm.core.posterior import chances_to_be_best, leading
from dgm.core.scores import Score, best_of
from tests.fakes.runs import outcome
from tests.fakes.views import agent_id_of


def scores_of(*counts: tuple[int, int]) -> dict[AgentId, Score]:
    """Return agents that resolved so many of so many."""
    return {agent_id_of(number): Score(*count) for number, count in enumerate(counts)}


def chances_of(*counts: tuple[int, int]) -> list[float]:
    return list(chances_to_be_best(scores_of(*counts)).values())


def chance_above(one: Score, other: Score) -> float:
    """Return P(theta of one > theta of other) as a finite sum of Beta functions."""
    a, b = 1 + other.resolved, 1 + other.attempted - other.resolved
    c, d = 1 + one.resolved, 1 + one.attempted - one.resolved

    def log_beta(x: int, y: int) -> float:
        return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

    return math.fsum(
        math.exp(log_beta(a + i, b + d) - math.log(d + i) - log_beta(1 + i, d) - log_beta(a, b)) for i in range(c)
    )


def drawn(counts: Sequence[tuple[int, int]], *, draws: int = 200_000) -> list[float]:
    """Return how often each agent was the best of draws from all posteriors."""
    random = np.random.default_rng(7)
    thetas = np.stack([random.beta(1 + resolved, 1 + attempted - resolved, draws) for resolved, attempted in counts])
    return list(np.bincount(thetas.argmax(axis=0), minlength=len(counts)) / draws)


@pytest.mark.parametrize(
    ("better", "worse", "chance"),
    [(0, 0, 0.5), (1, 0, 0.75), (0, 1, 0.25), (3, 1, 26 / 32), (5, 5, 0.5), (10, 0, 1 - 0.5**11)],
)
def test_the_chance_to_be_better_is_a_sum_of_binomial_coefficients(better: int, worse: int, chance: float) -> None:
    assert chance_of_more(better, worse) == chance


def test_the_chance_to_be_better_is_the_area_of_the_posterior_above_one_half() -> None:
    q = np.linspace(0.5, 1.0, 200_001)
    density = q**7 * (1 - q) ** 4
    whole = math.gamma(8) * math.gamma(5) / math.gamma(13)
    assert chance_of_more(7, 4) == pytest.approx(float(np.trapezoid(density, q)) / whole, abs=1e-9)


def test_thousands_of_pairs_are_no_overflow() -> None:
    assert chance_of_more(3_000, 2_900) == pytest.approx(0.903506, abs=1e-6)


def test_two_agents_are_compared_on_what_both_were_measured_on() -> None:
    one = [
        outcome("both"),
        outcome("mine", Verdict.RESOLVED),
        outcome("lost", Verdict.TIMED_OUT),
        outcome("won", Verdict.RESOLVED),
        outcome("won", Verdict.RESOLVED, trial=1),
    ]
    other = [outcome("both"), outcome("lost"), outcome("won", Verdict.EMPTY_PATCH), outcome("theirs")]
    assert paired_outcomes(one, other) == Paired(common=3, better=1, worse=1)


def test_what_is_flagged_does_not_make_an_agent_better() -> None:
    other = [outcome("ant", Verdict.UNRESOLVED)]
    assert paired_outcomes([outcome("ant", flags=("It ended early.",))], other) == Paired(common=1, better=0, worse=0)


def test_agents_without_a_common_task_are_as_likely_better_as_worse() -> None:
    assert paired({(TaskId("ant"), 0): True}, {(TaskId("ant"), 1): False}).chance == 0.5


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="2 better and 1 worse of 2"):
        Paired(common=2, better=2, worse=1)


def test_no_agent_is_the_best_of_none() -> None:
    assert chances_to_be_best({}) == {}


@pytest.mark.parametrize("count", [(0, 0), (0, 500), (500, 500)])
def test_a_single_agent_is_the_best_for_sure(count: tuple[int, int]) -> None:
    assert chances_of(count) == [pytest.approx(1.0)]


def test_one_resolved_task_against_nothing_known_is_two_thirds() -> None:
    assert chances_of((1, 1), (0, 0)) == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((13, 28), (5, 8)),
        ((0, 1_000), (1, 1_000)),
        ((999, 1_000), (60, 60)),
        ((100, 200), (104, 200)),
        ((0, 0), (7, 8)),
    ],
)
def test_of_two_agents_it_is_the_closed_form(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert chances_of(one, other)[0] == pytest.approx(chance_above(Score(*one), Score(*other)), abs=1e-5)


@pytest.mark.parametrize(
    "counts",
    [
        [(13, 28), (12, 28), (0, 0), (3, 4), (3, 4), (20, 60)],
        [(5, 28), (2, 8), (2, 8), (3, 8), (1, 8), (13, 28), (0, 8), (8, 8)],
        [(999, 1_000), (1_000, 1_000), (5_000, 10_000), (60, 60)],
    ],
)
def test_of_many_agents_it_is_how_often_each_is_the_best_of_random_draws(counts: list[tuple[int, int]]) -> None:
    assert chances_of(*counts) == pytest.approx(drawn(counts), abs=0.006)


def test_a_hundred_thousand_equal_agents_share_what_there_is() -> None:
    chances = chances_of(*[(3, 8)] * 100_000)
    assert chances[0] == chances[-1] == pytest.approx(1e-5, rel=1e-6)


def test_the_best_of_very_many_lies_at_the_very_end() -> None:
    # The integral over x = 1 - 2e-5 or so, done on two million points.
    chances = chances_of(*[(7, 8)] * 50_000, *[(0, 0)] * 50_000)
    assert 50_000 * chances[0] == pytest.approx(0.0014333, abs=2e-6)


def test_the_agent_to_take_is_the_best_one_everywhere_else() -> None:
    scores = scores_of((0, 0), (3, 3), (12, 28), (13, 28), (13, 28), (2, 8), (20, 60))
    assert leading(scores, percentile=2.5, count=1) == [best_of(scores)]


def test_a_lower_percentile_asks_for_more_certainty() -> None:
    scores = scores_of((3, 3), (40, 60))
    taken = [leading(scores, percentile=percentile, count=1) for percentile in (50, 2.5)]
    assert taken == [[agent_id_of(0)], [agent_id_of(1)]]


def test_of_equal_agents_the_older_one_comes_first() -> None:
    assert leading(scores_of((1, 2), (1, 2), (1, 2)), percentile=2.5, count=2) == [agent_id_of(0), agent_id_of(1)]


def test_an_agent_that_was_not_measured_comes_after_one_that_resolved_nothing() -> None:
    assert leading(scores_of((0, 0), (0, 9)), percentile=50, count=5) == [agent_id_of(1), agent_id_of(0)]


def test_the_leaders_are_in_the_order_of_their_percentile() -> None:
    scores = scores_of((5, 28), (2, 8), (8, 8), (13, 28), (1, 1), (27, 60), (4, 8))
    first = sorted(scores, key=lambda agent: scores[agent].low, reverse=True)[:4]
    assert leading(scores, percentile=2.5, count=4) == first
