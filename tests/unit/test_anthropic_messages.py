"""What Anthropic's API is sent for a chat request, and what its answers mean; without a server."""

import json
from typing import Any

import pytest

from dgm.boundary.chat import ChatRequest, FunctionCall, Message, ToolCall
from dgm.gateway.parameters import ModelParameters
from dgm.gateway.provider import KeptTurns
from dgm.gateway.vendors.anthropic_answer import completion_of
from dgm.gateway.vendors.anthropic_messages import NUDGE, KeptTurn
from dgm.gateway.vendors.anthropic_request import UpstreamRequest, input_token_bound, upstream_request

BASH: dict[str, Any] = {"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}
SYSTEM = {"role": "system", "content": "s"}
USER = {"role": "user", "content": "u"}
MARK = {"cache_control": {"type": "ephemeral"}}
PLAIN = ModelParameters(cache=False)
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sig"}
REDACTED = {"type": "redacted_thinking", "data": "secret"}


def call(identity: str, arguments: str = "{}", name: str = "bash") -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(identity: str, content: str = "out") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": content}


def says(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def upstream(
    *messages: dict[str, Any],
    parameters: ModelParameters = PLAIN,
    kept: KeptTurns | None = None,
    output_tokens: int = 4_096,
    **fields: Any,
) -> UpstreamRequest:
    request = ChatRequest.model_validate({"model": "x", "messages": messages, **fields})
    return upstream_request(request, kept or {}, model="m", output_tokens=output_tokens, parameters=parameters)


def sent(*messages: dict[str, Any], **options: Any) -> dict[str, Any]:
    return json.loads(json.dumps(upstream(*messages, **options).body))


def turns(*messages: dict[str, Any], **options: Any) -> list[tuple[str, list[Any]]]:
    return [(turn["role"], turn["content"]) for turn in sent(*messages, **options)["messages"]]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(identity: str, arguments: dict[str, Any] | None = None, name: str = "bash") -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": name, "input": arguments or {}}


def answer(identity: str, content: str = "out") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": identity, "content": content}


# --- turns -----------------------------------------------------------------------------------------------------------


def test_a_conversation_with_parallel_calls_becomes_turns() -> None:
    messages = [
        SYSTEM,
        USER,
        calling(call("a", '{"command": "ls"}'), call("b"), content="I look."),
        result("b", "2"),
        result("a", "1"),
        USER,
        says("done"),
        USER,
    ]
    assert (sent(*messages, tools=[BASH])["system"], turns(*messages, tools=[BASH])) == (
        [text("s")],
        [
            ("user", [text("u")]),
            ("assistant", [text("I look."), use("a", {"command": "ls"}), use("b")]),
            ("user", [answer("a", "1"), answer("b", "2"), text("u")]),
            ("assistant", [text("done")]),
            ("user", [text("u")]),
        ],
    )


def test_later_system_messages_are_the_users_words() -> None:
    assert turns(SYSTEM, USER, SYSTEM) == [("user", [text("u"), text("s")])]


def test_each_leading_system_message_is_a_block() -> None:
    assert sent(SYSTEM, SYSTEM, USER)["system"] == [text("s"), text("s")]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([says("a"), USER], [("user", [text(NUDGE)]), ("assistant", [text("a")]), ("user", [text("u")])]),
        ([USER, says("a")], [("user", [text("u")]), ("assistant", [text("a")]), ("user", [text(NUDGE)])]),
        (
            [USER, says("a"), says("b"), USER],
            [
                ("user", [text("u")]),
                ("assistant", [text("a")]),
                ("user", [text(NUDGE)]),
                ("assistant", [text("b")]),
                ("user", [text("u")]),
            ],
        ),
        ([SYSTEM], [("user", [text(NUDGE)])]),
        ([{"role": "user", "content": " \n"}], [("user", [text(NUDGE)])]),
        ([USER, says(""), USER], [("user", [text("u"), text("u")])]),
        ([USER, {"role": "user", "content": ""}], [("user", [text("u")])]),
    ],
    ids=["starts with the model", "ends with it", "it speaks twice", "system alone", "blank", "empty reply", "empty"],
)
def test_the_user_begins_ends_and_alternates(
    messages: list[dict[str, Any]], expected: list[tuple[str, list[Any]]]
) -> None:
    assert turns(*messages) == expected


