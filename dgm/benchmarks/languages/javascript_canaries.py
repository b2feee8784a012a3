"""Must-fail canaries for jest's tests: what catches a JavaScript solution that makes every test pass.

Each test file is run twice, under two names and with a fresh registry of modules each time. A test that ends with an
expectation stands in one of the two as it is and in the other as its contradiction: the same test with another
constant. All tests get random names of one form, and which file has which is chosen anew for each test. So each file
runs every test once and in its order, whatever state they share, and nothing tells the two of a pair apart.

Tests are found by their text. What is not understood, such as `test.each`, keeps its own name and is run in both.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.javascript_constants import literals
from dgm.benchmarks.languages.javascript_contradictions import Edit, Expectation, contradiction, expectation
from dgm.benchmarks.languages.javascript_literals import Expected
from dgm.benchmarks.languages.javascript_tokens import Token, closing, split, tokens_of

SEPARATOR = " > "
_GROUPS = frozenset({"describe", "fdescribe", "xdescribe"})
_TESTS = frozenset({"fit", "it", "test", "xit", "xtest"})
_MARKS = frozenset({"only", "skip"})
_COPIES = 2
_ESCAPE = re.compile(r"\\(u(?P<code>[0-9a-fA-F]{4})|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t"}


@dataclass(frozen=True, slots=True)
class _Test:
    groups: tuple[str, ...]
    title: Token
    name: str
    """As a report has it; equal names are numbered in their order, as in "adds #2"."""
    expectation: Expectation | None


@dataclass(slots=True)
class _Drawn:
    """What one grading draws by chance, no name twice."""

    chance: Random
    taken: set[int] = field(default_factory=set[int])

    def title(self) -> str:
        return f"case {self._number():010x}"

    def path(self, path: str) -> str:
        """Return a path beside another one, named like a test too."""
        return str(PurePosixPath(path).with_name(f"{self._number():010x}-{PurePosixPath(path).name}"))

    def _number(self) -> int:
        number = self.chance.getrandbits(40)
        if number in self.taken:
            return self._number()
        self.taken.add(number)
        return number


def guarded(sources: Mapping[str, str], expected: Collection[str], chance: Random) -> GuardedTests[dict[str, str]]:
    """Return tests under random names, each file twice, with canaries among them.

    Args:
        sources: test files by path.
        expected: own names of the tests that are run; only they are renamed and contradicted. Where it is yet to be
            seen which there are, each file stands once and with its own names.
        chance: makes names, places and values.
    """
    made = GuardedTests(dict[str, str]())
    drawn = _Drawn(chance)
    seen: Counter[str] = Counter()
    for path, source in sorted(sources.items()):
        tests = [test for test in _tests(tokens_of(source), seen) if test.name in expected]
        versions = _two_versions(source, tests, made, drawn) if expected else ()
        for edits in versions:
            made.sources[drawn.path(path)] = _edited(source, edits)
    if not expected:
        made.sources.update(sources)
    if not made.canaries:
        title = drawn.title()
        made.canaries[title] = ""
        made.sources[chance.choice(sorted(made.sources))] += _plain_canary(title, chance)
    return made


def names_of_both(names: Collection[str]) -> frozenset[str]:
    """Return what tests are called that keep their own names, once each has run in both files.

    Args:
        names: from one run, where equal ones are numbered in their order, as in "adds #2".
    """
    times = Counter(_unnumbered(name, names) for name in names)
    return frozenset(
        name if number == 1 else f"{name} #{number}"
        for name, count in times.items()
        for number in range(1, _COPIES * count + 1)
    )


def _unnumbered(name: str, names: Collection[str]) -> str:
    first, _, number = name.rpartition(" #")
    return first if number.isdecimal() and first in names else name


def _tests(tokens: Sequence[Token], seen: Counter[str]) -> Iterator[_Test]:
    groups: list[tuple[int, str]] = []
    for place in range(len(tokens)):
        groups = [(end, title) for end, title in groups if place < end]
        opening = _call(tokens, place)
        end = None if opening is None else closing(tokens, opening)
        if opening is None or end is None or tokens[opening + 1].kind != "text":
            continue
        title, *others = split(tokens[opening + 1 : end], ",")
        if tokens[place].text in _GROUPS:
            groups.append((end, _said(title[0])))
        elif len(title) == 1 and others:
            path = tuple(group for _, group in groups)
            name = SEPARATOR.join([*path, _said(title[0])])
            seen[name] += 1
            numbered = name if seen[name] == 1 else f"{name} #{seen[name]}"
            yield _Test(path, title[0], numbered, expectation(_body(others[0]), tokens))


def _call(tokens: Sequence[Token], place: int) -> int | None:
    """Return where the arguments of `test(`, `it.skip(`, `describe(` and the like begin, None for anything else."""
    texts = _texts(tokens[place : place + 4])
    if texts[0] not in _GROUPS | _TESTS or (place > 0 and tokens[place - 1].text == "."):
        return None
    if texts[1:2] == ["("]:
        return place + 1
    is_marked = texts[1:2] == ["."] and texts[2:3] and texts[2] in _MARKS and texts[3:] == ["("]
    return place + 3 if is_marked else None


def _body(function: Sequence[Token]) -> Sequence[Token]:
    """Return what stands in `() => {}` or `async function () {}`, nothing where it takes arguments."""
    texts = _texts(function)
    start = next((place for place in range(len(texts)) if texts[place : place + 2] == ["(", ")"]), None)
    if start is None or "".join(texts[:start]) not in {"", "async", "function", "asyncfunction"}:
        return ()
    body = function[start + 2 + (texts[start + 2 : start + 3] == ["=>"]) :]
    is_block = body and body[0].text == "{"
    if is_block and closing(body, 0) != len(body) - 1:
        return ()
    return body[1:-1] if is_block else body


def _texts(tokens: Sequence[Token]) -> list[str]:
    return [token.text for token in tokens]


def _said(literal: Token) -> str:
    return _ESCAPE.sub(_unescaped, literal.text[1:-1])


def _unescaped(escape: re.Match[str]) -> str:
    code = escape["code"]
    return chr(int(code, 16)) if code else _ESCAPES.get(escape[1], escape[1])


def _two_versions(
    source: str, tests: Sequence[_Test], made: GuardedTests[dict[str, str]], drawn: _Drawn
) -> tuple[list[Edit], list[Edit]]:
    """Return what makes the two files, in no order that would tell anything."""
    versions: tuple[list[Edit], list[Edit]] = ([], [])
    values = {throws: _expected_values(source, tests, throws) for throws in (False, True)}
    for test in tests:
        titles = [drawn.title() for _ in versions]
        names = [SEPARATOR.join([*test.groups, title]) for title in titles]
        for version, title in zip(versions, titles, strict=True):
            version.append(Edit(test.title.start, test.title.end, f'"{title}"'))
        made.names.update(dict.fromkeys(names, test.name))
        if test.expectation is not None:
            changed = drawn.chance.randrange(_COPIES)
            versions[changed].append(contradiction(test.expectation, values[test.expectation.throws], drawn.chance))
            del made.names[names[changed]]
            made.canaries[names[changed]] = names[1 - changed]
    return versions


def _expected_values(source: str, tests: Sequence[_Test], throws: bool) -> Expected:
    """Return what tests expect to be thrown, or else what they expect to be returned."""
    found = [one for test in tests if (one := test.expectation) is not None and one.throws == throws]
    collections = [(source[tokens[0].start : tokens[-1].end], tokens) for one in found if (tokens := one.collection)]
    return Expected(
        literals=[token for one in found for token in literals(one.constant)],
        # Where a variable stands in one, it means nothing in another test.
        collections=[text for text, tokens in collections if _texts(tokens_of(text)) == _texts(tokens)],
    )


def _edited(source: str, edits: Sequence[Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source


def _plain_canary(title: str, chance: Random) -> str:
    low = chance.randrange(1000)
    return f'\ntest("{title}", () => {{\n  expect({low}).toEqual({low + chance.randrange(1, 1000)});\n}});\n'
