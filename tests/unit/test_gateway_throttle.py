"""How many calls a provider is asked at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgm.gateway.throttle import HeldError, Slot, Throttle
from dgm.gateway.waiting import AbandonedError, LostTime
from tests.fakes.time import FakeTime

FOREVER = 1e9


class WouldBlockError(Exception):
    """A call would have to wait for others."""


class Impatient(FakeTime):
    """Waits for the clock, but for nobody."""

    def for_change(self, changed: threading.Condition, most_s: float | None) -> None:
        if most_s is None:
            raise WouldBlockError
        super().for_change(changed, most_s)


class Line:
    """A throttle, and what its calls are made with."""

    def __init__(self, most: int, time: FakeTime | None = None) -> None:
        self.time = time or Impatient()
        self.throttle = Throttle(most, clock=self.time, waiter=self.time)
        self.lost = LostTime(self.time)

    def slot(
        self, *, until: float = FOREVER, abandoned: Callable[[], bool] = lambda: False
    ) -> AbstractContextManager[Slot]:
        return self.throttle.slot(deadline=lambda _: until, lost=self.lost, abandoned=abandoned)

    def admits(self) -> bool:
        try:
            with self.slot():
                return True
        except WouldBlockError:
            return False


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_calls_are_in_flight_than_may_be(most: int) -> None:
    line = Line(most)
    with ExitStack() as calls:
        for _ in range(most):
            calls.enter_context(line.slot())
        full = line.admits()
    assert (full, line.admits()) == (False, True)


def test_an_overload_leaves_half_of_what_was_in_flight() -> None:
    line = Line(64)
    with ExitStack() as calls:
        slots = [calls.enter_context(line.slot()) for _ in range(10)]
        line.throttle.overloaded(slots[0], retry_after_s=None)
    assert line.throttle.limit == 5


def test_a_burst_of_refusals_of_calls_that_were_in_flight_together_counts_once() -> None:
    line = Line(64)
    with ExitStack() as calls:
        for slot in [calls.enter_context(line.slot()) for _ in range(16)]:
            line.throttle.overloaded(slot, retry_after_s=None)
    assert line.throttle.limit == 8


def test_a_refusal_of_a_call_that_came_after_counts_again() -> None:
    line = Line(16)
    for _ in range(2):
        with ExitStack() as calls:
            slots = [calls.enter_context(line.slot()) for _ in range(line.throttle.limit)]
            line.throttle.overloaded(slots[0], retry_after_s=None)
    assert line.throttle.limit == 4


def test_one_call_is_always_allowed() -> None:
    line = Line(2)
    for _ in range(5):
        with line.slot() as slot:
            line.throttle.overloaded(slot, retry_after_s=None)
    assert (line.throttle.limit, line.admits()) == (1, True)


def test_it_grows_by_one_for_each_round_of_answers_up_to_the_most() -> None:
    line = Line(8)
    with ExitStack() as calls:
        slots = [calls.enter_context(line.slot()) for _ in range(8)]
        line.throttle.overloaded(slots[0], retry_after_s=None)
    limits: list[int] = []
    for answers in (4, 5, 6, 7, 50):
        for _ in range(answers + 1):  # one more: the first answers of a round raise the bar for the rest
            line.throttle.answered()
        limits.append(line.throttle.limit)
    assert limits == [5, 6, 7, 8, 8]


def test_all_calls_wait_as_long_as_the_provider_asked_one_to() -> None:
    line = Line(64)
    with line.slot() as slot:
        line.throttle.overloaded(slot, retry_after_s=30.0)
    with line.slot():
        assert (line.time.monotonic(), line.lost.total_s) == (30.0, 30.0)


@pytest.mark.parametrize(("until", "waits"), [(29.0, False), (31.0, True)])
def test_a_pause_that_is_longer_than_a_call_may_take_ends_it_at_once(until: float, waits: bool) -> None:
    line = Line(64)
    with line.slot() as slot:
        line.throttle.overloaded(slot, retry_after_s=30.0)
    try:
        with line.slot(until=until):
            pass
        held_s = None
    except HeldError as held:
        held_s = held.held_s
    assert (held_s, line.time.monotonic()) == ((None, 30.0) if waits else (30.0, 0.0))


def _in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def _waits(line: Line, note: Callable[[float], None]) -> threading.Thread:
    """Start a call that waits for a slot; return once it waits."""
    line.time.blocked.clear()

    def call() -> None:
        with line.slot():
            note(line.lost.total_s)

    thread = _in_background(call)
    assert line.time.blocked.wait(10)
    return thread


def test_who_came_first_goes_first() -> None:
    line, order = Line(1, FakeTime()), list[int]()
    with line.slot():
        threads = [_waits(line, lambda _, number=number: order.append(number)) for number in range(6)]
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4, 5]


def test_an_abandoned_call_leaves_the_queue_at_once_and_holds_nobody_up() -> None:
    line, closed = Line(1, FakeTime()), threading.Event()
    ended = list[str]()

    def call() -> None:
        try:
            with line.slot(abandoned=closed.is_set):
                ended.append("had a slot")
        except AbandonedError:
            ended.append("left")

    with line.slot():
        thread = _in_background(call)
        line.time.blocked.wait(10)
        closed.set()
        line.throttle.wake()
        thread.join(10)
        assert ended == ["left"]
    with line.slot():
        pass


@pytest.mark.parametrize(("slowed", "lost_s"), [(True, 7.0), (False, 0.0)])
def test_waiting_is_lost_time_where_the_provider_is_the_reason_and_not_the_setting(slowed: bool, lost_s: float) -> None:
    line, lost = Line(2, FakeTime()), list[float]()
    with ExitStack() as calls:
        slots = [calls.enter_context(line.slot()) for _ in range(2)]
        if slowed:
            line.throttle.overloaded(slots[0], retry_after_s=None)
        thread = _waits(line, lost.append)
        line.time.advance(7.0)
    thread.join(10)
    assert lost == [lost_s]


Event = st.sampled_from(["enter", "leave", "answered", "overloaded", "told to wait"])


@given(most=st.integers(1, 9), events=st.lists(Event, max_size=80), pick=st.randoms(use_true_random=False))
def test_whatever_happens_as_many_calls_are_in_flight_as_the_limit_allows(
    most: int, events: list[str], pick: Random
) -> None:
    line = Line(most)
    calls: list[tuple[ExitStack, Slot]] = []
    for event in events:
        match event:
            case "enter":
                stack, may_enter = ExitStack(), len(calls) < line.throttle.limit
                try:
                    calls.append((stack, stack.enter_context(line.slot())))
                    entered = True
                except WouldBlockError:
                    entered = False
                assert entered is may_enter
            case "leave" if calls:
                calls.pop(pick.randrange(len(calls)))[0].close()
            case "overloaded" | "told to wait" if calls:
                asked = 5.0 if event == "told to wait" else None
                line.throttle.overloaded(pick.choice(calls)[1], retry_after_s=asked)
            case "answered":
                line.throttle.answered()
            case _:
                pass
        assert 1 <= line.throttle.limit <= most


@settings(max_examples=20, deadline=None)
@given(most=st.integers(1, 6), seed=st.integers(0, 2**16))
def test_nobody_starves_whatever_the_provider_refuses(most: int, seed: int) -> None:
    line, lock, flying, peak = Line(most, FakeTime()), threading.Lock(), 0, 0
    random = Random(seed)

    def call(_: int) -> bool:
        nonlocal flying, peak
        with line.slot() as slot:
            with lock:
                flying += 1
                peak = max(peak, flying)
                chance = random.random()
            if chance < 0.3:
                line.throttle.overloaded(slot, retry_after_s=random.choice([None, 2.0]))
            else:
                line.throttle.answered()
            with lock:
                flying -= 1
        return True

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(call, range(60), timeout=30))
    assert 1 <= peak <= most
