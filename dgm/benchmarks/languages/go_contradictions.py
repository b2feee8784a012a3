"""Beside a Go test: the same test with another expected value, so that both cannot pass.

A test that goes through a table, each row a subtest, is given twice, as two versions: in each row one of them has the
right value and the other another one, and a coin decides which. So a report that is made up has to guess once for each
row. Any other test is given as often as there are values for one literal in it, of which one is right; where there is
none, with the condition turned around that it ends with.

A version is made only if `go_proofs` knows that it fails where it must.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from dgm.benchmarks.languages.go_proofs import proof_of, subtest_body
from dgm.benchmarks.languages.go_runs import NOTHING, Change
from dgm.benchmarks.languages.go_tables import (
    Row,
    Table,
    changeable,
    changes_of_row,
    other_literal,
    subtest_names,
    text_value,
)
from dgm.benchmarks.languages.go_tests import Loop, Test, read_loop
from dgm.benchmarks.languages.go_text import Block, For, If, Parser, Plain, Statement, Tokens, texts, tokens_of

_OTHERS = 2
"""Versions of a test without subtests beside its own, where a literal can be another."""
_TRIED = 60
_TRIED_ROWS = 8


@dataclass(frozen=True, slots=True)
class Version:
    """A test as it stands in one grading, still under its own name."""

    text: str
    passes: Mapping[str, str]
    """What has to pass, "" or such as "/empty" -> the test's own name for it, such as "TestEnd/empty"."""
    fails: Mapping[str, tuple[int, str]]
    """What has to fail -> (number of the version, what in it) that it contradicts."""


def versions(
    test: Test,
    tables: Mapping[str, Table],
    types: Mapping[str, list[tuple[str, str]]],
    subtests: frozenset[str],
    chance: Random,
) -> list[Version]:
    """Return the versions of a test, its own among them if that is one; in no order that tells.

    Args:
        test: the test.
        tables: by name, of the whole package.
        types: the fields of its structs.
        subtests: expected, such as "TestEnd/one_step".
        chance: chooses values, places and order.
    """
    try:
        loop = read_loop(test, tables, types)
        found = (
            (loop and _mixed(test, loop, subtests, chance))
            or (not subtests and _with_other_literals(test, loop, chance))
            or _turned_around(test, subtests, chance)
        )
    except (ValueError, IndexError, RecursionError, StopIteration):
        found = None
    if not found:
        return [Version(test.text, {"": test.name} | {_behind(test, own): own for own in subtests}, {})]
    return found


def _behind(test: Test, own: str) -> str:
    return own.removeprefix(test.name)


def _mixed(test: Test, loop: Loop, subtests: frozenset[str], chance: Random) -> list[Version] | None:
    """Return two versions of a table test, each of which has the right value in some rows."""
    if not loop.subtest or not loop.rows or loop.shared & set(texts(loop.inner)):
        return None
    own = _names(loop, range(len(loop.rows)))
    if own is None or frozenset(f"{test.name}/{name}" for name in own) != subtests:
        return None
    changes = [_change_of(loop, number, chance) for number in range(len(loop.rows))]
    changed = [number for number, change in enumerate(changes) if change is not None]
    if not changed:
        return None
    right = _coins(len(loop.rows), changed, chance)
    held = [[n for n in range(len(right)) if changes[n] is not None or right[n] == version] for version in (0, 1)]
    names = [_names(loop, rows) or [] for rows in held]
    places = [
        {row: f"/{name}" for row, name in zip(rows, named, strict=True)}
        for rows, named in zip(held, names, strict=True)
    ]
    made: list[Version] = []
    for version, rows in enumerate(held):
        wrong = {row: changes[row] or NOTHING for row in rows if right[row] != version}
        passes = {places[version][row]: f"{test.name}/{own[row]}" for row in rows if row not in wrong}
        fails = {places[version][row]: (1 - version, places[1 - version][row]) for row in wrong}
        if wrong:
            fails[""] = (1 - version, "")
        else:
            passes[""] = test.name
        made.append(Version(_with_rows(test, loop, rows, wrong), passes, fails))
    return made


def _coins(count: int, changed: Sequence[int], chance: Random) -> list[int]:
    """Return for each row which version is right there; no version is right everywhere if that can be."""
    while True:
        right = [chance.randrange(2) for _ in range(count)]
        if len(changed) == 1 or len({right[number] for number in changed}) > 1:
            return right


def _names(loop: Loop, rows: Sequence[int]) -> list[str] | None:
    values = [text_value(loop.rows[number].fields.get(loop.subtest, ())) for number in rows]
    return None if None in values else subtest_names([str(value) for value in values])


def _change_of(loop: Loop, number: int, chance: Random) -> Change | None:
    """Return what in a row can be another value, so that the row surely fails."""
    row = loop.rows[number]
    proof = proof_of(loop.body, loop.inner, row=_seen_as(loop, row), functions=loop.functions)
    if proof is None:
        return None
    for literals in changes_of_row(loop.table_of(row), row, chance)[:_TRIED]:
        change = Change(literals)
        if loop.subtest and change.touches(row.fields[loop.subtest]):
            continue
        if proof.fails(change):
            return change
    return None


