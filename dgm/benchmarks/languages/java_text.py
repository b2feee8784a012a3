"""Reads Java source as text: enough to tell code from comments and literals, and to pair brackets."""

import re

_COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|"""(?:\\.|.)*?"""|"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])+'", re.DOTALL
)
_OPENING, _CLOSING = "([{", ")]}"


def blanked(source: str) -> str:
    """Return text of the same length in which comments are blanks, and texts and characters are quoted underscores."""
    return _COMMENT_OR_LITERAL.sub(_blank, source)


def _blank(found: re.Match[str]) -> str:
    text = found[0]
    if text.startswith("/"):
        return " " * len(text)
    return text[0] + "_" * (len(text) - 2) + text[0]


def closing(code: str, position: int) -> int:
    """Return where the bracket that opens at `position` closes, the end of `code` where it does not."""
    depth = 0
    for place in range(position, len(code)):
        depth += _step(code[place])
        if depth == 0:
            return place
    return len(code)


def opening(code: str, position: int) -> int:
    """Return where the bracket that closes at `position` opens, 0 where it does not."""
    depth = 0
    for place in range(position, 0, -1):
        depth += _step(code[place])
        if depth == 0:
            return place
    return 0


def statement_start(code: str, start: int, end: int) -> int:
    """Return where the statement begins whose semicolon stands at `end`, in a block that begins at `start`."""
    depth = 0
    for place in range(end - 1, start - 1, -1):
        if depth == 0 and code[place] in ";}":
            return place + 1
        depth += _step(code[place])
    return start


def _step(character: str) -> int:
    return (character in _OPENING) - (character in _CLOSING)
