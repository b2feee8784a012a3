"""Sessions in a row without one good answer stop a run."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgm.boundary.chat import FunctionCall, ToolCall
from dgm.core.errors import ProviderError, ProviderRefusedError
from dgm.core.ports import Role, SessionLimits
from dgm.gateway.gateway import Gateway
from dgm.gateway.provider import Completion, RequestRefusedError
from tests.fakes.providers import ScriptedProvider, Setting, grant, post, says
from tests.fakes.time import FakeTime

EMPTY = says("  ")
CALL = ToolCall(id="1", function=FunctionCall(name="bash", arguments="{}"))
CALLS_A_TOOL = Completion(None, (CALL,), "tool_calls", 10, 5)
TOO_LONG = RequestRefusedError("Too long.", code="context_length_exceeded")


def silent_after(directory: Path, *script: Completion | Exception, sessions: int = 3) -> Gateway:
    time = FakeTime()
    provider = ScriptedProvider(*script)
    return Setting(directory, provider=provider, clock=time, waiter=time, silent_sessions=sessions).gateway()


def hold(gateway: Gateway, *numbers: int, calls: int = 1, role: Role = Role.AGENT) -> None:
    """Hold sessions one after the other, each with so many calls."""
    for number in numbers:
        with gateway.session(grant(f"{number:05}.1.agent", role=role)) as session, suppress(ProviderError):
            for _ in range(calls):
                session.ask("a")


@pytest.mark.parametrize("sessions", [2, 4])
def test_so_many_silent_sessions_in_a_row_are_the_last(tmp_path: Path, sessions: int) -> None:
    told = f"The last {sessions} sessions got no answer from scripted but empty ones or failures"
    with silent_after(tmp_path, EMPTY, sessions=sessions) as gateway:
        hold(gateway, *range(1, sessions + 1))
        with pytest.raises(ProviderRefusedError, match=told):
            hold(gateway, 9)


def test_a_provider_that_only_fails_is_silent_too(tmp_path: Path) -> None:
    with silent_after(tmp_path, ProviderError("down.")) as gateway:
        hold(gateway, 1, 2, 3)
        with pytest.raises(ProviderRefusedError, match="got no answer"):
            hold(gateway, 4)


@pytest.mark.parametrize("good", [says("yes"), CALLS_A_TOOL])
def test_one_good_answer_begins_the_count_anew(tmp_path: Path, good: Completion) -> None:
    with silent_after(tmp_path, EMPTY, EMPTY, EMPTY, EMPTY, good, EMPTY) as gateway:
        hold(gateway, 1)
        hold(gateway, 2, calls=4)  # the last of them is good
        hold(gateway, 3, 4, 5)
        with pytest.raises(ProviderRefusedError):
            hold(gateway, 6)


def test_a_good_answer_in_a_session_that_goes_on_begins_the_count_anew(tmp_path: Path) -> None:
    with (
        silent_after(tmp_path, EMPTY, EMPTY, CALLS_A_TOOL, EMPTY) as gateway,
        gateway.session(grant("00009.1.agent")) as other,
    ):
        hold(gateway, 1, 2)
        other.ask("a")
        hold(gateway, 3, 4, 5)
        with pytest.raises(ProviderRefusedError):
            hold(gateway, 6)


def test_sessions_without_a_call_count_neither_way(tmp_path: Path) -> None:
    with silent_after(tmp_path, EMPTY) as gateway:
        hold(gateway, 1, 2)
        hold(gateway, 3, 4, 5, calls=0)
        hold(gateway, 6)
        with pytest.raises(ProviderRefusedError):
            hold(gateway, 7)


def test_sessions_whose_requests_are_refused_count_neither_way(tmp_path: Path) -> None:
    with silent_after(tmp_path, EMPTY, EMPTY, TOO_LONG, TOO_LONG, TOO_LONG, EMPTY) as gateway:
        hold(gateway, 1, 2, 3, 4, 5, 6)
        with pytest.raises(ProviderRefusedError):
            hold(gateway, 7)


def test_sessions_that_ask_for_more_than_they_may_count_neither_way(tmp_path: Path) -> None:
    with silent_after(tmp_path, EMPTY) as gateway:
        for number in range(1, 6):
            with gateway.session(grant(f"{number:05}.1.agent", limits=SessionLimits(tokens=1))) as session:
                session.ask("a")
        hold(gateway, 6)


def test_probes_count_neither_way_and_are_always_let_in(tmp_path: Path) -> None:
    with silent_after(tmp_path, EMPTY) as gateway:
        hold(gateway, 1, 2, 3, 4, role=Role.PROBE)
        hold(gateway, 5, 6, 7)
        hold(gateway, 8, role=Role.PROBE)


def test_a_new_gateway_counts_anew(tmp_path: Path) -> None:
    for first in (1, 11):
        with silent_after(tmp_path, EMPTY) as gateway:
            hold(gateway, first, first + 1)


@pytest.mark.parametrize("room", [{"max_tokens": 1}, {"max_completion_tokens": 1}, {"stop": ["I"]}])
def test_an_agent_that_leaves_no_room_for_an_answer_cannot_stop_a_run(tmp_path: Path, room: dict[str, Any]) -> None:
    with silent_after(tmp_path, EMPTY, sessions=2) as gateway:
        for number in range(5):
            with gateway.session(grant(f"{number:05}.1.agent")) as session:
                session.admit(os.getuid())
                assert post(session, **room).status == 200


def test_an_agent_that_asks_for_what_no_model_answers_cannot_stop_a_run(tmp_path: Path) -> None:
    with silent_after(tmp_path, replace(EMPTY, finish_reason="content_filter"), sessions=2) as gateway:
        hold(gateway, *range(5))
