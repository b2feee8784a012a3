"""Another constant in the place of the one that a Python test expects: surely not equal, and as likely as that.

What is put there is made of what the file's other tests expect: their constants, numbers and letters. So neither the
alphabet nor the sign nor the kind of a value tells who reads it that it was changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeGuard

_STEPS = (-3, -2, -1, 1, 2, 3)
_ALPHABETS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, slots=True)
class Constants:
    """Makes values out of what tests of one kind expect."""

    expected: Sequence[object]
    """Constants, such as [1, None]; lists, tuples, sets and dictionaries of constants."""
    chance: Random

    def other_than(self, value: object, *, whole: bool = True) -> object:
        """Return a constant that does not equal `value`, or `value` itself if there is none that is easy to make.

        Args:
            value: what a test expects.
            whole: whether another test's constant may be taken as it is. Not where assertions call more than equal
                values equal, as those on an item's place or a number's last digits do: changing one item, or a number
                by one or more, is more than they overlook.
        """
        others = [other for other in self.expected if type(other) is type(value) and other != value] if whole else []
        if others and self.chance.randrange(2):
            return self.chance.choice(others)
        other = self._different(value, near=not whole)
        return value if other == value else other

    def _different(self, value: object, *, near: bool = False) -> object:
        if value is None:
            return self.chance.choice([item for item in self._scalars() if item is not None] or [0, "", False])
        if isinstance(value, bool):
            return not value
        if isinstance(value, int | float):
            return self._different_number(value, near=near)
        if isinstance(value, str):
            return self._different_text(value)
        if _is_collection(value):
            # Sets sorted: their order differs from process to process, and equal chances are to choose equally.
            items = sorted(value, key=repr) if isinstance(value, set) else value
            return type(value)(self._different_items(items, near=near))
        if _is_dict(value):
            return self._different_dict(value, near=near)
        return value

    def _different_number(self, value: int | float, *, near: bool) -> object:
        scalars = [item for item in self._scalars() if isinstance(item, int | float)]
        known = [item for item in scalars if type(item) is type(value) and item != value]
        if known and not near and self.chance.randrange(2):
            return self.chance.choice(known)
        signed = value < 0 or any(item < 0 for item in known)
        others = [value + step for step in _STEPS]
        return self.chance.choice([other for other in others if signed or other >= 0])

    def _different_text(self, value: str) -> str:
        texts = [item for item in self._scalars() if isinstance(item, str)]
        if not value:
            return self.chance.choice(sorted({letter for text in texts for letter in text}) or ["a", "e", "0", " "])
        position = self.chance.choice(_changeable(value))
        new = self.chance.choice(_letters_for(value[position], "".join(texts)))
        return value[:position] + new + value[position + 1 :]

    def _different_items(self, value: Sequence[object], *, near: bool) -> list[object]:
        items = list(value)
        if not items:
            return [self.chance.choice(list(self._scalars()) or [0, 1, ""])]
        position = self.chance.randrange(len(items))
        other = self._different(items[position], near=near)
        if other == items[position]:
            return items[:-1]
        items[position] = other
        return items

    def _different_dict(self, value: dict[object, object], *, near: bool) -> object:
        if not value:
            return {self.chance.choice(["a", "b"]): 1}
        key = self.chance.choice(list(value))
        other = self._different(value[key], near=near)
        if other == value[key]:
            return {name: item for name, item in value.items() if name != key}
        return {**value, key: other}

    def _scalars(self) -> Iterator[object]:
        for value in self.expected:
            yield from _scalars(value)


def _scalars(value: object) -> Iterator[object]:
    if _is_dict(value):
        for item in value.values():
            yield from _scalars(item)
    elif _is_collection(value):
        for item in sorted(value, key=repr) if isinstance(value, set) else value:
            yield from _scalars(item)
    else:
        yield value


def _changeable(text: str) -> list[int]:
    """Return the places of letters and digits, all places where there are none."""
    return [place for place, letter in enumerate(text) if letter.isalnum()] or list(range(len(text)))


def _letters_for(old: str, known: str) -> list[str]:
    """Return what may stand in a letter's place: of its kind and in the other texts, or at least of its kind."""
    alphabet = next((letters for letters in _ALPHABETS if old in letters), _ALPHABETS[1])
    known_ones = sorted(set(known) & set(alphabet) - {old})
    return known_ones or [letter for letter in alphabet if letter != old]


def _is_collection(value: object) -> TypeGuard[list[object] | tuple[object, ...] | set[object]]:
    return isinstance(value, list | tuple | set)


def _is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return isinstance(value, dict)
