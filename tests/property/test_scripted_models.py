"""The host's own models answer whatever conversation an agent makes up: a fault of theirs would stop the whole run."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dgm.boundary.chat import ChatRequest, parse_chat_request
from dgm.core.errors import HostileBytesError
from dgm.gateway.probe import ProbeProvider
from dgm.gateway.provider import Provider
from dgm.gateway.rehearsal import RehearsalProvider
from dgm.gateway.rehearsal.symptoms import symptoms
from tests.fakes.conversing import FULL_EDITOR, SHELL, known_task

BEFORE = "def add(a, b):\n    return a - b\n"
TASK = known_task({"sums.py": BEFORE}, {"sums.py": BEFORE.replace("-", "+")})
PROBED = "Write exactly `probe-1` into the file `probe.txt`."
PROVIDERS: tuple[Provider, ...] = (RehearsalProvider([TASK]), ProbeProvider())

_ODD = st.sampled_from(
    ["", "\0", "[" * 3_000, "1" * 5_000, "-" * 50_000 + "1", "cat 'a", "cat \\", BEFORE, "Error: x", "SyntaxError"]
)
_words = (
    _ODD | st.sampled_from(["sums.py", "/workspace/sums.py", "view", "create", "replace", "a.py"]) | st.text(max_size=9)
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)
_arguments = _words | st.fixed_dictionaries(
    {},
    optional={
        "command": _words,
        "path": _words,
        "text": _words,
        "old": _words,
        "new": _words,
        "view_range": st.lists(st.integers(-1, 10**30), max_size=3),
    },
).map(json.dumps)
_numbered_lines = st.lists(st.integers(0, 10**30) | st.just("1" * 5_000), max_size=4).map(
    lambda numbers: "\n".join(f"{number}\tx" for number in numbers)
)
_schema = st.fixed_dictionaries(
    {},
    optional={
        "type": _json,
        "required": _json,
        "enum": _json,
        "properties": _json
        | st.dictionaries(st.sampled_from(["command", "path", "text"]), st.just({"type": "string"}) | _json),
    },
)
_steps = st.lists(st.tuples(st.sampled_from(["bash", "editor", ""]), _arguments, _words | _numbered_lines), max_size=6)


def _request(statement: str, steps: list[tuple[str, str, str]], schema: dict[str, Any] | None) -> ChatRequest | None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": statement}]
    for number, (name, arguments, result) in enumerate(steps):
        call = {"id": str(number), "function": {"name": name, "arguments": arguments}}
        messages.append({"role": "assistant", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": str(number), "content": result})
    tools = [tool.model_dump(exclude_none=True) for tool in (SHELL, FULL_EDITOR)]
    if schema is not None:
        tools = [{"function": {"name": "odd", "parameters": schema}}]
    try:
        return parse_chat_request(json.dumps({"model": "m", "messages": messages, "tools": tools}).encode())
    except HostileBytesError:
        return None  # it never reaches a model


@given(st.sampled_from([TASK.task.statement, PROBED]), _steps, st.none() | _schema, st.integers(0, 50))
def test_every_conversation_gets_an_answer(
    statement: str, steps: list[tuple[str, str, str]], schema: dict[str, Any] | None, seed: int
) -> None:
    request = _request(statement, steps, schema)
    if request is None:
        return
    for provider in PROVIDERS:
        assert provider.complete(request, output_tokens=10_000, seed=seed, kept={}).finish_reason in {
            "stop",
            "tool_calls",
        }


@given(st.lists(st.tuples(_arguments, _words), max_size=4), _words)
def test_every_transcript_can_be_diagnosed(calls: list[tuple[str, str]], patch: str) -> None:
    said = "".join(f"[assistant calls editor]\n{arguments}\n[tool]\n{result}\n" for arguments, result in calls)
    assert isinstance(symptoms(said, patch), list)
