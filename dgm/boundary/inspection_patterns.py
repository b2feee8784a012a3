"""How a construct that a person should see is written down.

Hostile text is searched for all of them, so no pattern may repeat without an upper bound: the time of a search is then
linear in the text, whatever the text.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from dgm.core.findings import FindingKind


class View(Enum):
    """Which part of a file a construct is looked for in."""

    RAW = auto()
    CODE = auto()
    STRINGS = auto()


@dataclass(frozen=True, slots=True)
class Construct:
    """A pattern within one line."""

    kind: FindingKind
    view: View
    pattern: re.Pattern[str]
    needles: tuple[str, ...]
    """In small letters: where none of them stands the pattern cannot be found. Empty if that says nothing."""

    def may_stand_in(self, small: str) -> bool:
        """Return False if the pattern cannot be found in a text, given in small letters."""
        return not self.needles or any(needle in small for needle in self.needles)


# Never given back: else what must not follow blanks could be looked for before the last of them.
_BLANKS, _MAYBE_BLANKS = r"[\x20\t]{1,8}+", r"[\x20\t]{0,8}+"


def construct(kind: FindingKind, view: View, needles: str, *patterns: str, ignore_case: bool = False) -> Construct:
    """Return the construct that is any of `patterns`, in which a blank stands for some blanks and "~" for some or none.

    Args:
        kind: of its findings.
        view: where to look.
        needles: words that narrow the search.
        patterns: regular expressions; a blank of a character class is written as an escape.
        ignore_case: take small and capital letters for the same.
    """
    flags = re.MULTILINE | (re.IGNORECASE if ignore_case else re.NOFLAG)
    pattern = "|".join(patterns).replace(" ", _BLANKS).replace("~", _MAYBE_BLANKS)
    return Construct(kind, view, re.compile(pattern, flags), tuple(needles.split()))


def importing(*modules: str) -> str:
    """Return a pattern of statements that import one of `modules`."""
    names = "|".join(re.escape(module) for module in modules)
    return rf"(?:^|[;:])[\x20\t]{{0,200}}(?:from |import (?:[^,;\n]{{1,80}},){{0,8}}~)(?:{names})\b"
