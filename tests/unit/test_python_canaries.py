"""Tests mixed with contradictions that must fail."""

import ast
import re
import unittest
from random import Random

import pytest

from dgm.benchmarks.languages.guarded_tests import GuardedTests
from dgm.benchmarks.languages.python_canaries import guarded

CASE = """
import unittest

class PondTest(unittest.TestCase):
    def test_count(self):
        {body}
"""
DECIDABLE = [
    "self.assertEqual(1 + 1, 2)",
    "self.assertEqual('a' + 'b', 'ab')",
    "self.assertEqual(''.strip(), '')",
    "self.assertEqual('AB 12'.lower(), 'ab 12')",
    "self.assertEqual([1] * 2, [1, 1])",
    "self.assertEqual(list(''), [])",
    "self.assertEqual(tuple('ab'), ('a', 'b'))",
    "self.assertEqual({'a': len('bc')}, {'a': 2})",
    "self.assertEqual(dict(), {})",
    "self.assertEqual(bool([]), False)",
    "self.assertEqual([].sort(), None)",
    "self.assertEqual(-3 + 1.5, -1.5)",
    "self.assertEqual([b'x' * 2], [b'xx'])",
    "self.assertAlmostEqual(0.1 + 0.2, 0.3)",
    "self.assertEqual(2, 1 + 1)",
    "self.assertTrue(len('x'))",
    "self.assertFalse(len(''))",
    "self.assertIsNone([].sort())",
    "self.assertIsNotNone(len(''))",
    "self.assertIn('a', sorted('ab'))",
    "self.assertNotIn('c', sorted('ab'))",
    "self.assertSetEqual(set('ab'), {'a', 'b'})",
    "self.assertEqual(set('abc'), {'a', 'b', 'c'})",
    "self.assertMultiLineEqual('a\\n' + 'b', 'a\\nb')",
    "self.assertCountEqual(list('ba'), ['a', 'b'])",
    "expected = 'ab'\n        self.assertEqual('a' + 'b', expected)",
    "self.assertEqual(len('a'), len('b'))",
    "self.assertEqual(1, 1, msg='one')",
    "self.assertEqual(3, 1 + 2)",
    "self.assertEqual(Exception, type(Exception()))",
    "n = 2\n        self.assertEqual(n, n)",
    "n = 1\n        n = 2\n        self.assertEqual(1 + 1, n)",
    "for n in (1, 2):\n            pass\n        n = 2\n        self.assertEqual(1 + 1, n)",
    "for n in (1, 2):\n            self.assertEqual(n, n)",
    "for n in [1, 2]:\n            with self.subTest(n):\n                self.assertEqual(n, n)",
    "self.assertNotEqual(1, 2)",
    "self.assertRegex('a1', '[a-z][0-9]')",
    "self.assertNotRegex('a1', '[0-9][a-z]')",
    "self.assertIsInstance(1, int)",
    "self.assertIs(len, len)",
    "self.assertLess(1, 2)",
    "self.assertGreaterEqual(2, 2)",
    "with self.assertRaises(ValueError):\n            int('x')",
    "with self.assertRaises(ValueError):\n            n = int('x')",
    "with self.assertRaisesRegex(ValueError, 'x'):\n            int('x')",
    (
        "with self.assertRaises(ValueError) as caught:\n            int('x')\n"
        "        self.assertEqual(type(caught.exception), ValueError)"
    ),
    (
        "with self.assertRaises(ValueError) as caught:\n            raise ValueError('no')\n"
        "        self.assertEqual(caught.exception.args[0], 'no')"
    ),
    "expected = [(1, 0.5)]\n        found = [(1, 1 / 2)]\n        self.assertEqual(found, expected)",
]

REFUSALS = """
import unittest

class PondTest(unittest.TestCase):
    def test_refuses(self):
        {body}

    def test_number(self):
        self.assertEqual(int('12'), 12)

    def test_another(self):
        number = int('7')
        self.assertEqual(number, 7)
"""
REFUSING = [
    "with self.assertRaises(ValueError):\n            int('x')",
    (
        "text = 'x'\n        with self.assertRaises(ValueError) as caught:\n            int(text)\n"
        "        self.assertIn('invalid literal', caught.exception.args[0])"
    ),
]


