"""Landscapes, worlds and courses: what is made up, by which rules, and what is counted of it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import correlation, fmean, median

import pytest

from dgm.core.ids import TaskId
from dgm.core.policies import POLICIES
from dgm.simulation import PRESETS, Course, Landscape, Point, Setting, simulate
from dgm.simulation.chance import LogNormal, Recorded, draws, normal, sigmoid
from dgm.simulation.landscape import quality_of, true_score
from dgm.simulation.sweep import Entry, Sweep, bands, mean_of, median_with_missing, summaries
from dgm.simulation.world import SEED_AGENT, World

FIRST = TaskId("task-000")


def children_of(landscape: Landscape, *, attempts: int, editor: int = SEED_AGENT) -> tuple[World, list[int]]:
    """Let the seed agent be modified so often and return the world and the children."""
    world = World(landscape, 0)
    made = [step for step in range(1, attempts + 1) if world.expanded(step, parent=SEED_AGENT, editor=editor)[0]]
    return world, made


def ranks(values: Sequence[float]) -> list[int]:
    places = {value: place for place, value in enumerate(sorted(values))}
    return [places[value] for value in values]


def test_draws_are_the_same_for_the_same_name_only() -> None:
    assert draws("3:step:1") == draws("3:step:1")
    assert set(draws("3:step:1")).isdisjoint(draws("3:step:2"))


def test_draws_are_uniform() -> None:
    found = [draw for number in range(1000) for draw in draws(f"{number}")]

    assert fmean(found) == pytest.approx(0.5, abs=0.02)
    assert fmean(draw < 0.1 for draw in found) == pytest.approx(0.1, abs=0.02)


def test_lognormal_amounts_have_the_mean_that_is_asked_for() -> None:
    spread = LogNormal(mean=7.0, sigma=0.5)

    assert fmean(spread.at((n + 0.5) / 1000, 0.99) for n in range(1000)) == pytest.approx(7.0, rel=0.01)


def test_a_tail_stretches_its_share_of_the_amounts_and_the_limit_ends_it() -> None:
    spread = LogNormal(mean=1.0, sigma=0.0, tail_chance=0.1, tail_index=1.0, limit=50.0)

    assert spread.at(0.5, 0.2) == 1.0
    assert spread.at(0.5, 0.05) == pytest.approx(2.0)  # half of the tail is stretched twofold or more
    assert spread.at(0.5, 0.0001) == 50.0


def test_recorded_amounts_are_drawn_alike() -> None:
    spread = Recorded((5.0, 6.0))

    assert [spread.at(draw, 0.5) for draw in (0.1, 0.4, 0.6, 0.99)] == [5.0, 5.0, 6.0, 6.0]


@pytest.mark.parametrize("score", [0.01, 0.2, 0.5, 0.93])
def test_a_quality_resolves_the_share_that_it_was_asked_for(score: float) -> None:
    difficulties = PRESETS["agree"].all_difficulties()

    assert true_score(quality_of(score, difficulties), difficulties) == pytest.approx(score)


def test_a_correlation_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a correlation of 1\.1"):
        replace(PRESETS["agree"], correlation=1.1)


def test_the_seed_agent_resolves_its_share_of_the_tasks() -> None:
    world = World(PRESETS["disagree"], 4)
    tasks = [task for stage in world.stages() for task in stage.tasks]
    resolved = [world.evaluated(SEED_AGENT, (task, trial))[0].resolved for task in tasks for trial in range(50)]

    assert world.true_score(SEED_AGENT) == pytest.approx(0.2)
    assert fmean(resolved) == pytest.approx(0.2, abs=0.02)


def test_what_happens_hangs_on_no_order() -> None:
    one, other = World(PRESETS["rugged"], 4), World(PRESETS["rugged"], 4)
    first = (one.evaluated(SEED_AGENT, (FIRST, 0)), one.expanded(1, parent=0, editor=0), one.traits(1))
    other.expanded(2, parent=0, editor=0)
    other.expanded(1, parent=0, editor=0)

    assert first[0] == other.evaluated(SEED_AGENT, (FIRST, 0))
    assert first[2] == other.traits(1)


def test_a_trial_tells_something_new() -> None:
    world = World(replace(PRESETS["agree"], seed_score=0.5), 0)

    assert {world.evaluated(SEED_AGENT, (FIRST, trial))[0].resolved for trial in range(40)} == {True, False}


@pytest.mark.parametrize("wanted", [-0.8, 0.0, 0.6])
def test_what_a_step_does_to_quality_and_to_improvability_is_correlated_as_asked(wanted: float) -> None:
    world, made = children_of(replace(PRESETS["disagree"], correlation=wanted, gain_logits=0.35), attempts=4000)
    found = [world.traits(child) for child in made]

    of_ranks = correlation(ranks([each.quality for each in found]), ranks([each.improvability for each in found]))
    assert of_ranks == pytest.approx(wanted, abs=0.06)


def test_an_editor_that_is_more_improvable_makes_more_and_better_children() -> None:
    landscape = replace(PRESETS["agree"], heritability=1.0)
    world, first = children_of(landscape, attempts=600)
    good = max(first, key=lambda child: world.traits(child).quality)
    by_skill: dict[float, tuple[int, float]] = {}
    for skill in (-2.0, 2.0):
        world.add(good, replace(world.traits(SEED_AGENT), improvability=skill))
        made = [step for step in range(1000, 1600) if world.expanded(step, parent=SEED_AGENT, editor=good)[0]]
        by_skill[skill] = (len(made), fmean(world.traits(child).quality for child in made))

    assert by_skill[2.0][0] > by_skill[-2.0][0]
    assert by_skill[2.0][1] > by_skill[-2.0][1]


def test_improvability_changes_nothing_where_an_editor_has_no_part_in_it() -> None:
    landscape = replace(PRESETS["agree"], works_slope=0.0, gain_slope=0.0)
    world, made = children_of(landscape, attempts=100)
    world.add(SEED_AGENT, replace(world.traits(SEED_AGENT), improvability=5.0))

    assert made == [step for step in range(1, 101) if world.expanded(step, parent=SEED_AGENT, editor=SEED_AGENT)[0]]


def test_nothing_is_gained_at_the_ceiling() -> None:
    world, made = children_of(replace(PRESETS["agree"], ceiling_score=0.2), attempts=400)

    assert max(world.true_score(child) for child in made) <= 0.2 + 1e-9


def test_dead_ends_are_better_and_lead_nowhere() -> None:
    never, _ = children_of(replace(PRESETS["rugged"], dead_ends=0.0), attempts=400)
    always, made = children_of(replace(PRESETS["rugged"], dead_ends=1.0), attempts=400)
    better = [child for child in made if always.true_score(child) > 0.2]

    assert better
    assert all(always.true_score(child) > never.true_score(child) for child in better)
    assert all(always.traits(child).improvability <= -3.0 for child in better)


def test_a_perfect_seed_agent_ends_a_run() -> None:
    course = simulate(POLICIES["dgm"](), replace(PRESETS["agree"], seed_score=1.0), Setting(workers=4), seed=0)

    assert (course.evaluations, course.steps, course.children) == (60, 0, 0)
    assert course.picked == pytest.approx(1.0)


def test_a_bound_on_evaluations_ends_a_run() -> None:
    course = simulate(POLICIES["dgm"](), PRESETS["agree"], Setting(workers=16, evaluations=75), seed=0)

    assert course.evaluations == 75


def test_rounds_wait_for_their_slowest_step_and_leave_workers_idle() -> None:
    setting = Setting(workers=16, children=40)
    steady, barrier = (
        [simulate(POLICIES["dgm"](), PRESETS["disagree"], each, seed=seed) for seed in range(1)]
        for each in (setting, replace(setting, round_size=16))
    )

    assert min(course.steady for course in steady) >= 0.97
    assert max(course.steady for course in barrier) < 0.9


@pytest.mark.slow
def test_dgm_comes_as_far_on_each_landscape_as_in_the_paper() -> None:
    for landscape in PRESETS.values():
        found = [
            simulate(POLICIES["dgm"](), landscape, Setting(children=80, steps=80), seed=seed) for seed in range(40)
        ]
        made = sum(course.children for course in found) / sum(course.steps for course in found)
        assert fmean(course.picked for course in found) == pytest.approx(0.5, abs=0.07), landscape.name
        assert made == pytest.approx(0.513, abs=0.05), landscape.name


def course_of(*points: Point) -> Course:
    return Course(points, 30, 4, 2, seconds=7200.0, cost_usd=9.0, faults=0, busy=0.5, steady=0.9)


FLAT = course_of(Point(1, 10.0, 1.0, 0.2, 0.2))
RISING = course_of(Point(1, 10.0, 1.0, 0.2, 0.2), Point(20, 3600.0, 5.0, 0.6, 0.7))


def test_a_course_says_when_it_was_first_as_good() -> None:
    assert RISING.first_with(0.5) == RISING.points[1]
    assert FLAT.first_with(0.5) is None


def test_a_median_counts_those_that_never_came_as_the_last() -> None:
    assert median_with_missing([3.0, 1.0], of=3) == 3.0
    assert median_with_missing([3.0, 1.0], of=5) is None
    assert median_with_missing([3.0, 1.0, 2.0], of=3) == median([3.0, 1.0, 2.0])


def test_a_mean_of_one_seed_has_no_interval() -> None:
    assert mean_of([0.4]).interval is None
    assert mean_of([0.3, 0.5]).interval == pytest.approx((0.4 - 1.96 * 0.1, 0.4 + 1.96 * 0.1))


def test_bands_hold_what_was_picked_at_each_place() -> None:
    found = bands([FLAT, RISING, RISING], [0, 19, 20, 99], by_hours=False)

    assert [(band.low, band.median, band.high) for band in found] == [
        (0.2, 0.2, 0.2),
        (0.2, 0.2, 0.2),
        (0.2, 0.6, 0.6),
        (0.2, 0.6, 0.6),
    ]
    assert [band.median for band in bands([RISING], [0.9, 1.0], by_hours=True)] == [0.2, 0.6]


def test_a_sweep_has_the_reference_in_rounds_where_workers_could_wait() -> None:
    sweep = Sweep(("hgm", "dgm"), PRESETS["agree"], (1, 4), children=3)

    assert sweep.entries() == (
        Entry("hgm", 1),
        Entry("dgm", 1),
        Entry("hgm", 4),
        Entry("dgm", 4),
        Entry("dgm", 4, has_barrier=True),
    )
    assert sweep.setting(Entry("dgm", 4, has_barrier=True)).round_size == 4


def test_a_summary_counts_the_seeds_that_became_as_good_as_the_reference() -> None:
    sweep = Sweep(("dgm", "hgm"), PRESETS["agree"], (1,), children=3)
    found = summaries(sweep, {Entry("dgm", 1): [FLAT, RISING], Entry("hgm", 1): [RISING, RISING]})

    assert [(each.reached, each.evaluations_to_reach, each.hours_to_reach) for each in found] == [
        (1, 20, 1.0),
        (2, 20, 1.0),
    ]
    assert [each.picked.value for each in found] == pytest.approx([0.4, 0.6])


def test_normal_and_sigmoid_are_what_they_are_called() -> None:
    assert normal(0.975) == pytest.approx(1.959964, abs=1e-6)
    assert sigmoid(math.log(3)) == pytest.approx(0.75)
    assert sigmoid(-800.0) == 0.0
