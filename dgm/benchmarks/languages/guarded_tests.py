"""Hidden tests, made ready for one grading."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar

Sources = TypeVar("Sources")
Which = TypeVar("Which", int, str)
_OF_EITHER = 2


@dataclass(frozen=True, slots=True)
class GuardedTests(Generic[Sources]):
    """Tests under random names, and among them tests that must fail."""

    sources: Sources
    """What the test files say. Where there are two containers it is a pair, one for each: of a test and its
    contradiction, one stands in one and the other in the other."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Name in the report, such as "BasketTest::test_3f09a1" -> the test's own name."""
    canaries: dict[str, str] = field(default_factory=dict[str, str])
    """Name in the report -> the name there of the test that it contradicts, or "" for none."""


def some_of(which: Sequence[Which], share: float, chance: Random) -> Set[Which]:
    """Return about that share of the tests that can be contradicted in two ways: those for the second way.

    Chance says which, but not how many: a solution that only one way can catch must not get through because no test
    was contradicted in that way. So of two or three tests each way has one or more, of four or more two or more.
    """
    least = min(_OF_EITHER, len(which) // 2)
    count = min(max(round(share * len(which)), least), len(which) - least)
    return frozenset(chance.sample(which, count))
