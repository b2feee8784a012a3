"""Other literals for JavaScript tests to expect: surely not equal to the right one, and as likely to look at.

What stands in several places, such as a label, is replaced with something else that does; what stands in one place
with something that stands nowhere. So it says nothing of a value how often a test file has it.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from string import ascii_lowercase, ascii_uppercase, digits

from dgm.benchmarks.languages.javascript_tokens import Token

_NUMBER = re.compile(r"(?P<whole>0|[1-9]\d*)(?P<rest>\.\d+|n)?")
_EXACT_DIGITS = 15
_SMALL = 31
"""As large as the day of a month may be."""
_NEAR = 3
_ATOM = re.compile(r"\\(?:u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)|[A-Za-z]+|.", re.DOTALL)
_WORD = re.compile(r"(?<!\\)[A-Za-z]{2,}")
_SENTENCE_WORDS = 3
_VOWELS = frozenset("aeiou")
_SHARE_OF_VOWELS = 0.28
"""More than among letters drawn by chance, a fifth of which are vowels; less than in English or Latin."""
_UNSAFE = frozenset("'\"`\\${}\n\r")
"""Characters that would end a text, or begin something in it."""
_TRUTHS = {"true": "false", "false": "true"}
SCALAR_WORDS = frozenset({*_TRUTHS, "null"})


@dataclass(frozen=True, slots=True)
class Expected:
    """All literals that a file's tests expect, which other expectations are made of."""

    literals: Sequence[Token]
    collections: Sequence[str] = ()
    """Lists and objects that tests expect, as they are written."""
    counts: Counter[str] = field(init=False)
    words: Counter[str] = field(init=False)
    characters: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        texts = [token.text[1:-1] for token in self.literals if token.is_plain_text]
        object.__setattr__(self, "counts", Counter(comparable(token) for token in self.literals))
        object.__setattr__(self, "words", Counter(word for text in texts for word in _WORD.findall(text)))
        object.__setattr__(self, "characters", frozenset("".join(texts)) - _UNSAFE)

    @property
    def are_words(self) -> bool:
        """Whether the texts seem to be of a language, and neither codes nor ciphers."""
        letters = "".join(self.words.elements()).lower()
        return sum(letter in _VOWELS for letter in letters) > _SHARE_OF_VOWELS * len(letters)

    def repeated(self) -> list[Token]:
        """Return one of each literal that several tests expect, or one test several times, and null if any does."""
        found = {
            comparable(token): token
            for token in self.literals
            if self.counts[comparable(token)] > 1 or token.text == "null"
        }
        return list(found.values())


def comparable(token: Token) -> str:
    """Return a literal without what does not change its value, such as which quotes it has."""
    return _comparable(token.text)


def _comparable(text: str) -> str:
    if text[0] in "'\"`":
        return "'" + re.sub(r"\\(['\"`])", r"\1", text[1:-1])
    return text


def is_literal(token: Token) -> bool:
    """Return whether a token alone is a value: a text, a number, a truth value or null."""
    return token.is_plain_text or token.kind == "number" or (token.kind == "word" and token.text in SCALAR_WORDS)


def others_like(token: Token, beside: Sequence[Token], present: Collection[str]) -> list[Token]:
    """Return the other literals of a kind that stand among `beside`, nothing where `token` itself does not."""
    if comparable(token) not in {comparable(other) for other in beside}:
        return []
    found = {comparable(other): other for other in beside if _is_other(token, other, present)}
    return [other for other in found.values() if _form(other) == _form(token)]


def _form(token: Token) -> str:
    """Return what is left of a text if it does not matter which letters and digits it has, and how many."""
    return re.sub(r"[0-9A-Za-z]+", "a", token.text[1:-1])


def other_literal(token: Token, present: Collection[str], expected: Expected, chance: Random) -> str:
    """Return a literal of another value, "" if none is known.

    Args:
        token: the right literal.
        present: literals that stand beside it, and which it must not become: a set would stay the same.
        expected: what the file's tests expect.
        chance: chooses.
    """
    if token.text in _TRUTHS:
        return _TRUTHS[token.text] if len(set(present)) <= 1 else ""
    if expected.counts[comparable(token)] > 1 or token.text == "null":
        others = [other for other in expected.repeated() if _is_other(token, other, present)]
        if others:
            return chance.choice(others).text
    return near_literal(token, present, expected, chance)


def other_collection(right: Sequence[Token], expected: Expected, chance: Random) -> str:
    """Return a list or an object that is empty where the right one is not, or the other way round; "" for neither.

    Where tests of a file expect empty ones, others are contradicted by those too, but not all.
    """
    empty = right[0].text + right[-1].text
    alike = [other for other in expected.collections if other[0] + other[-1] == empty]
    if len(right) == len(empty):
        return chance.choice([other for other in alike if other != empty] or [""])
    return empty if chance.random() < alike.count(empty) / max(1, len(alike)) else ""


