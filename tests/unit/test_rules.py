"""How far agents are measured: the figures, worked out by hand."""

from dataclasses import replace

import pytest

from dgm.config import RunConfig
from dgm.config.run import Search
from dgm.core.actions import Evaluate, Expand
from dgm.core.adaptive import Adaptive, least_resolved, needed_to_reach
from dgm.core.outcomes import Measured
from dgm.core.policies import POLICIES
from dgm.core.rules import Rule, Staged, WithBestTrials, best_settled
from dgm.core.stages import Measurement, Stage
from dgm.core.view import ArchiveView, Goal
from dgm.simulation.landscape import PRESETS
from dgm.simulation.loop import Setting, simulate
from dgm.wiring.searching import plan_of, rule_of
from tests.fakes.views import TASKS, Member, agent_id_of, goal_of, view_of

STAGES = (Stage(TASKS[:4], above=0.0), Stage(TASKS[4:8], above=0.4), Stage(TASKS[8:], above=0.4))
STAGED = Staged(STAGES, 1)
FOR_TWO = (*STAGES[:2], replace(STAGES[2], top=2))
LAST = [8, 9, 10, 11]


def adaptive(*, top: int = 1, least_chance: float = 0.05) -> Adaptive:
    return Adaptive(STAGES, 1, top=top, least_chance=least_chance)


def goal(rule: Rule, *, children: int = 99) -> Goal:
    return goal_of(stages=STAGES, rule=rule, children=children)


def due_tasks(view: ArchiveView, number: int) -> list[int]:
    """Return the places in TASKS of what is due for an agent on its first trial."""
    return [TASKS.index(task) for task, trial in view.due(number) if trial == 0]


def repeated(tasks: range, trial: int) -> list[Measurement]:
    return [(TASKS[task], trial) for task in tasks]


# Stages


def test_the_oldest_agent_that_is_not_settled_is_measured_first() -> None:
    view = view_of([Member(6, 12), Member(0, 4), Member(3, 4), Member(0, 0)], goal(STAGED))
    assert view.first_due() == Evaluate(agent_id_of(2), TASKS[4], 0)


# Stages for the best


def for_two(*members: Member, stages: tuple[Stage, ...] = FOR_TWO) -> ArchiveView:
    return view_of(members, goal_of(stages=stages, rule=Staged(stages, 1)))


def who_is_due(view: ArchiveView) -> list[int]:
    return [number for number in range(len(view)) if view.due(number)]


def result(of: Evaluate, *, resolved: bool = True) -> Measured:
    return Measured((of.task, of.trial), resolved, edited=True, tokens=1, cost_usd=0.0, changed_lines=1)


def measure(view: ArchiveView, due: Evaluate, *, resolved: bool = True) -> None:
    view.begin(due)
    view.end_evaluation(due, result(due, resolved=resolved))


def test_a_stage_for_the_best_two_is_for_those_who_resolved_most_of_the_stages_before() -> None:
    view = for_two(Member(1, 12), Member(6, 8), Member(8, 8), Member(5, 8), Member(7, 8))
    assert (who_is_due(view), due_tasks(view, 2), due_tasks(view, 4)) == ([2, 4], LAST, LAST)


def test_of_equals_the_earlier_agent_is_among_the_best() -> None:
    assert who_is_due(for_two(Member(1, 12), Member(6, 8), Member(6, 8), Member(6, 8))) == [1, 2]


def test_the_seed_agent_is_one_of_those_that_are_ranked_and_is_measured_on_all_stages() -> None:
    assert who_is_due(for_two(Member(8, 12), Member(6, 8), Member(5, 8))) == [1]
    assert due_tasks(for_two(Member(0, 8), Member(8, 8), Member(8, 8)), 0) == LAST


def test_the_best_still_need_more_than_the_threshold() -> None:
    # 3 of 8 is not more than 40 %.
    assert who_is_due(for_two(Member(1, 12), Member(4, 8), Member(3, 8))) == [1]


