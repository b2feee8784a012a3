"""Must-fail canaries for Java tests: what catches a solution that makes every test pass.

Beside each test that ends with an assertion stands its contradiction (`java_contradictions`). Both get random names of
one form, so that no name tells which is which, and they run in two containers, either in either: no solution sees both,
so that it could compare them. Whoever makes all assertions hold, or reads answers out of the tests, makes
contradictions pass, which no solution can do honestly.

Tests are found by their text. What is not understood keeps its own name, is not contradicted, and runs in both.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.java_contradictions import contradiction
from dgm.benchmarks.languages.java_text import blanked, closing

_TEST = re.compile(
    r"(?P<annotations>(?:@[\w.]+(?:\s*\([^()]*\))?\s+)+)"
    r"(?:(?:public|protected|private|final)\s+)*void\s+(?P<name>\w+)\s*\(\s*\)[^{};]*(?P<body>\{)"
)
_MARK = re.compile(r"@(?:[\w.]+\.)?Test\b")
_CLASS = re.compile(r"\bclass\s+(\w+)")

Copies: TypeAlias = tuple[dict[str, str], dict[str, str]]
"""The test files by path, once for each container."""


@dataclass(frozen=True, slots=True)
class _Test:
    """Where a test stands in its file; ends are exclusive."""

    start: int
    name: tuple[int, int]
    body: tuple[int, int]
    """Without the braces."""
    end: int
    owner: str
    """The class that it is a method of."""


def guarded(sources: Mapping[str, str], chance: Random) -> GuardedTests[Copies]:
    """Return tests under random names, with canaries among them.

    Args:
        sources: test files by path, at least one of them with a class.
        chance: makes names, and chooses what canaries compare with.
    """
    copies: Copies = (dict(sources), dict(sources))
    made = GuardedTests(copies)
    for path, source in sources.items():
        copies[0][path], copies[1][path] = _contradicted(source, made, chance)
    if not made.canaries:
        for texts in copies:
            path = chance.choice([path for path, text in texts.items() if "@" in blanked(text)] or list(texts))
            texts[path] = _with_plain_canary(texts[path], made, chance)
    return made


def _contradicted(source: str, made: GuardedTests[Copies], chance: Random) -> tuple[str, str]:
    code = blanked(source)
    copies: tuple[list[str], list[str]] = ([], [])
    done = 0
    for test in _tests(code):
        name, canary_name = (_random_name(len(made.names), chance) for _ in range(2))
        real = f"{test.owner}.{name}"
        made.names[real] = f"{test.owner}.{source[slice(*test.name)]}"
        versions = [_edited(source, test, {test.name: name}), ""]
        change = contradiction(source, code, test.body, chance)
        if change is not None:
            versions[1] = _edited(source, test, {test.name: canary_name, **change})
            made.canaries[f"{test.owner}.{canary_name}"] = real
        chance.shuffle(versions)
        for pieces, version in zip(copies, versions, strict=True):
            pieces += [source[done : test.start], version]
        done = test.end
    first, second = ("".join(pieces) + source[done:] for pieces in copies)
    return first, second


def _tests(code: str) -> Iterator[_Test]:
    for found in _TEST.finditer(code):
        before = code[: found.start()]
        owners = [name[1] for name in _CLASS.finditer(before) if _depth(before[: name.start()]) == 0]
        if _MARK.search(found["annotations"]) and owners and _depth(before) == 1:
            end = closing(code, found.start("body"))
            yield _Test(
                start=found.start(),
                name=found.span("name"),
                body=(found.end("body"), end),
                end=end + 1,
                owner=owners[-1],
            )


def _depth(code: str) -> int:
    return code.count("{") - code.count("}")


def _random_name(number: int, chance: Random) -> str:
    # The number keeps the order of the files, since the tests run in the order of their names.
    return f"test_{number:04d}_{chance.getrandbits(32):08x}"


def _edited(source: str, test: _Test, changes: Mapping[tuple[int, int], str]) -> str:
    """Return a test's text with other text at some places."""
    text = source[: test.end]
    for (start, end), other in sorted(changes.items(), reverse=True):
        text = text[:start] + other + text[end:]
    return text[test.start :]


def _with_plain_canary(source: str, made: GuardedTests[Copies], chance: Random) -> str:
    code = blanked(source)
    tests = list(_tests(code))
    owners = [name[1] for name in _CLASS.finditer(code) if _depth(code[: name.start()]) == 0]
    last = code.rindex("}")
    place, owner = chance.choice([(test.end, test.owner) for test in tests] or [(last, owners[-1])])
    name = _random_name(chance.randrange(len(tests) + 1), chance)
    made.canaries[f"{owner}.{name}"] = ""
    low = chance.randrange(1000)
    high = low + chance.randrange(1, 1000)
    canary = (
        f"\n\n    @org.junit.jupiter.api.Test\n    public void {name}() {{\n"
        f"        org.assertj.core.api.Assertions.assertThat({low}).isEqualTo({high});\n    }}"
    )
    return source[:place] + canary + source[place:]
