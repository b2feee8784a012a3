"""Splits C++ text into tokens: as much of the language as it takes to find tests and their last assertions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["raw", "text", "letter", "number", "word", "sign"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<raw>(?:u8|[uUL])?R"(?P<fence>[^()\\\s]*)\(.*?\)(?P=fence)")
  | (?P<text>"(?:[^"\\\n]|\\.)*")
  | (?P<letter>'(?:[^'\\\n]|\\.)+')
  | (?P<number>\.?\d(?:[eEpP][+-]|'?[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>::|==|!=|<=|>=|&&|\|\||->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSES = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands in the text."""

    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the next token may begin."""
        return self.start + len(self.text)


def tokens_of(source: str) -> list[Token]:
    """Return the tokens of a C++ text, without comments and white space."""
    kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    return [
        Token(kinds[found.lastgroup], found[0], found.start())
        for found in _TOKEN.finditer(source)
        if found.lastgroup in kinds
    ]


def closing(tokens: Sequence[Token], opening: int) -> int | None:
    """Return the index of the bracket that closes the one at `opening`, None if none does, or if none opens there."""
    expected: list[str] = []
    for index in range(opening, len(tokens)):
        sign = tokens[index].text
        if sign in _CLOSES:
            expected.append(_CLOSES[sign])
        elif sign in _CLOSES.values() and (not expected or sign != expected.pop()):
            return None
        if not expected:
            return index if index > opening else None
    return None


def opening(tokens: Sequence[Token], closing_index: int) -> int | None:
    """Return the index of the bracket that the one at `closing_index` closes, None if there is none."""
    depth = 0
    for index in range(closing_index, -1, -1):
        sign = tokens[index].text
        depth += (sign in _CLOSES.values()) - (sign in _CLOSES)
        if depth == 0:
            return index
    return None


def split(tokens: Sequence[Token], sign: str) -> list[Sequence[Token]]:
    """Return the parts between those `sign`s that stand in no brackets."""
    parts: list[Sequence[Token]] = []
    depth = first = 0
    for index, token in enumerate(tokens):
        depth += (token.text in _CLOSES) - (token.text in _CLOSES.values())
        if depth == 0 and token.text == sign:
            parts.append(tokens[first:index])
            first = index + 1
    return [*parts, tokens[first:]]
