"""Turns a jest test into its contradiction: one that must fail wherever the test itself passes.

The last expectation gets another constant, which looks as likely as the right one; where it compares with none, the
expectation gets or loses its `not`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from dgm.benchmarks.languages.javascript_constants import alternatives, constant, literals
from dgm.benchmarks.languages.javascript_literals import (
    Expected,
    comparable,
    far_literal,
    is_literal,
    misspelt_literal,
    near_literal,
    other_collection,
    other_literal,
    others_like,
)
from dgm.benchmarks.languages.javascript_tokens import Token, closing, depths, split

_EQUALITIES = frozenset({"toBe", "toEqual", "toStrictEqual"})
_THROWS = frozenset({"toThrow", "toThrowError"})
_OPPOSITES = {
    "toBeTruthy": "toBeFalsy",
    "toBeFalsy": "toBeTruthy",
    "toBeNull": "toBeUndefined",
    "toBeUndefined": "toBeNull",
    "toBeDefined": "toBeUndefined",
    "toBeGreaterThan": "toBeLessThanOrEqual",
    "toBeGreaterThanOrEqual": "toBeLessThan",
    "toBeLessThan": "toBeGreaterThanOrEqual",
    "toBeLessThanOrEqual": "toBeGreaterThan",
}
"""No value meets both."""
_BEFORE_A_STATEMENT = frozenset({";", "}", "await", "return"})
_COMPUTES = frozenset("(+-")

_OtherLiteral = Callable[[Token, Sequence[str], Expected, Random], str]


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts `text` between two places of a source."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """The last statement of a test, such as `await expect(f(1)).resolves.not.toEqual(2);`."""

    negation: tuple[Token, Token] | None
    """The dot and the `not`."""
    matcher: Token
    constant: Sequence[Token]
    """What is compared with, as `constant` returns it: it may stand in a variable's declaration."""
    beside: Sequence[Token]
    """The literals that the test has elsewhere, such as what it calls the solution with."""
    variables: Sequence[tuple[Token, Sequence[str]]]
    """What is compared with and stands for constants that other tests need too, each with others like it."""

    @property
    def throws(self) -> bool:
        """Whether it is an error's message that is compared."""
        return self.matcher.text in _THROWS

    @property
    def is_date(self) -> bool:
        """Whether a date is compared with."""
        return [token.text for token in self.constant[:2]] == ["new", "Date"]

    @property
    def unlikely(self) -> frozenset[str]:
        """Literals that must not come in: to what computes with it, null is as good as 0, and nobody expects -0."""
        signs = {token.text for token in self.constant}
        return frozenset({"null"} if signs & _COMPUTES else ()) | frozenset({"0"} if "-" in signs else ())

    @property
    def collection(self) -> Sequence[Token]:
        """The constant where it is one list or object that nothing is done with, else nothing."""
        signs = {token.text for token in self.constant}
        is_alone = self.constant and self.constant[0].text in {"[", "{"} and not signs & _COMPUTES
        return self.constant if is_alone and closing(self.constant, 0) == len(self.constant) - 1 else ()


def expectation(body: Sequence[Token], file: Sequence[Token]) -> Expectation | None:
    """Return what a test expects in the end, None where it ends otherwise.

    Args:
        body: between the test's braces, or the expression that it is.
        file: the whole file, where constants may be declared.
    """
    start = _last_expect(body)
    place = None if start is None else closing(body, start + 1)
    if place is None:
        return None
    chain: list[tuple[Token, Token]] = []
    place += 1
    while place + 1 < len(body) and body[place].text == ".":
        chain.append((body[place], body[place + 1]))
        place += 2
    close = closing(body, place) if place < len(body) and body[place].text == "(" else None
    if close is None or not chain or [token.text for token in body[close + 1 :]] not in ([], [";"]):
        return None
    argument = split(body[place + 1 : close], ",")[0]
    compared = constant(argument, body, file)
    is_list = {token.text for token in argument if token.kind == "sign"} <= {"[", "]", ","}
    return Expectation(
        negation=next((link for link in chain[:-1] if link[1].text == "not"), None),
        matcher=chain[-1][1],
        constant=compared,
        beside=[token for token in body if is_literal(token) and token not in compared],
        variables=[(token, alternatives(token, body, file)) for token in argument if is_list and token.kind == "word"],
    )


def contradiction(found: Expectation, expected: Expected, chance: Random) -> Edit:
    """Return what makes a test one that fails if the original passes."""
    if found.negation is not None:
        return Edit(found.negation[0].start, found.negation[1].end, "")
    if found.matcher.text in _OPPOSITES:
        return Edit(found.matcher.start, found.matcher.end, _OPPOSITES[found.matcher.text])
    return _other_constant(found, expected, chance) or Edit(found.matcher.start, found.matcher.start, "not.")


def _last_expect(body: Sequence[Token]) -> int | None:
    """Return the index of the last `expect(` that stands in no brackets, None unless a statement begins with it."""
    levels = depths(body)
    for index in range(len(body) - 2, -1, -1):
        if levels[index] == 0 and (body[index].text, body[index + 1].text) == ("expect", "("):
            return index if index == 0 or body[index - 1].text in _BEFORE_A_STATEMENT else None
    return None


def _other_constant(found: Expectation, expected: Expected, chance: Random) -> Edit | None:
    other = _way_of_changing(found)
    if other is None:
        return None
    if not found.constant:
        return _other_variable(found, chance) if found.matcher.text in _EQUALITIES else None
    if found.collection and found.matcher.text in _EQUALITIES:
        whole = other_collection(found.collection, expected, chance)
        if whole:
            return Edit(found.constant[0].start, found.constant[-1].end, whole)
    changeable = literals(found.constant)
    present = [*(token.text for token in changeable), *found.unlikely]
    chance.shuffle(changeable)
    # What only this test expects, rather than what all do, such as a table's head; and rather a day than a year, which
    # is most often that the test asks for.
    changeable.sort(key=lambda token: -token.start if found.is_date else expected.counts[comparable(token)])
    edits = (Edit(token.start, token.end, other(token, present, expected, chance)) for token in changeable)
    return next((edit for edit in edits if edit.text), None)


def _other_variable(found: Expectation, chance: Random) -> Edit | None:
    others = [(token, name) for token, names in found.variables for name in names]
    if not others:
        return None
    token, name = chance.choice(others)
    return Edit(token.start, token.end, name)


def _other_literal(
    beside: Sequence[Token], token: Token, present: Sequence[str], expected: Expected, chance: Random
) -> str:
    """Return another literal that the test has elsewhere too, if it has the right one; else any other."""
    others = others_like(token, beside, present)
    return chance.choice(others).text if others else other_literal(token, present, expected, chance)


def _way_of_changing(found: Expectation) -> _OtherLiteral | None:
    """Return what makes another literal that the expectation surely does not hold for, None if there is no such."""
    signs = {token.text for token in found.constant}
    match found.matcher.text:
        case "toHaveLength":
            return near_literal
        case "toBeCloseTo":
            return far_literal
        case matcher if matcher in _EQUALITIES:
            return near_literal if found.is_date else partial(_other_literal, found.beside)
        case _ if found.throws:
            # A message has to hold a bare text and no more.
            return other_literal if "new" in signs else misspelt_literal
        case _:
            return None
