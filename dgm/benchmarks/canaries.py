"""Must-fail canaries for Python tests: what catches a solution that makes every test pass.

Beside each test whose last statement compares with a constant, or with a variable that holds one, stands its
contradiction: the same test with another constant. Both get random names of one form, so neither a name nor the way of
asserting tells them apart. Whoever reports all tests as passed, patches the runner or the assertions, or returns a
value that equals everything, makes contradictions pass, which no solution can do honestly.
"""

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeGuard

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_OPPOSITES = {
    "assertTrue": "assertFalse",
    "assertFalse": "assertTrue",
    "assertIsNone": "assertIsNotNone",
    "assertIsNotNone": "assertIsNone",
    "assertIn": "assertNotIn",
    "assertNotIn": "assertIn",
}
_COMPARISONS = frozenset(
    {
        "assertAlmostEqual",
        "assertCountEqual",
        "assertDictEqual",
        "assertEqual",
        "assertEquals",
        "assertListEqual",
        "assertMultiLineEqual",
        "assertSetEqual",
        "assertTupleEqual",
    }
)
_OPERANDS = 2


@dataclass(frozen=True, slots=True)
class GuardedTests:
    """A test file for one grading."""

    source: str
    names: dict[str, str]
    """Random name, such as "BasketTest::test_3f09a1" -> the test's own name."""
    canaries: dict[str, str]
    """Random name -> the random name of the test that it contradicts, or "" for none."""


def guarded(source: str, chance: Random) -> GuardedTests:
    """Return the tests under random names, mixed with canaries.

    Raises:
        SyntaxError: it is not Python.
    """
    module = ast.parse(source)
    names: dict[str, str] = {}
    canaries: dict[str, str] = {}
    taken: set[str] = set()
    for number, (owner, test) in enumerate(list(_tests(module))):
        real_name, canary_name = (_random_name(number, taken, chance) for _ in range(2))
        real = f"{owner.name}::{real_name}"
        names[real] = f"{owner.name}::{test.name}"
        contradiction = _contradiction(test, chance)
        test.name = real_name
        if contradiction is not None:
            contradiction.name = canary_name
            canaries[f"{owner.name}::{canary_name}"] = real
            # Either may stand first, so that the order tells nothing.
            owner.body.insert(owner.body.index(test) + chance.randrange(2), contradiction)
    if names and not canaries:
        owner = next(_tests(module))[0]
        name = _random_name(len(names), taken, chance)
        owner.body.append(_plain_canary(name, chance))
        canaries[f"{owner.name}::{name}"] = ""
    return GuardedTests(ast.unparse(ast.fix_missing_locations(module)) + "\n", names, canaries)


def _tests(module: ast.Module) -> Iterator[tuple[ast.ClassDef, _Function]]:
    for owner in module.body:
        if isinstance(owner, ast.ClassDef):
            for test in owner.body:
                if isinstance(test, _Function) and test.name.startswith("test"):
                    yield owner, test


def _random_name(number: int, taken: set[str], chance: Random) -> str:
    # The number keeps the order of the file, since unittest sorts by name.
    while True:
        name = f"test_{number:04d}_{chance.getrandbits(32):08x}"
        if name not in taken:
            taken.add(name)
            return name


def _plain_canary(name: str, chance: Random) -> _Function:
    low = chance.randrange(1000)
    text = f"def {name}(self):\n    self.assertEqual({low}, {low + chance.randrange(1, 1000)})"
    canary = ast.parse(text).body[0]
    assert isinstance(canary, _Function)  # noqa: S101
    return canary


def _contradiction(test: _Function, chance: Random) -> _Function | None:
    """Return the test with its last assertion turned into one that fails if the original holds; None if unable."""
    other = copy.deepcopy(test)
    last = other.body[-1]
    if not (isinstance(last, ast.Expr) and isinstance(last.value, ast.Call)):
        return None
    call = last.value
    if not (isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)):
        return None
    if call.func.attr in _OPPOSITES:
        call.func.attr = _OPPOSITES[call.func.attr]
        return other
    if call.func.attr not in _COMPARISONS or call.keywords or len(call.args) < _OPERANDS:
        return None
    for position in (1, 0):
        if _change_operand(call, position, other, chance):
            return other
    return None


def _change_operand(call: ast.Call, position: int, test: _Function, chance: Random) -> bool:
    """Put another constant in an operand's place, or into the variable that it names; False if there is none."""
    operand = call.args[position]
    assignment = _only_assignment(operand.id, test) if isinstance(operand, ast.Name) else None
    changed = _other_constant(operand if assignment is None else assignment.value, chance)
    if changed is None:
        return False
    if assignment is None:
        call.args[position] = changed
    else:
        assignment.value = changed
    return True


def _only_assignment(name: str, test: _Function) -> ast.Assign | None:
    """Return the statement of the test's own that gives a variable its value, if nothing but one operand uses it."""
    uses = [node for node in ast.walk(test) if isinstance(node, ast.Name) and node.id == name]
    for statement in test.body:
        match statement:
            case ast.Assign(targets=[ast.Name() as target]) if target.id == name and len(uses) == _OPERANDS:
                return statement
            case _:
                continue
    return None


def _other_constant(node: ast.expr, chance: Random) -> ast.expr | None:
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return None
    other = _different(value, chance)
    if other == value:
        return None
    return ast.parse(repr(other), mode="eval").body


def _different(value: object, chance: Random) -> object:
    """Return a value of the same kind that is not equal, and not tellable as the changed one of the two."""
    if value is None:
        return chance.choice([0, "", False])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + chance.choice([-3, -2, -1, 1, 2, 3])
    if isinstance(value, str):
        return _different_text(value, chance)
    if _is_collection(value):
        # Sets sorted: their order differs from process to process, and equal chances are to choose equally.
        items = sorted(value, key=repr) if isinstance(value, set) else value
        return type(value)(_different_items(items, chance))
    if _is_dict(value):
        return _different_dict(value, chance)
    return value


def _is_collection(value: object) -> TypeGuard[list[object] | tuple[object, ...] | set[object]]:
    return isinstance(value, list | tuple | set)


def _is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return isinstance(value, dict)


def _different_text(value: str, chance: Random) -> str:
    if not value:
        return chance.choice(["a", "e", "0", " "])
    position = chance.randrange(len(value))
    old = value[position]
    alphabet = "0123456789" if old.isdigit() else "abcdefghijklmnopqrstuvwxyz"
    new = chance.choice([letter for letter in alphabet if letter != old.lower()])
    return value[:position] + (new.upper() if old.isupper() else new) + value[position + 1 :]


def _different_items(value: Sequence[object], chance: Random) -> list[object]:
    items = list(value)
    if not items:
        return [chance.choice([0, 1, ""])]
    position = chance.randrange(len(items))
    other = _different(items[position], chance)
    if other == items[position]:
        return items[:-1]
    items[position] = other
    return items


def _different_dict(value: dict[object, object], chance: Random) -> object:
    if not value:
        return {chance.choice(["a", "b"]): 1}
    key = chance.choice(list(value))
    other = _different(value[key], chance)
    if other == value[key]:
        return {name: item for name, item in value.items() if name != key}
    return {**value, key: other}