def misspelt_literal(token: Token, present: Collection[str], expected: Expected, chance: Random) -> str:
    """Return a text that differs in one character, so that no message can hold both; "" if none is known."""
    del present
    if not token.is_plain_text:
        return ""
    others = _with_other_characters(token.text[1:-1], expected, chance)
    return next((f"{token.text[0]}{other}{token.text[0]}" for other in others), "")


def near_literal(token: Token, present: Collection[str], expected: Expected, chance: Random) -> str:
    """Return a literal of the same kind that differs in one number, word or letter; "" if none is known."""
    if token.kind == "number":
        # Rather one that stands nowhere, as the right one does.
        others = sorted(_numbers(token.text, chance), key=lambda other: other in expected.counts)
    elif token.is_plain_text:
        others = _texts(token.text, expected, chance)
    else:
        return ""
    taken = {_comparable(text) for text in (*present, token.text)}
    return next((other for other in others if _comparable(other) not in taken), "")


def far_literal(token: Token, present: Collection[str], expected: Expected, chance: Random) -> str:
    """Return a number that lies at least 1 away, "" if none is known."""
    del present, expected
    found = _NUMBER.fullmatch(token.text)
    return f"{chance.choice(_neighbours(int(found['whole'])))}{found['rest'] or ''}" if found else ""


def _is_other(token: Token, other: Token, present: Collection[str]) -> bool:
    kinds = (_shape(token), _shape(other))
    alike = kinds[0] == kinds[1] or "null" in kinds
    return (
        alike
        and comparable(other) not in {comparable(token), *map(_comparable, present)}
        and "\\" not in token.text + other.text
    )


def _shape(token: Token) -> str:
    if token.is_plain_text:
        return "text"
    return token.text if token.kind == "word" else token.kind


def _neighbours(value: int) -> list[int]:
    near = [value + step for step in range(-_NEAR, _NEAR + 1) if step and value + step >= 0]
    return [other for other in near if len(str(other)) == len(str(value))]


def _numbers(text: str, chance: Random) -> list[str]:
    found = _NUMBER.fullmatch(text)
    if found is None:
        return []
    whole, rest = found["whole"], found["rest"] or ""
    if int(whole) <= _SMALL and not rest.startswith("."):
        others = [f"{value}{rest}" for value in _neighbours(int(whole))]
    else:
        # Not a nought: round numbers stay round. Not a digit that a floating-point number does not hold.
        places = [place for place, digit in enumerate(text[:_EXACT_DIGITS]) if digit in digits[1:]]
        others = [text[:place] + digit + text[place + 1 :] for place in places[-2:] for digit in digits[1:]]
    chance.shuffle(others)
    return others


def _texts(literal: str, expected: Expected, chance: Random) -> list[str]:
    quote, text = literal[0], literal[1:-1]
    if text:
        others = [*_with_other_words(text, expected, chance), *_with_other_characters(text, expected, chance)]
    else:
        others = sorted(expected.characters - {" "}) or list(ascii_lowercase)
        chance.shuffle(others)
    return [f"{quote}{other}{quote}" for other in others]


def _with_other_words(text: str, expected: Expected, chance: Random) -> Iterator[str]:
    atoms = _ATOM.findall(text)
    # A word of a language would be noticed if it were misspelt, a code if it were another test's.
    is_sentence = len(_WORD.findall(text)) >= _SENTENCE_WORDS
    least = 1 if is_sentence or expected.are_words else 2
    vocabulary = sorted(word for word, count in expected.words.items() if count >= least)
    places = [place for place, atom in enumerate(atoms) if atom in vocabulary]
    chance.shuffle(places)
    chance.shuffle(vocabulary)
    for place in places:
        for word in vocabulary:
            if word != atoms[place] and _case(word) == _case(atoms[place]):
                yield "".join([*atoms[:place], word, *atoms[place + 1 :]])


def _case(word: str) -> tuple[bool, bool]:
    return word[0].isupper(), word[1:].isupper()


def _with_other_characters(text: str, expected: Expected, chance: Random) -> Iterator[str]:
    places = [place for place, character in _characters(text) if character not in _UNSAFE]
    chance.shuffle(places)
    for place in places:
        for other in _other_characters(text[place], expected, chance):
            yield text[:place] + other + text[place + 1 :]


def _characters(text: str) -> Iterator[tuple[int, str]]:
    """Yield the places of characters that stand for themselves."""
    for atom in _ATOM.finditer(text):
        if not atom[0].startswith("\\"):
            yield from enumerate(atom[0], atom.start())


def _other_characters(old: str, expected: Expected, chance: Random) -> list[str]:
    for alphabet in (digits, ascii_lowercase, ascii_uppercase):
        if old in alphabet:
            # A text of four letters stays one of the four.
            others = sorted((expected.characters & set(alphabet)) - {old}) or sorted(set(alphabet) - {old})
            break
    else:
        others = sorted(other for other in expected.characters - {old} if not other.isalnum() and other.isascii())
    chance.shuffle(others)
    return others
