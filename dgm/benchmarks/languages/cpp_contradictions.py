"""Turns a Catch test into its contradiction: one that must fail wherever the test itself passes.

The last assertion gets another constant, which looks as likely as the right one: near to it, and of letters that the
file's other texts have too. Where it compares with none, it is turned into the opposite assertion.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from dgm.benchmarks.languages.cpp_tokens import Token, closing, opening, split

_OPPOSITES = {
    "REQUIRE": "REQUIRE_FALSE",
    "REQUIRE_FALSE": "REQUIRE",
    "REQUIRE_NOTHROW": "REQUIRE_THROWS",
    "REQUIRE_THROWS": "REQUIRE_NOTHROW",
    "CHECK": "CHECK_FALSE",
    "CHECK_FALSE": "CHECK",
    "CHECK_NOTHROW": "CHECK_THROWS",
    "CHECK_THROWS": "CHECK_NOTHROW",
}
_REFUSED = {"REQUIRE": "REQUIRE_THROWS_AS", "CHECK": "CHECK_THROWS_AS"}
_THROWN = frozenset({"REQUIRE_THROWS_AS", "CHECK_THROWS_AS"})
_MATCHED = frozenset({"REQUIRE_THAT", "CHECK_THAT"})
_ASSERTIONS = _OPPOSITES.keys() | _THROWN | _MATCHED
# Of one row none is the base of another, and whoever may throw a row's base throws none of the other row.
_LOGIC = ("domain_error", "invalid_argument", "length_error", "out_of_range")
_RUNTIME = ("overflow_error", "range_error", "underflow_error")
_OTHER_EXCEPTIONS = {
    **{name: tuple(other for other in _LOGIC + _RUNTIME if other != name) for name in _LOGIC + _RUNTIME},
    "logic_error": _RUNTIME,
    "runtime_error": _LOGIC,
}
_TRUTHS = {"true": "false", "false": "true"}
_BLOCKS = frozenset({"SECTION", "for"})
"""What a block at a test's end may belong to: the contradiction fails in its first round."""
_OPERANDS = 2
_CONSTANT_SIGNS = frozenset({"{", "}", ",", "-", "=", "::"})
_ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_FITS_ANY_TYPE = 100
_END_OF_STATEMENT = frozenset({";", "{", "}"})


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts `text` in the place of a token, or of as much as one of that length would take."""

    token: Token
    text: str


@dataclass(frozen=True, slots=True)
class Choices:
    """What other values are made of."""

    chance: Random
    letters: str
    """Of all texts in the file."""
    thrown: Sequence[str]
    """What the file's tests expect to be thrown, such as "std::domain_error"; once for each time."""


def can_be_refused(body: Sequence[Token], choices: Choices) -> bool:
    """Return whether a test can be contradicted by the expectation that what it compares throws."""
    call = _last_call(_innermost(body))
    return call is not None and bool(choices.thrown) and _refused(*call, choices) is not None


def asserting_functions(tokens: Sequence[Token]) -> frozenset[str]:
    """Return the names of the functions in a test file that assert something themselves."""
    found: set[str] = set()
    for index, token in enumerate(tokens[:-1]):
        if token.kind != "word" or tokens[index + 1].text != "(" or token.text in _BLOCKS:
            continue
        end = closing(tokens, index + 1)
        if end is None or end + 1 == len(tokens) or tokens[end + 1].text != "{":
            continue
        last = closing(tokens, end + 1)
        if last is not None and any(inner.text in _ASSERTIONS for inner in tokens[end + 1 : last]):
            found.add(token.text)
    return frozenset(found)


