"""Recorded answers in a model's place: which request gets which answer, and what counts as another request."""

import gzip
import json
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dgm.boundary.chat import ChatRequest, FunctionCall, ToolCall
from dgm.config import Budget, RunConfig, config_from
from dgm.core.errors import CorruptArchiveError
from dgm.core.ports import SessionLimits
from dgm.gateway.comparison import ENDED, Comparison, Difference, compare
from dgm.gateway.gateway import Gateway
from dgm.gateway.provider import TOO_LONG, Completion, KeptTurns, RequestRefusedError, UnbilledError
from dgm.gateway.recorded import (
    LIMITS,
    ForgetfulLedger,
    NotRecordedError,
    RecordedProvider,
    calls_if_any,
    recorded_models,
)
from dgm.gateway.recording import RecordedCall, read_calls
from dgm.gateway.sameness import without_accidents
from dgm.gateway.session import Session
from tests.fakes.providers import ScriptedProvider, Setting, SystemClock, grant, post, records, says, user

MODEL = "openai:scripted"
CONFIG = config_from({"models": {"agent": MODEL}, "sessions": {"max_output_tokens": 100}}, source="test")
SESSION = grant().session
TOOL = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}


def calls_bash(command: str, *, number: int = 1) -> Completion:
    call = ToolCall(id=f"c{number}", function=FunctionCall(name="bash", arguments=json.dumps({"command": command})))
    return Completion(None, (call,), "tool_calls", 10, 5)


class TwoFacedProvider(ScriptedProvider):
    """A scripted provider that sets aside another number of tokens than bytes."""

    name = MODEL

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:  # noqa: ARG002
        return 40 * len(request.messages)


Agent = Callable[[Session], None]


def talks(*outputs: str, tools: tuple[dict[str, Any], ...] = (TOOL,), **fields: Any) -> Agent:
    """Return an agent that carries out what it is told, with these outputs, until the model calls no tool."""

    def agent(session: Session) -> None:
        messages, left = [user("do it")], list(outputs)
        while True:
            reply = post(session, messages, tools=list(tools), **fields)
            if reply.status != 200:
                return
            message = reply.json["choices"][0]["message"]
            messages.append(message)
            if not message.get("tool_calls"):
                return
            messages += [
                {"role": "tool", "tool_call_id": call["id"], "content": left.pop(0)} for call in message["tool_calls"]
            ]

    return agent


THREE_CALLS = (calls_bash("ls", number=1), calls_bash("cat a", number=2), says("Done."))


def record(directory: Path, agent: Agent, *script: Completion | Exception, limits: SessionLimits | None = None) -> Path:
    """Run an agent with a scripted model and return the transcript."""
    provider = TwoFacedProvider(*script)
    with Setting(directory, provider=provider).session(limits or SessionLimits()) as session:
        agent(session)
    return directory / f"{SESSION}.jsonl.gz"


def recorded_gateway(recorded: Path, replayed: Path, config: RunConfig = CONFIG) -> Gateway:
    """Return a gateway that gives recorded answers."""
    return Gateway(
        recorded_models(config, recorded, {MODEL: ScriptedProvider.price}),
        ForgetfulLedger(),
        budget=Budget(),
        transcripts=replayed,
        clock=SystemClock(),
        waiter=Setting(replayed).waiter,
        limits=LIMITS,
    )


@contextmanager
def recorded_session(
    recorded: Path, replayed: Path, limits: SessionLimits | None = None, config: RunConfig = CONFIG
) -> Generator[Session]:
    """Open a session that gets recorded answers."""
    with recorded_gateway(recorded, replayed, config) as gateway, gateway.session(grant(limits=limits)) as session:
        session.admit(os.getuid())
        yield session


def replayed(
    directory: Path, agent: Agent, *, limits: SessionLimits | None = None, out: str = "replayed"
) -> Comparison:
    """Run an agent with the answers recorded in `directory` and compare."""
    there = directory.parent / out
    with recorded_session(directory, there, limits) as session:
        agent(session)
    return compare(calls_if_any(directory, SESSION), calls_if_any(there, SESSION))


