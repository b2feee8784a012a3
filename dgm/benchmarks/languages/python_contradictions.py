"""Turns a Python test into its contradiction: one that must fail wherever the test itself passes.

A test that expects a value gets another one, or is made to expect what another test says is refused. A test that
expects an exception is made to expect none. Where that cannot be had, what is expected is an object that
equals nothing.
"""

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from dgm.benchmarks.languages.guarded_tests import some_of
from dgm.benchmarks.languages.python_constants import Constants

Function = ast.FunctionDef | ast.AsyncFunctionDef
_PAIRS = {
    "assertTrue": "assertFalse",
    "assertIsNone": "assertIsNotNone",
    "assertIn": "assertNotIn",
    "assertIs": "assertIsNot",
    "assertIsInstance": "assertNotIsInstance",
    "assertRegex": "assertNotRegex",
    "assertLess": "assertGreaterEqual",
    "assertGreater": "assertLessEqual",
}
_OPPOSITES = {
    **_PAIRS,
    **{opposite: name for name, opposite in _PAIRS.items()},
    # One way only: equality is contradicted by another value, which a value that equals everything equals too.
    "assertNotEqual": "assertEqual",
}
_EXACT = frozenset(
    {
        "assertDictEqual",
        "assertEqual",
        "assertEquals",
        "assertListEqual",
        "assertMultiLineEqual",
        "assertSetEqual",
        "assertTupleEqual",
    }
)
_COMPARISONS = _EXACT | {"assertAlmostEqual", "assertCountEqual"}
_REFUSES = "assertRaises"
# Where one of them comes out of a test, it is skipped, or all tests end: that is no failure.
_NO_FAILURES = frozenset({"BaseException", "KeyboardInterrupt", "SystemExit", "SkipTest"})
_EQUALS_ALL = "ANY"
_OPERANDS = 2
_AS_REFUSAL = 0.4
"""Share of the tests that expect a value which are contradicted by a refusal, if there are tests that expect one."""
_AS_VALUE = 0.5
"""Share of the tests that expect a refusal which are contradicted by a value, where it is known what that is like."""


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the tests of a file expect."""

    constants: Mapping[str, Sequence[object]] = field(default_factory=dict[str, Sequence[object]])
    """What is compared, such as "find" for `find(3)` -> the constants that tests compare it with."""
    refusals: Sequence[Sequence[ast.stmt]] = ()
    """Last statements of tests, each beginning with a block that has to raise; they need nothing else of the test."""


def expectations_of(tests: Sequence[Function]) -> Expectations:
    """Return what contradictions can be made of."""
    constants: dict[str, list[object]] = {}
    for call in (_assertion(test.body[-1]) for test in tests):
        if call is not None and _attribute(call) in _EXACT and len(call.args) >= _OPERANDS:
            for expected, compared in (call.args[:2], call.args[1::-1]):
                value = _constant(expected)
                if value is not None:
                    constants.setdefault(_kind(compared), []).append(value[0])
    return Expectations(constants, [found for test in tests if (found := _refusal_in(test))])


def contradictions(tests: Sequence[Function], chance: Random) -> list[Function | None]:
    """Return each test with its last statement turned into one that fails if the original holds; None where unable.

    Which of them expect a refusal, and which a value, is chance, but not whether there are any: a solution that makes
    all refusals hold, or refuses only those who expect it, must not get through because nothing was there to catch it.

    Args:
        tests: of one file; they stay as they are.
        chance: chooses among the contradictions, and among the values.
    """
    known = expectations_of(tests)
    values = [n for n, test in enumerate(tests) if known.refusals and _can_be_refused(test)]
    refused = some_of(values, _AS_REFUSAL, chance)
    refusals = [n for n, test in enumerate(tests) if _is_refusal(test.body[-1]) and _values_like(test, known)]
    with_value = some_of(refusals, _AS_VALUE, chance)
    found: list[Function | None] = []
    for number, test in enumerate(tests):
        other = copy.deepcopy(test)
        if _is_refusal(other.body[-1]):
            found.append(_unrefused(other, _values_like(other, known) if number in with_value else (), chance))
        elif number in refused:
            found.append(_refused(other, known, chance))
        else:
            found.append(_with_other_value(other, known, chance))
    return found


def _with_other_value(other: Function, known: Expectations, chance: Random) -> Function | None:
    """Let a test expect another value, or turn its condition around; None if unable."""
    statement = _last_statement(other.body)
    call = None if statement is None else _assertion(statement)
    if call is None:
        return None
    if _attribute(call) in _OPPOSITES:
        _name_of(call).attr = _OPPOSITES[_attribute(call)]
        return other
    return other if _expect_another(call, other, known, chance) else None


def _last_statement(body: Sequence[ast.stmt]) -> ast.stmt | None:
    """Return the statement that a test ends with, also in a block that surely runs and lets what is raised pass."""
    match body[-1]:
        case ast.For(iter=ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_]), orelse=[]) as loop:
            leaves = any(isinstance(node, ast.Break | ast.Continue | ast.Return) for node in ast.walk(loop))
            return None if leaves else _last_statement(loop.body)
        case ast.With(items=[ast.withitem(ast.Call() as manager)]) as block if _attribute(manager) == "subTest":
            return _last_statement(block.body)
        case statement:
            return statement


def _assertion(statement: ast.stmt) -> ast.Call | None:
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("self"))) as call):
            return call
        case _:
            return None


def _attribute(call: ast.Call) -> str:
    """Return "f" for `self.f()`, "" for any other call."""
    match call.func:
        case ast.Attribute(ast.Name("self"), name):
            return name
        case _:
            return ""


def _name_of(call: ast.Call) -> ast.Attribute:
    assert isinstance(call.func, ast.Attribute)  # noqa: S101
    return call.func


def _expect_another(call: ast.Call, test: Function, known: Expectations, chance: Random) -> bool:
    """Put another constant in an operand's place, or what equals nothing; return False if it is no comparison."""
    if _attribute(call) not in _COMPARISONS or len(call.args) < _OPERANDS:
        return False
    if any(keyword.arg != "msg" for keyword in call.keywords) or _EQUALS_ALL in _words(call):
        return False
    for position in (1, 0):
        if _change_operand(call, position, test, known, chance):
            return True
    call.args[chance.randrange(_OPERANDS)] = ast.parse("object()", mode="eval").body
    return True