def test_a_blank_system_prompt_is_not_sent() -> None:
    assert "system" not in sent({"role": "system", "content": " "}, USER)


def test_a_blank_result_has_no_content() -> None:
    assert turns(USER, calling(call("a")), result("a", "\n"), tools=[BASH])[-1] == (
        "user",
        [{"type": "tool_result", "tool_use_id": "a"}],
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("", {}),
        (" ", {}),
        ('{"command": "rm -rf /t', {"not_an_object": '{"command": "rm -rf /t'}),
        ("[1]", {"not_an_object": "[1]"}),
        ('{"a": NaN}', {"not_an_object": '{"a": NaN}'}),
        ('{"a": 1e999}', {"not_an_object": '{"a": 1e999}'}),
        ('{"a": "\\ud800"}', {"not_an_object": '{"a": "\\ud800"}'}),
        ("[" * 5_000, {"not_an_object": "[" * 5_000}),
    ],
    ids=["object", "nothing", "blank", "cut off", "list", "NaN", "infinite", "half a character", "deep"],
)
def test_arguments_are_an_object_whatever_the_model_wrote(arguments: str, expected: dict[str, Any]) -> None:
    sent_turns = turns(USER, calling(call("a", arguments)), result("a"), tools=[BASH])
    assert sent_turns[1][1][0]["input"] == expected


def test_a_wrong_function_name_in_the_history_is_sent_as_one_that_is_taken() -> None:
    history = [USER, calling(call("a", name="to ol!"), call("b", name="")), result("a"), result("b")]
    assert [block["name"] for block in turns(*history, tools=[BASH])[1][1]] == ["to_ol_", "_"]


# --- ids -------------------------------------------------------------------------------------------------------------


def ids(*messages: dict[str, Any]) -> list[str]:
    return [block["id"] for _, content in turns(*messages) for block in content if block["type"] == "tool_use"]


def test_good_ids_stay() -> None:
    assert ids(USER, calling(call("toolu_01-A")), result("toolu_01-A")) == ["toolu_01-A"]


def test_odd_ids_are_mapped_one_to_one_and_always_alike() -> None:
    odd = ["functions.bash:0", "functions_bash_0", "", "é", "x" * 65]
    messages = [USER, calling(*(call(one) for one in odd)), *(result(one) for one in odd)]
    mapped = ids(*messages)
    assert (len(set(mapped)), mapped[1], mapped) == (5, "functions_bash_0", ids(*messages, USER))


def test_an_id_that_comes_again_gets_another() -> None:
    again = [calling(call("call_0")), result("call_0", "1")]
    first = turns(USER, *again)
    both = turns(USER, *again, calling(call("call_0")), result("call_0", "2"))
    assert (both[:3], both[4][1][0]["tool_use_id"] == both[3][1][0]["id"] != "call_0") == (first, True)


def test_two_calls_of_one_id_share_their_result() -> None:
    sent_turns = turns(USER, calling(call("a"), call("a")), result("a", "1"))
    assert [block["content"] for block in sent_turns[2][1]] == ["1", "1"]


# --- tools and parameters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "schema"),
    [
        ({}, {"type": "object"}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"type": "string"}, {"type": "object"}),
        ({"type": "object", "anyOf": [{"required": ["a"]}]}, {"type": "object"}),
    ],
)
def test_a_tools_schema_is_of_an_object(parameters: dict[str, Any], schema: dict[str, Any]) -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": parameters}}
    assert sent(USER, tools=[tool])["tools"] == [{"name": "f", "description": "d", "input_schema": schema}]


def test_calls_of_tools_that_are_no_longer_offered_declare_them_for_reading_only() -> None:
    body = sent(USER, calling(call("a"), call("b", name="edit")), result("a"), result("b"))
    assert (body["tools"], body["tool_choice"]) == (
        [{"name": "bash", "input_schema": {"type": "object"}}, {"name": "edit", "input_schema": {"type": "object"}}],
        {"type": "none"},
    )


