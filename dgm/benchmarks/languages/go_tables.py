"""The tables that Go tests go through, and where another value can stand in them."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from dgm.benchmarks.languages.go_text import Token, Tokens, closing, split, texts, tokens_of
from dgm.benchmarks.languages.other_values import other_number_literal, other_text

_TYPE = re.compile(r"^type (?P<name>\w+) struct \{$", re.MULTILINE)
_TABLE = re.compile(r"^var (?P<name>\w+) = \[\](?=struct \{|\w+\{)", re.MULTILINE)
_CHANGEABLE = frozenset({"text", "number"})
_OPPOSITES = {"true": "false", "false": "true"}
_ENUMERATED = 2
"""A column of values that come this often on average is a choice of few."""


@dataclass(frozen=True, slots=True)
class Row:
    """One case."""

    tokens: Tokens
    """With its braces, where it has its own."""
    fields: Mapping[str, Tokens]


@dataclass(frozen=True, slots=True)
class Table:
    """A slice of structs that is written out."""

    source: str
    """The text of the file that it stands in."""
    type: str
    """As it is written behind "[]"."""
    inner: tuple[int, int]
    """Where its rows stand in the file: behind the opening brace, and at the closing one."""
    rows: Sequence[Row]

    @property
    def is_plain(self) -> bool:
        """Whether its rows name no other package, which the file that they stand in has to import."""
        return not any(token.text == "." for row in self.rows for token in row.tokens)


def struct_types(source: str) -> dict[str, list[tuple[str, str]]]:
    """Return the (name, type) of each field of the structs that a file declares."""
    found: dict[str, list[tuple[str, str]]] = {}
    for match in _TYPE.finditer(source):
        tokens = tokens_of(source, match.end() - 1)
        found[match["name"]] = _fields(tokens[1 : closing(tokens, 0)])
    return found


def global_tables(source: str, types: Mapping[str, list[tuple[str, str]]]) -> Iterator[tuple[str, Table]]:
    """Yield the tables that a file declares by name."""
    for match in _TABLE.finditer(source):
        tokens = tokens_of(source, match.end() - 2)
        table = table_at(source, tokens, types)
        if table is not None:
            yield match["name"], table


def table_at(source: str, tokens: Tokens, types: Mapping[str, list[tuple[str, str]]]) -> Table | None:
    """Return the table that `tokens` begin with, such as `[]struct { ... }{ ... }`; None if it is none."""
    words = texts(tokens[:4])
    if words[:2] != ["[", "]"] or len(words) < 4 or tokens[2].kind != "word":  # noqa: PLR2004
        return None
    start = 3
    if words[2] == "struct":
        start = closing(tokens, 3) + 1
        fields = _fields(tokens[4 : start - 1])
    else:
        fields = types.get(words[2], [])
    if start >= len(tokens) or tokens[start].text != "{" or not fields:
        return None
    end = closing(tokens, start)
    parts = [_without_ends(part) for part in split(tokens[start + 1 : end], ",")]
    rows = [_row(part, fields) for part in parts if part]
    kind = source[tokens[2].start : tokens[start].start].strip()
    return Table(source, kind, (tokens[start].end, tokens[end].start), rows)


def _without_ends(tokens: Tokens) -> Tokens:
    return [token for token in tokens if not (token.kind == "sign" and token.text == ";")]


def _fields(tokens: Tokens) -> list[tuple[str, str]]:
    """Return the (name, type) of each field, none at all where one has no name of its own."""
    found: list[tuple[str, str]] = []
    for line in split(tokens, ";"):
        if not line:
            continue
        *names, last = split(line, ",")
        if len(last) < 2:  # noqa: PLR2004
            return []
        kind = "".join(texts(last[1:]))
        found += [(name[0].text, kind) for name in [*names, last]]
    return found


_ZEROS = {"bool": "false", "string": '""', "int": "0", "int64": "0", "error": "nil"}


def _row(tokens: Tokens, fields: Sequence[tuple[str, str]]) -> Row:
    """Return a case; one that is not written out has no fields."""
    if tokens[0].text != "{" or closing(tokens, 0) != len(tokens) - 1:
        return Row(tokens, {})
    parts = [part for part in split(tokens[1:-1], ",") if part]
    if all(len(part) > 1 and part[0].kind == "word" and part[1].text == ":" for part in parts):
        found = {part[0].text: part[2:] for part in parts}
    elif len(parts) == len(fields):
        found = {name: part for (name, _), part in zip(fields, parts, strict=True)}
    else:
        return Row(tokens, {})
    for name, kind in fields:
        if name not in found and (zero := _zero(kind)) is not None:
            # Nowhere in the file, so that nobody changes it.
            found[name] = [Token("word" if zero.isalpha() else "number" if zero == "0" else "text", zero, -1)]
    return Row(tokens, found)


def _zero(kind: str) -> str | None:
    return "nil" if kind.startswith(("[]", "map[", "*")) else _ZEROS.get(kind)


def subtest_names(names: Sequence[str]) -> list[str] | None:
    """Return what Go makes of these names of one test's subtests; None where that cannot be told."""
    made: list[str] = []
    times: dict[str, int] = {}
    for name in names:
        if re.search(r"#\d+$", name) or not all(letter.isprintable() or letter.isspace() for letter in name):
            return None
        plain = "".join("_" if letter.isspace() else letter for letter in name)
        count = times.get(plain, 0)
        times[plain] = count + 1
        made.append(f"{plain}#{count:02d}" if count or not plain else plain)
    return made


