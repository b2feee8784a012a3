"""Recognises what a tool is for by its JSON schema: names differ between lineages of agents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from dgm.boundary.chat import Tool

Purpose = Literal["view", "create", "replace", "run"]

_PATHS = ("path", "file_path", "filepath", "filename", "file_name", "file")
_TEXTS = ("text", "content", "file_text", "contents", "file_content", "new_content", "body")
_OLDS = ("old", "old_str", "old_string", "old_text", "search", "find")
_NEWS = ("new", "new_str", "new_string", "new_text", "replace", "replacement")
_COMMANDS = ("command", "cmd", "script", "bash_command")
_STARTS = ("start_line", "first_line", "line_start", "from_line", "start", "first")
_ENDS = ("end_line", "last_line", "line_end", "to_line", "end", "last")
_VERBS: Mapping[Purpose, tuple[str, ...]] = {
    "view": ("view", "read", "show", "open", "cat"),
    "create": ("create", "write", "overwrite", "save"),
    "replace": ("replace", "substitute", "edit", "update"),
}


class Schema(BaseModel):
    """As much of a JSON schema as is looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str | list[str] | None = None
    enum: list[Any] | None = None
    properties: dict[str, "Schema"] = {}
    required: list[str] = []
    items: "Schema | None" = None

    def is_a(self, name: str) -> bool:
        """Whether values of the JSON type `name` are allowed."""
        return name in ([self.type] if isinstance(self.type, str) else self.type or [])


@dataclass(frozen=True, slots=True)
class Form:
    """How one purpose is filled into one tool's arguments: our field -> the tool's property."""

    tool: str
    schema: Schema
    fields: Mapping[str, str]
    """Keys: path, text, old, new, command, range, or first and last."""
    fixed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Property -> the value that says what is wanted, such as command -> "view"."""


def forms(tools: Iterable[Tool]) -> dict[Purpose, Form]:
    """Return for each purpose the first tool that serves it."""
    found: dict[Purpose, Form] = {}
    for tool in tools:
        try:
            schema = Schema.model_validate(tool.function.parameters)
        except ValidationError:
            continue
        for purpose, form in _forms_of(tool.function.name, schema):
            found.setdefault(purpose, form)
    return found


def _forms_of(tool: str, schema: Schema) -> Iterable[tuple[Purpose, Form]]:
    path = _named(schema, _PATHS)
    if path is None:
        command = _named(schema, _COMMANDS)
        if command is not None:
            yield "run", Form(tool, schema, {"command": command})
        return
    old, new, text = _named(schema, _OLDS), _named(schema, _NEWS), _named(schema, _TEXTS)
    verbs = _verbs(schema)
    if old and new and (fixed := _choice(verbs, "replace")) is not None:
        yield "replace", Form(tool, schema, {"path": path, "old": old, "new": new}, fixed)
    if text and (fixed := _choice(verbs, "create")) is not None:
        yield "create", Form(tool, schema, {"path": path, "text": text}, fixed)
    if (verbs or not (text or old)) and (fixed := _choice(verbs, "view")) is not None:
        yield "view", Form(tool, schema, {"path": path} | _line_fields(schema), fixed)


def _named(schema: Schema, names: Sequence[str]) -> str | None:
    """Return the first of `names` that is a free text of the tool."""
    return next(
        (name for name in names if (part := schema.properties.get(name)) and part.is_a("string") and not part.enum),
        None,
    )


def _verbs(schema: Schema) -> Mapping[str, list[str]]:
    """Return the properties that choose between fixed words, with these words."""
    return {
        name: [value for value in part.enum if isinstance(value, str)]
        for name, part in schema.properties.items()
        if part.enum
    }


def _choice(verbs: Mapping[str, list[str]], purpose: Purpose) -> Mapping[str, str] | None:
    """Return the word that asks for `purpose`; nothing if the tool has no such choice; None if it has, without it."""
    if not verbs:
        return {}
    for name, words in verbs.items():
        for word in words:
            if any(verb in word.lower() for verb in _VERBS[purpose]):
                return {name: word}
    return None


def _line_fields(schema: Schema) -> dict[str, str]:
    for name, part in schema.properties.items():
        if part.is_a("array") and part.items is not None and part.items.is_a("integer"):
            return {"range": name}
    first = next((name for name in _STARTS if name in schema.properties), None)
    last = next((name for name in _ENDS if name in schema.properties), None)
    return {"first": first, "last": last} if first and last else {}