def _change_operand(call: ast.Call, position: int, test: Function, known: Expectations, chance: Random) -> bool:
    """Put another constant in an operand's place, or into the variable that it names; False if there is none."""
    operand = call.args[position]
    assignment = _only_assignment(operand.id, test) if isinstance(operand, ast.Name) else None
    value = _constant(operand if assignment is None else assignment.value)
    if value is None:
        return False
    alike = known.constants.get(_kind(call.args[1 - position]), ())
    other = Constants(alike, chance).other_than(value[0], whole=_attribute(call) in _EXACT)
    if other == value[0]:
        return False
    changed = ast.parse(repr(other), mode="eval").body
    if assignment is None:
        call.args[position] = changed
    else:
        assignment.value = changed
    return True


def _only_assignment(name: str, test: Function) -> ast.Assign | None:
    """Return the statement of the test's own that gives a variable its value, if nothing but one operand uses it."""
    uses = [node for node in ast.walk(test) if isinstance(node, ast.Name) and node.id == name]
    for statement in test.body:
        match statement:
            case ast.Assign(targets=[ast.Name() as target]) if target.id == name and len(uses) == _OPERANDS:
                return statement
            case _:
                continue
    return None


def _constant(node: ast.expr) -> tuple[object] | None:
    """Return the value of a literal, alone in a tuple, since it may be None."""
    try:
        return (ast.literal_eval(node),)
    except (ValueError, TypeError, SyntaxError, MemoryError):
        return None


def _kind(compared: ast.expr) -> str:
    return ast.unparse(compared.func if isinstance(compared, ast.Call) else compared)


def _is_refusal(statement: ast.stmt) -> bool:
    """Return whether it is a block that has to raise what a test that fails may raise."""
    match statement:
        case ast.With(items=[ast.withitem(ast.Call() as manager)]) if _attribute(manager).startswith(_REFUSES):
            return _NO_FAILURES.isdisjoint(_words(manager))
        case _:
            return False


def _words(part: ast.AST) -> set[str]:
    """Return the names in an expression, also those after a point."""
    nodes = list(ast.walk(part))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def _refusal_in(test: Function) -> Sequence[ast.stmt]:
    """Return a test's statements from its block that has to raise on, nothing if they are not enough for themselves."""
    places = [place for place, statement in enumerate(test.body) if _is_refusal(statement)]
    if len(places) != 1:
        return ()
    tail = copy.deepcopy(test.body[places[0] :])
    block = tail[0]
    assert isinstance(block, ast.With)  # noqa: S101
    gone = {name for statement in [*test.body[: places[0]], *block.body] for name in _assigned(statement)}
    block.body = [ast.Pass()]
    used = {node.id for statement in tail for node in ast.walk(statement) if isinstance(node, ast.Name)}
    return () if gone & used else tail


def _assigned(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _values_like(test: Function, known: Expectations) -> Sequence[object]:
    """Return what tests expect of the function whose refusal a test ends with, nothing if they expect no constant."""
    match test.body[-1]:
        case ast.With(body=[*_, ast.Expr(ast.Call() as call)]):
            return known.constants.get(_kind(call), ())
        case _:
            return ()


def _unrefused(test: Function, values: Sequence[object], chance: Random) -> Function:
    """Take the block away that what is refused stands in, and expect one of the values of it, if there are any."""
    block = test.body.pop()
    assert isinstance(block, ast.With)  # noqa: S101
    test.body += block.body
    last = block.body[-1]
    if values:
        assert isinstance(last, ast.Expr)  # noqa: S101
        expected = ast.parse(repr(chance.choice(values)), mode="eval").body
        compared = ast.Attribute(ast.Name("self", ast.Load()), "assertEqual", ast.Load())
        test.body[-1] = ast.Expr(ast.Call(compared, [last.value, expected], []))
    return test  # where nothing is expected, nothing may be raised


def _can_be_refused(test: Function) -> bool:
    """Return whether a test compares what was just called, and expects no refusal before."""
    return _just_called(test.body) is not None and not any(_is_refusal(statement) for statement in test.body)


def _refused(test: Function, known: Expectations, chance: Random) -> Function:
    """Expect of what a test compares that it is refused."""
    called = _just_called(test.body)
    assert called is not None  # noqa: S101
    call, statements = called
    tail = copy.deepcopy(chance.choice(known.refusals))
    block = tail[0]
    assert isinstance(block, ast.With)  # noqa: S101
    block.body = [ast.Expr(call)]
    test.body[-statements:] = tail
    return test


def _just_called(body: Sequence[ast.stmt]) -> tuple[ast.Call, int] | None:
    """Return the call whose result is compared, and how many of the last statements that takes."""
    last = _assertion(body[-1])
    if last is None or _attribute(last) not in _COMPARISONS:
        return None
    for operand in last.args[:_OPERANDS]:
        match operand, body[-2:]:
            case ast.Call() as call, _:
                return call, 1
            case ast.Name(name), [ast.Assign([ast.Name(target)], ast.Call() as call), _] if name == target:
                return call, 2
            case _:
                continue
    return None
