"""Makes Go tests ready for one grading: under names that nobody can know, with must-fail canaries among them.

A solution that patches the framework, or prints a report of its own, makes the canaries pass or leaves them out. Names
are random so that the canaries' are not the only ones that do not stand in the public exercise.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

_FUNCTION = re.compile(r"^func (?P<name>Test\w*)\(\w+ \*testing\.T\)", re.MULTILINE | re.ASCII)
_PLACE = re.compile(r"(?<=\n\n)func Test")
"""Where a test begins that has no comment of its own."""
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


@dataclass(frozen=True, slots=True)
class GuardedTests:
    """The test files for one grading."""

    sources: Mapping[str, str]
    names: Mapping[str, str]
    """Name in the report, such as "Test3F09A1C4/empty" -> the test's own name. As many as were expected."""
    canaries: Mapping[str, str]
    """Name in the report -> "": none contradicts a certain test."""


def guarded(sources: Mapping[str, str], expected: Collection[str], chance: Random) -> GuardedTests:
    """Return the tests under random names, mixed with canaries.

    Args:
        sources: path -> text of every test file.
        expected: the tests' own names, with subtests as in "TestAnt/empty"; those of no other function are changed.
        chance: makes names and places.
    Raises:
        ValueError: no file says its package.
    """
    tags = _Tags(chance)
    functions = {name.partition("/")[0] for name in expected}
    # Not in each file: some are left out when it is built.
    found = {path: functions & {test["name"] for test in _FUNCTION.finditer(text)} for path, text in sources.items()}
    random_names = {own: tags.new() for own in sorted({own for names in found.values() for own in names})}
    made = {path: _renamed(source, random_names) for path, source in sources.items()}
    holders = [path for path, names in found.items() if names and _TESTING.search(sources[path])]
    if not holders:  # an exercise about writing tests, say, whose own are empty
        holders = [f"{tags.new().lower()}_test.go"]
        made[holders[0]] = _new_file(sources)
    canaries = [tags.new() for _ in _TEMPLATES]
    for name, template in zip(canaries, _TEMPLATES, strict=True):
        path = chance.choice(holders)
        fitting = _TEXT if template == _DEEP and not _REFLECT.search(made[path]) else template
        test = fitting.format(name=name, other=tags.new(), number=len(name) + chance.randrange(1, 90))
        made[path] = _with_test(made[path], test, chance)
    names = {_with_function(own, random_names): own for own in expected}
    return GuardedTests(made, names, dict.fromkeys(canaries, ""))


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


def _renamed(source: str, names: Mapping[str, str]) -> str:
    def other(found: re.Match[str]) -> str:
        return found[0].replace(found["name"], names.get(found["name"], found["name"]), 1)

    return _FUNCTION.sub(other, source)


def _with_function(own: str, names: Mapping[str, str]) -> str:
    function, slash, rest = own.partition("/")
    return f"{names.get(function, function)}{slash}{rest}"


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
