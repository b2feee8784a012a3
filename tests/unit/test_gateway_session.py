"""Sessions: what becomes of calls whose provider fails, and of calls that a session's end overtakes."""

import http.client
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dgm.config import Budget
from dgm.core.errors import InfrastructureError, OutOfBudgetError, ProviderError, ProviderRefusedError, UnknownNameError
from dgm.core.ids import SessionId
from dgm.core.outcomes import Usage
from dgm.core.ports import Role, SessionLimits
from dgm.gateway import app
from dgm.gateway.calls import SessionClosedError
from dgm.gateway.gateway import Gateway, by_role
from dgm.gateway.provider import REFUSED_CONTENT, Completion, RequestRefusedError, UnbilledError, byte_bound
from dgm.gateway.session import Session
from tests.fakes.gateway import MemoryLedger
from tests.fakes.providers import (
    USD_PER_TOKEN,
    ScriptedProvider,
    Setting,
    grant,
    post,
    records,
    says,
    used,
    user,
)
from tests.fakes.time import FakeTime

UNBILLED = Usage(calls=1)
TOO_LONG = RequestRefusedError("Too long.", code="context_length_exceeded", detail="max 4096 tokens")


def worst_case(provider: ScriptedProvider, output_tokens: int = 100) -> Usage:
    return used(input_tokens=byte_bound(provider.requests[0]), output_tokens=output_tokens)


# --- providers that fail --------------------------------------------------------------------------------------------