def contradiction(
    body: Sequence[Token], asserting: Collection[str], choices: Choices, *, refused: bool = False
) -> Edit | None:
    """Return what makes a test one that fails if the original passes; None if unable.

    Args:
        body: between the test's braces.
        asserting: functions that are taken to check each constant that they are called with.
        choices: what other values are made of.
        refused: whether it is to expect that what is compared throws, which it can.
    """
    body = _innermost(body)
    call = _last_call(body)
    if call is None:
        return None
    callee, arguments = call
    if refused:
        return _refused(callee, arguments, choices)
    if callee.text in _THROWN:
        return _other_exception(arguments, choices)
    if callee.text in _MATCHED:
        return _other_target(arguments, choices)
    if callee.text in _OPPOSITES:
        return _other_value(arguments, body, choices) or Edit(callee, _OPPOSITES[callee.text])
    return _other_argument(arguments, choices) if callee.text in asserting else None


def _innermost(body: Sequence[Token]) -> Sequence[Token]:
    """Return what a test ends with: itself, or what stands in the block at its end, and so on."""
    while body and body[-1].text == "}":
        body = _inner_block(body)
    return body


def _inner_block(body: Sequence[Token]) -> Sequence[Token]:
    """Return what stands in the braces at the end of `body`, nothing unless it is run whenever `body` is."""
    start = opening(body, len(body) - 1)
    if not start or body[start - 1].text != ")":
        return ()
    condition = opening(body, start - 1)
    if not condition or body[condition - 1].text not in _BLOCKS:
        return ()
    return body[start + 1 : -1]


def _last_call(body: Sequence[Token]) -> tuple[Token, Sequence[Token]] | None:
    """Return function and arguments of the call that is the last statement, as in `f(1);` and `f<int>(1);`."""
    if [token.text for token in body[-2:]] != [")", ";"]:
        return None
    end = opening(body, len(body) - 2)
    callee = (end or 0) - 1
    if callee > 0 and body[callee].text == ">":
        while callee > 0 and body[callee].text != "<":
            callee -= 1
        callee -= 1
    if end is None or callee < 0 or (callee > 0 and body[callee - 1].text not in _END_OF_STATEMENT):
        return None
    return body[callee], body[end + 1 : -2]


def expected_exceptions(tokens: Sequence[Token]) -> list[str]:
    """Return what the assertions of a test file expect to be thrown."""
    found: list[str] = []
    for index, token in enumerate(tokens[:-1]):
        end = closing(tokens, index + 1) if token.text in _THROWN else None
        thrown = () if end is None else split(tokens[index + 2 : end], ",")[-1]
        if thrown:
            found.append(_text_of(thrown))
    return found


def _refused(callee: Token, arguments: Sequence[Token], choices: Choices) -> Edit | None:
    """Expect of what is compared with a literal that it throws: no such expectation is told by its form."""
    sides = split(arguments, "==")
    if callee.text not in _REFUSED or len(sides) != _OPERANDS:
        return None
    for literal, compared in (sides, sides[::-1]):
        # Without a name, so that nothing is left unused, which is an error with -Werror; without a comma, since what
        # stands between braces is more than one argument of a macro.
        if not any(token.kind == "word" for token in literal) and compared and compared[-1].text == ")":
            if any(token.text in {",", "{"} for token in compared):
                return None
            text = f"{_REFUSED[callee.text]}({_text_of(compared)}, {choices.chance.choice(choices.thrown)}"
            return Edit(Token("raw", " " * (arguments[-1].end - callee.start), callee.start), text)
    return None


def _text_of(tokens: Sequence[Token]) -> str:
    text = ""
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        text += token.text + (" " if following and following.start > token.end else "")
    return text


def _other_exception(arguments: Sequence[Token], choices: Choices) -> Edit | None:
    thrown = split(arguments, ",")[-1]
    others = _OTHER_EXCEPTIONS.get(thrown[-1].text) if thrown else None
    return Edit(thrown[-1], choices.chance.choice(others)) if others else None


def _other_target(arguments: Sequence[Token], choices: Choices) -> Edit | None:
    """Change the number that another is to lie near to."""
    texts = [token.text for token in arguments]
    if "WithinAbs" not in texts:
        return None
    return _other_literal(split(arguments[texts.index("WithinAbs") + 2 :], ",")[0], choices)


