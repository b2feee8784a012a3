"""How a diff is shown to a person who has to judge it: side by side where there is room, else one below the other.

Every line of it is hostile, and none may pass for another: lines are told apart by the numbers in the diff before
anything of them is shown, and a character that would begin a new line on the screen is shown as a sign.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from rich.cells import chop_cells
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dgm.archive.difference import DiffStat
from dgm.boundary.text import safe_line, safe_text

SIDE_BY_SIDE_COLUMNS = 120
"""From this width on."""
_MOST_ROWS_BESIDE = 4_000
_MOST_CHARS_BESIDE = 400_000
"""Beyond them tables take seconds to draw."""
_PLACE = re.compile(r"@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@(.*)")
_GIT = "diff --git "
_UNTOLD = ("index ", "--- ", "+++ ")
_TAB = 4
_LINE_END = "⏎"
_GOES_ON = "┊"
_STYLES = {"-": "red", "+": "green", " ": ""}


@dataclass(frozen=True, slots=True)
class Row:
    """A line before and after: one of them is None where it is put in or taken out."""

    before: tuple[int, str] | None
    after: tuple[int, str] | None
    is_kept: bool = False
    """Whether nothing changed, as the diff has it: what is shown of two lines can be the same though they differ."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a file that changed, with the lines around it."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(slots=True)
class FileChange:
    """What changed in one file."""

    path: str
    """Safe to show."""
    notes: list[str] = field(default_factory=list[str])
    """What else the diff says of it, such as that it is new; safe to show."""
    places: list[Place] = field(default_factory=list[Place])

    @property
    def has_two_sides(self) -> bool:
        """Whether anything of it was there before and is there after."""
        rows = [row for place in self.places for row in place.rows]
        return any(row.before for row in rows) and any(row.after for row in rows)


def file_changes(diff: str) -> list[FileChange]:
    """Return what a unified git diff says, file by file."""
    lines = diff.split("\n")
    changes: list[FileChange] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith(_GIT):
            changes.append(FileChange(_path_in(line)))
        elif changes and (place := _PLACE.fullmatch(line)):
            rows, at = _rows_from(lines, at, place)
            changes[-1].places.append(Place(safe_line(place[5]), rows))
        elif changes and line and not line.startswith(_UNTOLD):
            changes[-1].notes.append(safe_line(line.removeprefix("\\ ")))
    return changes


def stat_of(changes: Sequence[FileChange]) -> DiffStat:
    """Return the size of a change."""
    rows = [row for change in changes for place in change.places for row in place.rows if not row.is_kept]
    return DiffStat(
        files_changed=len(changes),
        insertions=sum(row.after is not None for row in rows),
        deletions=sum(row.before is not None for row in rows),
    )


def diff_view(diff: str, *, width: int) -> RenderableType:
    """Return a diff for a screen that is `width` columns wide."""
    changes = file_changes(diff)
    rows = sum(len(place.rows) for change in changes for place in change.places)
    has_room = width >= SIDE_BY_SIDE_COLUMNS and rows <= _MOST_ROWS_BESIDE and len(diff) <= _MOST_CHARS_BESIDE
    parts: list[RenderableType] = []
    for change in changes:
        draw = _beside if has_room and change.has_two_sides else _below
        parts += [_heading(change), *draw(change, width)]
    return Group(*parts)


def _heading(change: FileChange) -> Text:
    notes = f"  {', '.join(change.notes)}" if change.notes else ""
    return Text.assemble(("\n" + change.path, "bold"), (notes, "dim"))


def _beside(change: FileChange, width: int) -> Iterator[RenderableType]:
    digits = len(str(_last_line(change)))
    half = (width - 2 * (digits + 1 + 1 + 1) - 1) // 2
    for number, place in enumerate(change.places):
        if number or place.heading:
            yield _line_across(place.heading, width)
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
        for _ in range(2):
            table.add_column(width=digits, justify="right", style="dim")
            # Of its own, so that what is folded cannot begin where a sign stands.
            table.add_column(width=1)
            table.add_column(width=half, overflow="fold")
        for row in place.rows:
            table.add_row(*_cells(row.before, "-", row), *_cells(row.after, "+", row))
        yield table


