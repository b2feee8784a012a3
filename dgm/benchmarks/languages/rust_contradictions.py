"""Turns an assertion of a Rust test into one that fails where the test's own holds.

What is looked for first is `assert_eq!` with a value that is written out: literals in `Some(...)`, `vec![...]`, a
struct and the like, there, in a `let` before it, or handed to a function of the tests' own that ends with it. Another
literal makes another value, and nobody who does not know the right one can tell which of the two it is. Where there is
none, the last assertion is turned around: `assert_ne!` for `assert_eq!`. A test without assertions of its own is left
alone, and so is one that may return before them.
"""

import re
from collections.abc import Mapping
from random import Random

from dgm.benchmarks.languages.other_values import other_number_literal, other_text

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<character>'(?:[^'\\])')
    |(?P<number>(?:0[xbo][0-9A-Fa-f_]+|\d[\d_]*)(?![\w.]))
    |(?P<word>[A-Za-z_]\w*!?)
    |(?P<sign>::|[][(){}&,.:<>-])""",
    re.VERBOSE | re.DOTALL,
)
_SHOWS_ITS_VALUE = frozenset(
    {"vec!", "from", "to_string", "to_owned", "into", "true", "false", "into_iter", "collect", "str", "_"}
)
"""Besides names of types, fields and variants. What any other function makes of a literal is not known."""
_TYPE = re.compile(r"[A-Z]\w*")
_ASSERTION = re.compile(r"assert(?P<kind>_eq|_ne)?!\((?P<arguments>.*)\);?\s*", re.DOTALL)
_CALL = re.compile(r"(?P<name>[a-z_]\w*)\((?P<arguments>.*)\);?\s*", re.DOTALL)
_HELPER = re.compile(
    r"^(?P<indent>[ \t]*)fn (?P<name>\w+)\((?P<parameters>[^()]*)\) \{\n(?P<body>.*?)^(?P=indent)\}\n",
    re.MULTILINE | re.DOTALL,
)
_LEAVES = re.compile(r"\breturn\b|\bexit\(")
_OPPOSITES = {"true": "false", "false": "true"}
_OPPOSITE_KINDS = {"_eq": "_ne", "_ne": "_eq"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def helpers(source: str) -> dict[str, int]:
    """Return the functions of a test file that compare an argument with what they find: name -> which argument.

    They have no `return` and no branch, end with the comparison, and use the argument nowhere else.
    """
    found: dict[str, int] = {}
    for match in _HELPER.finditer(source):
        body = match["body"]
        start = _last_statement(body)
        assertion = _ASSERTION.fullmatch(body, start)
        if assertion is None or assertion["kind"] != "_eq" or re.search(r"\b(?:return|if|match|for|while)\b|\?", body):
            continue
        names = [part.partition(":")[0].strip() for part in match["parameters"].split(",")]
        sides = [body[first:last].strip().lstrip("&*") for first, last in _arguments(assertion)[:2]]
        for number, name in enumerate(names):
            if name in sides and len(re.findall(rf"\b{re.escape(name)}\b", body)) == 1:
                found[match["name"]] = number
    return found


def contradiction(body: str, chance: Random, *, known: Mapping[str, int] | None = None) -> str | None:
    """Return a test's body with an assertion made to fail, None where there is none to be sure of.

    Args:
        body: what stands between the braces, formatted as rustfmt does.
        chance: chooses the other value.
        known: see `helpers`.
    """
    if _LEAVES.search(body):
        return None
    start = _last_statement(body)
    found = _ASSERTION.fullmatch(body, start)
    if found is not None and found["kind"] == "_eq":
        for first, last in reversed(_arguments(found)[:2]):
            changed = _changed(body, first, last, chance) or _changed_before(body, first, last, chance)
            if changed is not None:
                return changed
    call = _CALL.fullmatch(body, start)
    if call is not None and known and call["name"] in known:
        arguments = _arguments(call)
        if known[call["name"]] < len(arguments):
            return _changed(body, *arguments[known[call["name"]]], chance)
    return _turned_around(body)


def _turned_around(body: str) -> str | None:
    """Return the body with the last assertion turned around that is a statement of its own."""
    for start, end in reversed(_statements(body)):
        found = _ASSERTION.fullmatch(body, start, end)
        if found is None:
            continue
        if found["kind"]:
            place, last = found.span("kind")
            return body[:place] + _OPPOSITE_KINDS[found["kind"]] + body[last:]
        first, last = _arguments(found)[0]
        return f"{body[:first]}!({body[first:last]}){body[last:]}"
    return None


def _arguments(found: re.Match[str]) -> list[tuple[int, int]]:
    """Return where each argument of a call starts and ends."""
    starts = [found.start("arguments") + place for place in _commas(found["arguments"])]
    return list(zip(starts, [place - 1 for place in starts[1:]], strict=False))


def _statements(body: str) -> list[tuple[int, int]]:
    """Return where the lines begin and end that are indented least, with what belongs to them."""
    starts = _starts(body)
    return list(zip(starts, [*starts[1:], len(body)], strict=False))  # an empty body has none


def _last_statement(body: str) -> int:
    """Return where the last line begins that is indented least and not the end of something."""
    return max(_starts(body), default=0)


def _starts(body: str) -> list[int]:
    lines = list(re.finditer(r"^([ \t]*)(?=[^\s)}\]])", body, re.MULTILINE))
    least = min((len(line[1]) for line in lines), default=0)
    return [line.end() for line in lines if len(line[1]) == least]


def _commas(code: str) -> list[int]:
    """Return where each argument starts, and one more than where the last ends."""
    starts, depth, place = [0], 0, 0
    while place < len(code):
        token = _TOKEN.match(code, place)
        text = token[0] if token else code[place]
        place += len(text)
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text, 0)
        if text == "," and depth == 0 and code[place:].strip():
            starts.append(place)
    return [*starts, len(code) + 1]


def _changed(body: str, start: int, end: int, chance: Random) -> str | None:
    """Return `body` with one literal changed of the expression that stands there, None if it is more than literals."""
    tokens: list[re.Match[str]] = []
    while start < end:
        token = _TOKEN.match(body, start, end)
        if token is None or (token["word"] and not _shows_its_value(token)):
            return None
        before = tokens[-1] if tokens else None
        if (token[0] == "[" and _is_indexed(before)) or (token[0] == "<" and not _is_generic(before)):
            return None
        tokens.append(token)
        start = token.end()
    if any(token["word"] == "collect" for token in tokens) and not _are_distinct(tokens):
        return None  # another value could be one that is not kept
    chance.shuffle(tokens)
    for token in tokens:
        other = _other(token, chance)
        if other is not None:
            return body[: token.start()] + other + body[token.end() :]
    return None


def _is_indexed(before: re.Match[str] | None) -> bool:
    """Return whether a bracket takes an element of what stands before it."""
    return before is not None and (before[0] in {")", "]"} or (before["word"] or "vec!") != "vec!")


def _is_generic(before: re.Match[str] | None) -> bool:
    """Return whether "<" opens a list of types, rather than comparing."""
    return before is not None and (before[0] == "::" or _TYPE.fullmatch(before[0]) is not None)


def _shows_its_value(token: re.Match[str]) -> bool:
    is_field = re.match(r": ", token.string[token.end() : token.end() + 2]) is not None
    return token["word"] in _SHOWS_ITS_VALUE or is_field or _is_data(token)


def _is_data(token: re.Match[str]) -> bool:
    """Return whether a word names a type, a variant, or a struct with its fields: nothing that is called."""
    behind = token.string[token.end() : token.end() + 1]
    wraps = behind == "(" and token["word"] not in {"Some", "Ok", "Err"}
    return _TYPE.fullmatch(token["word"]) is not None and not wraps


def _are_distinct(tokens: list[re.Match[str]]) -> bool:
    """Return whether no key of a collection stands there twice."""
    texts = [token[0] for token in tokens if token.lastgroup in {"text", "character"}]
    numbers = [token[0] for token in tokens if token.lastgroup == "number"]
    keys = texts or numbers
    return len(keys) == len(set(keys))


def _changed_before(body: str, start: int, end: int, chance: Random) -> str | None:
    """Return `body` with one literal changed of what the variable that stands there was bound to."""
    name = body[start:end].strip().removeprefix("&")
    if not re.fullmatch(r"[a-z_]\w*", name):
        return None
    uses = [use.start() for use in re.finditer(rf"\b{name}\b", body)]
    bound = re.search(rf"\blet (?:mut )?{name}\b[^=;]*= (?P<value>[^;]*);", body[:start])
    if bound is None or any(use > bound.end() and use < start for use in uses):
        return None
    return _changed(body, *bound.span("value"), chance)


def _other(token: re.Match[str], chance: Random) -> str | None:
    """Return another literal of the same type, None for what is no literal."""
    match token.lastgroup:
        case "number":
            return other_number_literal(token[0], chance)
        case "word":
            return _OPPOSITES.get(token[0])
        case "character" | "text":
            return _other_text(token[0], chance)
        case _:
            return None


def _other_text(literal: str, chance: Random) -> str:
    """Return a string or character literal with one letter changed, or with another one where there is none."""
    quote = literal[0]
    inner = other_text(literal[1:-1], chance, escapes=True)
    if inner is not None:
        return quote + inner + quote
    letter = chance.choice(_LETTERS)
    return f"'{letter}'" if quote == "'" else f'{literal[:-1]}{letter}"'