def rewrite(transcript: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change a transcript's records and write it anew."""
    found = records(transcript)
    change(found)
    transcript.write_bytes(b"".join(gzip.compress(json.dumps(record).encode() + b"\n") for record in found))


def posts(*texts: str) -> Agent:
    def agent(session: Session) -> None:
        for text in texts:
            post(session, [user(text)])

    return agent


def without_new_fields(found: list[dict[str, Any]]) -> None:
    """Make a transcript one of an older version."""
    for entry in found:
        del entry["request_hash"], entry["bound"]


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "recorded"


# --- what is the same ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Ran 3 tests in 0.002s", "Ran 3 tests in <duration>"),
        ("1 passed in 12.34 seconds", "1 passed in <duration>"),
        ("real\t0m1.204s", "real\t<duration>"),
        ("took 1.5ms, 2.5 µs", "took <duration>, <duration>"),
        ("<object object at 0x7f3a5c0d9e10>", "<object object at <address>>"),
        ("/tmp/tmpab_2cd34/x and /tmp/tmp.Xy12Zw34Ab", "<temporary>/x and <temporary>"),
        ("2026-11-20 14:03:09,123 INFO", "<moment> INFO"),
        ("2026-11-20T14:03:09.5+01:00", "<moment>"),
        ("-rw-r--r-- 1 a a 12 Nov  2 14:03 x.py", "-rw-r--r-- 1 a a 12 <moment> x.py"),
        ("Fri Nov 20 14:03:09 UTC 2026", "<moment>"),
    ],
)
def test_what_no_two_executions_have_in_common_is_left_out(text: str, left: str) -> None:
    assert without_accidents(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "3 of 5 tests passed",
        "it is ended after 120 seconds",
        "1.5 stars, 2.0 sandwiches",
        "10:03:09",
        "0x1f, 0xdeadbeefdeadbeefdeadbeef",
        "/tmp/tmpfile, /tmp/template1",
        "version 1.2.3s",
        "2026-11-20",
        "x1.5s",
    ],
)
def test_nothing_else_is_left_out(text: str) -> None:
    assert without_accidents(text) == text


@pytest.mark.parametrize(
    "text", ["1" * 200_000, "0x" * 100_000, "2026-11-2" * 20_000, "1.1" * 70_000, "/tmp/tmp" * 25_000]
)
def test_no_text_makes_the_search_slow(text: str) -> None:
    assert without_accidents(text) == text


# --- reading -------------------------------------------------------------------------------------------------------


def test_whole_requests_are_put_together_again(there: Path) -> None:
    path = record(there, talks("a.py", "text", temperature=0.5), *THREE_CALLS)
    calls = read_calls(path)
    assert [(call.number, len(call.request.messages), call.is_intact) for call in calls] == [
        (1, 1, True),
        (2, 3, True),
        (3, 5, True),
    ]
    assert calls[2].request.messages[2].content == "a.py"
    assert (calls[2].request.temperature, [tool.function.name for tool in calls[2].request.tools]) == (0.5, ["bash"])


@pytest.mark.parametrize("position", [1, 2])
def test_a_changed_answer_is_seen_in_the_next_request(there: Path, position: int) -> None:
    path = record(there, talks("a.py", "text"), *THREE_CALLS)
    rewrite(path, lambda found: found[position - 1]["answer"].update(content="changed"))
    intact = [call.is_intact for call in read_calls(path)]
    assert intact == [number <= position for number in (1, 2, 3)]


def test_a_full_transcript_cannot_be_replayed(there: Path) -> None:
    path = record(there, talks("a.py", "text"), *THREE_CALLS)
    rewrite(path, lambda found: found[1].update(kept=0, messages=[], omitted=True))
    with pytest.raises(CorruptArchiveError, match="was full: not all requests are in it"):
        read_calls(path)


@pytest.mark.parametrize(
    "change",
    [
        {"kept": 7},
        {"messages": [], "kept": 0},
        {"parameters": {"mood": 1}},
        {"parameters": {"temperature": 9}},
        {"parameters": {"messages": []}, "kept": 0, "messages": []},
    ],
)
def test_what_cannot_be_put_together_is_damaged(there: Path, change: dict[str, Any]) -> None:
    path = record(there, talks("a.py", "text"), *THREE_CALLS)
    rewrite(path, lambda found: found[1].update(change))
    with pytest.raises(CorruptArchiveError, match="is damaged: request 2 cannot be put together"):
        read_calls(path)