def _line_across(heading: str, width: int) -> Text:
    words = f"┄┄ {heading} " if heading else ""
    line = Text(words, style="dim", no_wrap=True, overflow="ellipsis")
    line.append("┄" * max(0, width - line.cell_len))
    return line


def _cells(line: tuple[int, str] | None, sign: str, row: Row) -> tuple[str, Text, Text]:
    if line is None:
        return "", Text(""), Text("")
    sign = " " if row.is_kept else sign
    return str(line[0]), Text(sign, style=_STYLES[sign]), Text(line[1], style=_STYLES[sign])


def _below(change: FileChange, width: int) -> Iterator[RenderableType]:
    text = Text(no_wrap=True)
    for place in change.places:
        text.append(f"@@ {_numbers(place)} @@ {place.heading}".rstrip()[:width] + "\n", style="cyan")
        for sign, line in _signed(place.rows):
            # Folded here: what the terminal folds begins where the signs stand, so it could pass for another line.
            for number, part in enumerate(chop_cells(line, max(1, width - 1)) or [""]):
                text.append(f"{sign if number == 0 else _GOES_ON}{part}\n", style=_STYLES[sign])
    text.rstrip()
    if text:
        yield text


def _signed(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Yield (sign, line) as a unified diff has them: of each block what is taken out, then what is put in."""
    put_in: list[str] = []
    for row in rows:
        if row.is_kept and row.after is not None:
            yield from (("+", line) for line in put_in)
            put_in.clear()
            yield " ", row.after[1]
            continue
        if row.before is not None:
            yield "-", row.before[1]
        if row.after is not None:
            put_in.append(row.after[1])
    yield from (("+", line) for line in put_in)


def _numbers(place: Place) -> str:
    before = [row.before[0] for row in place.rows if row.before is not None]
    after = [row.after[0] for row in place.rows if row.after is not None]
    return f"-{_span(before)} +{_span(after)}"


def _span(numbers: Sequence[int]) -> str:
    return f"{numbers[0]},{len(numbers)}" if numbers else "0,0"


def _last_line(change: FileChange) -> int:
    ends = (line[0] for place in change.places for row in place.rows for line in (row.before, row.after) if line)
    return max(ends, default=1)


def _rows_from(lines: Sequence[str], at: int, place: re.Match[str]) -> tuple[tuple[Row, ...], int]:
    """Return the rows of the place whose head stands before `at`, and where the lines after it begin."""
    old, new = int(place[1]), int(place[3])
    old_left, new_left = (1 if count is None else int(count) for count in (place[2], place[4]))
    rows: list[Row] = []
    taken_out: list[tuple[int, str]] = []
    put_in: list[tuple[int, str]] = []

    def pair() -> None:
        rows.extend(Row(before, after) for before, after in zip_longest(taken_out, put_in))
        taken_out.clear()
        put_in.clear()

    while at < len(lines) and (old_left > 0 or new_left > 0):
        sign, shown = lines[at][:1], _shown(lines[at][1:])
        at += 1
        match sign:
            case "-":
                taken_out.append((old, shown))
                old, old_left = old + 1, old_left - 1
            case "+":
                put_in.append((new, shown))
                new, new_left = new + 1, new_left - 1
            case " ":
                pair()
                rows.append(Row((old, shown), (new, shown), is_kept=True))
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
            case _:
                pass  # that a file's last line has no end
    pair()
    return tuple(rows), at


def _path_in(line: str) -> str:
    names = line.removeprefix(_GIT)
    half = len(names) // 2
    before, after = names[:half], names[half + 1 :]
    is_one = before.startswith("a/") and after.startswith("b/") and before[2:] == after[2:]
    return safe_line(before[2:] if is_one else names)


def _shown(line: str) -> str:
    return safe_text(line).replace("\n", _LINE_END).expandtabs(_TAB)