def test_a_failure_that_was_not_billed_is_tried_again_and_was_no_call(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    provider = ScriptedProvider(UnbilledError("busy"), says("up"))
    with Setting(tmp_path, provider=provider, ledger=ledger).session(SessionLimits(calls=1)) as session:
        status = post(session).status
    assert (status, list(ledger.calls.values()), session.fault) == (200, [Usage(), used()], None)


def test_a_failure_that_may_have_been_billed_stays_in_the_ledger_and_is_tried_again(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    provider = ScriptedProvider(ProviderError("time-out"), says("up"))
    with Setting(tmp_path, provider=provider, ledger=ledger).session() as session:
        status = post(session).status
    assert (status, list(ledger.calls.values())) == (200, [worst_case(provider), used()])


def test_a_provider_that_stays_down_is_a_fault_and_a_502(tmp_path: Path) -> None:
    provider = ScriptedProvider(ProviderError("down"))
    with Setting(tmp_path, provider=provider).session() as session:
        status = post(session).status
    told = "down; it was tried 3 times in 0 s."
    assert (status, str(session.fault), len(provider.requests)) == (502, told, 3)


@pytest.mark.parametrize("failure", [ProviderRefusedError("no such model"), TOO_LONG])
def test_what_was_refused_settles_with_nothing_and_is_not_tried_again(tmp_path: Path, failure: Exception) -> None:
    ledger = MemoryLedger()
    provider = ScriptedProvider(failure)
    with Setting(tmp_path, provider=provider, ledger=ledger).session() as session:
        post(session)
    assert (list(ledger.calls.values()), len(ledger.settled), len(provider.requests)) == ([UNBILLED], 1, 1)


def test_a_provider_that_breaks_down_is_a_fault_at_the_worst_case(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    provider = ScriptedProvider(KeyError("secret"))
    with Setting(tmp_path, provider=provider, ledger=ledger).session() as session:
        post(session)
    assert (str(session.fault), ledger.spent()) == ("scripted broke down with KeyError.", worst_case(provider))


def test_a_refused_request_is_the_agents_to_mend_and_no_fault(tmp_path: Path) -> None:
    with Setting(tmp_path, provider=ScriptedProvider(TOO_LONG, says("shorter"))).session() as session:
        answers = [post(session), post(session)]
    error = {"message": "Too long.", "type": "invalid_request_error", "code": "context_length_exceeded"}
    assert ([answer.status for answer in answers], answers[0].json, session.fault) == (
        [400, 200],
        {"error": error},
        None,
    )


def test_a_refused_prompt_of_the_hosts_own_is_a_providers_error(tmp_path: Path) -> None:
    refused = RequestRefusedError("Not so.", code="invalid_request", detail="see messages")
    with (
        Setting(tmp_path, provider=ScriptedProvider(refused)).session() as session,
        pytest.raises(ProviderRefusedError, match=r"Not so\. see messages"),
    ):
        session.ask("a")


@pytest.mark.parametrize("refused", [TOO_LONG, RequestRefusedError("No.", code=REFUSED_CONTENT)])
def test_a_prompt_that_is_refused_for_what_agents_wrote_gets_no_answer_and_is_no_fault(
    tmp_path: Path, refused: Exception
) -> None:
    with Setting(tmp_path, provider=ScriptedProvider(refused)).session() as session:
        assert (session.ask("a"), session.fault) == ("", None)


def test_retries_that_do_not_fit_the_budget_stop_as_out_of_budget(tmp_path: Path) -> None:
    provider = ScriptedProvider(ProviderError("time-out"), says("up"))
    setting = Setting(tmp_path, provider=provider, budget=Budget(max_calls=1))
    with setting.session() as session:
        status = post(session).status
    assert (status, type(session.fault)) == (402, OutOfBudgetError)


# --- the ledger and the transcript fail -----------------------------------------------------------------------------


def test_a_transcript_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    directory = tmp_path / "transcripts"
    with Setting(directory).session() as session:
        directory.rmdir()
        status = post(session).status
    assert (status, type(session.fault)) == (502, InfrastructureError)


def test_a_refusal_that_cannot_be_written_down_is_a_fault(tmp_path: Path) -> None:
    directory = tmp_path / "transcripts"
    with Setting(directory).session() as session:
        directory.rmdir()
        status = post(session, []).status
    assert (status, type(session.fault)) == (502, InfrastructureError)


def test_a_ledger_that_cannot_be_written_is_a_fault_and_nothing_is_sent(tmp_path: Path) -> None:
    class BrokenLedger(MemoryLedger):
        def reserve_call(self, session: SessionId, number: int, *, worst_case: Usage) -> None:  # noqa: ARG002
            raise InfrastructureError("disk full")

    provider = ScriptedProvider()
    with Setting(tmp_path, provider=provider, ledger=BrokenLedger()).session() as session:
        post(session)
    assert (str(session.fault), provider.requests) == ("disk full", [])


def test_a_host_without_a_thread_for_a_call_is_a_fault_and_a_502(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with Setting(tmp_path).session() as session:
        monkeypatch.setattr(app, "threading", SimpleNamespace(Thread=Refused))
        status = post(session).status
    told = "The host could not start a thread for a model's call: can't start new thread."
    assert (status, type(session.fault), str(session.fault)) == (502, InfrastructureError, told)


# --- the session's end ----------------------------------------------------------------------------------------------


class SlowModel:
    """Tells when it is asked and answers when it may."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.answered = threading.Event()

    def __call__(self) -> Completion:
        self.asked.set()
        self.may_answer.wait(20)
        return says("late")


def _post_in_background(session: Session) -> threading.Thread:
    def run() -> None:
        with suppress(OSError, http.client.HTTPException):  # cut off by the session's end
            post(session)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_closing_waits_for_a_call_under_way_and_counts_what_it_used(tmp_path: Path) -> None:
    ledger, model = MemoryLedger(), SlowModel()
    with Setting(tmp_path, provider=ScriptedProvider(model), ledger=ledger).gateway() as gateway:
        with gateway.session(grant()) as session:
            asking = threading.Thread(target=session.ask, args=("a",))
            asking.start()
            model.asked.wait(10)
            model.may_answer.set()
        usage = session.usage
        asking.join(10)
    assert (usage, ledger.spent()) == (used(), used())


def test_a_call_that_outlives_its_session_counts_at_its_worst_case_there_and_is_settled_in_the_ledger(
    tmp_path: Path,
) -> None:
    ledger, model = MemoryLedger(), SlowModel()
    provider = ScriptedProvider(model)
    setting = Setting(tmp_path, provider=provider, ledger=ledger, close_wait_s=0.05)
    gateway = setting.gateway()
    with gateway:
        with gateway.session(grant()) as session:
            asking = threading.Thread(target=session.ask, args=("a",))
            asking.start()
            model.asked.wait(10)
        usage = session.usage
        model.may_answer.set()
        asking.join(10)
    assert (usage, session.usage, ledger.spent()) == (worst_case(provider), worst_case(provider), used())


def test_a_call_that_outlives_the_gateway_stays_in_the_ledger_at_its_worst_case(tmp_path: Path) -> None:
    ledger, model = MemoryLedger(), SlowModel()
    provider = ScriptedProvider(model)
    with Setting(tmp_path, provider=provider, ledger=ledger, close_wait_s=0.05).session() as session:
        asking = threading.Thread(target=_ask_in_vain, args=(session,))
        asking.start()
        model.asked.wait(10)
    model.may_answer.set()
    asking.join(10)
    assert (ledger.spent(), ledger.settled) == (worst_case(provider), set())
    # Its transcript says no more than the books.
    (record,) = records(tmp_path / "00001.1.agent.jsonl.gz")
    assert (record["number"], record["error"]["type"], "answer" in record) == (None, "SessionClosedError", False)


def test_a_call_that_waits_for_money_when_its_session_ends_has_lost_time_and_is_no_fault(tmp_path: Path) -> None:
    model, time = SlowModel(), FakeTime()
    provider = ScriptedProvider(model)
    setting = Setting(tmp_path, provider=provider, budget=Budget(max_calls=1), clock=time, waiter=time)
    with setting.gateway() as gateway, gateway.session(grant("00001.1.agent")) as first:
        holding = threading.Thread(target=first.ask, args=("a",))
        holding.start()
        model.asked.wait(10)
        with gateway.session(grant("00002.1.agent")) as second:
            waiting = threading.Thread(target=_ask_in_vain, args=(second,))
            waiting.start()
            while waiting.is_alive() and not second.is_held_up:
                waiting.join(0.001)
            time.advance(7.0)
        waiting.join(10)
        model.may_answer.set()
        holding.join(10)
    assert (second.fault, second.lost_s) == (None, 7.0)


def _ask_in_vain(session: Session) -> None:
    with suppress(SessionClosedError):
        session.ask("b")


def test_an_open_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    model = SlowModel()
    with Setting(tmp_path, provider=ScriptedProvider(model), close_wait_s=0.05).session() as session:
        posting = _post_in_background(session)
        model.asked.wait(10)
    posting.join(10)
    model.may_answer.set()
    assert not posting.is_alive()


def test_a_closed_session_makes_no_call(tmp_path: Path) -> None:
    provider = ScriptedProvider()
    with Setting(tmp_path, provider=provider).session() as session:
        pass
    with pytest.raises(InfrastructureError, match="closed"):
        session.ask("a")
    assert provider.requests == []


# --- what is asked and said -----------------------------------------------------------------------------------------


def test_the_answer_is_a_chat_completion(tmp_path: Path) -> None:
    with Setting(tmp_path).session() as session:
        answer = post(session).json
    created = answer.pop("created")
    assert (answer, isinstance(created, int)) == (
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "scripted",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"},
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        },
        True,
    )


@pytest.mark.parametrize(
    ("fields", "allowed"), [({}, 100), ({"max_tokens": 7}, 7), ({"max_completion_tokens": 9, "max_tokens": 10**6}, 9)]
)
def test_the_smallest_limit_on_the_output_holds(tmp_path: Path, fields: dict[str, Any], allowed: int) -> None:
    provider = ScriptedProvider()
    with Setting(tmp_path, provider=provider, output_tokens=100).session() as session:
        post(session, **fields)
    assert provider.output_tokens == [allowed]


def test_a_script_that_costs_nothing_needs_no_tokens_set_aside(tmp_path: Path) -> None:
    setting = Setting(tmp_path, provider=ScriptedProvider(says("x", input_tokens=0, output_tokens=0)))
    setting.budget = Budget(max_tokens=1)
    with setting.gateway() as gateway, gateway.session(grant(role=Role.PROBE)) as session:
        assert session.ask("a") == "x"


@pytest.mark.parametrize("cap", [Budget(max_calls=1), Budget(max_cost_usd=0.5), Budget(max_tokens=9)], ids=str)
def test_a_probe_is_let_in_and_answered_where_the_runs_cap_is_exceeded(tmp_path: Path, cap: Budget) -> None:
    setting = Setting(tmp_path, provider=ScriptedProvider(says("x", input_tokens=0, output_tokens=0)), budget=cap)
    setting.ledger = MemoryLedger(spent=Usage(calls=1, input_tokens=10, cost_usd=0.6))
    with setting.gateway() as gateway, gateway.session(grant("00001.1.probe", role=Role.PROBE)) as session:
        assert [session.ask("a"), session.ask("b")] == ["x", "x"]


def test_probes_leave_the_calls_of_the_runs_cap_to_others(tmp_path: Path) -> None:
    with Setting(tmp_path, budget=Budget(max_calls=1)).gateway() as gateway:
        with gateway.session(grant("00001.1.probe", role=Role.PROBE)) as probe:
            probe.ask("a")
        with gateway.session(grant("00002.1.agent")) as session:
            assert session.ask("b") == "hello"


def test_the_transcript_has_number_time_usage_and_cost(tmp_path: Path) -> None:
    with Setting(tmp_path).session() as session:
        post(session, [user("hi")], temperature=1)
    (record,) = records(tmp_path / "00001.1.agent.jsonl.gz")
    told = {key: record[key] for key in ("number", "usage", "cost_usd", "finish_reason", "parameters", "answer")}
    assert (told, record["time"] > 1e9, record["seconds"] >= 0) == (
        {
            "number": 1,
            "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 0, "cache_write_tokens": 0},
            "cost_usd": 15 * USD_PER_TOKEN,
            "finish_reason": "stop",
            "parameters": {"temperature": 1.0},
            "answer": {"content": "hello"},
        },
        True,
        True,
    )


def test_a_refusal_for_the_sessions_limit_is_in_the_transcript(tmp_path: Path) -> None:
    with Setting(tmp_path).gateway() as gateway:
        with gateway.session(grant(limits=SessionLimits(calls=1))) as session:
            session.ask("a")
            session.ask("b")
        text = gateway.transcript(SessionId("00001.1.agent"))
    assert text.endswith("[gateway] The session's 1 calls are used up.")


def test_a_role_without_a_model_is_named(tmp_path: Path) -> None:
    time = FakeTime()
    gateway = Gateway(by_role({}), MemoryLedger(), budget=Budget(), transcripts=tmp_path, clock=time, waiter=time)
    with gateway, pytest.raises(UnknownNameError, match="'agent'"), gateway.session(grant()):
        pass


def test_a_socket_that_was_removed_is_a_fault_and_not_the_agents_doing(tmp_path: Path) -> None:
    with Setting(tmp_path).session() as session:
        assert session.fault is None
        (session.directory / "model.sock").unlink()
        # Asked as it ends, and before the session is closed: that is when an agent that crashed for it would be scored.
        assert isinstance(session.fault, InfrastructureError)