def test_a_session_without_calls_has_no_transcript_and_no_calls(there: Path) -> None:
    assert calls_if_any(there, SESSION) == ()


# --- answering and comparing ---------------------------------------------------------------------------------------


def test_a_session_that_is_done_again_is_equal(there: Path) -> None:
    agent = talks("a.py", "text", temperature=0.5)
    record(there, agent, *THREE_CALLS)
    assert replayed(there, agent) == Comparison(recorded=3, matched=3, loosely=0, difference=None)


def test_a_transcript_of_an_older_version_can_be_replayed(there: Path) -> None:
    agent = talks("a.py", "text")
    rewrite(record(there, agent, *THREE_CALLS), without_new_fields)
    assert replayed(there, agent) == Comparison(recorded=3, matched=3, loosely=0, difference=None)


def test_the_session_uses_what_it_used_then_and_the_ledger_forgets_it(there: Path, tmp_path: Path) -> None:
    agent = talks("a.py", "text")
    record(there, agent, *THREE_CALLS)
    with recorded_session(there, tmp_path / "replayed") as session:
        agent(session)
    assert (session.usage.calls, session.usage.tokens, session.usage.cost_usd) == (3, 45, pytest.approx(0.0045))
    assert ForgetfulLedger().spent().calls == 0


def test_times_and_the_like_are_left_out_and_counted(there: Path) -> None:
    record(there, talks("Ran 1 test in 0.002s", "at 0x7f0000000010"), *THREE_CALLS)
    comparison = replayed(there, talks("Ran 1 test in 0.104s", "at 0x7f0000000a10"))
    assert comparison == Comparison(recorded=3, matched=3, loosely=2, difference=None)


@pytest.mark.parametrize(
    ("agent", "request_number", "what", "diff"),
    [
        (talks("b.py", "text"), 2, "message 3 of 3 (tool)", ("- a.py", "+ b.py")),
        (talks("a.py", "Ran 2 tests in 0.5s"), 3, "message 5 of 5 (tool)", ("- text", "+ Ran 2 tests in 0.5s")),
        (talks("a.py", "text "), 3, "message 5 of 5 (tool)", ("- 'text'", "+ 'text '")),
        (
            talks("a.py", "\x1b[1mtext"),
            3,
            "message 5 of 5 (tool)",
            ("they differ in characters that cannot be shown",),
        ),
        (talks("a.py", ""), 3, "message 5 of 5 (tool)", ("- text", "+ (nothing)")),
        (talks("a.py", "text", top_p=0.5), 1, "parameters", ("- (nothing)", "+ top_p = 0.5")),
        (talks("a.py", "text", tools=()), 1, "the tools on offer", None),
    ],
)
def test_the_first_request_that_differs_is_named_with_what_differs_in_it(
    there: Path, agent: Agent, request_number: int, what: str, diff: tuple[str, ...] | None
) -> None:
    record(there, talks("a.py", "text"), *THREE_CALLS)
    comparison = replayed(there, agent)
    found = comparison.difference
    assert found is not None
    assert (found.request, found.what, comparison.matched) == (request_number, what, request_number - 1)
    assert diff is None or found.diff == diff


def test_a_long_output_is_shown_where_it_begins_to_differ(there: Path) -> None:
    lines = [f"line {number}" for number in range(1_000)]
    long = "x" * 500
    record(there, talks("\n".join([*lines, long + "old" + long]), "text"), *THREE_CALLS)
    found = replayed(there, talks("\n".join([*lines, long + "new" + long]), "text")).difference
    assert found is not None
    assert [len(line) for line in found.diff] == [102, 102]
    assert ["old" in found.diff[0], "new" in found.diff[1]] == [True, True]


def test_an_agent_that_goes_on_after_the_recording_differs_there(there: Path) -> None:
    record(there, talks("a.py", "text"), *THREE_CALLS)

    def goes_on(session: Session) -> None:
        talks("a.py", "text")(session)
        assert post(session, [user("more")]).status == 502

    assert replayed(there, goes_on) == Comparison(3, 3, 0, Difference(4, ENDED))


