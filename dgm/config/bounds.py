"""Bounds that may change while a run grows, since no measurement hangs on them.

Choices do with policies hgm and auto, which become greedy as the bound on evaluations comes near.
"""

from dataclasses import dataclass

from dgm.config.reading import config_from, laid_over
from dgm.config.run import RunConfig


@dataclass(frozen=True, slots=True)
class Bounds:
    """What was said anew as a run went on; None where it stays as it was."""

    max_cost_usd: float | None = None
    """Cap on the whole run, what was spent before included."""
    evaluations: int | None = None
    """How many there are to be, those that ended included."""
    approve: str | None = None
    """Which children wait for a person."""

    def over(self, before: "Bounds") -> "Bounds":
        """Return these, and what was said before where they say nothing."""
        return Bounds(
            before.max_cost_usd if self.max_cost_usd is None else self.max_cost_usd,
            before.evaluations if self.evaluations is None else self.evaluations,
            before.approve if self.approve is None else self.approve,
        )


def with_bounds(config: RunConfig, bounds: Bounds) -> RunConfig:
    """Return a run's configuration with other bounds where they say anything.

    Raises:
        ConfigError: there are no such bounds.
    """
    said = {
        "budget": {"max_cost_usd": bounds.max_cost_usd},
        "search": {"evaluations": bounds.evaluations},
        "oversight": {"approve": bounds.approve},
    }
    above = {table: values for table, values in said.items() if None not in values.values()}
    if not above:
        return config
    return config_from(laid_over(config.model_dump(exclude_none=True), above), source="command line")
