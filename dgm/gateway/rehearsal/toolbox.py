"""What the model wants to do, said in calls of whatever tools an agent offers, and such calls read back."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from dgm.boundary.chat import FunctionCall, Tool
from dgm.gateway.rehearsal.schemas import Form, Purpose, Schema, forms

_END = "END_OF_FILE"
_CAT = re.compile(r"cat (\S+)")
_WRITE = re.compile(rf"cat > (\S+) <<'{_END}'\n(.*){_END}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class View:
    """Show a file, or its lines from the first to the last, counted from 1; or list a directory."""

    path: str
    lines: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """Write a whole file."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Put `new` in the place of `old`, which stands in the file once."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Run:
    """Run a shell command."""

    command: str


Action: TypeAlias = View | Create | Replace | Run


class Toolbox:
    """The tools of one request. A shell alone is enough to view and to create."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._forms = forms(tools)

    @property
    def can_run(self) -> bool:
        """Whether there is a shell."""
        return "run" in self._forms

    @property
    def can_view(self) -> bool:
        """Whether files can be shown."""
        return "view" in self._forms or self.can_run

    @property
    def can_view_lines(self) -> bool:
        """Whether a range of lines can be shown."""
        return "view" in self._forms and len(self._forms["view"].fields) > 1

    @property
    def can_create(self) -> bool:
        """Whether whole files can be written."""
        return "create" in self._forms or self.can_run

    @property
    def can_replace(self) -> bool:
        """Whether exact text can be replaced."""
        return "replace" in self._forms

    def call(self, action: Action) -> FunctionCall:
        """Return the call that does `action`; only for what the properties above say can be done."""
        match action:
            case View(path, lines) if "view" in self._forms:
                return self._filled("view", {"path": path, **_range(lines)})
            case View(path):
                return self._filled("run", {"command": f"cat {shlex.quote(path)}"})
            case Create(path, text) if "create" in self._forms:
                return self._filled("create", {"path": path, "text": text})
            case Create(path, text):
                ended = text if text.endswith("\n") else text + "\n"
                return self._filled("run", {"command": f"cat > {shlex.quote(path)} <<'{_END}'\n{ended}{_END}"})
            case Replace(path, old, new):
                return self._filled("replace", {"path": path, "old": old, "new": new})
            case Run(command):
                return self._filled("run", {"command": command})

    def action(self, call: FunctionCall) -> Action | None:
        """Return what a call of the conversation was to do, None if that cannot be told."""
        try:
            values = json.loads(call.arguments)
        except (ValueError, RecursionError):  # an agent may send what no model wrote
            return None
        if not isinstance(values, dict):
            return None
        arguments = cast("dict[str, Any]", values)
        order: tuple[Purpose, ...] = ("replace", "create", "view", "run")
        for purpose in order:
            form = self._forms.get(purpose)
            if form is not None and form.tool == call.name:
                found = _read(purpose, form, arguments)
                if found is not None:
                    return found
        return None

    def _filled(self, purpose: Purpose, values: dict[str, Any]) -> FunctionCall:
        form = self._forms[purpose]
        arguments: dict[str, Any] = dict(form.fixed)
        for key, value in values.items():
            if key in form.fields:
                arguments[form.fields[key]] = value
        for name in form.schema.required:
            if name not in arguments and name in form.schema.properties:
                arguments[name] = _blank(form.schema.properties[name])
        return FunctionCall(name=form.tool, arguments=json.dumps(arguments))


def _range(lines: tuple[int, int] | None) -> dict[str, Any]:
    return {} if lines is None else {"range": list(lines), "first": lines[0], "last": lines[1]}


def _blank(schema: Schema) -> Any:
    """Return a value for a property that is required and means nothing here."""
    if schema.is_a("null"):
        return None
    if schema.enum:
        return schema.enum[0]
    blanks: dict[str, Any] = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    return next((value for name, value in blanks.items() if schema.is_a(name)), "")


def _read(purpose: Purpose, form: Form, arguments: dict[str, Any]) -> Action | None:
    if any(arguments.get(name) != word for name, word in form.fixed.items()):
        return None

    def text(key: str) -> str | None:
        value = arguments.get(form.fields[key])
        return value if isinstance(value, str) else None

    if purpose == "run":
        command = text("command")
        return None if command is None else _shell_action(command)
    path = text("path")
    if path is None:
        return None
    if purpose == "view":
        return View(path, _lines(form, arguments))
    if purpose == "create":
        whole = text("text")
        return None if whole is None else Create(path, whole)
    old, new = text("old"), text("new")
    return None if old is None or new is None else Replace(path, old, new)


def _lines(form: Form, arguments: dict[str, Any]) -> tuple[int, int] | None:
    value: Any = arguments.get(form.fields.get("range", ""))
    if value is None and "first" in form.fields:
        value = [arguments.get(form.fields["first"]), arguments.get(form.fields["last"])]
    match value:
        case [int(first), int(last)] if first > 0:
            return first, last
        case _:
            return None


def _shell_action(command: str) -> Action:
    try:
        if written := _WRITE.fullmatch(command):
            return Create(shlex.split(written[1])[0], written[2])
        if shown := _CAT.fullmatch(command):
            return View(shlex.split(shown[1])[0])
    except ValueError:  # a quotation without an end
        pass
    return Run(command)
