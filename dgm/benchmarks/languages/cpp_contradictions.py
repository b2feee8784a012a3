"""Turns a Catch test into its contradiction: one that must fail wherever the test itself passes.

The last assertion gets another constant, which looks as likely as the right one; where it compares with none, it is
turned into the opposite assertion.
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
_CONSTANT_SIGNS = frozenset({"{", "}", ",", "-", "=", "::"})
_END_OF_STATEMENT = frozenset({";", "{", "}"})


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts `text` in the place of a token."""

    token: Token
    text: str


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


def contradiction(body: Sequence[Token], asserting: Collection[str], chance: Random) -> Edit | None:
    """Return what makes a test one that fails if the original passes; None if unable.

    Args:
        body: between the test's braces.
        asserting: functions that are taken to check each constant that they are called with.
        chance: chooses among the other values.
    """
    if not body:
        return None
    if body[-1].text == "}":
        inner = _inner_block(body)
        return contradiction(inner, asserting, chance)
    call = _last_call(body)
    if call is None:
        return None
    callee, arguments = call
    if callee.text in _THROWN:
        return _other_exception(arguments, chance)
    if callee.text in _MATCHED:
        return _other_target(arguments, chance)
    if callee.text in _OPPOSITES:
        return _other_value(arguments, body, chance) or Edit(callee, _OPPOSITES[callee.text])
    return _other_argument(arguments, chance) if callee.text in asserting else None


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


def _other_exception(arguments: Sequence[Token], chance: Random) -> Edit | None:
    thrown = split(arguments, ",")[-1]
    others = _OTHER_EXCEPTIONS.get(thrown[-1].text) if thrown else None
    return Edit(thrown[-1], chance.choice(others)) if others else None


def _other_target(arguments: Sequence[Token], chance: Random) -> Edit | None:
    """Change the number that another is to lie near to."""
    texts = [token.text for token in arguments]
    if "WithinAbs" not in texts:
        return None
    return _other_literal(split(arguments[texts.index("WithinAbs") + 2 :], ",")[0], chance)


def _other_argument(arguments: Sequence[Token], chance: Random) -> Edit | None:
    edits = (_other_literal(argument, chance) for argument in split(arguments, ","))
    return next((edit for edit in edits if edit is not None), None)


def _other_value(arguments: Sequence[Token], body: Sequence[Token], chance: Random) -> Edit | None:
    """Change the constant that is compared with, where it stands or where the variable that holds it is declared."""
    if any(len(split(arguments, sign)) > 1 for sign in ("&&", "||", "?", ",")):
        return None
    match split(arguments, "=="):
        case [left, right]:
            constants = (left, right, *(_declared(side[0], body) for side in (left, right) if len(side) == 1))
            edits = (_other_literal(constant, chance) for constant in constants)
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


def _other_literal(constant: Sequence[Token], chance: Random) -> Edit | None:
    """Change one literal in a constant that is made of literals, names and braces; None if it is not."""
    if any(token.kind == "sign" and token.text not in _CONSTANT_SIGNS for token in constant):
        return None
    literals = [token for token in constant if token.kind not in {"sign", "word"} or token.text in _TRUTHS]
    present = {token.text for token in literals}
    chance.shuffle(literals)
    edits = (Edit(token, other) for token in literals if (other := _different(token, present, chance)))
    return next(edits, None)


def _different(token: Token, present: Collection[str], chance: Random) -> str:
    """Return a literal of the same kind that is none of those present, since a set would stay the same; "" for none."""
    match token.kind:
        case "word":
            return _TRUTHS[token.text] if len(present) == 1 else ""
        case "number":
            return _different_number(token.text, present, chance)
        case "text" | "letter":
            return _different_text(token.text, present, chance)
        case _:
            return ""


def _different_number(text: str, present: Collection[str], chance: Random) -> str:
    whole = text.split(".", maxsplit=1)[0].rstrip("uUlL")
    if not whole.isdecimal() or (whole[0] == "0" and whole != "0"):
        return ""
    rest, value = text[len(whole) :], int(whole)
    # Smaller ones first: a larger one may not fit its type, which is an error at compile time.
    for low, high in ((max(1, value - 1000), value), (value + 1, value + 100)):
        others = [other for number in range(low, high) if (other := f"{number}{rest}") not in present]
        if others:
            return chance.choice(others)
    return ""


def _different_text(text: str, present: Collection[str], chance: Random) -> str:
    if text == '""':
        return chance.choice(['"a"', '"e"', '"0"', '" "'])
    places = [place for place in range(1, len(text) - 1) if text[place].isalnum() and "\\" not in text[:place]]
    chance.shuffle(places)
    for place in places:
        old = text[place]
        alphabet = "0123456789" if old.isdigit() else "abcdefghijklmnopqrstuvwxyz"
        new = chance.choice([letter for letter in alphabet if letter != old.lower()])
        other = text[:place] + (new.upper() if old.isupper() else new) + text[place + 1 :]
        if other not in present:
            return other
    return ""