def outcomes(tests: GuardedTests[tuple[str, str]]) -> dict[str, bool]:
    """Run a test file of our own as both containers do, and return whether each test passed."""
    found: dict[str, bool] = {}
    for source in tests.sources:
        space: dict[str, type[unittest.TestCase]] = {"__name__": "guarded"}  # pyright: ignore[reportAssignmentType]
        exec(compile(source, "guarded", "exec"), space)  # noqa: S102
        for name in _methods(source):
            owner, _, method = name.partition("::")
            result = unittest.TestResult()
            space[owner](method).run(result)
            found[name] = result.wasSuccessful() and not result.skipped
    return found


@pytest.mark.parametrize("body", DECIDABLE)
def test_the_original_passes_and_its_contradiction_fails(body: str) -> None:
    for seed in range(10):
        tests = guarded(CASE.format(body=body), Random(seed))
        (real,) = tests.names
        (canary,) = tests.canaries
        assert outcomes(tests) == {real: True, canary: False}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "self.assertAlmostEqual(1.0, 1.4, delta=5)",
        "self.helps(1)",
        "if True:\n            self.assertEqual(1, 1)",
        "for n in ():\n            self.assertEqual(1, 1)",
        "for n in (1, 2):\n            if n:\n                break\n            self.assertEqual(1, 2)",
        "with contextlib.suppress(Exception):\n            self.assertEqual(1, 1)",
        "with self.assertRaises(unittest.SkipTest):\n            raise unittest.SkipTest",
        "self.assertEqual(mock.ANY, [])",
    ],
)
def test_a_file_without_decidable_tests_gets_a_plain_canary_in_each_container(body: str) -> None:
    source = CASE.format(body=f"'';{body}" if body.startswith("self") else f"''\n        {body}")
    tests = guarded(f"import contextlib\nfrom unittest import mock\n{source}    def helps(self, n): pass\n", Random(1))
    assert list(tests.canaries.values()) == ["", ""]
    assert [outcomes(tests)[canary] for canary in tests.canaries] == [False, False]


@pytest.mark.parametrize("body", REFUSING)
def test_what_is_refused_must_not_be_refused_in_the_contradiction(body: str) -> None:
    for seed in range(20):
        tests = guarded(REFUSALS.format(body=body), Random(seed))
        expected = {**dict.fromkeys(tests.names, True), **dict.fromkeys(tests.canaries, False)}
        assert len(tests.canaries) == len(tests.names) == 3
        assert outcomes(tests) == expected


def test_what_expects_a_value_is_contradicted_by_what_expects_a_refusal_too() -> None:
    found: set[str] = set()
    for seed in range(30):
        tests = guarded(REFUSALS.format(body=REFUSING[0]), Random(seed))
        found |= {line.strip() for source in tests.sources for line in source.splitlines()}
    assert {"int('12')", "int('x')", "self.assertEqual(int('12'), 12)"} <= found


def test_a_contradiction_is_made_of_what_other_tests_expect() -> None:
    tests = "".join(f"    def test_{n}(self):\n        self.assertEqual(str({n}), '{n}')\n" for n in (17, 71))
    found = {
        line.strip()
        for seed in range(30)
        for source in guarded(f"import unittest\nclass T(unittest.TestCase):\n{tests}", Random(seed)).sources
        for line in source.splitlines()
        if "str(17)" in line
    }
    assert {re.sub(r".*, '(.*)'\)", r"\1", line) for line in found} == {"17", "71", "11", "77"}


def test_a_variables_contradiction_has_the_same_assertion() -> None:
    body = "expected = 'ab'\n        self.assertEqual('a' + 'b', expected)"
    sources = guarded(CASE.format(body=body), Random(1)).sources
    assert ["self.assertEqual('a' + 'b', expected)" in source for source in sources] == [True, True]


@pytest.mark.parametrize("seed", range(10))
def test_no_container_has_a_test_and_its_contradiction(seed: int) -> None:
    tests = guarded(REFUSALS.format(body=REFUSING[0]), Random(seed))
    first, second = (set(_methods(source)) for source in tests.sources)
    assert not first & second
    assert first | second == {*tests.names, *tests.canaries}
    assert all({canary, real} & first and {canary, real} & second for canary, real in tests.canaries.items())


def test_either_container_may_have_the_contradiction() -> None:
    made = [guarded(CASE.format(body="self.assertEqual(1 + 1, 2)"), Random(seed)) for seed in range(20)]
    assert {set(_methods(tests.sources[0])) == set(tests.canaries) for tests in made} == {True, False}


