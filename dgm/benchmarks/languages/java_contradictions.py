"""Turns the last assertion of a Java test into one that fails if the original holds.

It gets another constant, made of letters that the file's other texts have too; what has to throw must not throw; where
neither can be had, what is expected is an object that equals nothing.
"""

import re
from random import Random

from dgm.benchmarks.languages.java_text import opening, statement_start

Change = dict[tuple[int, int], str]
"""Place in a source -> what is to stand there."""

_ASSERTION = re.compile(r"\s*assertThat\w*\s*\(")
_EQUALS = re.compile(r"\s*assertThat\s*\(")
_BY_ITS_PARTS = re.compile(r"\.\s*using")
"""Comparisons without `equals`, of which it is not sure that an empty object differs."""
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
_COMPARISONS = frozenset(
    {"isEqualTo", "containsExactly", "containsExactlyInAnyOrder", "withMessage", "hasMessage", "hasSize"}
)
_THROWS = re.compile(r"\s*assertThat(?:ExceptionOfType\s*\([^()]*\)|\w+Exception\s*\(\s*\))")
_THROWS_NOTHING = "org.assertj.core.api.Assertions.assertThatNoException()"
_EQUALS_NOTHING = "isEqualTo(new Object())"
_ENUMERATOR = re.compile(r"\b([A-Z]\w*)\.([A-Z][A-Z_]*)\b")
_CLOSE_TO = re.compile(
    r"\s*-?(?P<whole>\d+)(?:\.\d+)?[dDfF]?\s*,\s*(?:\w+\.)?(?:offset|within)\((?P<offset>[\w.]+)\)\s*"
)
# Blanked code that is the same value each time; another constant in it makes another value.
_CONSTANTS = re.compile(
    r"""(?:"[^"]*"|'[^']*'|[-+,(){}\[\]\s]|\b\d+(?:\.\d+)?[LlFfDd]?\b|\b(?:true|false|null|asList|Arrays\.asList"""
    r"""|List\.of|Set\.of|Collections\.singletonList|new\s+(?:String|int|long|double|char|boolean|Integer|Long))\b)*"""
)
_CONSTANT = re.compile(r"""(?P<text>"[^"]*"|'[^']*')|(?P<number>\b\d+)|\b(?P<truth>true|false)\b""")
_DECLARED_AND_COMPARED = 2
_ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"')
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
    throws = _THROWS.match(code, begin)
    if throws and call[1] == "isThrownBy":
        return {(throws.end() - len(throws[0].lstrip()), throws.end()): _THROWS_NOTHING}
    other = None
    if call[1] in _COMPARISONS:
        compared = _assigned(code, (start, close), code[opens + 1 : close].strip()) or (opens + 1, close)
        other = _other_constant(source, code, compared, chance) or _other_enumerator(code, compared, chance)
    if call[1] == "isCloseTo":
        other = _far_from(code, (opens + 1, close), chance)
    if other is None and _EQUALS.match(code, begin) and not _BY_ITS_PARTS.search(code, begin, close):
        # Tells the two apart for who reads them, but not for who makes every assertion hold or equals everything.
        return {(call.start(1), close + 1): _EQUALS_NOTHING}
    return other


def _other_enumerator(code: str, arguments: tuple[int, int], chance: Random) -> Change | None:
    """Put another enumerator in the place of one, where the arguments are enumerators alone."""
    rest = _ENUMERATOR.sub("", code[slice(*arguments)])
    if rest.replace(",", "").strip():
        return None
    known = sorted({found.group(1, 2) for found in _ENUMERATOR.finditer(code)})
    changes = [
        {found.span(2): other}
        for found in _ENUMERATOR.finditer(code, *arguments)
        for owner, other in known
        if owner == found[1] and other != found[2]
    ]
    return chance.choice(changes) if changes else None


def _far_from(code: str, arguments: tuple[int, int], chance: Random) -> Change | None:
    """Change a number by one or more that another is to lie nearer to than that."""
    found = _CLOSE_TO.fullmatch(code, *arguments)
    if found is None:
        return None
    named = re.search(rf"\b{re.escape(found['offset'])}\s*=\s*([\d.]+)", code)
    offset = named[1] if named else found["offset"]
    if re.fullmatch(r"0?\.\d+", offset) is None:
        return None
    return {found.span("whole"): _different(found["whole"], "", chance)}


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
    letters = "".join(text[0] for text in _TEXT.finditer(source))
    changes: list[Change] = []
    for found in _CONSTANT.finditer(code, *arguments):
        text = source[slice(*found.span())]
        other = _different(text, letters, chance)
        if other != text:
            changes.append({found.span(): other})
    return chance.choice(changes) if changes else None


def _different(constant: str, letters: str, chance: Random) -> str:
    """Return another constant of the same type, the same one if there is none that is easy to make.

    Args:
        letters: what texts should be made of, so that no letter tells a changed one.
    """
    if constant in {"true", "false"}:
        return "false" if constant == "true" else "true"
    if constant.isdigit():
        return constant[:-1] + _other(constant[-1], "01234567", chance)  # digits that cannot make it too large
    places = [found.start() for found in _CHARACTER.finditer(constant) if found["plain"]]
    if places:
        place = chance.choice(places)
        return constant[:place] + _other_character(constant[place], letters, chance) + constant[place + 1 :]
    is_block = constant.startswith('"""')
    return f'{constant[:-1]}{chance.choice("aeiou")}"' if constant[0] == '"' and not is_block else constant


def _other_character(old: str, letters: str, chance: Random) -> str:
    alphabet = next(alphabet for alphabet in _ALPHABETS if old in alphabet)
    known = "".join(sorted(set(letters) & set(alphabet) - {old}))
    return _other(old, known or alphabet, chance)


def _other(old: str, alphabet: str, chance: Random) -> str:
    return chance.choice([character for character in alphabet if character != old])
