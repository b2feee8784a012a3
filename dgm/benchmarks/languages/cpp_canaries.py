"""Must-fail canaries for Catch tests: what catches a C++ solution that makes every test pass.

Beside each test that ends with an assertion stands its contradiction (`cpp_contradictions`). All tests get random names
of one form, so that no name, tag or place tells the two apart, and they are built and run in two containers, either in
either: neither a solution's headers, which are compiled with the tests, nor its program can compare the two to find out
which is which. Whoever forges the report, empties the assertions or answers with what the tests expect makes
contradictions pass, which no solution can do honestly.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from dgm.benchmarks.languages.cpp_contradictions import (
    Choices,
    Edit,
    asserting_functions,
    can_be_refused,
    contradiction,
    expected_exceptions,
)
from dgm.benchmarks.languages.cpp_tokens import Token, closing, split, tokens_of
from dgm.benchmarks.languages.guarded_tests import GuardedTests, some_of

_TEST = "TEST_CASE"
_CONTAINERS = 2
_AS_REFUSAL = 0.5
"""Share of the tests that expect a value which are contradicted by an exception, if there are tests that expect one."""
_NOT_RUN = ', "[.]"'
"""The tag of what Catch compiles and does not run."""


@dataclass(frozen=True, slots=True)
class _Test:
    name: str
    header: Sequence[Token]
    """What stands between the parentheses of TEST_CASE."""
    body: Sequence[Token]
    """What stands between the braces."""
    start: int
    end: int


@dataclass(slots=True)
class _Names:
    """Random names, no two alike."""

    chance: Random
    taken: set[str] = field(default_factory=set[str])

    def draw(self) -> str:
        while True:
            name = f"case {self.chance.getrandbits(40):010x}"
            if name not in self.taken:
                self.taken.add(name)
                return name


def guarded(source: str, expected: Collection[str], chance: Random) -> GuardedTests[tuple[str, str]]:
    """Return the tests under random names, mixed with canaries.

    Args:
        source: a Catch test file.
        expected: own names of the tests that are run, equal ones numbered in their order, as in "adds #2"; only they
            are contradicted.
        chance: makes names, places and values.
    """
    tokens = tokens_of(source)
    asserting = asserting_functions(tokens)
    letters = "".join(token.text for token in tokens if token.kind in {"text", "letter"})
    choices = Choices(chance, letters, expected_exceptions(tokens))
    draw = _Names(chance).draw
    tests = list(_numbered(_tests(tokens)))
    able = [test.name for test in tests if test.name in expected and can_be_refused(test.body, choices)]
    refused = some_of(able, _AS_REFUSAL, chance)
    names: dict[str, str] = {}
    canaries: dict[str, str] = {}
    copies: tuple[list[str], list[str]] = ([], [])
    end = 0
    for test in tests:
        real, other = draw(), draw()
        names[real] = test.name
        edit = None
        if test.name in expected:
            edit = contradiction(test.body, asserting, choices, refused=test.name in refused)
        if edit is not None:
            canaries[other] = real
        # What has no contradiction is compiled twice all the same: what nothing uses is an error with -Werror.
        versions = [_renamed(source, test, real), _renamed(source, test, other, edit, tag="" if edit else _NOT_RUN)]
        chance.shuffle(versions)
        for pieces, version in zip(copies, versions, strict=True):
            pieces += [source[end : test.start], version]
        end = test.end
    has_none = not canaries
    for pieces in copies:
        pieces.append(source[end:])
        if has_none:
            canary = draw()
            canaries[canary] = ""
            pieces.append(_plain_canary(canary, chance))
    return GuardedTests(("".join(copies[0]), "".join(copies[1])), names, canaries)


def _tests(tokens: Sequence[Token]) -> Iterator[_Test]:
    for index, token in enumerate(tokens[:-1]):
        if token.text != _TEST or tokens[index + 1].text != "(":
            continue
        header_end = closing(tokens, index + 1)
        if header_end is None or header_end + 1 == len(tokens) or tokens[header_end + 1].text != "{":
            continue
        body_end = closing(tokens, header_end + 1)
        if body_end is None:
            continue
        header, body = tokens[index + 2 : header_end], tokens[header_end + 2 : body_end]
        name = "".join(_unquoted(part.text) for part in split(header, ",")[0])
        if name:
            yield _Test(name, header, body, token.start, tokens[body_end].end)


def _unquoted(literal: str) -> str:
    return literal[1:-1].replace('\\"', '"').replace("\\\\", "\\")


def _numbered(tests: Iterator[_Test]) -> Iterator[_Test]:
    seen: dict[str, int] = {}
    for test in tests:
        number = seen[test.name] = seen.get(test.name, 0) + 1
        yield test if number == 1 else replace(test, name=f"{test.name} #{number}")


def _renamed(source: str, test: _Test, name: str, edit: Edit | None = None, *, tag: str = "") -> str:
    """Return a test's text under another name, and without its tags, which could tell it from its contradiction."""
    start = test.header[-1].end
    if edit is None:
        rest = source[start : test.end]
    else:
        rest = source[start : edit.token.start] + edit.text + source[edit.token.end : test.end]
    return f'{_TEST}("{name}"{tag}{rest}'


def _plain_canary(name: str, chance: Random) -> str:
    low = chance.randrange(1000)
    return f'\n{_TEST}("{name}") {{\n    REQUIRE({low} == {low + chance.randrange(1, 1000)});\n}}\n'
