"""What sessions used before: the material of an estimate."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field

from dgm.core.counting import Share

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class FlatRates:
    """Dollars per million tokens of one model, whatever the length of a call."""

    input_usd: float
    output_usd: float
    cache_read_usd: float
    cache_write_usd: float

    def cost_usd(
        self, *, input_tokens: float, output_tokens: float, cache_read_tokens: float, cache_write_tokens: float
    ) -> float:
        """Return what tokens cost.

        Args:
            input_tokens: all of them, those that were read from the cache or written to it included.
            output_tokens: all of them.
            cache_read_tokens: of the input.
            cache_write_tokens: of the input.
        """
        # A server that counts more cached input than input must not make the rest of it a discount.
        plain = max(0.0, input_tokens - cache_read_tokens - cache_write_tokens)
        dollars = (
            plain * self.input_usd
            + cache_read_tokens * self.cache_read_usd
            + cache_write_tokens * self.cache_write_usd
            + output_tokens * self.output_usd
        )
        return dollars / _MILLION


@dataclass(frozen=True, slots=True)
class Amounts:
    """What sessions used or are expected to use; not whole numbers, since they are averaged."""

    calls: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    cache_read_tokens: float = 0.0
    """Of the input tokens: read from the provider's cache."""
    cache_write_tokens: float = 0.0
    """Of the input tokens: written to it."""
    seconds: float = 0.0
    """For which a worker was busy."""

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, factor: float) -> "Amounts":
        return Amounts(*(value * factor for value in astuple(self)))

    def cost_usd(self, rates: FlatRates) -> float:
        """Return what the tokens cost."""
        return rates.cost_usd(
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """How many times as much one model uses as the one that was measured."""

    calls: float = 1.0
    input_tokens: float = 1.0
    output_tokens: float = 1.0
    seconds: float = 1.0
    seconds_per_output_token: float = 0.0
    """Added for a model that was measured to think in no time."""

    def of(self, amounts: Amounts) -> Amounts:
        """Return what the other model uses."""
        output_tokens = amounts.output_tokens * self.output_tokens
        return Amounts(
            calls=amounts.calls * self.calls,
            input_tokens=amounts.input_tokens * self.input_tokens,
            output_tokens=output_tokens,
            cache_read_tokens=amounts.cache_read_tokens * self.input_tokens,
            cache_write_tokens=amounts.cache_write_tokens * self.input_tokens,
            seconds=amounts.seconds * self.seconds + output_tokens * self.seconds_per_output_token,
        )


@dataclass(frozen=True, slots=True)
class Assumption:
    """A belief about another model, in place of a measurement: what is expected, and the ends of a range."""

    low: Stretch = field(default_factory=Stretch)
    expected: Stretch = field(default_factory=Stretch)
    high: Stretch = field(default_factory=Stretch)


AS_MEASURED = Assumption()
REAL_FROM_SIMULATED = Assumption(
    low=Stretch(calls=1, input_tokens=1, output_tokens=3, seconds_per_output_token=0.03),
    expected=Stretch(calls=2, input_tokens=3, output_tokens=10, seconds_per_output_token=0.03),
    high=Stretch(calls=5, input_tokens=10, output_tokens=50, seconds_per_output_token=0.03),
)
"""A real model beside the simulated one, which says little and does not think. Assumed, not measured.

What the numbers lean on: nine hosted models on Aider's polyglot benchmark, June to October 2025, needed for a task, in
two calls at most, 10,000 to 14,000 input tokens, 1,600 to 15,200 output tokens and 36 to 450 s: 9 to 82 s for 1,000
output tokens, in the median 27. Those tasks are longer than our katas.
Source: aider/website/_data/polyglot_leaderboard.yml of github.com/Aider-AI/aider.
"""


@dataclass(frozen=True, slots=True)
class Average:
    """What one session, or one step's, uses: the mean over samples and how far they lie apart."""

    count: int
    """Number of samples, >= 1; 1 for what is assumed altogether."""
    mean: Amounts
    spread: Amounts
    """Standard deviation between samples; see `average_of`."""
    assumption: Assumption = AS_MEASURED


@dataclass(frozen=True, slots=True)
class Averages:
    """All that an estimate needs to know about what was measured."""

    seed: Average
    """Of a session of the seed agent on a task; a sample is a session."""
    child: Average
    """Of a session of a child on a task; a sample is a child's mean: who asks much does so in all its sessions."""
    improve: Average
    """Of a step's session on the parent's own code. Its `seconds` are the step's, those of the diagnosis and the probe
    included."""
    diagnose: Average
    """Of a step's diagnosis; without seconds."""
    accepted: Share
    """Of the steps that ended: those that made a child."""
    passed: tuple[Share, ...]
    """For each stage but the last: of the children that were measured on it, those that earned the next."""


def average_of(samples: Sequence[Amounts]) -> Average:
    """Return the mean and the spread of samples.

    The spread is the standard deviation as if one more sample had been seen that lies half the mean away: two samples
    that happen to agree, or a single one, must not make a range of nothing.

    Args:
        samples: N >= 1.
    """
    count = len(samples)
    mean = sum(samples, Amounts()) * (1 / count)
    columns = zip(*(astuple(sample) for sample in samples), strict=True)
    spreads = [_spread(column, of) for column, of in zip(columns, astuple(mean), strict=True)]
    return Average(count, mean, Amounts(*spreads))


def _spread(values: Sequence[float], mean: float) -> float:
    squares = sum((value - mean) ** 2 for value in values) + (mean / 2) ** 2
    return (squares / len(values)) ** 0.5
