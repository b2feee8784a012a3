"""The run's purse and a session's account."""

import threading
from collections.abc import Callable

import pytest

from dgm.config import Budget
from dgm.core.errors import InfrastructureError, OutOfBudgetError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import SessionLimits
from dgm.gateway.money import UNBILLED, Account, Purse, SessionLimitError
from dgm.gateway.waiting import AbandonedError
from tests.fakes.gateway import MemoryLedger

SESSION = SessionId("00001.1.agent")


def never() -> bool:
    return False


def usd(cost_usd: float) -> Usage:
    return Usage(calls=1, input_tokens=1, output_tokens=1, cost_usd=cost_usd)


def account(purse: Purse, session: SessionId = SESSION, limits: SessionLimits | None = None) -> Account:
    return Account(session, limits or SessionLimits(), purse)


def test_a_calls_worst_case_is_in_the_ledger_before_it_is_known_what_it_used() -> None:
    ledger = MemoryLedger()
    account(Purse(Budget(), ledger)).reserve(usd(0.5), abandoned=never)
    assert ledger.spent() == usd(0.5)


def test_settling_replaces_the_worst_case() -> None:
    ledger = MemoryLedger()
    mine = account(Purse(Budget(), ledger))
    mine.settle(mine.reserve(usd(0.5), abandoned=never), usd(0.1))
    assert (ledger.spent(), mine.usage) == (usd(0.1), usd(0.1))


def test_a_lost_call_stays_at_its_worst_case_everywhere() -> None:
    ledger = MemoryLedger()
    purse = Purse(Budget(max_cost_usd=0.9), ledger)
    mine = account(purse)
    mine.lose(mine.reserve(usd(0.5), abandoned=never))
    with pytest.raises(OutOfBudgetError):
        mine.reserve(usd(0.5), abandoned=never)
    assert (ledger.spent(), mine.usage) == (usd(0.5), usd(0.5))


def test_a_call_that_exactly_fits_is_made() -> None:
    mine = account(Purse(Budget(max_cost_usd=0.3), MemoryLedger()))
    for _ in range(3):
        mine.settle(mine.reserve(usd(0.1), abandoned=never), usd(0.1))
    assert mine.usage.cost_usd == pytest.approx(0.3)


@pytest.mark.parametrize("budget", [Budget(max_cost_usd=0.3), Budget(max_tokens=3), Budget(max_calls=1)])
def test_each_cap_refuses_what_goes_over_it(budget: Budget) -> None:
    mine = account(Purse(budget, MemoryLedger()))
    mine.settle(mine.reserve(usd(0.2), abandoned=never), usd(0.2))
    with pytest.raises(OutOfBudgetError):
        mine.reserve(usd(0.2), abandoned=never)


@pytest.mark.parametrize("budget", [Budget(max_cost_usd=0.2), Budget(max_tokens=2), Budget(max_calls=1)])
def test_a_purse_is_empty_when_a_cap_is_reached(budget: Budget) -> None:
    purse = Purse(budget, MemoryLedger(spent=usd(0.2)))
    with pytest.raises(OutOfBudgetError, match="used up"):
        purse.require_money()


def test_a_purse_with_a_little_left_is_not_empty() -> None:
    Purse(Budget(max_cost_usd=0.21, max_tokens=3, max_calls=2), MemoryLedger(spent=usd(0.2))).require_money()


def test_what_probes_called_before_counts_against_no_cap() -> None:
    ledger = MemoryLedger()
    ledger.reserve_call(SessionId("00001.1.probe"), 1, worst_case=UNBILLED)
    Purse(Budget(max_calls=1), ledger).require_money()


def test_a_free_model_never_empties_a_purse_of_dollars() -> None:
    purse = Purse(Budget(max_cost_usd=0.01), MemoryLedger(spent=Usage(calls=1000, input_tokens=10**9)))
    purse.require_money()


def test_a_call_waits_for_money_that_others_have_set_aside() -> None:
    purse = Purse(Budget(max_cost_usd=1.0), MemoryLedger())
    first, second = account(purse), account(purse, SessionId("00002.1.agent"))
    held = first.reserve(usd(0.8), abandoned=never)
    looked, made = threading.Event(), threading.Event()

    def waits() -> bool:
        looked.set()
        return False

    def reserve() -> None:
        second.reserve(usd(0.8), abandoned=waits)
        made.set()

    thread = threading.Thread(target=reserve)
    thread.start()
    looked.wait(10)
    made_too_early = made.is_set()
    first.settle(held, usd(0.1))
    thread.join(10)
    assert (made_too_early, made.is_set()) == (False, True)


def test_a_call_that_could_never_fit_does_not_wait() -> None:
    purse = Purse(Budget(max_cost_usd=1.0), MemoryLedger())
    account(purse).reserve(usd(0.8), abandoned=never)
    with pytest.raises(OutOfBudgetError, match="which is not left"):
        account(purse, SessionId("00002.1.agent")).reserve(usd(1.1), abandoned=never)


