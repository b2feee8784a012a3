"""Chance by name: the same name gives the same numbers, whatever else was drawn before and on whatever machine."""

import math
import struct
from dataclasses import dataclass
from hashlib import blake2b
from statistics import NormalDist
from typing import TypeAlias

DRAWS = 8
"""Numbers that one name gives."""
_NORMAL = NormalDist()
_WORDS = struct.Struct("<8Q")
_MANTISSA_BITS = 53

Draws: TypeAlias = tuple[float, float, float, float, float, float, float, float]


def draws(name: str) -> Draws:
    """Return numbers in (0, 1), uniform and independent of each other and of those of any other name."""
    words = _WORDS.unpack(blake2b(name.encode(), digest_size=_WORDS.size).digest())
    a, b, c, d, e, f, g, h = (((word >> 11) + 0.5) / 2**_MANTISSA_BITS for word in words)
    return a, b, c, d, e, f, g, h


def normal(draw: float) -> float:
    """Return the standard normal number whose share of smaller ones is `draw`, in (0, 1)."""
    return _NORMAL.inv_cdf(draw)


def sigmoid(logit: float) -> float:
    """Return the chance in (0, 1) whose logit this is."""
    return 1.0 / (1.0 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1.0 + math.exp(logit))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Amounts such as dollars or seconds: lognormal, some of them stretched by a Pareto tail, none above the limit."""

    mean: float
    """Without the tail and the limit, > 0."""
    sigma: float
    """Standard deviation of the logarithm."""
    tail_chance: float = 0.0
    """Share of the amounts that are stretched."""
    tail_index: float = 1.5
    """Pareto's alpha of the factor by which they are; below 2 its variance is infinite."""
    limit: float | None = None
    """No limit unless given."""

    def at(self, draw: float, tail_draw: float) -> float:
        """Return the amount that two numbers in (0, 1) stand for."""
        amount = self.mean * math.exp(self.sigma * normal(draw) - self.sigma**2 / 2)
        if tail_draw < self.tail_chance:
            amount *= (tail_draw / self.tail_chance) ** (-1.0 / self.tail_index)
        return amount if self.limit is None else min(amount, self.limit)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Amounts as they were recorded: one of them, each as likely as another."""

    amounts: tuple[float, ...]
    """At least one."""

    def at(self, draw: float, tail_draw: float) -> float:
        """Return the amount that a number in (0, 1) stands for; the second one is for others."""
        del tail_draw
        return self.amounts[int(draw * len(self.amounts))]


Spread: TypeAlias = LogNormal | Recorded
