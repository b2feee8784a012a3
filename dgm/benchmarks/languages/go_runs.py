"""What a walk through a Go test knows: what was changed in the test, what holds, and what its words stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dgm.benchmarks.languages.go_text import Failure, Token, Tokens, closing, texts

LITERALS = frozenset({"text", "rune", "number"})


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between a test and its contradiction."""

    literals: Mapping[int, str] = field(default_factory=dict[int, str])
    """Place in the source -> the literal that stands there instead."""
    negated: Tokens = ()
    """The condition that is turned around; empty for none."""

    def text(self, token: Token) -> str:
        """Return what stands in a token's place."""
        return self.literals.get(token.start, token.text)

    def touches(self, tokens: Tokens) -> bool:
        """Return whether any of it was changed."""
        return any(token.start in self.literals for token in tokens)


NOTHING = Change()
Place = tuple[int, int]
"""Where the call stands that a function of the tests' own was entered by, 0 for none; and a place in the source."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the tests' own, `func name(t *testing.T, ...)`, which tests call to be failed by it."""

    testing: str
    parameters: Sequence[str]
    """The others' names."""
    tokens: Tokens
    """What stands between its braces."""


@dataclass(slots=True)
class Facts:
    """What a right solution's run must have found."""

    equal: dict[Place, str] = field(default_factory=dict["Place", str])
    """Where a compared value stands -> the constant that it is equal to there."""
    unequal: dict[Place, str] = field(default_factory=dict["Place", str])
    holds: dict[Place, bool] = field(default_factory=dict["Place", bool])
    """Where a condition of no other kind stands -> whether it holds there."""
    variables: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    """(variable, where it got its value) -> whether it is nil, or true."""

    def copy(self) -> "Facts":
        """Return facts to which more can be added."""
        return Facts(dict(self.equal), dict(self.unequal), dict(self.holds), dict(self.variables))


@dataclass(slots=True)
class Run:
    """One walk through a test: the test's own, or a contradiction's."""

    change: Change
    facts: Facts
    row: Mapping[str, Tokens] = field(default_factory=dict[str, Tokens])
    """Field of the table's row that a loop's body sees, such as "tc.want" -> its value."""
    hidden: frozenset[str] = frozenset()
    """Variables that functions within the test assign to: no telling when."""
    functions: Mapping[str, Function] = field(default_factory=dict[str, Function])
    frame: int = 0
    """See `Place`."""
    constants: dict[str, Tokens] = field(default_factory=dict[str, Tokens])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    differs: bool = False
    """Whether what was changed has been used: what is found from here on may be other than in the test."""
    turned: bool = False
    """Whether a condition that asks nothing but the table came out otherwise: the test expects what is not so."""
    failure: Failure | None = None

    def copy(self) -> "Run":
        """Return a walk that goes on from here by itself."""
        return replace(self, facts=self.facts.copy(), constants=dict(self.constants), versions=dict(self.versions))


def uses_change(tokens: Tokens, run: Run) -> bool:
    """Return whether anything that was changed stands there, or is named there."""
    if run.change.touches(tokens):
        return True
    words = texts(tokens)
    fields = {name for name, value in run.row.items() if run.change.touches(value)}
    constants = {name for name, value in run.constants.items() if _uses_change_deeply(value, run, 3)}
    whole = {name.partition(".")[0] for name in fields}
    return any(
        word in constants
        or (word in whole and (words[place + 1 : place + 2] != ["."] or _names(words, place) in fields))
        for place, word in enumerate(words)
    )


def _uses_change_deeply(tokens: Tokens, run: Run, depth: int) -> bool:
    if run.change.touches(tokens) or depth == 0:
        return True
    words = texts(tokens)
    fields = {name for name, value in run.row.items() if run.change.touches(value)}
    if any(_names(words, place) in fields for place in range(len(words))):
        return True
    return any(_uses_change_deeply(run.constants[word], run, depth - 1) for word in words if word in run.constants)


def _names(words: Sequence[str], place: int) -> str:
    return "".join(words[place : place + 3])


def constant_of(tokens: Tokens, run: Run) -> str | None:
    """Return a constant in one form for each value, None for what is no constant."""
    words = texts(tokens)
    if len(tokens) == 1:
        token = tokens[0]
        if token.kind in LITERALS:
            return _normal(token.kind, run.change.text(token))
        if token.text in {"true", "false", "nil"}:
            return run.change.text(token)
        known = run.constants.get(token.text)
        return None if known is None else constant_of(known, run)
    if len(tokens) == 2 and words[0] == "-" and tokens[1].kind == "number":  # noqa: PLR2004
        return "-" + _normal("number", run.change.text(tokens[1]))
    if len(tokens) == 3 and words[1] == "." and "".join(words) in run.row:  # noqa: PLR2004
        return constant_of(run.row["".join(words)], run)
    if words[-4:] == ["[", "1", ":", "]"] and len(words) > 4:  # noqa: PLR2004
        text = constant_of(tokens[:-4], run)
        # The first character is none that is ever changed.
        return f"{text}[1:]" if text is not None and text.startswith("`\n") else None
    if words[-1:] == ["}"] and _is_written_out(tokens):
        return "".join(run.change.text(token) if token.kind in LITERALS else token.text for token in tokens)
    return None


def _is_written_out(tokens: Tokens) -> bool:
    """Return whether a composite literal holds nothing but literals."""
    start = next(number for number, token in enumerate(tokens) if token.text == "{")
    if tokens[0].text == "func" or (tokens[0].text not in {"[", "&"} and tokens[0].kind != "word"):
        return False
    for number, token in enumerate(tokens[start:-1], start):
        word = token.kind == "word" and token.text not in {"true", "false", "nil"}
        if (word and tokens[number + 1].text not in {"{", ":"}) or token.text == "(":
            return False
    return closing(tokens, start) == len(tokens) - 1


def _normal(kind: str, text: str) -> str:
    if kind == "number":
        return str(number_value(text))
    if text.startswith("`") and "\\" not in text and "\n" not in text and '"' not in text:
        return f'"{text[1:-1]}"'
    return text


def number_value(literal: str) -> int:
    """Return what a whole number's literal means."""
    plain = literal.replace("_", "")
    if plain[:2].lower() in {"0x", "0b", "0o"}:
        return int(plain, 0)
    return int(plain, 8) if plain.startswith("0") and plain != "0" else int(plain)
