"""How many measurements are in doubt, against a recount measurement by measurement."""

from hypothesis import given
from hypothesis import strategies as st

from dgm.core.controls import measurements_in_doubt

_BATCHES = st.lists(st.tuples(st.integers(0, 5), st.lists(st.booleans(), min_size=1, max_size=3)), max_size=8)
"""Of controls that were judged at once: how many measurements came since the last ones, and which of them passed."""


@given(_BATCHES, st.integers(0, 5))
def test_a_measurement_is_in_doubt_if_controls_failed_next_to_it(
    batches: list[tuple[int, list[bool]]], after: int
) -> None:
    judged, ends, measured = list[tuple[bool, int]](), list[tuple[int, bool]](), 0
    for since, passed in batches:
        measured += since
        judged += [(each, measured) for each in sorted(passed, reverse=True)]
        ends.append((measured, all(passed)))
    measured += after
    in_doubt = sum(_is_in_doubt(number, ends) for number in range(1, measured + 1))
    assert measurements_in_doubt(judged, measured) == in_doubt


def _is_in_doubt(number: int, ends: list[tuple[int, bool]]) -> bool:
    """Whether the last controls before a measurement failed, or any at the next moment when there were some."""
    before = [passed for count, passed in ends if count < number]
    next_moment = min((count for count, _ in ends if count >= number), default=None)
    return (bool(before) and not before[-1]) or any(not passed for count, passed in ends if count == next_moment)
