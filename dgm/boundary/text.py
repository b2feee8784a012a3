"""Text from a container or a model, made safe to show on a terminal, in a log or in a prompt."""

import re
import unicodedata

# Strings are only taken with their end and within a line: an unended one must not hide the rest of a log.
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erasing
    # OSC, DCS, SOS, PM, APC. None begins within another: looking for the end of each would take quadratic time.
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"  # all others
)
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf"})  # controls; formatting: bidi, zero width, tags, soft hyphen
_VARIATION_SELECTORS = frozenset([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])  # can carry invisible bytes
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85]")
_NOT_PLAIN = re.compile(r"[^\n\t\x20-\x7e]")
_CUT = "…"


def safe_text(text: str, *, max_chars: int | None = None) -> str:
    """Return `text` without anything that a reader cannot see.

    Removed are terminal sequences, control characters other than newline and tab, and the bidirectional, zero-width and
    other formatting characters of Unicode. Every kind of line end becomes a newline, so that no line overwrites
    another; half a surrogate pair becomes U+FFFD, so that the result can always be encoded.

    Args:
        text: any string.
        max_chars: at least 1; a longer result is cut to this length and ends with "…".
    """
    without_sequences = _ANSI.sub("", _LINE_ENDS.sub("\n", text))
    clean = _NOT_PLAIN.sub(_visible, without_sequences)
    if max_chars is not None and len(clean) > max_chars:
        return clean[: max_chars - 1] + _CUT
    return clean


def safe_line(text: str, *, max_chars: int | None = None) -> str:
    """Return `text` as `safe_text` does, on one line and with single spaces."""
    line = " ".join(safe_text(text).split())
    if max_chars is not None and len(line) > max_chars:
        return line[: max_chars - 1] + _CUT
    return line


def safe_name(name: str, *, max_chars: int) -> str:
    """Return a path or another name as it may be printed, on one line.

    One that could mislead its reader is spelled out in ASCII; its blanks too, since a screen shows two of them as one.
    """
    plain = safe_line(name, max_chars=max_chars)
    return plain if plain == name else ascii(name).replace(" ", r"\x20")[:max_chars]


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return "" if category in _DROPPED_CATEGORIES or ord(character) in _VARIATION_SELECTORS else character
