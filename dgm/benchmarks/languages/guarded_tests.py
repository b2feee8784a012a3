"""Hidden tests, made ready for one grading."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Sources = TypeVar("Sources")


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
