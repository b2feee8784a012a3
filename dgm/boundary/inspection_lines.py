"""What a line shows by its characters, its length and its neighbours, whatever it says."""

import re
from collections.abc import Iterator, Sequence

from dgm.boundary.inspection_characters import hidden_characters, lookalike_words
from dgm.boundary.inspection_sources import Source
from dgm.core.findings import FindingKind

MAX_CODE_CHARS = 400
MAX_PROSE_CHARS = 4_000
"""Longer lines are told: one may hold a paragraph of prose."""
MAX_STATEMENTS = 4
"""In one line of Python."""
MAX_SHOWN_CHARS = 140
CODE_LINES = 4
"""Of a string, one after the other."""
_BEFORE_MATCH = 40
# Like a statement. Searched in a bounded part of a line, so whatever it repeats is bounded too.
_STATEMENT = re.compile(
    r"\s{0,40}(?:\w[\w.\[\]]{0,40} ?[-+*/|]?= ?\S|\w[\w.]{0,60}\(.{0,120}\)$|(?:return|raise|del|global|assert) ?\S"
    r"|(?:if|elif|else|for|while|with|try|except|finally)\b.{0,120}:$)"
)


def line_findings(source: Source, indices: Sequence[int]) -> Iterator[tuple[FindingKind, int, str]]:
    """Yield (kind, line, text) for some lines of a source."""
    longest = MAX_PROSE_CHARS if source.is_prose else MAX_CODE_CHARS
    for index in indices:
        raw, code = source.raw[index], source.code[index]
        for offset, character in hidden_characters(raw):
            yield FindingKind.HIDDEN_CHARACTERS, index + 1, f"{character}: {line_around(raw, offset)}"
            break
        for _, word in lookalike_words(code):
            yield FindingKind.LOOKALIKE, index + 1, f"Letters that look like Latin ones: {word[:MAX_SHOWN_CHARS]!a}."
            break
        if len(raw) > longest:
            yield FindingKind.DENSE_CODE, index + 1, f"A line of {len(raw):,} characters: {line_around(raw, 0)}"
        elif source.is_python and code.count(";") >= MAX_STATEMENTS:
            yield FindingKind.DENSE_CODE, index + 1, f"Many statements in a line: {line_around(raw, 0)}"
    if source.is_python:
        yield from _code_in_strings(source, indices)


def line_around(line: str, offset: int) -> str:
    """Return the part of a line around an offset, as raw as the line is."""
    start = max(0, offset - _BEFORE_MATCH) if len(line) > MAX_SHOWN_CHARS else 0
    shown = line[start : start + MAX_SHOWN_CHARS]
    return ("…" if start else "") + shown + ("…" if start + MAX_SHOWN_CHARS < len(line) else "")


def _code_in_strings(source: Source, indices: Sequence[int]) -> Iterator[tuple[FindingKind, int, str]]:
    """Yield the first of some lines of one string that look like statements."""
    run: list[int] = []
    for index in indices:
        if run and index != run[-1] + 1:
            run = []
        run = [*run[-CODE_LINES:], index] if _is_code_in_string(source, index) else []
        if len(run) == CODE_LINES:
            yield FindingKind.CODE_IN_STRING, run[0] + 1, line_around(source.raw[run[0]], 0)


def _is_code_in_string(source: Source, index: int) -> bool:
    text = source.strings[index][: 2 * MAX_SHOWN_CHARS].rstrip()
    return not source.code[index].strip() and _STATEMENT.match(text) is not None
