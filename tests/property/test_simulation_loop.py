"""The event loop of the simulator: whatever the policy, the landscape and the number of workers."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.cli.simulated import policy_named
from dgm.simulation import PRESETS, Happening, Setting, simulate

WORKERS = (1, 4, 16, 64)
SMALL = replace(PRESETS["disagree"], stage_sizes=(3, 5))

policies = st.sampled_from(("dgm", "dgm:greedy", "hgm", "random"))
seeds = st.integers(0, 2**32)


def happenings_of(policy: str, setting: Setting, *, seed: int) -> list[Happening]:
    found: list[Happening] = []
    simulate(policy_named(policy), SMALL, setting, seed=seed, watch=found.append)
    return found


@pytest.mark.parametrize("workers", WORKERS)
@given(policy=policies, seed=seeds)
@settings(max_examples=3, deadline=None)
def test_the_same_seed_gives_the_same_choices_and_the_same_course(workers: int, policy: str, seed: int) -> None:
    setting = Setting(workers=workers, children=6)

    assert happenings_of(policy, setting, seed=seed) == happenings_of(policy, setting, seed=seed)
    assert simulate(policy_named(policy), SMALL, setting, seed=seed) == simulate(
        policy_named(policy), SMALL, setting, seed=seed
    )


@given(
    policy=policies,
    seed=seeds,
    workers=st.sampled_from(WORKERS),
    size=st.none() | st.integers(1, 8),
    bound=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_the_clock_never_goes_back_and_no_more_are_in_flight_than_there_are_workers(
    policy: str, seed: int, workers: int, size: int | None, bound: bool
) -> None:
    setting = Setting(workers=workers, children=6, round_size=size, evaluations=30 if bound else None)
    found = happenings_of(policy, setting, seed=seed)
    in_flight, most = set[int](), 0
    for happening in found:
        if happening.is_start:
            in_flight.add(happening.number)
        else:
            in_flight.remove(happening.number)
        most = max(most, len(in_flight))

    times = [happening.at_s for happening in found]
    assert times == sorted(times)
    assert most <= workers
    assert not in_flight


@given(policy=policies, seed=seeds)
@settings(max_examples=5, deadline=None)
def test_faults_take_time_and_money_and_change_no_result(policy: str, seed: int) -> None:
    setting = Setting(workers=1, children=5)
    never = simulate(policy_named(policy), replace(SMALL, faults=0.0), setting, seed=seed)
    always = simulate(policy_named(policy), replace(SMALL, faults=1.0), setting, seed=seed)

    assert [(point.evaluations, point.picked, point.best) for point in always.points] == [
        (point.evaluations, point.picked, point.best) for point in never.points
    ]
    assert always.faults == 2 * (always.evaluations + always.steps)
    assert always.seconds == pytest.approx(3 * never.seconds)
    assert always.cost_usd == pytest.approx(3 * never.cost_usd)