def _other_argument(arguments: Sequence[Token], choices: Choices) -> Edit | None:
    edits = (_other_literal(argument, choices) for argument in split(arguments, ","))
    return next((edit for edit in edits if edit is not None), None)


def _other_value(arguments: Sequence[Token], body: Sequence[Token], choices: Choices) -> Edit | None:
    """Change the constant that is compared with, where it stands or where the variable that holds it is declared."""
    if any(len(split(arguments, sign)) > 1 for sign in ("&&", "||", "?", ",")):
        return None
    match split(arguments, "=="):
        case [left, right]:
            constants = (left, right, *(_declared(side[0], body) for side in (left, right) if len(side) == 1))
            edits = (_other_literal(constant, choices) for constant in constants)
            return next((edit for edit in edits if edit is not None), None)
        case _:
            return None


def _declared(variable: Token, body: Sequence[Token]) -> Sequence[Token]:
    """Return what a variable is declared to be, nothing if more than one assertion uses it."""
    match [index for index, token in enumerate(body) if token.text == variable.text]:
        case [declaration, _] if body[declaration + 1].text in {"{", "="}:
            return split(body[declaration + 1 :], ";")[0]
        case _:
            return ()


def _other_literal(constant: Sequence[Token], choices: Choices) -> Edit | None:
    """Change one literal in a constant that is made of literals, names and braces; None if it is not."""
    if any(token.kind == "sign" and token.text not in _CONSTANT_SIGNS for token in constant):
        return None
    literals = [token for token in constant if token.kind not in {"sign", "word"} or token.text in _TRUTHS]
    present = {token.text for token in literals}
    choices.chance.shuffle(literals)
    edits = (Edit(token, other) for token in literals if (other := _different(token, present, choices)))
    return next(edits, None)


def _different(token: Token, present: Collection[str], choices: Choices) -> str:
    """Return a literal of the same kind that is none of those present, since a set would stay the same; "" for none."""
    match token.kind:
        case "word":
            return _TRUTHS[token.text] if len(present) == 1 else ""
        case "number":
            return _different_number(token.text, present, choices)
        case "text" | "letter":
            return _different_text(token.text, present, choices)
        case _:
            return ""


def _different_number(text: str, present: Collection[str], choices: Choices) -> str:
    whole = text.split(".", maxsplit=1)[0].rstrip("uUlL")
    if not whole.isdecimal() or (whole[0] == "0" and whole != "0"):
        return ""
    rest, value = text[len(whole) :], int(whole)
    # Near, so that its size does not tell it. A much larger one may not fit its type, an error at compile time.
    above = range(value + 1, value + 4) if value <= _FITS_ANY_TYPE else range(0)
    numbers = [*range(max(1, value - 3), value), *above]
    others = [other for number in numbers if (other := f"{number}{rest}") not in present]
    return choices.chance.choice(others) if others else ""


def _different_text(text: str, present: Collection[str], choices: Choices) -> str:
    if text == '""':
        return f'"{choices.chance.choice(sorted(filter(str.isalnum, choices.letters)) or ["a", "e", "0", " "])}"'
    places = [place for place in range(1, len(text) - 1) if text[place].isalnum() and "\\" not in text[:place]]
    choices.chance.shuffle(places)
    for place in places:
        old = text[place]
        other = text[:place] + _other_letter(old, choices) + text[place + 1 :]
        if other not in present:
            return other
    return ""


def _other_letter(old: str, choices: Choices) -> str:
    """Return a letter or digit of the same kind, one that stands in other texts too if there is one."""
    alphabet = next((letters for letters in _ALPHABETS if old in letters), _ALPHABETS[1])
    known = sorted(set(choices.letters) & set(alphabet) - {old})
    return choices.chance.choice(known or [letter for letter in alphabet if letter != old])