def test_who_is_not_measured_on_all_stages_before_is_no_rival() -> None:
    assert who_is_due(for_two(Member(8, 12), Member(7, 7), Member(6, 8))) == [1, 2]


def test_stages_for_the_best_come_last_and_the_best_agent_first() -> None:
    view = for_two(Member(1, 12), Member(5, 8), Member(6, 8), Member(7, 7))
    assert view.first_due() == Evaluate(agent_id_of(3), TASKS[7], 0)
    view.begin(Evaluate(agent_id_of(3), TASKS[7], 0))
    assert view.first_due() == Evaluate(agent_id_of(2), TASKS[8], 0)


def test_who_is_overtaken_half_way_gets_no_more_and_stays_a_possible_parent() -> None:
    view = for_two(Member(1, 12), Member(5, 10), Member(6, 8), Member(7, 7))
    assert (due_tasks(view, 1), bool(view.settled[1])) == ([10, 11], True)
    measure(view, Evaluate(agent_id_of(3), TASKS[7], 0))
    assert (who_is_due(view), len(view.done(1)), bool(view.settled[1])) == ([2, 3], 10, True)
    while (due := view.first_due()) is not None:
        measure(view, due)
    assert [len(view.done(number)) for number in range(4)] == [12, 10, 12, 12]


def test_what_is_in_flight_of_who_is_overtaken_ends() -> None:
    last = Evaluate(agent_id_of(1), TASKS[11], 0)
    view = for_two(Member(1, 12), Member(5, 11), Member(6, 8), Member(7, 7))
    view.begin(last)
    measure(view, Evaluate(agent_id_of(3), TASKS[7], 0))
    view.end_evaluation(last, result(last))
    assert (who_is_due(view), len(view.done(1))) == ([2, 3], 12)


def test_what_comes_after_a_stage_for_the_best_is_for_them_too() -> None:
    stages = (STAGES[0], replace(STAGES[1], top=1), STAGES[2])
    view = for_two(Member(0, 12), Member(3, 8), Member(4, 8), stages=stages)
    assert (who_is_due(view), due_tasks(view, 2)) == ([2], LAST)


def test_the_first_stage_is_for_all() -> None:
    view = for_two(Member(1, 12), Member(0, 0), Member(0, 0), stages=(replace(STAGES[0], top=1), *STAGES[1:]))
    assert who_is_due(view) == [1, 2]


def test_only_what_was_resolved_of_the_stages_before_counts_for_a_place_among_the_best() -> None:
    view = for_two(Member(1, 12), Member(5, 7), Member(6, 8), Member(6, 8))
    for other in (*repeated(range(4), 1), (TASKS[8], 0)):  # five more that agent 1 resolved
        measure(view, Evaluate(agent_id_of(1), *other))
    measure(view, Evaluate(agent_id_of(1), TASKS[7], 0), resolved=False)
    assert who_is_due(view) == [2, 3]


# Adaptive stopping


def test_the_mean_of_a_rival_with_fewer_results_is_turned_into_tasks_of_all_rounded_up() -> None:
    # (3 + 1) / (4 + 2) = 2/3, and (r + 1) / 14 >= 2/3 from r = 8.33 on; (5 + 1) / 14 is reached by 5 exactly.
    assert (needed_to_reach(3, 4, 12), needed_to_reach(5, 12, 12)) == (9, 5)


def test_who_resolved_everything_reaches_any_mean() -> None:
    assert needed_to_reach(100, 100, 12) == 12


def test_the_fewest_to_go_on_with_are_the_binomial_figures() -> None:
    # Both of 2 are needed. With none of 0 the chance is 1/3, with 1 of 1 it is 2/3, with 0 of 1 it is 0.
    assert [least_resolved(2, 2, chance).tolist() for chance in (0.3, 0.5, 0.7)] == [[0, 1, 2], [1, 1, 2], [1, 2, 2]]