def test_an_agent_that_ends_before_the_recording_differs_there(there: Path) -> None:
    record(there, talks("a.py", "text"), *THREE_CALLS)

    def ends_early(session: Session) -> None:
        post(session, [user("do it")], tools=[TOOL])

    expected = Comparison(3, 1, 0, Difference(2, "the session ended without making it"))
    assert replayed(there, ends_early) == expected


def test_after_the_first_difference_nothing_is_answered(there: Path) -> None:
    record(there, talks("a.py", "text"), *THREE_CALLS)

    def insists(session: Session) -> None:
        assert post(session, [user("something else")]).status == 502
        assert post(session, [user("do it")], tools=[TOOL]).status == 502
        assert isinstance(session.fault, NotRecordedError)

    assert replayed(there, insists).matched == 0


def test_sessions_that_get_no_answer_do_not_stop_the_others(there: Path, tmp_path: Path) -> None:
    record(there, posts("one"), says("1"))
    with recorded_gateway(there, tmp_path / "replayed") as gateway:
        for number in range(1, 13):
            with gateway.session(grant(f"{number:05}.1.agent")) as session:
                session.admit(os.getuid())
                assert post(session, [user("other")]).status == 502


# --- tampering -----------------------------------------------------------------------------------------------------


def test_a_changed_call_is_a_difference_at_the_next_request(there: Path) -> None:
    path = record(there, talks("a.py", "text"), *THREE_CALLS)
    changed = {"name": "bash", "arguments": '{"command": "rm a"}'}
    rewrite(path, lambda found: found[0]["answer"]["tool_calls"][0].update(function=changed))
    comparison = replayed(there, talks("no a", "text"))
    assert comparison == Comparison(3, 1, 0, Difference(2, "message 3 of 3 (tool)", ("- a.py", "+ no a")))


@pytest.mark.parametrize("outputs", [("a.py", "text"), ("a.py", "Ran in 0.1s")])
def test_changed_words_that_nothing_else_shows_are_a_difference_at_the_next_request(
    there: Path, outputs: tuple[str, str]
) -> None:
    path = record(there, talks(*outputs), *THREE_CALLS)
    rewrite(path, lambda found: found[1]["answer"].update(content="changed"))
    found = replayed(there, talks(*outputs)).difference
    assert found is not None
    assert (found.request, found.what[:27]) == (3, "the transcript was changed ")


def test_a_changed_time_in_the_transcript_is_no_accident(there: Path) -> None:
    path = record(there, talks("Ran in 0.1s", "text"), *THREE_CALLS)
    rewrite(path, lambda found: found[1]["messages"][0].update(content="Ran in 9.9s"))
    found = replayed(there, talks("Ran in 0.1s", "text")).difference
    assert found is not None
    assert found.request == 2


# --- refusals and limits -------------------------------------------------------------------------------------------


def test_what_the_model_did_not_take_it_does_not_take_again(there: Path, tmp_path: Path) -> None:
    def two_requests(session: Session) -> None:
        refused = post(session, [user("long")])
        assert (refused.status, refused.json["error"]["code"]) == (400, TOO_LONG)
        assert refused.json["error"]["message"] == "It is too long."
        assert post(session, [user("short")]).status == 200

    refusal = RequestRefusedError("It is too long.", code=TOO_LONG, detail="the vendor's own words")
    record(there, two_requests, refusal, says("ok"))
    assert replayed(there, two_requests) == Comparison(2, 2, 0, None)
    assert records(tmp_path / "replayed" / f"{SESSION}.jsonl.gz")[0]["error"]["detail"] == "the vendor's own words"


@pytest.mark.parametrize(
    "limits",
    [
        SessionLimits(calls=2),
        SessionLimits(tokens=15 + 15 + 200 + 100 - 1),  # the third call may take 5 * 40 tokens and answer with 100
        SessionLimits(cost_usd=0.0329),
    ],
)
def test_the_sessions_limits_bite_at_the_same_call(there: Path, limits: SessionLimits) -> None:
    agent = talks("a.py", "text")
    path = record(there, agent, *THREE_CALLS, limits=limits)
    assert [record.get("error", {}).get("type") for record in records(path)] == [None, None, "SessionLimitError"]
    assert replayed(there, agent, limits=limits) == Comparison(3, 3, 0, None)


