"""How much of a session's time its provider cost it."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from dgm.config import Budget
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.gateway.provider import Completion, OverloadedError, UnbilledError
from dgm.gateway.retries import Retries
from dgm.gateway.session import Session
from dgm.gateway.waiting import LostTime
from tests.fakes.gateway import MemoryLedger
from tests.fakes.providers import ScriptedProvider, Setting, grant, says
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


def test_a_session_is_held_up_while_a_call_waits_to_be_tried_again(tmp_path: Path) -> None:
    seen: list[bool] = []
    provider = ScriptedProvider(UnbilledError("busy"), says("now"))

    class Looking(FakeTime):
        def until_set(self, event: threading.Event, most_s: float) -> bool:
            seen.append(session.is_held_up)
            return super().until_set(event, most_s)

    time = Looking()
    with Setting(tmp_path, provider=provider, clock=time, waiter=time, retries=Retries()).session() as session:
        session.ask("a")
        assert (seen, session.is_held_up) == ([True], False)


def test_waiting_for_money_that_other_sessions_have_set_aside_is_lost(tmp_path: Path) -> None:
    time, asked, waiting = FakeTime(), threading.Event(), threading.Event()
    sessions: list[Session] = []

    def until_another_waits() -> Completion:
        asked.set()
        for _ in range(5_000):
            if sessions[1].lost_s >= 7.0:
                break
            time.advance(1.0)
            waiting.wait(0.001)
        return says("at last")

    provider = ScriptedProvider(until_another_waits, says("yes"))
    setting = Setting(tmp_path, provider=provider, clock=time, waiter=time, budget=Budget(max_cost_usd=0.02))
    with setting.gateway() as gateway, ExitStack() as stack:
        sessions += [stack.enter_context(gateway.session(grant(f"{number:05}.1.agent"))) for number in (1, 2)]
        first = threading.Thread(target=sessions[0].ask, args=("a",))  # each may take 0.016 and takes 0.0015
        first.start()
        asked.wait()
        assert (sessions[1].ask("a"), sessions[0].lost_s) == ("yes", 0.0)
        first.join()
        assert sessions[1].lost_s >= 7.0


def test_to_book_a_call_is_not_to_wait_for_money(tmp_path: Path) -> None:
    seen: list[bool] = []

    class Looking(MemoryLedger):
        def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:
            seen.append(line.is_held_up)
            super().reserve_call(session, number, worst_case=worst_case)

    with Setting(tmp_path, ledger=Looking()).session() as line:
        line.ask("a")
    assert seen == [False]


def test_a_session_whose_provider_answers_loses_nothing(tmp_path: Path) -> None:
    time = FakeTime()
    provider = ScriptedProvider(taking(time, 300.0, says("slow")))
    with Setting(tmp_path, provider=provider, clock=time, waiter=time).session() as session:
        session.ask("a")
        assert session.lost_s == 0.0
