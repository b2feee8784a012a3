"""When a call is tried again, and for how long."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from dgm.config import Budget
from dgm.core.errors import ProviderError
from dgm.core.outcomes import Usage
from dgm.core.ports import Role, SessionLimits
from dgm.gateway.gateway import Gateway, GatewayLimits, by_role
from dgm.gateway.provider import Completion, OverloadedError, RoleModel, UnbilledError
from dgm.gateway.retries import Retries
from dgm.gateway.session import Session
from dgm.gateway.waiting import ThreadWaiter
from tests.fakes.gateway import MemoryLedger
from tests.fakes.providers import ScriptedProvider, Setting, grant, post, says, used
from tests.fakes.time import FakeTime

Script = Completion | Exception
BUSY = UnbilledError("x answered with status 503: busy")
DOWN = ProviderError("x did not answer in time.")


def setting(directory: Path, *script: Script, time: FakeTime, retries: Retries = Retries()) -> Setting:  # noqa: B008
    provider = ScriptedProvider(*script)
    return Setting(directory, provider=provider, clock=time, waiter=time, retries=retries)


def waits(directory: Path, *script: Script, jitter: float = 1.0) -> list[float]:
    """Return how long was waited before each further attempt."""
    time = FakeTime(jitter=jitter)
    with setting(directory, *script, time=time).session() as session:
        post(session)
    return time.waits


def fault_of(session: Session) -> str:
    """Return what one call of a session fails with."""
    with pytest.raises(ProviderError) as failure:
        session.ask("a")
    return str(failure.value)


def test_the_longest_wait_doubles_up_to_a_minute(tmp_path: Path) -> None:
    assert waits(tmp_path, *[BUSY] * 8, says("up")) == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_how_long_is_waited_is_chance(tmp_path: Path) -> None:
    assert waits(tmp_path, *[BUSY] * 3, says("up"), jitter=0.25) == [0.25, 0.5, 1.0]


@pytest.mark.parametrize(("jitter", "waited"), [(0.0, 30.0), (1.0, 31.0)])
def test_what_the_provider_asks_for_is_waited_and_some_more(tmp_path: Path, jitter: float, waited: float) -> None:
    asks = UnbilledError("busy", retry_after_s=30.0)
    assert waits(tmp_path, asks, says("up"), jitter=jitter) == [waited]


def test_jitter_is_between_nothing_and_the_most() -> None:
    waiter = ThreadWaiter(Random(5))
    drawn = [waiter.jitter_s(8.0) for _ in range(200)]
    assert (min(drawn) < 1.0, max(drawn) > 7.0, all(0.0 <= wait <= 8.0 for wait in drawn)) == (True, True, True)


@pytest.mark.parametrize(("patience_s", "tries"), [(10.0, 4), (900.0, 20)])
def test_a_call_that_was_not_billed_is_tried_until_patience_is_used_up(
    tmp_path: Path, patience_s: float, tries: int
) -> None:
    time = FakeTime()
    line = setting(tmp_path, BUSY, time=time, retries=Retries(patience_s=patience_s))
    with line.session() as session:
        said = fault_of(session)
    waited = sum(time.waits)
    assert (len(time.waits) + 1, waited <= patience_s) == (tries, True)
    assert said == f"x answered with status 503: busy; it was tried {tries} times in {waited:.0f} s."


@pytest.mark.parametrize("failures", [2, 5])
def test_a_call_that_may_have_been_billed_is_tried_so_often_and_paid_for_each_time(
    tmp_path: Path, failures: int
) -> None:
    line = setting(tmp_path, DOWN, time=FakeTime(), retries=Retries(costly_failures=failures))
    ledger = line.ledger = MemoryLedger()
    with line.session() as session:
        fault_of(session)
        worst = next(iter(ledger.calls.values()))
        assert (list(ledger.calls.values()), session.usage.calls) == ([worst] * failures, failures)


def test_failures_that_cost_nothing_do_not_use_up_the_attempts_of_those_that_may(tmp_path: Path) -> None:
    script = [*[BUSY] * 9, DOWN, *[BUSY] * 9, says("up")]
    with setting(tmp_path, *script, time=FakeTime()).session() as session:
        assert session.ask("a") == "up"


def test_an_attempts_own_time_uses_up_patience(tmp_path: Path) -> None:
    time = FakeTime()

    def slow() -> Completion:
        time.advance(1000.0)
        raise DOWN

    provider = ScriptedProvider(slow)
    with Setting(tmp_path, provider=provider, clock=time, waiter=time, retries=Retries()).session() as session:
        said = fault_of(session)
    assert (said, len(provider.requests)) == ("x did not answer in time.", 1)


def test_a_wait_that_is_longer_than_patience_ends_the_call_at_once(tmp_path: Path) -> None:
    time = FakeTime()
    refused = OverloadedError("x answered with status 429: quota of the day.", retry_after_s=3600.0)
    with setting(tmp_path, refused, time=time).session() as session:
        said = fault_of(session)
    told = (
        "x answered with status 429: quota of the day; it asks to wait 3600 s more, "
        "and a call is tried for 900 s in all."
    )
    assert (said, time.waits) == (told, [])


def test_a_pause_that_another_call_was_told_ends_a_call_at_once_where_it_is_too_long(tmp_path: Path) -> None:
    time = FakeTime()
    refused = OverloadedError("x answered with status 429: quota of the day.", retry_after_s=3600.0)
    line = setting(tmp_path, refused, says("never asked"), time=time)
    with line.gateway() as gateway:
        with gateway.session(grant()) as first:
            fault_of(first)
        with gateway.session(grant("00002.1.agent")) as second:
            said = fault_of(second)
    told = "scripted is overloaded; it asks to wait 3600 s more, and a call is tried for 900 s in all."
    assert (said, time.waits) == (told, [])


def test_waiting_for_a_turn_uses_up_no_patience(tmp_path: Path) -> None:
    time, asked = FakeTime(), threading.Event()

    def refused_late() -> Completion:
        asked.set()
        time.blocked.wait(10)  # until the second call is in the queue
        time.advance(1000.0)
        raise OverloadedError("busy", retry_after_s=2.0)

    def ask_in_vain() -> None:
        with suppress(ProviderError):
            first.ask("a")

    provider = ScriptedProvider(refused_late, says("my turn"))
    line = Setting(tmp_path, provider=provider, clock=time, waiter=time, retries=Retries(), concurrency=1)
    with (
        line.gateway() as gateway,
        gateway.session(grant()) as first,
        gateway.session(grant("00002.1.agent")) as second,
    ):
        thread = threading.Thread(target=ask_in_vain)
        thread.start()
        asked.wait(10)
        assert second.ask("b") == "my turn"
        thread.join(10)


def test_the_agent_sees_nothing_of_attempts_that_failed(tmp_path: Path) -> None:
    with setting(tmp_path, BUSY, DOWN, says("one"), time=FakeTime()).session() as session:
        answer = post(session)
    assert (answer.status, answer.json["id"], answer.json["usage"]["total_tokens"]) == (200, "chatcmpl-1", 15)


def test_money_is_not_held_while_a_call_waits_to_be_tried_again(tmp_path: Path) -> None:
    ledger = MemoryLedger()

    class Looking(FakeTime):
        spent = Usage(calls=-1)

        def until_set(self, event: threading.Event, most_s: float) -> bool:
            self.spent = ledger.spent()
            return super().until_set(event, most_s)

    time = Looking()
    line = setting(tmp_path, BUSY, says("up"), time=time)
    line.ledger = ledger
    with line.session() as session:
        session.ask("a")
    assert (time.spent, ledger.spent()) == (Usage(), used())


def test_a_sessions_end_ends_its_waits_at_once_and_that_is_no_fault(tmp_path: Path) -> None:
    asked = threading.Event()

    def busy() -> Completion:
        asked.set()
        raise UnbilledError("busy", retry_after_s=600.0)

    with Setting(tmp_path, provider=ScriptedProvider(busy), retries=Retries()).session() as session:
        posting = threading.Thread(target=_ask_in_vain, args=(session,))
        posting.start()
        asked.wait(10)
    posting.join(10)
    assert (posting.is_alive(), session.fault, session.usage) == (False, None, Usage())


def _ask_in_vain(session: Session) -> None:
    with pytest.raises(Exception, match=r"closed|busy"):
        session.ask("a")


class Crowd:
    """Calls that are not answered before a test says so."""

    def __init__(self) -> None:
        self.sent = threading.Semaphore(0)
        self.may_answer = threading.Event()

    def __call__(self) -> Completion:
        self.sent.release()
        self.may_answer.wait(10)
        return says("late")


def sent_at_once(crowd: Crowd, sessions: Sequence[Session], time: FakeTime) -> int:
    """Return how many of two calls were sent while none was answered; the first goes first."""
    threads = [threading.Thread(target=session.ask, args=("a",)) for session in sessions]
    threads[0].start()
    crowd.sent.acquire(timeout=10)
    time.blocked.clear()
    time.when_blocked = crowd.sent.release  # whichever comes first: it waits for a slot, or it is sent
    threads[1].start()
    crowd.sent.acquire(timeout=10)
    waited = time.blocked.is_set()
    crowd.may_answer.set()
    for thread in threads:
        thread.join(10)
    return 1 if waited else 2


@pytest.mark.parametrize(("concurrency", "sent"), [(1, 1), (2, 2)])
def test_all_sessions_share_their_providers_calls(tmp_path: Path, concurrency: int, sent: int) -> None:
    crowd, time = Crowd(), FakeTime()
    line = Setting(tmp_path, provider=ScriptedProvider(crowd), clock=time, waiter=time, concurrency=concurrency)
    with line.gateway() as gateway, gateway.session(grant()) as one, gateway.session(grant("00002.1.agent")) as two:
        assert sent_at_once(crowd, (one, two), time) == sent


@pytest.mark.parametrize(("other", "sent"), [("x:other", 1), ("y:model", 2)])
def test_the_models_of_one_provider_share_its_calls(tmp_path: Path, other: str, sent: int) -> None:
    crowd, time = Crowd(), FakeTime()
    models = {Role.AGENT: ScriptedProvider(crowd, name="x:model"), Role.IMPROVE: ScriptedProvider(crowd, name=other)}
    gateway = Gateway(
        by_role({role: RoleModel(provider, output_tokens=100) for role, provider in models.items()}),
        MemoryLedger(),
        budget=Budget(),
        transcripts=tmp_path,
        clock=time,
        waiter=time,
        limits=GatewayLimits(concurrency=1),
    )
    improve = grant("00002.1.improve", role=Role.IMPROVE)
    with gateway, gateway.session(grant()) as one, gateway.session(improve) as two:
        assert sent_at_once(crowd, (one, two), time) == sent


@pytest.mark.parametrize(("answers", "sent"), [(0, 1), (1, 2)])
def test_an_overload_lets_fewer_calls_through_until_there_are_answers(tmp_path: Path, answers: int, sent: int) -> None:
    crowd, time = Crowd(), FakeTime()
    provider = ScriptedProvider(OverloadedError("x"), *[says("up")] * answers, crowd)
    line = Setting(tmp_path, provider=provider, clock=time, waiter=time, concurrency=2)
    with line.gateway() as gateway, gateway.session(grant()) as one, gateway.session(grant("00002.1.agent")) as two:
        for _ in range(answers):
            one.ask("a")
        assert sent_at_once(crowd, (one, two), time) == sent


def test_a_sessions_end_ends_its_wait_for_a_slot_at_once(tmp_path: Path) -> None:
    crowd, time = Crowd(), FakeTime()
    line = Setting(tmp_path, provider=ScriptedProvider(crowd), clock=time, waiter=time, concurrency=1, close_wait_s=1.0)
    with line.gateway() as gateway, gateway.session(grant()) as one:
        holding = threading.Thread(target=one.ask, args=("a",))
        holding.start()
        crowd.sent.acquire(timeout=10)
        with gateway.session(grant("00002.1.agent")) as two:
            waiting = threading.Thread(target=_ask_in_vain, args=(two,))
            waiting.start()
            assert time.blocked.wait(10)
        waiting.join(5)
        ended = not waiting.is_alive()
        crowd.may_answer.set()
        holding.join(10)
    assert (ended, two.fault, two.usage) == (True, None, Usage())


def test_a_session_that_used_up_its_limits_is_told_so_whatever_the_provider_is_like(tmp_path: Path) -> None:
    time = FakeTime()
    line = setting(tmp_path, says("one"), OverloadedError("x", retry_after_s=3600.0), time=time)
    with line.gateway() as gateway, gateway.session(grant(limits=SessionLimits(calls=1))) as limited:
        limited.ask("a")
        with gateway.session(grant("00002.1.agent")) as other:
            fault_of(other)
        assert (limited.ask("b"), limited.limit_reached, limited.fault) == ("", True, None)
