"""Characters that deceive a reader: those that cannot be seen, and those that look like others."""

import re
import unicodedata
from collections.abc import Iterator

# Controls, formatting (bidirectional, zero width, tags), line separators that are none to most tools, variation
# selectors, and letters and symbols that are blank.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0d-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_EMOJI_STYLE, _KEYCAP = "\ufe0f", "\u20e3"
_SYMBOLS = {"So", "Sk"}
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"\w{1,200}")
# Cyrillic, Greek, Armenian and other letters that most fonts draw as Latin ones.
_LATIN_LOOKING = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u04cf\u0475"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
    "\u0585\u057d\u0570\u0261\u0251",
    "aeopcyxijshdqwlvABEKMHOPCTYXIJSABEZHIKMNOPTYXoouhga",
)
_MOST_LETTERS = 3
_SAME_SHAPE = str.maketrans({"I": "l", "1": "l", "|": "l", "0": "o"})


def hidden_characters(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, the character in words) for each character that cannot be seen; those of emoji are none."""
    for match in _HIDDEN.finditer(text):
        if not _belongs_to_emoji(text, match.start()):
            yield match.start(), _in_words(match[0])


def lookalike_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, word) for each word with letters that look like Latin ones and are not."""
    if not text.isascii():
        for match in _WORD.finditer(text):
            if not match[0].isascii() and _deceives(match[0]):
                yield match.start(), match[0]


def unmasked(text: str) -> str:
    """Return `text` with Latin letters for what looks like them and without hidden characters; no line end is touched.

    Each character for itself: normalising a whole text takes quadratic time on many combining marks.
    """
    return text if text.isascii() else _NOT_ASCII.sub(_plain, text)


def shape(name: str) -> str:
    """Return what is the same for names that look alike or differ only in case."""
    return unmasked(name).translate(_SAME_SHAPE).casefold().replace("rn", "m")


def _plain(match: re.Match[str]) -> str:
    character = match[0]
    if _HIDDEN.match(character):
        return ""
    letters = unicodedata.normalize("NFKC", character)
    # One character may stand for eighteen: a text must not grow with it.
    return letters.translate(_LATIN_LOOKING) if len(letters) <= _MOST_LETTERS else character


def _deceives(word: str) -> bool:
    letters = [character for character in word if unicodedata.category(character).startswith("L")]
    foreign = [character for character in letters if not character.isascii()]
    # Wide and mathematical letters are names for Python as their plain ones are.
    if any(unicodedata.normalize("NFKC", character).isascii() for character in foreign):
        return True
    looking = [character for character in foreign if ord(character) in _LATIN_LOOKING]
    return bool(looking) and (len(foreign) < len(letters) or len(looking) == len(letters))


def _belongs_to_emoji(text: str, offset: int) -> bool:
    before = text[offset - 1] if offset else ""
    follows_symbol = before != "" and unicodedata.category(before) in _SYMBOLS
    match text[offset]:
        case "\u200d":
            return follows_symbol or before == _EMOJI_STYLE
        case "\ufe0f":
            return follows_symbol or text[offset + 1 : offset + 2] == _KEYCAP
        case _:
            return False


def _in_words(character: str) -> str:
    name = unicodedata.name(character, "a control character" if unicodedata.category(character) == "Cc" else "")
    return f"U+{ord(character):04X} {name}".rstrip()
