"""The poster with the day's result."""

from money import shown


def poster(market, names):
    """Return the lines of the poster: one per stall, then the sum of all stalls."""
    lines = [f"{name}: {shown(market.takings(name))}" for name in names]
    lines.append(f"all: {shown(market.total())}")
    return lines