def test_names_are_other_ones_each_time() -> None:
    source = CASE.format(body="self.assertTrue(1)")
    assert guarded(source, Random(1)).names.keys().isdisjoint(guarded(source, Random(2)).names)


def test_the_tests_own_names_are_known_to_the_host_alone() -> None:
    tests = guarded(CASE.format(body="self.assertTrue(1)"), Random(1))
    assert not any("test_count" in source for source in tests.sources)
    assert list(tests.names.values()) == ["PondTest::test_count"]


def test_a_canary_knows_the_test_that_it_contradicts() -> None:
    tests = guarded(CASE.format(body="self.assertTrue(1)"), Random(1))
    assert set(tests.canaries.values()) == set(tests.names)


def test_tests_keep_their_order() -> None:
    source = "import unittest\nclass T(unittest.TestCase):\n" + "".join(
        f"    def test_{name}(self):\n        self.assertTrue(1)\n" for name in ("z", "a", "m")
    )
    names = guarded(source, Random(3)).names
    assert [names[name] for name in sorted(names)] == ["T::test_z", "T::test_a", "T::test_m"]


def test_helper_methods_are_left_alone() -> None:
    source = CASE.format(body="self.assertTrue(1)") + "    def helper(self):\n        return 1\n"
    assert len(guarded(source, Random(1)).names) == 1


def test_a_file_that_is_not_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        guarded("class :", Random(1))


def _methods(source: str) -> list[str]:
    """Return the tests of a file, such as "PondTest::test_0000_1a2b3c4d"."""
    return [
        f"{owner.name}::{test.name}"
        for owner in ast.parse(source).body
        if isinstance(owner, ast.ClassDef)
        for test in owner.body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test")
    ]


FORM = """
import contextlib, sys, unittest

def number(text):
    if text.isdecimal():
        return {value}
    if {refuses}:
        raise ValueError

class Inherited(unittest.TestCase):
    {inherited}

class PondTest(Inherited):
"""
VALUE = """
    def test_value_{number}(self):
        self.assertEqual(number('{number}'), {number})
"""
REFUSAL = """
    def test_refusal_{number}(self):
        with self.assertRaises(ValueError):
            number('x{number}')
"""
PRETENCES = {
    "refuses who expects it": {
        "value": "int(text)",
        "refuses": "'assertRaises' in sys._getframe(1).f_code.co_names",
        "inherited": "pass",
    },
    "all refusals hold": {
        "value": "int(text)",
        "refuses": "False",
        "inherited": "assertRaises = lambda *_: contextlib.nullcontext()",
    },
    "all values hold": {"value": "-1", "refuses": "True", "inherited": "assertEqual = lambda *_: None"},
}


def form(pretence: str, *, values: int, refusals: int) -> str:
    """Return a test file with a solution in it that only pretends."""
    tests = [VALUE.format(number=number) for number in range(values)]
    tests += [REFUSAL.format(number=number) for number in range(refusals)]
    return FORM.format(**PRETENCES[pretence]) + "".join(tests)


@pytest.mark.parametrize("pretence", PRETENCES)
@pytest.mark.parametrize(("values", "refusals"), [(1, 1), (2, 1), (7, 1), (1, 2), (4, 2), (7, 3)])
def test_who_only_pretends_is_caught_whatever_chance_chooses(values: int, refusals: int, pretence: str) -> None:
    source = form(pretence, values=values, refusals=refusals)
    for seed in range(40):
        tests = guarded(source, Random(seed))
        passed = {name for name, has_passed in outcomes(tests).items() if has_passed}
        assert passed >= tests.names.keys()
        assert any(real in passed for canary, real in tests.canaries.items() if canary in passed)


def test_chance_chooses_which_contradictions_there_are_and_not_whether_there_are_any() -> None:
    source = form("all refusals hold", values=7, refusals=3)
    for seed in range(40):
        tests = guarded(source, Random(seed))
        bodies = [
            ast.unparse(test)
            for copy in tests.sources
            for test in ast.walk(ast.parse(copy))
            if isinstance(test, ast.FunctionDef) and f"PondTest::{test.name}" in tests.canaries
        ]
        refused = sum("assertRaises" in body for body in bodies)
        of_nothing = sum("assert" not in body for body in bodies)
        assert (refused, of_nothing, len(bodies)) == (3, 1, 10)
