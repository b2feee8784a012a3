"""Turns the last assertion of a Java test into one that fails if the original holds."""

import re
from random import Random

from dgm.benchmarks.languages.java_text import opening, statement_start

Change = dict[tuple[int, int], str]
"""Place in a source -> what is to stand there."""

_ASSERTION = re.compile(r"\s*assertThat\w*\s*\(")
_CALL = re.compile(r"\.\s*(\w+)\s*$")
_OPPOSITES = {
    "isTrue": "isFalse",
    "isFalse": "isTrue",
    "isNull": "isNotNull",
    "isNotNull": "isNull",
    "isEmpty": "isNotEmpty",
    "isNotEmpty": "isEmpty",
    "isZero": "isNotZero",
    "isNotZero": "isZero",
}
_COMPARISONS = frozenset({"isEqualTo", "containsExactly", "containsExactlyInAnyOrder", "withMessage", "hasMessage"})
# Blanked code that is the same value each time; another constant in it makes another value.
_CONSTANTS = re.compile(
    r"""(?:"[^"]*"|'[^']*'|[-+,(){}\[\]\s]|\b\d+(?:\.\d+)?[LlFfDd]?\b|\b(?:true|false|null|asList|Arrays\.asList"""
    r"""|List\.of|Set\.of|Collections\.singletonList|new\s+(?:String|int|long|double|char|boolean|Integer|Long))\b)*"""
)
_CONSTANT = re.compile(r"""(?P<text>"[^"]*"|'[^']*')|(?P<number>\b\d+)|\b(?P<truth>true|false)\b""")
_DECLARED_AND_COMPARED = 2
_CHARACTER = re.compile(r"\\u+[0-9a-fA-F]{4}|\\[0-7]{1,3}|\\.|(?P<plain>[0-9A-Za-z])|.", re.DOTALL)


def contradiction(source: str, code: str, body: tuple[int, int], chance: Random) -> Change | None:
    """Return what turns a test into its contradiction, None if that cannot be told.

    Args:
        source: the test's file.
        code: the same, as `blanked` returns it.
        body: where the test's statements stand in it.
        chance: chooses what stands in the place of a constant.
    """
    start, end = body
    end = start + len(code[start:end].rstrip()) - 1
    close = start + len(code[start:end].rstrip()) - 1
    if end <= start or code[end] != ";" or code[close] != ")":
        return None
    begin, opens = statement_start(code, start, end), opening(code, close)
    call = _CALL.search(code, begin, opens)
    if call is None or not _ASSERTION.match(code, begin):
        return None
    if call[1] in _OPPOSITES and not code[opens + 1 : close].strip():
        return {call.span(1): _OPPOSITES[call[1]]}
    if call[1] not in _COMPARISONS:
        return None
    compared = _assigned(code, (start, close), code[opens + 1 : close].strip()) or (opens + 1, close)
    other = _other_constant(source, code, compared, chance)
    if other is None and call[1] == "isEqualTo":
        # Tells the two apart for who reads them, but still not for who makes every assertion hold.
        return {call.span(1): "isNotEqualTo"}
    return other


def _assigned(code: str, body: tuple[int, int], name: str) -> tuple[int, int] | None:
    """Return where the value of a variable stands, None where the test uses it for anything else too."""
    if not name.isidentifier():
        return None
    used = re.compile(rf"(?<!\.)\b{name}\b(?!\s*\()")
    if len(used.findall(code, *body)) != _DECLARED_AND_COMPARED:
        return None
    found = re.compile(rf"\b{name}\s*=([^;]*);").search(code, *body)
    return found.span(1) if found else None


def _other_constant(source: str, code: str, arguments: tuple[int, int], chance: Random) -> Change | None:
    if not _CONSTANTS.fullmatch(code, *arguments):
        return None
    changes: list[Change] = []
    for found in _CONSTANT.finditer(code, *arguments):
        text = source[slice(*found.span())]
        other = _different(text, chance)
        if other != text:
            changes.append({found.span(): other})
    return chance.choice(changes) if changes else None


def _different(constant: str, chance: Random) -> str:
    """Return another constant of the same type, the same one if there is none that is easy to make."""
    if constant in {"true", "false"}:
        return "false" if constant == "true" else "true"
    if constant.isdigit():
        return constant[:-1] + _other(constant[-1], "01234567", chance)  # digits that cannot make it too large
    places = [found.start() for found in _CHARACTER.finditer(constant) if found["plain"]]
    if places:
        place = chance.choice(places)
        return constant[:place] + _other_character(constant[place], chance) + constant[place + 1 :]
    is_block = constant.startswith('"""')
    return f'{constant[:-1]}{chance.choice("aeiou")}"' if constant[0] == '"' and not is_block else constant


def _other_character(old: str, chance: Random) -> str:
    if old.isdigit():
        return _other(old, "0123456789", chance)
    new = _other(old.lower(), "abcdefghijklmnopqrstuvwxyz", chance)
    return new.upper() if old.isupper() else new


def _other(old: str, alphabet: str, chance: Random) -> str:
    return chance.choice([character for character in alphabet if character != old])
