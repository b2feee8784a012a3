"""Makes Go tests ready for one grading: under names that nobody can know, in versions that contradict each other.

A solution that patches the framework, or prints a report of its own, makes both of two versions pass, or one of those
canaries that no test goes with, or leaves some out. Names are random so that the canaries' are not the only ones that
do not stand in the public exercise.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from random import Random

from dgm.benchmarks.languages.go_contradictions import versions
from dgm.benchmarks.languages.go_tables import global_tables, struct_types
from dgm.benchmarks.languages.go_tests import Test, read_test, test_functions
from dgm.benchmarks.languages.go_text import tokens_of
from dgm.benchmarks.languages.guarded_tests import GuardedTests

_FUNCTION = re.compile(r"^func (?P<name>Test\w*)\(\w+ \*testing\.T\)", re.MULTILINE | re.ASCII)
_PLACE = re.compile(r"(?<=\n\n)func Test")
"""Where a test begins that has no comment of its own."""
_VARIABLE = re.compile(r"^var (?P<name>\w+)", re.MULTILINE)
_BENCHMARK = re.compile(r"^func Benchmark.*?^\}", re.MULTILINE | re.DOTALL)
_PACKAGE = re.compile(r"^package (?P<name>\w+)", re.MULTILINE)
_TESTING = re.compile(r'^(?:import |\t)"testing"$', re.MULTILINE)
_REFLECT = re.compile(r'^(?:import |\t)"reflect"$', re.MULTILINE)
# What is compared is made while the test runs: else no comparison would be left in the program, and a solution that
# patches the comparing of strings, say, would not be found out.
_TEXT = """\
func {name}(t *testing.T) {{
	want := "{other}"
	if got := t.Name(); got != want {{
		t.Errorf("got %q, want %q", got, want)
	}}
}}
"""
_NUMBER = """\
func {name}(t *testing.T) {{
	got, want := len(t.Name()), {number}
	if got != want {{
		t.Fatalf("got %d, want %d", got, want)
	}}
}}
"""
_DEEP = """\
func {name}(t *testing.T) {{
	got := []string{{t.Name()}}
	if want := []string{{"{other}"}}; !reflect.DeepEqual(got, want) {{
		t.Errorf("got %v, want %v", got, want)
	}}
}}
"""
_TEMPLATES = (_TEXT, _NUMBER, _DEEP)


def guarded(sources: Mapping[str, str], expected: Collection[str], chance: Random) -> GuardedTests[dict[str, str]]:
    """Return the tests under random names, in versions that contradict each other, mixed with canaries.

    Args:
        sources: path -> text of every test file.
        expected: the tests' own names, with subtests as in "TestAnt/empty"; those of no other function are changed.
        chance: makes names, values and places.
    Raises:
        ValueError: no file says its package.
    """
    tags = _Tags(chance)
    functions = {name.partition("/")[0] for name in expected}
    # Not in each file: some are left out when it is built.
    holders = [
        path
        for path, source in sources.items()
        if _TESTING.search(source) and functions & {test["name"] for test in _FUNCTION.finditer(source)}
    ]
    package = _Package(sources, expected, tags, chance)
    made = package.without_answers({path: package.with_versions(path) for path in sources})
    if not holders:  # an exercise about writing tests, say, whose own are empty
        holders = [f"{tags.new().lower()}_test.go"]
        made[holders[0]] = _new_file(sources)
    for template in _TEMPLATES:
        name = tags.new()
        path = chance.choice(holders)
        fitting = _TEXT if template == _DEEP and not _REFLECT.search(made[path]) else template
        test = fitting.format(name=name, other=tags.new(), number=len(name) + chance.randrange(1, 90))
        made[path] = _with_test(made[path], test, chance)
        package.canaries[name] = ""
    return GuardedTests(made, package.names, package.canaries)


class _Package:
    """Makes the tests of one package ready."""

    def __init__(self, sources: Mapping[str, str], expected: Collection[str], tags: "_Tags", chance: Random) -> None:
        self._sources = sources
        self._expected = expected
        self._tags = tags
        self._chance = chance
        self._types = {name: fields for source in sources.values() for name, fields in struct_types(source).items()}
        self._tables = {
            name: table for source in sources.values() for name, table in global_tables(source, self._types)
        }
        self._functions = {
            name: function for source in sources.values() for name, function in test_functions(source).items()
        }
        self._variables = frozenset(
            found["name"] for source in sources.values() for found in _VARIABLE.finditer(source)
        ) - frozenset(self._tables)
        found = {test["name"] for source in sources.values() for test in _FUNCTION.finditer(source)}
        self.names = {own: own for own in expected if own.partition("/")[0] not in found}
        self.canaries: dict[str, str] = {}

    def with_versions(self, path: str) -> str:
        """Return a file with each of its tests in all of its versions."""
        source = self._sources[path]
        functions = {name.partition("/")[0] for name in self._expected}
        made, start = "", 0
        for found in _FUNCTION.finditer(source):
            if found["name"] not in functions or found.start() < start:
                continue
            test = read_test(found["name"], source, found.start(), self._functions, self._variables)
            text, end = self._renamed(found) if test is None else (self._versions(test), test.tokens[-1].end)
            made += source[start : found.start()] + text
            start = end
        return made + source[start:]

    def _versions(self, test: Test) -> str:
        own = frozenset(name for name in self._expected if name.startswith(f"{test.name}/"))
        found = versions(test, self._tables, self._types, own, self._chance)
        names = [self._tags.new() for _ in found]
        for name, version in zip(names, found, strict=True):
            self.names |= {name + place: tested for place, tested in version.passes.items()}
            self.canaries |= {name + place: names[at[0]] + at[1] for place, at in version.fails.items()}
        renamed = [
            version.text.replace(f"func {test.name}(", f"func {name}(", 1)
            for name, version in zip(names, found, strict=True)
        ]
        return "\n\n".join(renamed)

    def _renamed(self, found: re.Match[str]) -> tuple[str, int]:
        name = self._tags.new()
        own = [one for one in self._expected if one.partition("/")[0] == found["name"]]
        self.names |= {name + one.removeprefix(found["name"]): one for one in own}
        return found[0].replace(found["name"], name, 1), found.end()

    def without_answers(self, made: Mapping[str, str]) -> dict[str, str]:
        """Return the files without the rows of the tables that no test goes through any more.

        A solution could find the right values there, in its own program.
        """
        words = [token.text for text in made.values() for token in tokens_of(_without_benchmarks(text))]
        left = dict(made)
        for name, table in self._tables.items():
            if words.count(name) == 1 and table.is_plain:
                first, last = table.inner
                rows = table.source[first:last]
                left = {
                    path: text.replace(f"{{{rows}}}", "{}", 1) if self._sources[path] == table.source else text
                    for path, text in left.items()
                }
        return left


class _Tags:
    """Makes names of tests, each once and all of one length."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._taken: set[str] = set()

    def new(self) -> str:
        while True:
            # Go takes no function for a test whose name goes on with a lower-case letter.
            name = f"Test{self._chance.getrandbits(32):08X}"
            if name not in self._taken:
                self._taken.add(name)
                return name


def _without_benchmarks(source: str) -> str:
    return _BENCHMARK.sub("", source)


def _new_file(sources: Mapping[str, str]) -> str:
    for source in sources.values():
        found = _PACKAGE.search(source)
        if found is not None:
            return f'package {found["name"]}\n\nimport "testing"\n'
    raise ValueError("no test file says its package")


def _with_test(source: str, test: str, chance: Random) -> str:
    places: Sequence[int] = [found.start() for found in _PLACE.finditer(source)]
    place = chance.choice([*places, len(source)])
    parts = (part.strip("\n") for part in (source[:place], test, source[place:]))
    return "\n\n".join(part for part in parts if part) + "\n"
