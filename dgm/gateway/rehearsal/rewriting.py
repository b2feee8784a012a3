"""Turns "this text is to become that text" into edits, with a foundation model's habits and slips."""

import ast
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from dgm.core.sequences import common_start
from dgm.gateway.rehearsal.languages import SOURCE_SUFFIXES
from dgm.gateway.rehearsal.seen import SeenFile
from dgm.gateway.rehearsal.toolbox import Create, Replace, Toolbox

LONGEST_REWRITE_LINES = 160
"""Longer files are not written out again in full."""
ELISION = "# ... rest of the file unchanged"
_SAME_HUNK_LINES = 3
_SAME_PLACE_LINES = 10
_KEPT_AROUND_LINES = 8
_LONGEST_PART_LINES = 60
_BRACKETS = ")]}"
_CLOSING_BRACKET = re.compile(r"^(?![ \t]*[/*#]).*([)\]}])[;,]*\r?$", re.MULTILINE)
"""At the end of a line that is no comment: whatever the language, it is hardly ever part of a text."""
_MOST_SLIPS = 100
_MOST_COMPARISONS = 1_000_000
"""Of lines. An agent chooses what was "written" so far, and difflib would take minutes for 50,000 empty lines."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines `start:end` of the old text become lines `new_start:new_end` of the new one; counted from 0."""

    start: int
    end: int
    new_start: int
    new_end: int


def hunks(before: str, after: str, *, gap: int = _SAME_HUNK_LINES) -> list[Hunk]:
    """Return what differs; differences with at most `gap` equal lines between them are one hunk."""
    old, new = lines_of(before), lines_of(after)
    if len(old) * len(new) > _MOST_COMPARISONS:
        return _one_hunk(old, new)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    found: list[Hunk] = []
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        if found and start - found[-1].end <= gap:
            found[-1] = replace(found[-1], end=end, new_end=new_end)
        else:
            found.append(Hunk(start, end, new_start, new_end))
    return found


def _one_hunk(old: list[str], new: list[str]) -> list[Hunk]:
    """Return all that differs as one hunk."""
    start = common_start(old, new)
    end = common_start(old[start:][::-1], new[start:][::-1])
    return [Hunk(start, len(old) - end, start, len(new) - end)] if old != new else []


def places(before: str, after: str) -> int:
    """Return how many places of a text differ, far enough apart that one does not see the next."""
    return len(hunks(before, after, gap=_SAME_PLACE_LINES))


def first_place(before: str, after: str) -> str:
    """Return `before` with only the first place changed."""
    found = hunks(before, after, gap=_SAME_PLACE_LINES)
    if not found:
        return before
    old, new = lines_of(before), lines_of(after)
    return "".join(new[: found[0].new_end] + old[found[0].end :])


def edits(path: str, before: str, after: str, *, seen: SeenFile, toolbox: Toolbox) -> list[Create | Replace]:
    """Return the edits that a foundation model would make; none where it has not seen what is to change.

    Small replacements where there is a tool for it; else the whole file again, which it shortens when it is long.
    """
    if before and toolbox.can_replace:
        return list(_replacements(path, before, after, seen))
    if not toolbox.can_create:
        return []
    if not before or (len(lines_of(after)) <= LONGEST_REWRITE_LINES and seen.shows_all_of(before)):
        return [Create(path, after)]
    # With lines around it: what is only inserted has none of its own, and no text at all "was shown" of any file.
    if any(_replacements(path, before, after, seen)):
        return [Create(path, _elided(before, after))]
    return []


def _replacements(path: str, before: str, after: str, seen: SeenFile) -> Iterator[Replace]:
    """Yield what turns one text into the other, one after the other, as far as it was shown; `seen` sees it too."""
    lines, new = lines_of(before), lines_of(after)
    moved = 0
    for hunk in hunks(before, after):
        start, end = hunk.start + moved, hunk.end + moved
        changed = new[hunk.new_start : hunk.new_end]
        edit = _replacement(path, lines, start, end, changed)
        if seen.shows(edit.old):
            yield edit
            seen.edit(edit)
            lines[start:end] = changed
            moved += len(changed) - (end - start)


def _replacement(path: str, lines: list[str], start: int, end: int, changed: list[str]) -> Replace:
    """Return what puts `changed` in the place of lines, with as many around them as make the old text unique."""
    text, first, last = "".join(lines), start, end
    while last - first < len(lines) and (first == last or not _is_unique(lines, first, last, text)):
        first, last = max(0, first - 1), min(len(lines), last + 1)
    old = "".join(lines[first:last])
    return Replace(path, old, "".join([*lines[first:start], *changed, *lines[end:last]]))


def _is_unique(lines: list[str], first: int, last: int, text: str) -> bool:
    """Whether lines stand in the whole text once only; what overlaps with them counts as once more."""
    old, place = "".join(lines[first:last]), len("".join(lines[:first]))
    return text.find(old) == place and text.find(old, place + 1) < 0


def _elided(before: str, after: str) -> str:
    """Return the new text with all that lies far from a change left out."""
    new = lines_of(after)
    near = {
        line for hunk in hunks(before, after) for line in range(hunk.new_start - _KEPT_AROUND_LINES, _kept_end(hunk))
    }
    kept: list[str] = []
    for number, line in enumerate(new):
        if number in near:
            kept.append(line)
        elif not kept or kept[-1] != ELISION + "\n":
            kept.append(ELISION + "\n")
    return "".join(kept)


def _kept_end(hunk: Hunk) -> int:
    return min(hunk.new_end, hunk.new_start + _LONGEST_PART_LINES) + _KEPT_AROUND_LINES


def with_slip(edit: Create | Replace, before: str, random: Random) -> Create | Replace:
    """Return the edit with a bracket forgotten, such that the file can no longer be read or compiled."""
    text = edit.text if isinstance(edit, Create) else edit.new
    if edit.path.endswith(".py"):
        return _with_python_slip(edit, text, before, random)
    closing = (
        [match.start(1) for match in _CLOSING_BRACKET.finditer(text)] if edit.path.endswith(SOURCE_SUFFIXES) else []
    )
    return _without(edit, text, random.choice(closing)) if closing else edit


def _with_python_slip(edit: Create | Replace, text: str, before: str, random: Random) -> Create | Replace:
    brackets = [position for position, letter in enumerate(text) if letter in _BRACKETS]
    random.shuffle(brackets)
    for position in brackets[:_MOST_SLIPS]:  # an agent may have shown a comment of 100,000 brackets
        slipped = _without(edit, text, position)
        if not is_python(applied(before, slipped)):
            return slipped
    return edit


def _without(edit: Create | Replace, text: str, position: int) -> Create | Replace:
    return _with_text(edit, text[:position] + text[position + 1 :])


def _with_text(edit: Create | Replace, text: str) -> Create | Replace:
    return replace(edit, text=text) if isinstance(edit, Create) else replace(edit, new=text)


def applied(before: str, edit: Create | Replace) -> str:
    """Return what an edit makes of a text."""
    return edit.text if isinstance(edit, Create) else before.replace(edit.old, edit.new, 1)


def is_python(text: str) -> bool:
    """Whether a text can be read as Python; one that is nested too deeply for that cannot."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends. Other line breaks than these would number lines as no editor does."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
