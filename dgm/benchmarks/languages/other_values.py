"""Other values for contradictions: of the same type and form as the right one, and no more or less likely to be it."""

import re
from random import Random

_NEAR = 3
_NEAR_SHARE = 10
_FAR = 1000
_LEAST_OF_A_BYTE = 128
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_ESCAPED_OR_LETTER = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f_]+\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{3}|.)|(?P<plain>[A-Za-z0-9])",
    re.DOTALL,
)


def other_number(value: int, chance: Random) -> int:
    """Return a number near `value` >= 0 that fits into each integer type that `value` fits into, as often larger."""
    if value <= 1:
        return chance.choice([number for number in range(3) if number != value])
    bits = value.bit_length()
    reach = min(max(_NEAR, value // _NEAR_SHARE), _FAR)
    if value >= _LEAST_OF_A_BYTE and value == 1 << (bits - 1):
        return value - chance.randint(1, reach)  # behind a minus sign it can be the least number of its type
    below = range(max(value - reach, 1 << (bits - 1)), value)
    above = range(value + 1, min(value + reach + 1, 1 << bits))
    return chance.choice(chance.choice([side for side in (below, above) if side]))


def other_number_literal(literal: str, chance: Random) -> str:
    """Return another number, written as `literal` is: "0x7f", "0b11", "1_000" or "42"."""
    plain = literal.replace("_", "")
    prefix = plain[:2].lower() if plain[:2].lower() in {"0x", "0b", "0o"} else ""
    other = other_number(int(plain, {"0x": 16, "0b": 2, "0o": 8, "": 10}[prefix]), chance)
    kind = {"0x": "x", "0b": "b", "0o": "o", "": "d"}[prefix]
    return prefix + format(other, kind).zfill(len(plain) - len(prefix) if prefix else 0)


def other_text(inner: str, chance: Random, *, escapes: bool) -> str | None:
    """Return what stands between quotes with another letter or digit in one place, None where there is neither.

    Args:
        inner: without the quotes.
        chance: chooses place and letter.
        escapes: whether a backslash begins an escape.
    """
    pattern = _ESCAPED_OR_LETTER if escapes else re.compile("(?P<plain>[A-Za-z0-9])")
    places = [found.start() for found in pattern.finditer(inner) if found["plain"]]
    if not places:
        return None
    place = chance.choice(places)
    old = inner[place]
    alphabet = _DIGITS if old.isdigit() else _LETTERS
    # Another letter, not the same in the other case: some tests do not mind the case.
    new = chance.choice(alphabet.replace(old.lower(), ""))
    return inner[:place] + (new.upper() if old.isupper() else new) + inner[place + 1 :]
