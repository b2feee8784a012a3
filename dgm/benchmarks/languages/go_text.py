"""Go source as tokens and statements: as much of it as tests are made of. What is not understood is opaque."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|//[^\n]*|/\*.*?\*/)
    |(?P<line>\n)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<rune>'(?:[^'\\\n]|\\.[^']*)')
    |(?P<float>(?:\d[\d_]*\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+)
    |(?P<number>0[xX][0-9A-Fa-f_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign><<=|>>=|&\^=|\.\.\.|&&|\|\||<-|\+\+|--|==|!=|<=|>=|:=|\+=|-=|\*=|/=|%=|&=|\|=|\^=|<<|>>|&\^|.)""",
    re.VERBOSE | re.DOTALL,
)
_ENDS_A_LINE = frozenset({"break", "continue", "fallthrough", "return", "++", "--", ")", "]", "}"})
_KEYWORDS = frozenset(
    {"case", "chan", "const", "default", "defer", "else", "for", "func", "go", "goto", "if", "import", "interface"}
    | {"map", "package", "range", "select", "struct", "switch", "type", "var"}
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_FAILS = re.compile(r"(?:Fatal|Error|FailNow|Fail)f?")
_JUMPS = frozenset({"return", "break", "continue", "goto", "fallthrough", "select", "defer"})


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `start` is its place in the source."""

    kind: str
    """ "text", "rune", "float", "number", "word" or "sign"."""
    text: str
    start: int

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.start + len(self.text)


Tokens = Sequence[Token]


def tokens_of(source: str, start: int = 0, end: int | None = None) -> list[Token]:
    """Return the tokens of `source[start:end]`, with ";" where a line ends a statement."""
    found: list[Token] = []
    for match in _TOKEN.finditer(source, start, len(source) if end is None else end):
        kind = match.lastgroup or "sign"
        if kind == "space" and not (match[0].startswith("/*") and "\n" in match[0]):
            continue
        if kind in {"line", "space"}:
            if found and _ends_a_line(found[-1]):
                found.append(Token("sign", ";", match.start()))
            continue
        found.append(Token(kind, match[0], match.start()))
    return found


def _ends_a_line(token: Token) -> bool:
    if token.kind == "sign":
        return token.text in _ENDS_A_LINE
    return token.text not in _KEYWORDS


def closing(tokens: Tokens, place: int) -> int:
    """Return the place of the bracket that closes the one at `place`.

    Raises:
        ValueError: there is none.
    """
    depth = 0
    for number in range(place, len(tokens)):
        text = tokens[number].text
        if tokens[number].kind == "sign":
            depth += (text in _PAIRS) - (text in _PAIRS.values())
            if depth == 0:
                return number
    raise ValueError("a bracket is not closed")


def split(tokens: Tokens, sign: str) -> list[Tokens]:
    """Return what stands between those of `sign` that no bracket encloses."""
    parts: list[Tokens] = []
    depth, start = 0, 0
    for number, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        depth += (token.text in _PAIRS) - (token.text in _PAIRS.values())
        if depth == 0 and token.text == sign:
            parts.append(tokens[start:number])
            start = number + 1
    return [*parts, tokens[start:]]


def texts(tokens: Tokens) -> list[str]:
    """Return the tokens' texts."""
    return [token.text for token in tokens]


@dataclass(frozen=True, slots=True)
class Plain:
    """A statement of no other kind."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Failure:
    """`t.Fatalf(...)` and its like: the test has failed."""

    tokens: Tokens
    ends: bool
    """Whether nothing behind it is executed."""


@dataclass(frozen=True, slots=True)
class Jump:
    """`return` and what else leaves its place, or is not understood."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class If:
    """`if first; condition { then } else { otherwise }`; a case of a switch is one as well."""

    first: Tokens
    condition: Tokens
    then: "Sequence[Statement]"
    otherwise: "Sequence[Statement]" = ()


@dataclass(frozen=True, slots=True)
class For:
    """A loop."""

    header: Tokens
    body: "Sequence[Statement]"


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in braces of their own, or what an "else if" comes to."""

    body: "Sequence[Statement]"


Statement = Plain | Failure | Jump | If | For | Block


@dataclass(slots=True)
class Parser:
    """Makes statements of the tokens of a function's body."""

    tokens: Tokens
    testing: str = "t"
    """What the test calls its `*testing.T`."""
    place: int = field(default=0)

    def statements(self) -> list[Statement]:
        """Return all that is left.

        Raises:
            ValueError: it is no Go, or a part of the language that tests seldom have.
        """
        found: list[Statement] = []
        while self.place < len(self.tokens):
            if self.tokens[self.place].text == ";":
                self.place += 1
            else:
                found.append(self._statement())
                if isinstance(found[-1], Jump) and len(found) > 1 and isinstance(found[-2], Failure):
                    found[-2] = Failure(found[-2].tokens, ends=True)
        return found

    def _statement(self) -> Statement:
        match self.tokens[self.place].text:
            case "if":
                return self._if()
            case "for":
                header, body = self._headed()
                return For(header, body)
            case "switch":
                return self._switch()
            case "{":
                return Block(self._body())
            case _:
                return self._simple()

    def _simple(self) -> Statement:
        start = self.place
        while self.place < len(self.tokens) and self.tokens[self.place].text != ";":
            text = self.tokens[self.place].text
            opens = self.tokens[self.place].kind == "sign" and text in _PAIRS
            self.place = closing(self.tokens, self.place) + 1 if opens else self.place + 1
        tokens = self.tokens[start : self.place]
        words = texts(tokens[:4])
        told = words[2] if words[:2] == [self.testing, "."] and words[3:] == ["("] else ""
        if _FAILS.fullmatch(told):
            return Failure(tokens, ends=told.startswith(("Fatal", "FailNow")))
        labelled = words[1:2] == [":"]
        if words[0] in _JUMPS or labelled or told.startswith("Skip"):
            return Jump(tokens)
        return Plain(tokens)

    def _headed(self) -> tuple[Tokens, list[Statement]]:
        """Return what stands between a keyword and its block, and the block's statements."""
        start = self.place + 1
        self.place = start
        while True:
            token = self.tokens[self.place]
            if token.kind == "sign" and token.text in _PAIRS:
                end = closing(self.tokens, self.place)
                behind = self.tokens[end + 1].text if end + 1 < len(self.tokens) else ";"
                if token.text == "{" and behind in {";", "else", "}"}:
                    return self.tokens[start : self.place], self._body()
                self.place = end
            self.place += 1
            if self.place >= len(self.tokens):
                raise ValueError("a statement has no block")

    def _body(self) -> list[Statement]:
        end = closing(self.tokens, self.place)
        inner = Parser(self.tokens[self.place + 1 : end], self.testing).statements()
        self.place = end + 1
        return inner

    def _if(self) -> If:
        header, then = self._headed()
        *first, condition = split(header, ";")
        otherwise: Sequence[Statement] = ()
        if self.place < len(self.tokens) and self.tokens[self.place].text == "else":
            self.place += 1
            otherwise = (self._statement(),)
        return If(first[0] if first else (), condition, then, otherwise)

    def _switch(self) -> Statement:
        """Return a switch without a tag as what it comes to: one "if" after the other."""
        start = self.place
        header_end = start + 1
        while self.tokens[header_end].text != "{":
            opens = self.tokens[header_end].text in _PAIRS
            header_end = closing(self.tokens, header_end) + 1 if opens else header_end + 1
        header = self.tokens[start + 1 : header_end]
        end = closing(self.tokens, header_end)
        self.place = end + 1
        clauses = list(_clauses(self.tokens[header_end + 1 : end]))
        if header and header[-1].text != ";":  # with a tag
            return Jump(self.tokens[start : self.place])
        result: Sequence[Statement] = ()
        for condition, body in reversed(clauses):
            statements = Parser(body, self.testing).statements()
            if not condition:
                result = statements
            elif len(split(condition, ",")) > 1:
                return Jump(self.tokens[start : self.place])
            else:
                result = (If((), condition, statements, result),)
        return Block([Plain(header[:-1]), *result] if header else result)


def _clauses(tokens: Tokens) -> Iterator[tuple[Tokens, Tokens]]:
    """Yield (condition, body) of each case; the default comes last, without a condition."""
    starts: list[int] = []
    depth = 0
    for number, token in enumerate(tokens):
        if token.kind == "sign":
            depth += (token.text in _PAIRS) - (token.text in _PAIRS.values())
        if depth == 0 and token.text in {"case", "default"}:
            starts.append(number)
    default: Tokens | None = None
    for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
        condition, *body = split_once(tokens[start + 1 : end], ":")
        if tokens[start].text == "default":
            default = body[0]
        else:
            yield condition, body[0]
    if default is not None:
        yield (), default


def split_once(tokens: Tokens, sign: str) -> tuple[Tokens, Tokens]:
    """Return what stands before and behind the first such sign that no bracket encloses.

    Raises:
        ValueError: there is none.
    """
    before = split(tokens, sign)[0]
    if len(before) == len(tokens):
        raise ValueError(f"there is no {sign!r}")
    return before, tokens[len(before) + 1 :]