def text_value(literal: Tokens) -> str | None:
    """Return what a string's literal means, None where it is not one or not a simple one."""
    if len(literal) != 1 or literal[0].kind != "text":
        return None
    text = literal[0].text
    if text.startswith("`"):
        return text[1:-1]
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str) else None


def changes_of_row(table: Table, row: Row, chance: Random) -> list[dict[int, str]]:
    """Return other values for a row, each with one literal changed, in the order in which to try them."""
    values: list[dict[int, str]] = []
    opposites: list[dict[int, str]] = []
    for name, tokens in row.fields.items():
        if len(tokens) == 1 and tokens[0].text in _OPPOSITES and tokens[0].start >= 0:
            opposites.append({tokens[0].start: _OPPOSITES[tokens[0].text]})
            continue
        column = [one.fields[name] for one in table.rows if name in one.fields]
        found = changeable(tokens)
        chance.shuffle(found)
        for token in found[:8]:
            other = other_literal(token, column, chance)
            if other is not None:
                values.append({token.start: other})
    chance.shuffle(values)
    # An opposite last: a row that expects an error and a value besides looks like one that was changed.
    return [*values, *opposites]


def changeable(tokens: Tokens) -> list[Token]:
    """Return the literals of a value in whose place others can stand: no keys and no lengths of arrays."""
    return [
        token
        for number, token in enumerate(tokens)
        if token.kind in _CHANGEABLE
        and token.start >= 0
        and (number + 1 == len(tokens) or tokens[number + 1].text != ":")
        and not (number and tokens[number - 1].text == "[" and tokens[number + 1].text == "]")
    ]


def other_literal(token: Token, column: Sequence[Tokens], chance: Random) -> str | None:
    """Return another literal of the same kind, None where there is none.

    Args:
        token: the literal.
        column: what stands in its place in each row; where these are a choice of few, another of them is taken.
        chance: chooses.
    """
    alike = [one.text for tokens in column for one in changeable(tokens) if one.kind == token.kind]
    distinct = sorted(set(alike))
    # A list may hold numbers of several types, and another's may be too large.
    fits = token.kind == "text" or all(len(tokens) == 1 for tokens in column)
    if fits and len(distinct) > 1 and len(alike) >= _ENUMERATED * len(distinct):
        plain = [text for text in distinct if text != token.text and _differs(text, token)]
        if plain:
            return chance.choice(plain)
    if token.kind == "number":
        if token.text.startswith("0") and token.text.isdecimal() and len(token.text) > 1:
            return None  # octal
        return other_number_literal(token.text, chance)
    inner = other_text(token.text[1:-1], chance, escapes=token.text[0] == '"')
    return None if inner is None else token.text[0] + inner + token.text[-1]


def _differs(text: str, token: Token) -> bool:
    if token.kind == "number":
        return _number(text) is not None and _number(text) != _number(token.text)
    return "\\" not in text + token.text and text[0] == token.text[0] and text.lower() != token.text.lower()


def _number(text: str) -> int | None:
    try:
        return int(text.replace("_", ""), 0)
    except ValueError:
        return None
