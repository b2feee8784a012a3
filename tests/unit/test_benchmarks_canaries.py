"""Tests mixed with contradictions that must fail."""

import ast
import unittest
from random import Random

import pytest

from dgm.benchmarks.canaries import GuardedTests, guarded

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
    "expected = [(1, 0.5)]\n        found = [(1, 1 / 2)]\n        self.assertEqual(found, expected)",
]


def outcomes(tests: GuardedTests) -> dict[str, bool]:
    """Run a test file of our own and return whether each test passed."""
    space: dict[str, type[unittest.TestCase]] = {"__name__": "guarded"}  # pyright: ignore[reportAssignmentType]
    exec(compile(tests.source, "guarded", "exec"), space)  # noqa: S102
    found: dict[str, bool] = {}
    for name in {*tests.names, *tests.canaries}:
        owner, _, method = name.partition("::")
        result = unittest.TestResult()
        space[owner](method).run(result)
        found[name] = result.wasSuccessful()
    return found


@pytest.mark.parametrize("body", DECIDABLE)
@pytest.mark.parametrize("seed", range(10))
def test_the_original_passes_and_its_contradiction_fails(body: str, seed: int) -> None:
    tests = guarded(CASE.format(body=body), Random(seed))
    (real,) = tests.names
    (canary,) = tests.canaries
    assert outcomes(tests) == {real: True, canary: False}


@pytest.mark.parametrize(
    "body",
    [
        "with self.assertRaises(ValueError):\n            int('x')",
        "self.assertEqual(len('a'), len('b'))",
        "for n in (1, 2):\n            self.assertEqual(n, n)",
        "self.assertAlmostEqual(1.0, 1.4, delta=5)",
        "n = 2\n        self.assertEqual(n, n)",
        "n = 1\n        n = 2\n        self.assertEqual(1 + 1, n)",
        "for n in (1, 2):\n            pass\n        self.assertEqual(1 + 1, n)",
    ],
)
def test_a_file_without_decidable_tests_gets_a_plain_canary(body: str) -> None:
    tests = guarded(CASE.format(body=body), Random(1))
    assert list(tests.canaries.values()) == [""]
    assert outcomes(tests)[next(iter(tests.canaries))] is False


def test_a_variables_contradiction_has_the_same_assertion() -> None:
    source = guarded(
        CASE.format(body="expected = 'ab'\n        self.assertEqual('a' + 'b', expected)"), Random(1)
    ).source
    assert source.count("self.assertEqual('a' + 'b', expected)") == 2


def test_names_are_other_ones_each_time() -> None:
    source = CASE.format(body="self.assertTrue(1)")
    assert guarded(source, Random(1)).names.keys().isdisjoint(guarded(source, Random(2)).names)


def test_the_tests_own_names_are_known_to_the_host_alone() -> None:
    tests = guarded(CASE.format(body="self.assertTrue(1)"), Random(1))
    assert "test_count" not in tests.source
    assert list(tests.names.values()) == ["PondTest::test_count"]


def test_a_canary_knows_the_test_that_it_contradicts() -> None:
    tests = guarded(CASE.format(body="self.assertTrue(1)"), Random(1))
    assert set(tests.canaries.values()) == set(tests.names)


def test_canaries_stand_before_or_after_their_test() -> None:
    source = CASE.format(body="self.assertEqual(1 + 1, 2)")
    canary_first = {_first_method(tests) in tests.canaries for tests in (guarded(source, Random(n)) for n in range(20))}
    assert canary_first == {True, False}


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


def _first_method(tests: GuardedTests) -> str:
    for node in ast.parse(tests.source).body:
        if isinstance(node, ast.ClassDef) and isinstance(node.body[0], ast.FunctionDef):
            return f"{node.name}::{node.body[0].name}"
    raise AssertionError(tests.source)
