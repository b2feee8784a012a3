"""What holds for sequences of any kind."""

from collections.abc import Sequence


def common_start(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many items two sequences begin with that are the same."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
