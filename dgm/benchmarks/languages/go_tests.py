"""Go tests as they are read: each function, and those that do nothing but go through a table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dgm.benchmarks.languages.go_proofs import subtest_body
from dgm.benchmarks.languages.go_runs import Function
from dgm.benchmarks.languages.go_tables import Row, Table, table_at
from dgm.benchmarks.languages.go_text import For, Parser, Plain, Statement, Tokens, closing, split, texts, tokens_of

_HELPER = re.compile(r"^func (?P<name>[a-z]\w*)\((?P<testing>\w+) \*testing\.T, (?P<rest>[^()]*)\) \{$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Test:
    """One test function, read."""

    name: str
    source: str
    """Of the whole file."""
    tokens: Tokens
    """From "func" to the closing brace."""
    body: Sequence[Statement]
    functions: Mapping[str, Function]
    """That the tests have for themselves."""
    variables: frozenset[str]
    """The package's that tests could assign to."""

    @property
    def inner(self) -> Tokens:
        """What stands between its braces."""
        return self.tokens[texts(self.tokens).index("{") + 1 : -1]

    @property
    def text(self) -> str:
        """The function as it is written."""
        return self.source[self.tokens[0].start : self.tokens[-1].end]


@dataclass(frozen=True, slots=True)
class Loop:
    """A test that does nothing but go through a table."""

    variable: str
    tables: Sequence[Table]
    named: Tokens
    """The name of a table that stands elsewhere, or of several; empty for one that stands in the test."""
    body: Sequence[Statement]
    """Of the loop, or of its subtest."""
    inner: Tokens
    functions: Mapping[str, Function]
    subtest: str
    """The field that names the subtest; "" where there is none."""
    shared: frozenset[str]
    """Variables that all rows see: a row that fails could leave them otherwise than the next one expects."""

    @property
    def rows(self) -> list[Row]:
        """All rows, of all tables."""
        return [row for table in self.tables for row in table.rows]

    def table_of(self, row: Row) -> Table:
        """Return the table that a row stands in."""
        return next(table for table in self.tables if row in table.rows)


def test_functions(source: str) -> dict[str, Function]:
    """Return the functions of a file that take a `*testing.T` and more, by name."""
    found: dict[str, Function] = {}
    for match in _HELPER.finditer(source):
        tokens = tokens_of(source, match.end() - 1)
        parameters = [part.split()[0] for part in match["rest"].split(",")]
        found[match["name"]] = Function(match["testing"], parameters, tokens[1 : closing(tokens, 0)])
    return found


def read_test(
    name: str, source: str, start: int, functions: Mapping[str, Function], variables: frozenset[str]
) -> Test | None:
    """Return the test function that begins at `start`, None where it is not understood."""
    try:
        tokens = tokens_of(source, start)
        opening = next(number for number, token in enumerate(tokens) if token.text == "{")
        end = closing(tokens, opening)
        testing = tokens[3].text
        body = Parser(tokens[opening + 1 : end], testing).statements()
        return Test(name, source, tokens[: end + 1], body, functions, variables)
    except (ValueError, StopIteration, IndexError, RecursionError):
        return None


def read_loop(test: Test, tables: Mapping[str, Table], types: Mapping[str, list[tuple[str, str]]]) -> Loop | None:
    """Return a test as a loop, None for one that does anything else."""
    *before, last = test.body
    if not isinstance(last, For) or not all(isinstance(statement, Plain) for statement in before):
        return None
    words = texts(last.header)
    if words[:2] != ["_", ","] or words[3:5] != [":=", "range"]:
        return None
    used = _used_tables(test, before, last.header[5:], tables, types)
    if used is None or len({table.type for table in used[0]}) != 1:
        return None
    if any(table.source != test.source and not table.is_plain for table in used[0]):
        return None
    variable = words[2]
    body = last.body
    if called := _called(body, variable, test.functions):
        variable, body = called
    subtest = subtest_body(body[0]) if len(body) == 1 else None
    if subtest is None:
        inner = [token for token in test.tokens if token.start >= last.header[-1].end]
        return None if "Run" in texts(inner) else Loop(variable, *used, body, inner, test.functions, "", frozenset())
    name, inner, testing = subtest
    if texts(name[:2]) != [variable, "."] or len(name) != 3:  # noqa: PLR2004
        return None
    shared = test.variables.union(*(_declared(one.tokens) for one in before if isinstance(one, Plain)))
    shared -= {token.text for token in last.header}
    statements = Parser(inner, testing).statements()
    return Loop(variable, *used, statements, inner, test.functions, name[2].text, frozenset(shared))


def _declared(tokens: Tokens) -> set[str]:
    """Return the names that a statement assigns to or declares, "var" among them."""
    signs = [number for number, token in enumerate(tokens) if token.text in {":=", "="}]
    return set(texts(tokens[: signs[0] if signs else 2]))


def _called(
    body: Sequence[Statement], variable: str, functions: Mapping[str, Function]
) -> tuple[str, Sequence[Statement]] | None:
    """Return the body of the function that each row is handed to, and what it calls the row."""
    if len(body) != 1 or not isinstance(body[0], Plain):
        return None
    name, *rest = texts(body[0].tokens)
    function = functions.get(name)
    if function is None or rest != ["(", "t", ",", variable, ")"] or len(function.parameters) != 1:
        return None
    return function.parameters[0], Parser(function.tokens, function.testing).statements()


def _used_tables(
    test: Test,
    before: Sequence[Statement],
    ranged: Tokens,
    tables: Mapping[str, Table],
    types: Mapping[str, list[tuple[str, str]]],
) -> tuple[Sequence[Table], Tokens] | None:
    """Return the tables that a loop goes through, and their names if they stand elsewhere."""
    words = texts(ranged)
    if words[:1] == ["["]:
        table = table_at(test.source, ranged, types)
        return None if table is None else ([table], ())
    if words[:2] == ["append", "("] and words[-2:] == ["...", ")"]:
        names = ["".join(texts(part)).removesuffix("...") for part in split(ranged[2:-1], ",")]
        found = [tables[name] for name in names if name in tables]
        return (found, ranged) if len(found) == len(names) else None
    if len(words) != 1:
        return None
    for statement in before:
        if isinstance(statement, Plain) and texts(statement.tokens[:2]) == [words[0], ":="]:
            table = table_at(test.source, statement.tokens[2:], types)
            # Nothing but the loop may see it.
            alone = sum(token.text == words[0] for token in test.tokens) == 2  # noqa: PLR2004
            return ([table], ()) if table is not None and alone else None
    return ([tables[words[0]]], ranged) if words[0] in tables else None