def failure_of_a_call_that_waits(purse: Purse, *, then: Callable[[], object]) -> Exception | None:
    """What a call for 0.8 dollars ends with that waits for others, when nobody wants it any more and `then` happens."""
    waiting, closed = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def is_closed() -> bool:
        waiting.set()
        return closed.is_set()

    def reserve() -> None:
        try:
            account(purse, SessionId("00002.1.agent")).reserve(usd(0.8), abandoned=is_closed)
        except (AbandonedError, OutOfBudgetError) as error:
            failures.append(error)

    thread = threading.Thread(target=reserve)
    thread.start()
    waiting.wait(10)
    closed.set()
    then()
    thread.join(10)
    return failures[0] if failures else None


def test_a_call_that_waits_for_money_is_given_up_when_nobody_wants_it_any_more() -> None:
    purse = Purse(Budget(max_cost_usd=1.0), MemoryLedger())
    account(purse).reserve(usd(0.8), abandoned=never)
    assert isinstance(failure_of_a_call_that_waits(purse, then=purse.wake), AbandonedError)


def test_a_call_that_waited_in_vain_is_out_of_budget_also_when_nobody_wants_it_any_more() -> None:
    purse = Purse(Budget(max_cost_usd=1.0), MemoryLedger())
    first = account(purse)
    held = first.reserve(usd(0.8), abandoned=never)
    failure = failure_of_a_call_that_waits(purse, then=lambda: first.settle(held, usd(0.8)))
    assert "which is not left" in str(failure)


def test_a_call_that_the_ledger_did_not_take_is_not_made_and_not_counted() -> None:
    class BrokenLedger(MemoryLedger):
        def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:  # noqa: ARG002
            raise OSError("disk full")

    mine = account(Purse(Budget(), BrokenLedger()))
    with pytest.raises(OSError, match="disk full"):
        mine.reserve(usd(0.5), abandoned=never)
    assert mine.usage == Usage()


def test_after_its_end_the_purse_leaves_the_ledger_alone() -> None:
    ledger = MemoryLedger()
    purse = Purse(Budget(), ledger)
    mine = account(purse)
    held = mine.reserve(usd(0.5), abandoned=never)
    purse.close()
    is_booked = mine.settle(held, usd(0.1))
    assert (is_booked, ledger.spent(), ledger.settled) == (False, usd(0.5), set())


@pytest.mark.parametrize(
    "limits", [SessionLimits(calls=1), SessionLimits(tokens=3), SessionLimits(cost_usd=0.3)], ids=str
)
def test_each_limit_of_a_session_refuses_what_goes_over_it(limits: SessionLimits) -> None:
    mine = account(Purse(Budget(), MemoryLedger()), limits=limits)
    mine.settle(mine.reserve(usd(0.2), abandoned=never), usd(0.2))
    with pytest.raises(SessionLimitError):
        mine.reserve(usd(0.2), abandoned=never)


def test_what_a_session_has_set_aside_counts_against_its_limits() -> None:
    mine = account(Purse(Budget(), MemoryLedger()), limits=SessionLimits(cost_usd=0.3))
    mine.reserve(usd(0.2), abandoned=never)
    with pytest.raises(SessionLimitError):
        mine.reserve(usd(0.2), abandoned=never)


def test_calls_that_the_provider_lost_do_not_eat_up_what_the_agent_may_use() -> None:
    mine = account(Purse(Budget(), MemoryLedger()), limits=SessionLimits(calls=1, cost_usd=0.3))
    mine.lose(mine.reserve(usd(0.2), abandoned=never))
    assert mine.reserve(usd(0.2), abandoned=never).number == 2


def test_calls_that_were_not_billed_still_count_as_calls() -> None:
    mine = account(Purse(Budget(), MemoryLedger()), limits=SessionLimits(calls=1))
    mine.settle(mine.reserve(usd(0.2), abandoned=never), UNBILLED)
    with pytest.raises(SessionLimitError):
        mine.reserve(usd(0.2), abandoned=never)


def test_a_finished_account_counts_what_is_under_way_at_its_worst_case() -> None:
    ledger = MemoryLedger()
    mine = account(Purse(Budget(), ledger))
    held = mine.reserve(usd(0.5), abandoned=never)
    mine.finish()
    mine.settle(held, usd(0.1))
    assert (mine.usage, ledger.spent()) == (usd(0.5), usd(0.1))


def test_a_finished_account_takes_no_call_any_more() -> None:
    mine = account(Purse(Budget(), MemoryLedger()))
    mine.finish()
    with pytest.raises(InfrastructureError, match="closed"):
        mine.reserve(usd(0.5), abandoned=never)
