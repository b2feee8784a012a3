"""Turns the last assertion of a Rust test into one that fails where the test's own holds.

What is looked for is `assert_eq!` with a value that is written out: literals in `Some(...)`, `vec![...]` and the like,
there or in a `let` before it. Another literal makes another value. A test of any other form is left alone.
"""

import re
from random import Random

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<character>'(?:[^'\\])')
    |(?P<number>(?:0[xbo][0-9A-Fa-f_]+|\d[\d_]*)(?![\w.]))
    |(?P<word>[A-Za-z_]\w*!?)
    |(?P<sign>::|[][(){}&,.-])""",
    re.VERBOSE | re.DOTALL,
)
_SHOWS_ITS_VALUE = frozenset(
    {"Some", "None", "Ok", "Err", "vec!", "String", "from", "to_string", "to_owned", "into", "true", "false"}
)
_ASSERTION = re.compile(r"assert(?P<kind>_eq)?!\((?P<arguments>.*)\);?\s*", re.DOTALL)
_OPPOSITES = {"true": "false", "false": "true"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def contradiction(body: str, chance: Random) -> str | None:
    """Return a test's body with its last assertion made to fail, None where there is none to be sure of.

    Args:
        body: what stands between the braces, formatted as rustfmt does.
        chance: chooses the other value.
    """
    start = _last_statement(body)
    found = _ASSERTION.fullmatch(body, start)
    if found is None:
        return None
    arguments = [found.start("arguments") + place for place in _commas(found["arguments"])]
    parts = list(zip(arguments, [place - 1 for place in arguments[1:]], strict=False))
    if not found["kind"]:
        first, last = parts[0]
        return f"{body[:first]}!({body[first:last]}){body[last:]}"
    for first, last in reversed(parts[:2]):
        changed = _changed(body, first, last, chance) or _changed_before(body, first, last, chance)
        if changed is not None:
            return changed
    return None


def _last_statement(body: str) -> int:
    """Return where the last line begins that is indented least and not the end of something."""
    lines = list(re.finditer(r"^([ \t]*)(?=[^\s)}\]])", body, re.MULTILINE))
    least = min((len(line[1]) for line in lines), default=0)
    return max((line.end() for line in lines if len(line[1]) == least), default=0)


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
        if token is None or (token["word"] and token["word"] not in _SHOWS_ITS_VALUE):
            return None
        tokens.append(token)
        start = token.end()
    chance.shuffle(tokens)
    for token in tokens:
        other = _other(token, chance)
        if other is not None:
            return body[: token.start()] + other + body[token.end() :]
    return None


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
            value = int(token[0].replace("_", ""), 0)
            # A smaller one fits into each type that this one fits into.
            return str(chance.randrange(value) if value else 1)
        case "word":
            return _OPPOSITES.get(token[0])
        case "character" | "text":
            return _other_text(token[0], chance)
        case _:
            return None


def _other_text(literal: str, chance: Random) -> str:
    """Return a string or character literal with one letter changed, a string without plain ones with one more."""
    places = [place.start() for place in re.finditer("[A-Za-z0-9]", literal)]
    if literal.startswith("'"):
        places = [1]
    elif "\\" in literal or not places:
        return f'{literal[:-1]}{chance.choice(_LETTERS)}"'
    place = chance.choice(places)
    return literal[:place] + chance.choice(_LETTERS.replace(literal[place], "")) + literal[place + 1 :]