NEVER_THINKS = ModelParameters(thinking="disabled")
THINKS_OF_ITSELF = ModelParameters(temperature=False)
TOLD_TO_THINK = ModelParameters(thinking="adaptive")


@pytest.mark.parametrize(
    ("fields", "parameters", "choice"),
    [
        ({}, PLAIN, None),
        ({"tool_choice": "auto"}, PLAIN, None),
        ({"tool_choice": "none"}, PLAIN, {"type": "none"}),
        ({"tool_choice": "required"}, PLAIN, {"type": "any"}),
        ({"tool_choice": "required"}, NEVER_THINKS, {"type": "any"}),
        ({"tool_choice": "required"}, THINKS_OF_ITSELF, None),
        ({"tool_choice": "required"}, TOLD_TO_THINK, None),
        ({"parallel_tool_calls": True}, PLAIN, None),
        ({"parallel_tool_calls": False}, PLAIN, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, PLAIN, {"type": "none"}),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            PLAIN,
            {"type": "any", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_how_tools_may_be_used(fields: dict[str, Any], parameters: ModelParameters, choice: object) -> None:
    assert sent(USER, tools=[BASH], parameters=parameters, **fields).get("tool_choice") == choice


def test_a_choice_without_tools_is_not_sent() -> None:
    assert "tool_choice" not in sent(USER, tool_choice="required", parallel_tool_calls=False)


@pytest.mark.parametrize(
    ("parameters", "chosen", "version"),
    [
        (ModelParameters(), {"temperature": 1.0, "top_p": 0.9}, "2023-06-01"),
        (ModelParameters(temperature_with_top_p=False), {"temperature": 1.0}, "2023-06-01"),
        (ModelParameters(temperature=False), {"top_p": 0.9}, "2023-06-01"),
        (ModelParameters(temperature=False, top_p=False), {}, "2026-10-21"),
        (ModelParameters(thinking="adaptive"), {}, "2026-10-21"),
        (ModelParameters(thinking=2_000), {}, "2026-10-21"),
        (ModelParameters(thinking="disabled"), {"temperature": 1.0, "top_p": 0.9}, "2023-06-01"),
    ],
)
def test_sampling_goes_to_the_version_of_the_api_that_knows_it(
    parameters: ModelParameters, chosen: dict[str, float], version: str
) -> None:
    request = upstream(USER, parameters=parameters, temperature=1.5, top_p=0.9)
    assert ({name: request.body[name] for name in ("temperature", "top_p") if name in request.body}) == chosen
    assert request.version == version


def test_without_sampling_the_newest_version_is_asked() -> None:
    assert upstream(USER).version == "2026-10-21"


@pytest.mark.parametrize(
    ("thinking", "output_tokens", "expected"),
    [
        ("default", 4_096, None),
        ("disabled", 4_096, {"type": "disabled"}),
        ("adaptive", 4_096, {"type": "adaptive", "display": "summarized"}),
        (2_000, 4_096, {"type": "enabled", "budget_tokens": 2_000}),
        (8_000, 4_096, {"type": "enabled", "budget_tokens": 2_048}),
        (8_000, 2_000, None),
    ],
)
def test_thinking_is_as_configured_within_half_of_the_output(
    thinking: Any, output_tokens: int, expected: object
) -> None:
    body = sent(USER, parameters=ModelParameters(thinking=thinking), output_tokens=output_tokens)
    assert body.get("thinking") == expected


@pytest.mark.parametrize(("most", "limit"), [(None, 4_096), (1_000, 1_000), (9_999, 4_096)])
def test_no_more_output_is_asked_for_than_the_model_gives(most: int | None, limit: int) -> None:
    assert sent(USER, parameters=ModelParameters(most_output_tokens=most))["max_tokens"] == limit


@pytest.mark.parametrize(
    ("stop", "takes_it", "expected"),
    [("END", True, ["END"]), (["END", "\n\n", ""], True, ["END"]), ([" "], True, None), ("END", False, None)],
)
def test_stops_are_sent_unless_they_are_blank(stop: object, takes_it: bool, expected: object) -> None:
    assert sent(USER, stop=stop, parameters=ModelParameters(stop=takes_it)).get("stop_sequences") == expected


def test_effort_and_extra_fields_are_added() -> None:
    parameters = ModelParameters(cache=False, effort="high", extra={"service_tier": "standard_only"})
    assert sent(USER, parameters=parameters) == {
        "model": "m",
        "max_tokens": 4_096,
        "messages": [{"role": "user", "content": [text("u")]}],
        "output_config": {"effort": "high"},
        "service_tier": "standard_only",
    }


# --- cache -----------------------------------------------------------------------------------------------------------

LOOP = (USER, calling(call("a")), result("a"), calling(call("b")), result("b"), calling(call("c")), result("c"))
CACHED = ModelParameters()


def test_breakpoints_stand_after_the_system_prompt_and_the_last_two_turns_of_the_user() -> None:
    body = sent(SYSTEM, *LOOP, tools=[BASH], parameters=CACHED)
    places = [number for number, turn in enumerate(body["messages"]) if "cache_control" in turn["content"][-1]]
    assert (body["system"], body["tools"][0].keys(), places) == ([text("s") | MARK], {"name", "input_schema"}, [4, 6])


def test_without_a_system_prompt_a_breakpoint_stands_after_the_tools() -> None:
    assert sent(USER, tools=[BASH], parameters=CACHED)["tools"][-1]["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("parameters", [PLAIN, CACHED])
def test_one_question_without_tools_is_not_written_to_the_cache(parameters: ModelParameters) -> None:
    assert "cache_control" not in json.dumps(sent(SYSTEM, USER, parameters=parameters))


def test_a_conversation_without_tools_is_cached() -> None:
    assert turns(USER, says("a"), USER, parameters=CACHED)[-1] == ("user", [text("u") | MARK])


def test_breakpoints_apart_a_longer_conversation_begins_as_the_shorter_did() -> None:
    def bare(*messages: dict[str, Any]) -> list[Any]:
        return json.loads(json.dumps(turns(*messages, tools=[BASH], parameters=CACHED)).replace(f", {_MARK_TEXT}", ""))

    assert [bare(*LOOP)[: 2 * n + 1] for n in range(4)] == [bare(*LOOP[: 2 * n + 1]) for n in range(4)]


_MARK_TEXT = '"cache_control": {"type": "ephemeral"}'


# --- thinking --------------------------------------------------------------------------------------------------------

ASKED = (SYSTEM, USER)
SAID: list[Any] = [THOUGHT, text("I look."), REDACTED, use("a", {"command": "ls"}), use("b")]
TOLD = calling(call("a", '{"command":"ls"}'), call("b"), content="I look.")
RESULTS = (result("a"), result("b"))


def kept_of(said: list[Any], *, asked: tuple[dict[str, Any], ...] = ASKED, **options: Any) -> KeptTurns:
    """Return what is kept of a turn that was said after `asked`."""
    turn = KeptTurn(prefix=upstream(*asked, tools=[BASH], **options).prefix, content=said).model_dump()
    return {block["id"]: turn for block in said if block["type"] == "tool_use"}


def put_back(*messages: dict[str, Any], kept: KeptTurns, **options: Any) -> list[Any]:
    return turns(*messages, kept=kept, tools=[BASH], **options)[1][1]


def test_a_turn_that_the_agent_left_alone_goes_back_as_it_was_said() -> None:
    assert put_back(*ASKED, TOLD, *RESULTS, kept=kept_of(SAID)) == SAID


@pytest.mark.parametrize(
    ("told", "own"),
    [
        (TOLD | {"content": None}, [use("a", {"command": "ls"}), use("b")]),
        (TOLD | {"content": "Other."}, [text("Other."), use("a", {"command": "ls"}), use("b")]),
        (calling(call("a", '{"command": "rm"}'), call("b"), content="I look."), None),
        (calling(call("a", '{"command": '), call("b"), content="I look."), None),
        (calling(call("b"), content="I look."), [text("I look."), use("b")]),
    ],
    ids=["text dropped", "text changed", "arguments changed", "arguments broken", "call dropped"],
)
def test_a_turn_that_the_agent_changed_goes_back_as_it_has_it_after_the_thinking(
    told: dict[str, Any], own: list[Any] | None
) -> None:
    results = [result(one["id"]) for one in told["tool_calls"]]
    alone = turns(*ASKED, told, *results, tools=[BASH])[1][1]
    assert own is None or alone == own
    assert put_back(*ASKED, told, *results, kept=kept_of(SAID)) == [THOUGHT, REDACTED, *alone]


def test_blank_text_that_the_model_said_is_not_put_back() -> None:
    said = [THOUGHT, text("\n\n"), use("a")]
    assert put_back(*ASKED, calling(call("a"), content="\n\n"), result("a"), kept=kept_of(said)) == [THOUGHT, use("a")]


@pytest.mark.parametrize(
    "asked",
    [({"role": "system", "content": "other"}, USER), (SYSTEM, {"role": "user", "content": "clipped"})],
    ids=["system prompt", "message"],
)
def test_thinking_stays_away_once_something_before_it_has_changed(asked: tuple[dict[str, Any], ...]) -> None:
    own = [text("I look."), use("a", {"command": "ls"}), use("b")]
    assert put_back(*asked, TOLD, *RESULTS, kept=kept_of(SAID)) == own


def test_thinking_within_a_budget_is_put_back_whatever_has_changed() -> None:
    parameters = ModelParameters(cache=False, thinking=1_024)
    kept = kept_of(SAID, parameters=parameters)
    assert put_back({"role": "user", "content": "x"}, TOLD, *RESULTS, kept=kept, parameters=parameters) == SAID


BUDGET = ModelParameters(cache=False, thinking=1_024)


@pytest.mark.parametrize(
    "messages",
    [(USER, calling(call("a")), result("a")), (USER, calling(call("a")), result("a"), calling(call("b")), result("b"))],
    ids=["the first call", "a later one"],
)
def test_with_a_budget_nobody_thinks_after_calls_that_an_agent_made_up(messages: tuple[dict[str, Any], ...]) -> None:
    kept = kept_of([THOUGHT, use("b")], asked=messages[:3], parameters=BUDGET)
    body = sent(*messages, kept=kept, tools=[BASH], parameters=BUDGET)
    blocks = [block["type"] for turn in body["messages"] for block in turn["content"]]
    assert ("thinking" in body, "thinking" in blocks) == (False, False)


def test_with_a_budget_a_new_question_after_made_up_calls_is_thought_about() -> None:
    assert "thinking" in sent(USER, calling(call("a")), result("a"), says("x"), USER, tools=[BASH], parameters=BUDGET)


def test_thinking_is_not_put_back_where_the_agent_leaves_too_few_tokens_for_more() -> None:
    kept = kept_of(SAID, parameters=BUDGET)
    own = [text("I look."), use("a", {"command": "ls"}), use("b")]
    assert put_back(*ASKED, TOLD, *RESULTS, kept=kept, parameters=BUDGET, output_tokens=1_000) == own


def test_thinking_after_a_change_is_put_back_as_long_as_the_change_stays() -> None:
    changed = (SYSTEM, {"role": "user", "content": "clipped"}, TOLD, *RESULTS)
    first = kept_of(SAID)
    later = [THOUGHT, use("c")]
    kept = {**first, **kept_of(later, asked=changed, kept=first)}
    sent_turns = turns(*changed, calling(call("c")), result("c"), kept=kept, tools=[BASH])
    assert ([block["type"] for block in sent_turns[1][1]], sent_turns[3][1]) == (
        ["text", "tool_use", "tool_use"],
        later,
    )


def test_the_nudge_does_not_part_a_turn_from_its_thinking() -> None:
    asked = (USER, says("a"))
    said = [THOUGHT, use("a")]
    kept = kept_of(said, asked=asked)
    assert turns(*asked, calling(call("a")), result("a"), kept=kept, tools=[BASH])[3][1] == said


# --- the bound -------------------------------------------------------------------------------------------------------


def test_the_bound_counts_the_bytes_of_what_is_sent_and_what_the_api_adds() -> None:
    request = upstream(*ASKED, TOLD, *RESULTS, kept=kept_of(SAID), tools=[BASH])
    assert input_token_bound(request) == len(json.dumps(request.body).encode()) + 2_000


# --- answers ---------------------------------------------------------------------------------------------------------

USAGE = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}


def read(*content: dict[str, Any], reason: str = "end_turn", usage: object = USAGE, **fields: Any) -> Any:
    message = {"content": content, "stop_reason": reason, "usage": usage, **fields}
    return completion_of(message, arguments={1: '{"command": "ls"'}, prefix="p")


def test_an_answer_has_text_calls_and_what_it_used() -> None:
    answered = read(text("I "), text("look."), use("toolu_1", {"a": None}), reason="tool_use")
    assert (answered.content, answered.tool_calls, answered.finish_reason, answered.kept) == (
        "I look.",
        (ToolCall(id="toolu_1", function=FunctionCall(name="bash", arguments='{"a": null}')),),
        "tool_calls",
        None,
    )


def test_all_input_counts_whether_cached_or_not() -> None:
    answered = read(text("a"))
    assert (
        answered.input_tokens,
        answered.output_tokens,
        answered.cache_read_tokens,
        answered.cache_write_tokens,
    ) == (125, 7, 100, 20)


@pytest.mark.parametrize("nothing", [{}, {"cache_read_input_tokens": None, "cache_creation_input_tokens": None}])
def test_servers_without_a_cache_need_not_speak_of_it(nothing: dict[str, Any]) -> None:
    assert read(text("a"), usage={"input_tokens": 5, "output_tokens": 7, **nothing}).input_tokens == 5


@pytest.mark.parametrize(
    ("reason", "meant"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "length"),
        ("some_new_reason", "stop"),
    ],
)
def test_reasons_to_stop(reason: str, meant: str) -> None:
    assert read(text("a"), reason=reason).finish_reason == meant


def test_arguments_that_were_cut_off_come_as_they_are() -> None:
    answered = read(text("a"), use("toolu_1", {"command": "ls"}), reason="max_tokens")
    assert (answered.tool_calls[0].function.arguments, answered.finish_reason) == ('{"command": "ls"', "length")


def test_more_calls_or_longer_names_than_an_agent_can_repeat_are_no_fault() -> None:
    answered = read(use("toolu_0", name="n" * 65), *(use(f"toolu_{number}") for number in range(1, 200)))
    message = Message(role="assistant", tool_calls=answered.tool_calls)
    calls = list(message.tool_calls or ())
    assert (len(calls), calls[0].function.name, calls[127].id) == (128, "n" * 63 + "~", "toolu_127")


def test_a_refused_answer_has_the_reason_and_no_calls() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    answered = read(use("toolu_1"), reason="refusal", stop_details=details)
    assert (answered.content, answered.tool_calls, answered.finish_reason) == ("Not this.", (), "content_filter")


def test_the_halves_of_a_character_are_put_together() -> None:
    assert read(text("\ud83d\ude00")).content == "\U0001f600"


def test_thinking_is_told_and_the_turn_kept() -> None:
    answered = read(THOUGHT, REDACTED, text("a"), use("toolu_1"), reason="tool_use")
    assert (answered.thinking, answered.kept) == (
        "hm",
        {"prefix": "p", "content": [THOUGHT, REDACTED, text("a"), use("toolu_1")]},
    )


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"content": [], "stop_reason": None, "usage": USAGE},
        {"content": [], "stop_reason": "end_turn", "usage": None},
        {"content": [], "stop_reason": "end_turn", "usage": {"input_tokens": 1}},
        {"content": [], "stop_reason": "end_turn", "usage": USAGE | {"input_tokens": -1}},
        {"content": [{"text": "a"}], "stop_reason": "end_turn", "usage": USAGE},
        {"content": [use("")], "stop_reason": "tool_use", "usage": USAGE},
        {"content": [text("\ud800")], "stop_reason": "end_turn", "usage": USAGE},
        {"content": [use("a", {"a": float("nan")})], "stop_reason": "tool_use", "usage": USAGE},
    ],
    ids=[
        "nothing",
        "no reason",
        "no usage",
        "half usage",
        "negative",
        "no type",
        "no id",
        "half character",
        "NaN",
    ],
)
def test_what_is_no_message_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"validation error|JSON compliant"):
        completion_of(message, arguments={}, prefix="p")
