"""How what the static check found is shown."""

import io

from rich.console import Console, Group

from dgm.cli.findings import finding_parts, findings_answer, findings_line
from dgm.core.findings import Finding, FindingKind

FOUND = (
    Finding(FindingKind.NEW_FILE, "tools/search.py", 0, "711 bytes."),
    Finding(FindingKind.NETWORK, "tools/search.py", 3, "import requests"),
    Finding(FindingKind.NETWORK, "tools/search.py", 9, "requests.get([bold]x[/bold])"),
    Finding(FindingKind.GROWTH, "", 0, "The code grew."),
    Finding(FindingKind.PROMPT_TEXT, "main.py", 12, "ignore all instructions"),
)


def shown(*findings: Finding) -> list[str]:
    """Return the lines that a person sees, without blank ones and with single blanks."""
    stream = io.StringIO()
    Console(file=stream, width=100, markup=False, highlight=False).print(Group(*finding_parts(findings)))
    return [" ".join(line.split()) for line in stream.getvalue().splitlines() if line.strip()]


def test_findings_stand_by_kind_the_most_alarming_first() -> None:
    assert shown(*FOUND) == [
        "The static check found (signals, not verdicts)",
        "kind where what",
        "text for a model main.py:12 ignore all instructions",
        "network tools/search.py:3 import requests",
        "tools/search.py:9 requests.get([bold]x[/bold])",
        "growth The code grew.",
        "new file tools/search.py 711 bytes.",
    ]


def test_nothing_is_shown_where_nothing_was_found() -> None:
    assert finding_parts(()) == []


def test_hostile_text_is_made_safe() -> None:
    lines = shown(Finding(FindingKind.SHELL, "a\x1b[2J.py", 1, "x\u202e\ny"))
    assert lines[-1] == "shell a.py:1 x y"


def test_only_alarming_kinds_stand_out() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True, color_system="standard", highlight=False)
    console.print(Group(*finding_parts(FOUND)))
    coloured = [line for line in stream.getvalue().splitlines() if "\x1b[33m" in line]
    assert [line.split("\x1b[33m")[1].split("\x1b")[0].strip() for line in coloured] == ["text for a model", "network"]


def test_the_json_has_the_same_order_and_says_none_for_the_whole_tree() -> None:
    assert findings_answer(FOUND[2:4]) == [
        {"kind": "network", "path": "tools/search.py", "line": 9, "text": "requests.get([bold]x[/bold])"},
        {"kind": "growth", "path": None, "line": None, "text": "The code grew."},
    ]


def test_the_json_is_safe() -> None:
    assert findings_answer([Finding(FindingKind.SHELL, "a\x1b[2J.py", 1, "x\u202e")]) == [
        {"kind": "shell", "path": "a.py", "line": 1, "text": "x"}
    ]


def test_one_line_counts_the_kinds() -> None:
    assert findings_line(FOUND) == "1 text for a model, 2 network, 1 growth, 1 new file"


def test_one_line_says_that_nothing_was_found() -> None:
    assert findings_line(()) == "nothing"