def test_the_first_stage_is_measured_for_whoever_failed_at_its_beginning() -> None:
    view = view_of([Member(12, 12), Member(11, 12), Member(0, 3)], goal(adaptive()))
    assert due_tasks(view, 2) == [3]


def test_who_cannot_come_to_the_top_any_more_is_stopped_after_the_first_stage() -> None:
    # 11 of 12 is reached by 11; whoever failed at all of 4 comes to 8 at most.
    view = view_of([Member(11, 12), Member(0, 4)], goal(adaptive()))
    assert due_tasks(view, 1) == []


def test_who_may_come_to_the_top_goes_on_whatever_the_threshold_of_the_stages() -> None:
    # 2 of 12 is reached with one more of 8; 40 % of the first 4 would have been 2.
    view = view_of([Member(2, 12), Member(1, 4)], goal(adaptive()))
    assert due_tasks(view, 1) == [4, 5, 6, 7, 8, 9, 10, 11]
    assert view.first_due() == Evaluate(agent_id_of(1), TASKS[4], 0)


def test_the_top_is_as_wide_as_it_is_told() -> None:
    members = [Member(11, 12), Member(10, 12), Member(2, 12), Member(1, 4)]
    due = {top: due_tasks(view_of(members, goal(adaptive(top=top))), 3) for top in (1, 2, 3)}
    assert {top: bool(tasks) for top, tasks in due.items()} == {1: False, 2: False, 3: True}


def test_an_agent_of_the_top_is_compared_with_the_first_one_outside() -> None:
    # Agent 1 leads with 5/6; it is compared with agent 0, who stands at 2/14.
    view = view_of([Member(1, 12), Member(4, 4)], goal(adaptive(least_chance=0.99)))
    assert due_tasks(view, 1) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_who_was_stopped_is_due_again_when_the_leader_falls() -> None:
    members = [Member(0, 12), Member(4, 4), Member(2, 4)]
    stopped = view_of(members, goal(adaptive(least_chance=0.2)))
    fallen = view_of([members[0], Member(4, 12), members[2]], goal(adaptive(least_chance=0.2)))
    assert (due_tasks(stopped, 2), due_tasks(fallen, 2)) == ([], [4, 5, 6, 7, 8, 9, 10, 11])


def test_the_seed_agent_is_measured_on_everything_however_hopeless() -> None:
    view = view_of([Member(0, 4), Member(12, 12), Member(12, 12)], goal(adaptive()))
    assert due_tasks(view, 0) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_an_agent_is_a_parent_after_its_first_stage_and_the_seed_agent_after_all_of_them() -> None:
    assert view_of([Member(1, 11), Member(1, 4), Member(1, 3)], goal(adaptive())).settled.tolist() == [
        False,
        True,
        False,
    ]


# Repeated trials of the best


def test_the_best_agent_is_tried_again_on_every_task_when_nothing_else_is_due() -> None:
    view = view_of([Member(3, 12), Member(6, 12)], goal(WithBestTrials(STAGED, 3), children=1))
    assert view.due(0) == []
    assert view.due(1) == repeated(range(12), 1) + repeated(range(12), 2)
    assert view.first_due() == Evaluate(agent_id_of(1), TASKS[0], 1)


def test_repeated_trials_wait_for_what_the_rule_wants() -> None:
    view = view_of([Member(6, 12), Member(1, 3)], goal(WithBestTrials(STAGED, 3), children=1))
    assert view.first_due() == Evaluate(agent_id_of(1), TASKS[3], 0)


def test_the_best_agent_is_tried_on_what_it_was_never_tried_on_first() -> None:
    view = view_of([Member(0, 12), Member(1, 4)], goal(WithBestTrials(STAGED, 2), children=1))
    assert view.due(1) == repeated(range(4, 12), 0) + repeated(range(12), 1)