def _seen_as(loop: Loop, row: Row) -> dict[str, Tokens]:
    return {f"{loop.variable}.{name}": value for name, value in row.fields.items()}


def _with_rows(test: Test, loop: Loop, rows: Sequence[int], changes: Mapping[int, Change]) -> str:
    """Return the test over those rows alone, some of them changed."""
    written = [_row_text(loop, number, changes.get(number, NOTHING)) for number in rows]
    inner = "".join(f"\n\t\t{row}," for row in written) + "\n\t"
    if not loop.named:
        start, end = loop.tables[0].inner
        return _edited(test, [(start, end, inner)])
    kind = loop.tables[0].type
    return _edited(test, [(loop.named[0].start, loop.named[-1].end, f"[]{kind}{{{inner}}}")])


def _row_text(loop: Loop, number: int, change: Change) -> str:
    row = loop.rows[number]
    return _changed(loop.table_of(row).source, row.tokens[0].start, row.tokens[-1].end, change)


def _changed(source: str, start: int, end: int, change: Change) -> str:
    text = ""
    for token in tokens_of(source, start, end):
        if token.start in change.literals:
            text += source[start : token.start] + change.literals[token.start]
            start = token.end
    return text + source[start:end]


def _edited(test: Test, edits: Sequence[tuple[int, int, str]]) -> str:
    text, start = "", test.tokens[0].start
    for first, last, new in sorted(edits):
        text += test.source[start:first] + new
        start = last
    return text + test.source[start : test.tokens[-1].end]


def _with_other_literals(test: Test, loop: Loop | None, chance: Random) -> list[Version] | None:
    """Return a test and versions of it that have another value in one and the same place."""
    texts_made = _of_rows(test, loop, chance) if loop else _of_function(test, chance)
    if not texts_made:
        return None
    made = [Version(test.text if not loop else texts_made.pop(0), {"": test.name}, {})]
    return _shuffled([*made, *(Version(text, {}, {"": (0, "")}) for text in texts_made)], chance)


def _of_rows(test: Test, loop: Loop, chance: Random) -> list[str]:
    """Return the test over its rows, and versions with another value in one row."""
    numbers = list(range(len(loop.rows)))
    chance.shuffle(numbers)
    for number in numbers[:_TRIED_ROWS]:
        change = _change_of(loop, number, chance)
        if change is None:
            continue
        rows = range(len(loop.rows))
        return [_with_rows(test, loop, rows, {}), _with_rows(test, loop, rows, {number: change})]
    return []


def _of_function(test: Test, chance: Random) -> list[str]:
    """Return versions of the function with other values in one place."""
    proof = proof_of(test.body, test.inner, row={}, functions=test.functions)
    if proof is None:
        return []
    places = changeable(test.inner)
    chance.shuffle(places)
    for place in places[:_TRIED]:
        found: list[str] = []
        for _ in range(_OTHERS):
            other = other_literal(place, [], chance)
            if other is None:
                break
            change = Change({place.start: other})
            text = _edited(test, [(place.start, place.end, other)])
            if proof.fails(change) and text not in found:
                found.append(text)
        if found:
            return found
    return []


def _turned_around(test: Test, subtests: frozenset[str], chance: Random) -> list[Version] | None:
    """Return a test and a version in which the condition that it ends with is turned around."""
    body, tokens = test.body, test.inner
    if subtests:
        inner = _only_subtest(test)
        if inner is None:
            return None
        body, tokens = inner
    proof = proof_of(body, tokens, row={}, functions={})
    if proof is None:
        return None
    for condition in reversed(list(_conditions(body))):
        change = Change(negated=condition)
        if proof.fails(change):
            text = _edited(
                test,
                [(condition[0].start, condition[0].start, "!("), (condition[-1].end, condition[-1].end, ")")],
            )
            places = ["", *(_behind(test, own) for own in subtests)]
            own = Version(test.text, {place: test.name + place for place in places}, {})
            return _shuffled([own, Version(text, {}, {place: (0, place) for place in places})], chance)
    return None


def _only_subtest(test: Test) -> tuple[Sequence[Statement], Tokens] | None:
    """Return the body that all subtests of a test have, None if it does more than run them."""
    *before, last = test.body
    if not all(isinstance(statement, Plain) and "Run" not in texts(statement.tokens) for statement in before):
        return None
    if isinstance(last, For) and len(last.body) == 1:
        last = last.body[0]
    found = subtest_body(last)
    return None if found is None else (Parser(found[1], found[2]).statements(), found[1])


def _conditions(body: Sequence[Statement]) -> Iterator[Tokens]:
    for statement in body:
        match statement:
            case If():
                yield statement.condition
                yield from _conditions([*statement.then, *statement.otherwise])
            case For() | Block():
                yield from _conditions(statement.body)
            case _:
                continue


def _shuffled(found: list[Version], chance: Random) -> list[Version]:
    """Return the versions in another order."""
    order = list(range(len(found)))
    chance.shuffle(order)
    numbers = {old: new for new, old in enumerate(order)}
    return [
        Version(
            found[old].text,
            found[old].passes,
            {place: (numbers[at[0]], at[1]) for place, at in found[old].fails.items()},
        )
        for old in order
    ]
