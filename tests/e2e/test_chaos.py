"""Chaos in small: a few rounds of each kind of harm that needs no engine of its own."""

import tempfile
from pathlib import Path

import pytest

from tests.chaos import chaos

pytestmark = [pytest.mark.docker, pytest.mark.slow]

ROUNDS = 6
SEED = 7


def test_six_rounds_of_harm_lose_nothing_do_nothing_twice_and_leave_nothing_behind() -> None:
    # Not pytest's own: its path is too long for sockets to be below it.
    with tempfile.TemporaryDirectory(prefix="dgm-chaos.") as directory, chaos(Path(directory), SEED) as rounds:
        for number in range(1, ROUNDS + 1):
            rounds.round(number)
        assert rounds.wrong == []
    assert sum(rounds.done.values()) == ROUNDS
