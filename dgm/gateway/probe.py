"""The scripted model that checks whether a child is still an agent: one tool call, then "Done.". It costs nothing."""

import json
import re
import shlex
from types import MappingProxyType
from typing import Any, cast

from dgm.boundary.chat import ChatRequest, FunctionCall, Tool, ToolCall
from dgm.gateway.provider import FREE, Completion, KeptTurns

_TOKEN = re.compile(r"exactly `([A-Za-z0-9-]+)`")
_FILE = re.compile(r"file `([A-Za-z0-9._-]+)`")
_COMMAND_NAMES = ("command", "cmd")
_PATH_NAMES = ("path", "file", "filename", "file_path")
_CONTENT_NAMES = ("file_text", "content", "text", "contents")
_WORKSPACE = "/workspace"
_CALL_ID = "call_probe"
_ZERO_VALUES: dict[object, object] = {"integer": 10, "number": 10, "boolean": False, "array": [], "object": {}}


class ProbeProvider:
    """Reads the problem out of the conversation and solves it with whatever tool can. Never raises."""

    name = "probe"
    price = FREE

    def check(self) -> None:
        """Return: it is always there."""

    def close(self) -> None:
        """Return: there is nothing to close."""

    def input_token_bound(self, request: ChatRequest, kept: KeptTurns) -> int:  # noqa: ARG002
        """Return 0."""
        return 0

    def complete(
        self,
        request: ChatRequest,
        *,
        output_tokens: int,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        kept: KeptTurns = MappingProxyType({}),  # noqa: ARG002
    ) -> Completion:
        """Return a call of the first tool that can write the file; text once a tool has answered, or if none can."""
        call = None if any(message.role == "tool" for message in request.messages) else _tool_call(request)
        return Completion(
            content="Done." if call is None else None,
            tool_calls=() if call is None else (call,),
            finish_reason="stop" if call is None else "tool_calls",
            input_tokens=0,
            output_tokens=0,
        )


def _tool_call(request: ChatRequest) -> ToolCall | None:
    said = "\n".join(message.content or "" for message in request.messages)
    token, file = _TOKEN.search(said), _FILE.search(said)
    if token is None:
        return None
    name = file[1] if file is not None else "probe.txt"
    for arguments_for in (_shell_arguments, _editor_arguments):
        for tool in request.tools:
            arguments = arguments_for(tool, name=name, content=token[1])
            if arguments is not None:
                function = FunctionCall(name=tool.function.name, arguments=json.dumps(arguments))
                return ToolCall(id=_CALL_ID, function=function)
    return None


def _shell_arguments(tool: Tool, *, name: str, content: str) -> dict[str, object] | None:
    """Return arguments that make a shell tool write the file, None if the tool is no shell."""
    properties = _properties(tool)
    command = next((key for key in _COMMAND_NAMES if _is_text(properties.get(key))), None)
    if command is None:
        return None
    return {**_required(tool), command: f"printf %s {shlex.quote(content)} > {shlex.quote(name)}"}


def _editor_arguments(tool: Tool, *, name: str, content: str) -> dict[str, object] | None:
    """Return arguments that make an editor tool create the file, None if the tool is no editor."""
    properties = _properties(tool)
    path = next((key for key in _PATH_NAMES if _is_text(properties.get(key))), None)
    text = next((key for key in _CONTENT_NAMES if _is_text(properties.get(key))), None)
    if path is None or text is None:
        return None
    wants_absolute = "absolute" in str(properties[path].get("description", "")).lower()
    arguments = {**_required(tool), path: f"{_WORKSPACE}/{name}" if wants_absolute else name, text: content}
    if "create" in _choices(properties.get("command", {})):
        arguments["command"] = "create"
    return arguments


def _required(tool: Tool) -> dict[str, object]:
    """Return some value for each property that the tool insists on."""
    names = tool.function.parameters.get("required")
    properties = _properties(tool)
    wanted = [name for name in cast("list[object]", names) if isinstance(name, str)] if isinstance(names, list) else []
    return {name: _some_value(properties.get(name, {})) for name in wanted}


def _some_value(schema: dict[str, Any]) -> object:
    choices = _choices(schema)
    if choices:
        return choices[0]
    kind = schema.get("type")
    return _ZERO_VALUES.get(kind, "") if isinstance(kind, str) else ""


def _properties(tool: Tool) -> dict[str, dict[str, Any]]:
    properties = tool.function.parameters.get("properties")
    if not isinstance(properties, dict):
        return {}
    items = cast("dict[str, object]", properties).items()
    return {name: cast("dict[str, Any]", schema) for name, schema in items if isinstance(schema, dict)}


def _is_text(schema: dict[str, Any] | None) -> bool:
    return schema is not None and schema.get("type") == "string" and not _choices(schema)


def _choices(schema: dict[str, Any]) -> list[object]:
    choices = schema.get("enum")
    return cast("list[object]", choices) if isinstance(choices, list) else []