def test_what_is_tried_again_already_is_not_tried_twice_at_once() -> None:
    again = Evaluate(agent_id_of(0), TASKS[0], 1)
    view = view_of([Member(6, 12)], goal(WithBestTrials(STAGED, 2), children=0), in_flight=[again])
    assert view.first_due() == Evaluate(agent_id_of(0), TASKS[1], 1)


def test_while_children_are_wanted_three_of_four_measurements_are_not_repeated() -> None:
    view = view_of([Member(6, 12)], goal(WithBestTrials(STAGED, 9)))
    begun = 0
    while (again := view.first_due()) is not None:
        view.begin(again)
        begun += 1
    assert begun == 4  # of 16 in all


def test_repeated_trials_go_on_once_the_last_child_is_under_way() -> None:
    view = view_of([Member(6, 12)], goal(WithBestTrials(STAGED, 9), children=1))
    for task in TASKS[:4]:
        view.begin(Evaluate(agent_id_of(0), task, 1))
    assert view.first_due() is None
    view.begin(Expand(agent_id_of(0), step=1))
    assert view.first_due() == Evaluate(agent_id_of(0), TASKS[4], 1)


def test_repeated_trials_keep_no_agent_from_being_a_parent() -> None:
    assert view_of([Member(6, 12)], goal(WithBestTrials(STAGED, 9))).settled.all()


def test_the_best_agent_has_a_record_not_a_few_lucky_tasks() -> None:
    assert best_settled(view_of([Member(9, 12), Member(2, 2), Member(4, 4)], goal(STAGED))) == 0


def test_of_equals_the_oldest_is_the_best() -> None:
    assert best_settled(view_of([Member(1, 12), Member(0, 4), Member(6, 12), Member(6, 12)], goal(STAGED))) == 2


def test_nobody_is_the_best_before_anything_was_measured() -> None:
    assert best_settled(view_of([Member(0, 0)], goal(STAGED))) is None


def test_repeated_trials_neither_starve_children_nor_keep_the_run_from_ending() -> None:
    landscape = replace(PRESETS["agree"], stage_sizes=(4, 8))

    def repeating(stages: tuple[Stage, ...], trials: int) -> Rule:
        return WithBestTrials(Staged(stages, trials), 5)

    course = simulate(POLICIES["dgm"](), landscape, Setting(children=6, steps=99, workers=3, rule=repeating), seed=1)
    # The last best one has 60 results, 6 others at least their first 4.
    assert (course.children, course.evaluations >= 60 + 6 * 4) == (6, True)


# Configuration


@pytest.mark.parametrize(
    ("search", "rule"),
    [
        (Search(), STAGED),
        (Search(stopping="adaptive", top=2, least_chance=0.1), Adaptive(STAGES, 1, top=2, least_chance=0.1)),
        (Search(best_trials=4), WithBestTrials(STAGED, 4)),
        (Search(best_trials=1), STAGED),
    ],
    ids=["stages", "adaptive", "best trials", "as many as all"],
)
def test_a_run_is_measured_by_the_rule_that_it_names(search: Search, rule: Rule) -> None:
    assert rule_of(RunConfig(search=search), STAGES) == rule


@pytest.mark.parametrize(("stage_tops", "stages"), [(True, FOR_TWO), (False, STAGES)])
def test_stages_for_the_best_are_for_whoever_earns_them_where_a_run_says_so(
    stage_tops: bool, stages: tuple[Stage, ...]
) -> None:
    config = RunConfig(search=Search(stage_tops=stage_tops))
    goal = plan_of(config, FOR_TWO, held_out=(), children=1, workers=1).goal
    assert (goal.stages, goal.rule) == (stages, Staged(stages, 1))


def test_a_stage_is_for_the_best_with_some_of_its_tasks_held_out() -> None:
    goal = plan_of(RunConfig(), FOR_TWO, held_out=TASKS[9:], children=1, workers=1).goal
    assert goal.stages[2] == Stage(TASKS[8:9], above=0.4, top=2)
