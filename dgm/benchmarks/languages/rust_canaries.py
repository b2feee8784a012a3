"""Must-fail canaries for Rust tests: what catches a solution that makes every test pass.

Beside each test with an assertion stands its contradiction: the same test with another value, or with the assertion
turned around; beside one that must panic, the same without that. Each file has a few more that compare what cannot be
equal. All get random names of one form, so that neither a name nor, where a value was changed, the way of asserting
tells which is which. Whoever patches the framework, prints a report, or returns a value that equals everything makes
canaries pass or leaves them out, which no solution can do honestly.

Tests are found by their text. What is not understood keeps its own name and is not contradicted.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from random import Random

from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.rust_contradictions import contradiction, helpers

_TEST = re.compile(
    r"^(?P<indent>[ \t]*)#\[test\]\n"
    r"(?P<attributes>(?:[ \t]*(?:#\[|//)[^\n]*\n)*)"
    r"(?P=indent)fn (?P<name>\w+)\(\s*\)(?P<type>[^{\n]*)\{\n(?P<body>.*?)^(?P=indent)\}\n",
    re.MULTILINE | re.DOTALL,
)
_INDENT = "    "
_PANICS = re.compile(r"^[ \t]*#\[should_panic\b[^\n]*\]\n", re.MULTILINE)
"""Without it the same test fails where it passed."""
_PLACE = re.compile(r"(?<=\n\n)#\[test\]\n")
"""Where a test begins that has no attribute or comment before it."""
_GLOB = re.compile(r"^(?P<indent>[ \t]*)use (?!(?:std|core|super|self|crate)\b)\w+(?:::\w+)*::\*;", re.MULTILINE)
_OWN_MACROS = (
    " #[allow(unused_imports)] use std::{assert, assert_eq, assert_ne, debug_assert, format, matches, panic, vec};"
)
"""Named imports come before those of `*`: a solution's exported macro `assert_eq` would else be what tests call."""
# What is compared is made while the test runs: else no comparison would be left in the program, and a solution that
# brings a `memcmp` of its own, say, would not be found out.
_PLAIN = (
    'let output = std::hint::black_box("{text}").to_string();\n    assert_eq!(output, "{other}");',
    'let output = std::hint::black_box("{text}").len();\n    assert_eq!(output, {number});',
    'let output = std::hint::black_box("{text}");\n    assert!(output.ends_with("{other}"));',
)


def guarded(sources: Mapping[str, str], expected: Collection[str], chance: Random) -> GuardedTests[dict[str, str]]:
    """Return the tests under random names, mixed with canaries.

    Args:
        sources: path -> text of each file that becomes a program of its own; each gets canaries.
        expected: the tests' own names, such as "ant-trail::busiest_square::is_the_nest"; no other function is touched.
        chance: makes names, values and places.
    """
    made = GuardedTests(dict[str, str]())
    for path, source in sources.items():
        group = f"{PurePosixPath(path).stem}::"
        guard = _Guard([name.removeprefix(group) for name in sorted(expected) if name.startswith(group)], chance)
        made.sources[path] = guard.applied(source)
        made.names.update({group + name: group + own for own, name in guard.names.items()})
        made.canaries.update({group + name: real and group + real for name, real in guard.canaries.items()})
    return made


class _Guard:
    """Makes one file's tests ready."""

    def __init__(self, expected: Sequence[str], chance: Random) -> None:
        self._chance = chance
        self._taken: set[str] = set()
        self.names = {own: own for own in expected}
        self.canaries: dict[str, str] = {}
        self._helpers: Mapping[str, int] = {}

    def applied(self, source: str) -> str:
        """Return the file with its tests renamed and canaries among them."""
        self._helpers = helpers(source)
        source = _TEST.sub(self._versions, source)
        for template in _PLAIN:
            name = self._tag()
            words = {"text": self._tag(), "other": self._tag(), "number": len(name) + self._chance.randrange(1, 90)}
            test = f"#[test]\n#[ignore]\nfn {name}() {{\n    {template.format(**words)}\n}}\n"
            source = self._with(source, test)
            self.canaries[name] = ""
        return _GLOB.sub(_with_own_macros, source)

    def _versions(self, found: re.Match[str]) -> str:
        """Return a test under its random name, and its contradiction before or after it."""
        own = _modules(found) + found["name"]
        if own not in self.names:
            return found[0]
        real = self.names[own] = _beside(own, self._tag())
        versions = [_named(found, real, found["body"], found["attributes"])]
        attributes, other = found["attributes"], found["body"]
        if _PANICS.search(attributes):
            attributes = _PANICS.sub("", attributes)
        else:
            other = contradiction(other, self._chance, known=self._helpers)
        if other is not None:
            canary = _beside(real, self._tag())
            self.canaries[canary] = real
            versions.append(_named(found, canary, other, attributes))
            self._chance.shuffle(versions)
        return "\n".join(versions)

    def _with(self, source: str, test: str) -> str:
        place = self._chance.choice([*(found.start() for found in _PLACE.finditer(source)), len(source)])
        parts = (part.strip("\n") for part in (source[:place], test, source[place:]))
        return "\n\n".join(part for part in parts if part) + "\n"

    def _tag(self) -> str:
        while True:
            name = f"test_{self._chance.getrandbits(32):08x}"
            if name not in self._taken:
                self._taken.add(name)
                return name


def _with_own_macros(found: re.Match[str]) -> str:
    """Return an import of all of a solution, with the macros behind the first one of a block: twice is an error."""
    indent, before = found["indent"], found.string[: found.start()]
    block = re.split(rf"^(?!{indent}|$).*$", before, flags=re.MULTILINE)[-1]
    is_first = all(other["indent"] != indent for other in _GLOB.finditer(block))
    return found[0] + _OWN_MACROS if is_first else found[0]


def _modules(found: re.Match[str]) -> str:
    """Return the path of the modules that a test stands in, as rustfmt indents them, such as "outer::inner::"."""
    before = found.string[: found.start()]
    levels = range(0, len(found["indent"]), len(_INDENT))
    around = [re.findall(rf"^{' ' * level}(?:pub )?mod (\w+) {{$", before, re.MULTILINE) for level in levels]
    return "".join(f"{names[-1]}::" for names in around if names)


def _beside(name: str, function: str) -> str:
    place, colons, _ = name.rpartition("::")
    return f"{place}{colons}{function}"


def _named(found: re.Match[str], name: str, body: str, attributes: str) -> str:
    indent, function = found["indent"], name.rpartition("::")[2]
    return f"{indent}#[test]\n{attributes}{indent}fn {function}(){found['type']}{{\n{body}{indent}}}\n"