def test_another_limit_than_then_is_a_difference(there: Path) -> None:
    agent = talks("a.py", "text")
    record(there, agent, *THREE_CALLS)
    found = replayed(there, agent, limits=SessionLimits(calls=2)).difference
    assert found == Difference(
        3,
        "the request is the same, but not what came of it",
        ("- answered", "+ The session's 2 calls are used up."),
    )


def test_the_temperature_of_the_role_is_that_of_then(there: Path, tmp_path: Path) -> None:
    record(there, talks("a.py", "text", temperature=0.25), *THREE_CALLS)
    config = config_from({"models": {"agent": {"model": MODEL, "temperature": 0.25}}}, source="test")
    with recorded_session(there, tmp_path / "replayed", config=config) as session:
        talks("a.py", "text", temperature=1.0)(session)
        assert session.fault is None


# --- several calls at a time ---------------------------------------------------------------------------------------


def provider_of(path: Path) -> RecordedProvider:
    return RecordedProvider(read_calls(path), name=MODEL, price=ScriptedProvider.price)


def body_of(text: str) -> bytes:
    return json.dumps({"model": MODEL, "messages": [user(text)]}).encode()


def ask(provider: RecordedProvider, call: RecordedCall) -> str | None:
    return provider.complete(call.request, output_tokens=100, seed=0, kept={}).content


def test_requests_may_come_in_another_order(there: Path) -> None:
    record(there, posts("one", "two", "three"), says("1"), says("2"), says("3"))
    comparison = replayed(there, posts("three", "one", "two"))
    assert comparison == Comparison(3, 3, 0, None)


def test_the_same_request_gets_the_recorded_answers_in_their_order(there: Path) -> None:
    path = record(there, posts("same", "same", "same"), says("1"), says("2"), says("3"))
    provider, calls = provider_of(path), read_calls(path)
    assert [ask(provider, calls[2]), ask(provider, calls[0]), ask(provider, calls[1])] == ["1", "2", "3"]
    with pytest.raises(NotRecordedError):
        ask(provider, calls[0])


def test_an_exact_request_goes_before_one_that_is_equal_but_for_times(there: Path) -> None:
    path = record(there, posts("0.1s", "0.2s"), says("1"), says("2"))
    provider, calls = provider_of(path), read_calls(path)
    assert [ask(provider, calls[1]), ask(provider, calls[1])] == ["2", "1"]


def test_parallel_calls_get_each_answer_once(there: Path) -> None:
    path = record(there, posts(*["same"] * 16), *(says(str(number)) for number in range(16)))
    provider, (call, *_), answers = provider_of(path), read_calls(path), list[str | None]()
    threads = [threading.Thread(target=lambda: answers.append(ask(provider, call))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, answers)) == sorted(map(str, range(16)))


@pytest.mark.parametrize("then", ["OutOfBudgetError", "OverloadedError", "ProviderError", "SessionClosedError"])
def test_a_call_that_was_under_way_when_its_session_ended_is_equal_however_it_ended(there: Path, then: str) -> None:
    path = record(there, posts("one"), says("1"))

    def cut_short(found: list[dict[str, Any]]) -> None:
        del found[0]["answer"]
        found[0]["error"] = {"type": then, "message": "It came too late."}

    rewrite(path, cut_short)
    waiting, replays = threading.Event(), there.parent / "replayed"
    gateway = recorded_gateway(there, replays)
    with gateway, gateway.session(grant()) as session:
        thread = threading.Thread(target=lambda: session.answer(body_of("one")))
        thread.start()
        for _ in range(5_000):
            if session.lost_s > 0.0:  # it waits
                break
            waiting.wait(0.001)
    thread.join()
    assert (session.fault, compare(calls_if_any(there, SESSION), calls_if_any(replays, SESSION))) == (
        None,
        Comparison(1, 1, 0, None),
    )


def test_a_call_that_the_session_did_not_wait_for_then_gets_no_answer_now(there: Path) -> None:
    path = record(there, posts("one"), says("1"))

    def cut_short(found: list[dict[str, Any]]) -> None:
        del found[0]["answer"]
        found[0]["error"] = {"type": "SessionClosedError", "message": "The session is closed."}

    rewrite(path, cut_short)
    with pytest.raises(UnbilledError) as error:
        ask(provider_of(path), read_calls(path)[0])
    assert error.value.retry_after_s is not None
