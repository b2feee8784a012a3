"""Laws of the probabilities that agents are shown with."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.core.ids import AgentId
from dgm.core.paired import Paired, chance_of_more, paired
from dgm.core.posterior import chances_to_be_best, leading
from dgm.core.scores import Score
from dgm.core.stages import Measurement
from tests.fakes.views import TASKS, agent_id_of

few = settings(max_examples=20, deadline=None)

COUNTS = st.integers(0, 60).flatmap(lambda attempted: st.tuples(st.integers(0, attempted), st.just(attempted)))
SCORES = st.lists(COUNTS, min_size=1, max_size=12)
RESULTS = st.dictionaries(st.tuples(st.sampled_from(TASKS), st.integers(0, 1)), st.booleans())


def scores_of(counts: list[tuple[int, int]]) -> dict[AgentId, Score]:
    return {agent_id_of(number): Score(*count) for number, count in enumerate(counts)}


def chances_of(counts: list[tuple[int, int]]) -> list[float]:
    return list(chances_to_be_best(scores_of(counts)).values())


@few
@given(SCORES)
def test_the_chances_to_be_the_best_sum_to_one(counts: list[tuple[int, int]]) -> None:
    chances = chances_of(counts)
    assert abs(sum(chances) - 1) < 1e-9
    assert all(-1e-12 <= chance <= 1 + 1e-9 for chance in chances)


@few
@given(SCORES)
def test_equal_scores_have_equal_chances(counts: list[tuple[int, int]]) -> None:
    found = dict(zip(counts, chances_of(counts), strict=True))
    assert chances_of(counts) == [found[count] for count in counts]


@few
@given(SCORES, st.data())
def test_one_task_more_resolved_makes_no_agent_less_likely_the_best(
    counts: list[tuple[int, int]], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(counts) - 1))
    resolved, attempted = counts[number]
    more = [*counts[:number], (min(resolved + 1, attempted), attempted), *counts[number + 1 :]]
    assert chances_of(more)[number] >= chances_of(counts)[number] - 1e-6


@few
@given(SCORES)
def test_the_order_of_the_agents_does_not_matter(counts: list[tuple[int, int]]) -> None:
    there_and_back = chances_of(counts[::-1])[::-1]
    assert all(abs(one - other) < 1e-9 for one, other in zip(chances_of(counts), there_and_back, strict=True))


@few
@given(COUNTS, COUNTS)
def test_of_two_agents_resolved_and_unresolved_mirror_each_other(one: tuple[int, int], other: tuple[int, int]) -> None:
    mirrored = [(attempted - resolved, attempted) for resolved, attempted in (one, other)]
    assert abs(chances_of([one, other])[0] - chances_of(mirrored)[1]) < 1e-5


@given(st.integers(0, 200), st.integers(0, 200))
def test_better_and_worse_are_the_two_sides_of_one_coin(better: int, worse: int) -> None:
    assert abs(chance_of_more(better, worse) + chance_of_more(worse, better) - 1) < 1e-12


@given(st.integers(0, 200), st.integers(0, 200))
def test_one_task_more_makes_better_more_likely_and_one_less_less_likely(better: int, worse: int) -> None:
    assert chance_of_more(better + 1, worse) > chance_of_more(better, worse) - 1e-15
    assert chance_of_more(better, worse + 1) < chance_of_more(better, worse) + 1e-15


@given(RESULTS, RESULTS)
def test_what_one_is_beside_the_other_the_other_is_not_beside_it(
    one: dict[Measurement, bool], other: dict[Measurement, bool]
) -> None:
    here, there = paired(one, other), paired(other, one)
    assert here == Paired(there.common, there.worse, there.better)


@few
@given(SCORES, st.sampled_from([0.5, 2.5, 25.0, 50.0]), st.integers(1, 12))
def test_the_leaders_are_those_of_a_whole_sort(counts: list[tuple[int, int]], percentile: float, count: int) -> None:
    scores = scores_of(counts)
    worth = {agent: (score.attempted > 0, score.quantile(percentile / 100)) for agent, score in scores.items()}
    whole = sorted(scores, key=lambda agent: worth[agent], reverse=True)[:count]
    assert leading(scores, percentile=percentile, count=count) == whole
