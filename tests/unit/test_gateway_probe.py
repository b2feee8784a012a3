"""The scripted model that checks whether a child is still an agent."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgm.boundary.chat import ChatRequest, Message, ToolCall
from dgm.gateway.probe import ProbeProvider
from dgm.gateway.provider import FREE, Completion

PROBLEM = "Create the file `probe.txt` in the workspace containing exactly `T0-ken`."
TEXT = {"type": "string"}
BASH = {"name": "bash", "parameters": {"properties": {"command": TEXT}, "required": ["command"]}}
EDITOR = {
    "name": "editor",
    "parameters": {
        "properties": {"command": {"type": "string", "enum": ["view", "create"]}, "path": TEXT, "file_text": TEXT},
        "required": ["command", "path"],
    },
}


def ask(*functions: dict[str, Any], messages: tuple[Message, ...] = ()) -> Completion:
    tools = [{"type": "function", "function": function} for function in functions]
    conversation = (Message(role="system", content="You are an agent."), Message(role="user", content=PROBLEM))
    request = ChatRequest.model_validate({"model": "probe", "messages": (*conversation, *messages), "tools": tools})
    return ProbeProvider().complete(request, output_tokens=10, seed=0)


def arguments(completion: Completion) -> dict[str, Any]:
    return json.loads(completion.tool_calls[0].function.arguments)


def test_a_shell_is_called_with_a_command_that_writes_the_file(tmp_path: Path) -> None:
    command = arguments(ask(BASH))["command"]
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "probe.txt").read_bytes() == b"T0-ken"


def test_a_shell_goes_before_an_editor() -> None:
    assert ask(EDITOR, BASH).tool_calls[0].function.name == "bash"


def test_an_editor_is_told_to_create_the_file() -> None:
    assert arguments(ask(EDITOR)) == {"command": "create", "path": "probe.txt", "file_text": "T0-ken"}


@pytest.mark.parametrize(("path", "content"), [("path", "content"), ("file", "text"), ("filename", "file_text")])
def test_an_editor_is_known_by_its_properties(path: str, content: str) -> None:
    tool = {"name": "write", "parameters": {"properties": {path: TEXT, content: TEXT}}}
    assert arguments(ask(tool)) == {path: "probe.txt", content: "T0-ken"}


def test_an_editor_that_wants_absolute_paths_gets_one() -> None:
    properties = {"path": {"type": "string", "description": "Absolute path of the file"}, "content": TEXT}
    assert arguments(ask({"name": "write", "parameters": {"properties": properties}}))["path"] == "/workspace/probe.txt"


def test_what_else_a_tool_insists_on_is_given() -> None:
    properties = {"command": TEXT, "timeout": {"type": "integer"}, "mode": {"type": "string", "enum": ["run", "kill"]}}
    tool = {"name": "bash", "parameters": {"properties": properties, "required": ["command", "timeout", "mode", "x"]}}
    given_values = {key: value for key, value in arguments(ask(tool)).items() if key != "command"}
    assert given_values == {"timeout": 10, "mode": "run", "x": ""}


@pytest.mark.parametrize("tools", [(), ({"name": "think", "parameters": {"properties": {"thought": TEXT}}},)])
def test_without_a_tool_that_can_write_there_is_only_text(tools: tuple[dict[str, Any], ...]) -> None:
    assert (ask(*tools).tool_calls, ask(*tools).content) == ((), "Done.")


def test_after_a_tools_result_it_is_done() -> None:
    call = ToolCall.model_validate({"id": "c", "function": {"name": "bash", "arguments": "{}"}})
    result = (Message(role="assistant", tool_calls=(call,)), Message(role="tool", tool_call_id="c", content="ok"))
    answer = ask(BASH, messages=result)
    assert (answer.content, answer.tool_calls, answer.finish_reason) == ("Done.", (), "stop")


def test_it_costs_nothing() -> None:
    answer = ask(BASH)
    assert (answer.input_tokens, answer.output_tokens, ProbeProvider().price) == (0, 0, FREE)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["string", "create", "command"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["properties", "required", "command", "path", "content", "enum", "type", "description"]),
            inner,
        )
    ),
)


@given(st.dictionaries(st.sampled_from(["properties", "required", "type"]), _json))
def test_no_parameters_however_odd_break_it(parameters: dict[str, Any]) -> None:
    assert ask({"name": "odd", "parameters": parameters}).finish_reason in {"stop", "tool_calls"}
