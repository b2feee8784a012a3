"""Splits JavaScript text into tokens: as much of the language as it takes to find tests and their last expectations."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["text", "template", "number", "word", "regex", "sign"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<number>\.?\d(?:[eE][+-]|[\w.])*)
  | (?P<word>[\w$#]+)
  | (?P<sign>=>|\?\.|[=!]==?|<=|>=|&&|\|\||\?\?|\+\+|--|\.\.\.|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?![*/])(?:[^\\/\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
_TEMPLATE_PART = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*", re.DOTALL)
_CLOSES = {"(": ")", "{": "}", "[": "]"}
_BEFORE_A_VALUE = frozenset({"return", "typeof", "case", "in", "of", "do", "else", "yield", "await", "throw", "void"})
"""Words after which a slash begins a regular expression and is no division."""


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

    @property
    def is_plain_text(self) -> bool:
        """Whether it is a text of which nothing is computed."""
        return self.kind == "text" or (self.kind == "template" and "${" not in self.text)


def tokens_of(source: str) -> list[Token]:
    """Return the tokens of a JavaScript text, without comments and white space."""
    kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    found: list[Token] = []
    for kind, start, end in _pieces(source, 0):
        if kind in kinds:
            found.append(Token(kinds[kind], source[start:end], start))
    return found


def _pieces(source: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield kind, start and end of what stands there, up to the bracket that closes what opened before `start`."""
    before, depth = "", 0
    while start < len(source) and depth >= 0:
        kind, end = _piece(source, start, before)
        yield kind, start, end
        if kind != "space":
            before = source[start:end] if kind in {"sign", "word"} else kind
            depth += (kind == "sign") * ((before in _CLOSES) - (before in _CLOSES.values()))
        start = end


def _piece(source: str, start: int, before: str) -> tuple[str, int]:
    if source[start] == "`":
        return "template", _template_end(source, start)
    if source[start] == "/" and _value_may_follow(before):
        regex = _REGEX.match(source, start)
        if regex is not None:
            return "regex", regex.end()
    found = _TOKEN.match(source, start)
    if found is None or found.lastgroup is None:
        return "sign", start + 1
    return found.lastgroup, found.end()


def _value_may_follow(before: str) -> bool:
    if not before or before in _BEFORE_A_VALUE:
        return True
    return before not in get_args(Kind) and before not in _CLOSES.values() and not (before[-1].isalnum())


def _template_end(source: str, start: int) -> int:
    place = start + 1
    while True:
        part = _TEMPLATE_PART.match(source, place)
        place = part.end() if part else place
        if source.startswith("${", place):
            place = max((end for _, _, end in _pieces(source, place + 2)), default=place + 2)
        else:
            return min(place + 1, len(source))


def closing(tokens: Sequence[Token], opening: int) -> int | None:
    """Return the index of the bracket that closes the one at `opening`, None if none does."""
    expected: list[str] = []
    for index in range(opening, len(tokens)):
        token = tokens[index]
        if token.kind != "sign":
            continue
        if token.text in _CLOSES:
            expected.append(_CLOSES[token.text])
        elif token.text in _CLOSES.values():
            if token.text != expected.pop():
                return None
            if not expected:
                return index
    return None


def depths(tokens: Sequence[Token]) -> list[int]:
    """Return in how many brackets each token stands; brackets themselves stand outside of what they enclose."""
    found: list[int] = []
    depth = 0
    for token in tokens:
        opens, closes = (token.kind == "sign" and token.text in signs for signs in (_CLOSES, _CLOSES.values()))
        depth -= closes
        found.append(depth)
        depth += opens
    return found


def split(tokens: Sequence[Token], sign: str) -> list[Sequence[Token]]:
    """Return the parts between those `sign`s that stand in no brackets."""
    parts: list[Sequence[Token]] = []
    first = 0
    for index, (token, depth) in enumerate(zip(tokens, depths(tokens), strict=True)):
        if depth == 0 and token.kind == "sign" and token.text == sign:
            parts.append(tokens[first:index])
            first = index + 1
    return [*parts, tokens[first:]]
