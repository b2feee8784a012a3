"""How much of a session's time its provider cost it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dgm.gateway.provider import Completion, OverloadedError, UnbilledError
from dgm.gateway.retries import Retries
from dgm.gateway.waiting import LostTime
from tests.fakes.providers import ScriptedProvider, Setting, says
from tests.fakes.time import FakeTime


def test_time_in_which_several_calls_waited_counts_once() -> None:
    time = FakeTime()
    lost = LostTime(time)
    with lost.waiting():
        time.advance(3.0)
        with lost.waiting():
            time.advance(2.0)
        time.advance(1.0)
    time.advance(10.0)
    with lost.waiting():
        time.advance(4.0)
    assert lost.total_s == 10.0


def test_a_wait_that_goes_on_counts_so_far() -> None:
    time = FakeTime()
    lost = LostTime(time)
    with lost.waiting():
        time.advance(3.0)
        assert lost.total_s == 3.0


def test_what_is_known_only_afterwards_is_joined_with_what_it_overlaps() -> None:
    time = FakeTime()
    lost = LostTime(time)
    for _ in range(3):
        time.advance(1.0)
        with lost.waiting():
            time.advance(1.0)
    lost.add_since(1.5)  # time is 6 now; lost were 1 to 2, 3 to 4 and 5 to 6
    lost.add_since(5.5)
    assert lost.total_s == 5.0


def taking(time: FakeTime, seconds: float, result: Completion | Exception) -> Callable[[], Completion]:
    def step() -> Completion:
        time.advance(seconds)
        if isinstance(result, Exception):
            raise result
        return result

    return step


@pytest.mark.parametrize(
    ("failure", "lost_s"),
    [
        (UnbilledError("busy"), 20.0 + 1.0),
        (UnbilledError("busy", retry_after_s=7.0), 20.0 + 8.0),
        (OverloadedError("too much", retry_after_s=7.0), 20.0 + 8.0),
    ],
)
def test_attempts_that_failed_and_the_waits_after_them_are_lost_and_answers_are_not(
    tmp_path: Path, failure: Exception, lost_s: float
) -> None:
    time = FakeTime()
    provider = ScriptedProvider(taking(time, 20.0, failure), taking(time, 300.0, says("slow")))
    with Setting(tmp_path, provider=provider, clock=time, waiter=time, retries=Retries()).session() as session:
        session.ask("a")
        assert session.lost_s == lost_s


def test_a_session_whose_provider_answers_loses_nothing(tmp_path: Path) -> None:
    time = FakeTime()
    provider = ScriptedProvider(taking(time, 300.0, says("slow")))
    with Setting(tmp_path, provider=provider, clock=time, waiter=time).session() as session:
        session.ask("a")
        assert session.lost_s == 0.0
