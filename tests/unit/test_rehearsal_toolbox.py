"""Driving tools whose names and shapes differ between agents."""

import json

import pytest

from dgm.boundary.chat import FunctionCall, Tool
from dgm.gateway.rehearsal.seen import SeenFile
from dgm.gateway.rehearsal.toolbox import Action, Create, Replace, Run, Toolbox, View
from tests.fakes.conversing import EDITOR, FULL_EDITOR, SHELL, TEXT, tool

SEPARATE = (
    tool("read_file", {"file_path": TEXT, "start_line": {"type": "integer"}, "end_line": {"type": "integer"}}),
    tool("write_file", {"file_path": TEXT, "content": TEXT}, ("file_path", "content")),
    tool("str_replace", {"file_path": TEXT, "old_str": TEXT, "new_str": TEXT}),
    tool("execute", {"cmd": TEXT, "seconds": {"type": "integer"}}, ("cmd", "seconds")),
)
ACTIONS = [
    View("a.py"),
    View("a.py", (3, 9)),
    Create("a.py", "x = 1\n"),
    Replace("a.py", "x", "y"),
    Run("ls | head"),
]


@pytest.mark.parametrize("tools", [(SHELL, FULL_EDITOR), SEPARATE], ids=["one editor", "separate tools"])
@pytest.mark.parametrize("action", ACTIONS, ids=repr)
def test_an_action_is_read_back_from_its_call(tools: tuple[Tool, ...], action: Action) -> None:
    box = Toolbox(tools)
    assert box.action(box.call(action)) == action


def test_arguments_bear_the_names_of_the_schema() -> None:
    call = Toolbox(SEPARATE).call(Replace("a.py", "x", "y"))
    assert (call.name, json.loads(call.arguments)) == (
        "str_replace",
        {"file_path": "a.py", "old_str": "x", "new_str": "y"},
    )


def test_required_arguments_that_mean_nothing_are_filled_in() -> None:
    assert json.loads(Toolbox(SEPARATE).call(Run("ls")).arguments) == {"cmd": "ls", "seconds": 0}


def test_what_an_editor_lacks_is_not_offered() -> None:
    box = Toolbox((SHELL, EDITOR))
    assert (box.can_view, box.can_create, box.can_replace, box.can_view_lines) == (True, True, False, False)


@pytest.mark.parametrize("action", [View("a b.py"), Create("a.py", "it's\n")], ids=repr)
def test_a_shell_alone_shows_and_writes_files(action: Action) -> None:
    box = Toolbox((SHELL,))
    call = box.call(action)
    assert call.name == "bash"
    assert box.action(call) == action or action == View("a b.py")


@pytest.mark.parametrize(
    "arguments",
    ["", "[1]", "{}", '{"command": 3, "path": "x"}', "[" * 100_000, '{"command": ' + "1" * 5_000 + "}"],
    ids=["empty", "list", "nothing", "wrong types", "nested", "digits"],
)
def test_calls_that_make_no_sense_are_no_action(arguments: str) -> None:
    assert Toolbox((SHELL, FULL_EDITOR)).action(FunctionCall(name="editor", arguments=arguments)) is None


def test_a_clipped_view_is_known_up_to_its_last_whole_line() -> None:
    file = SeenFile()
    file.view(View("f"), "one\ntwo\nthr\n[clipped: 11 of 99 characters shown]")
    assert (file.head, file.complete) == (["one", "two"], False)


def test_what_comes_after_a_gap_is_not_known() -> None:
    file = SeenFile()
    file.view(View("f"), "one\ntw\n[clipped: 9 of 99 characters shown]\nine\nten\n")
    assert not file.shows("ten")


def test_ranges_of_lines_add_up_to_the_file() -> None:
    text = "\n".join(str(number) for number in range(250)) + "\n"
    lines = text.split("\n")
    file = SeenFile()
    file.view(View("f"), "0\n1\n2\n[clipped: 6 of 900 characters shown]")
    while not file.complete:
        start = len(file.head) + 1
        file.view(View("f", (start, start + 99)), "\n".join(lines[start - 1 : start + 99]))
    assert file.text == text


def test_line_numbers_are_taken_off() -> None:
    file = SeenFile()
    file.view(View("f"), "     1\tdef f():\n     2\t    return 1\n")
    assert file.text == "def f():\n    return 1\n"


def test_a_quotation_without_an_end_is_a_command_like_any_other() -> None:
    call = FunctionCall(name="bash", arguments=json.dumps({"command": "cat 'a"}))
    assert Toolbox((SHELL,)).action(call) == Run("cat 'a")


def test_a_number_of_5000_digits_is_no_line_number() -> None:
    file = SeenFile()
    file.view(View("f"), "1" * 5_000 + "\tx\n2\ty\n")
    assert file.head[1] == "2\ty"
