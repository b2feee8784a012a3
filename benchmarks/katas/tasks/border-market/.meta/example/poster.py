"""The poster with the day's result."""

from money import shown


def poster(market, names, currency="kr"):
    """Return the lines of the poster: one per stall, then the sum of all stalls."""
    lines = [f"{name}: {shown(market.takings(name, currency), currency)}" for name in names]
    lines.append(f"all: {shown(market.total(currency), currency)}")
    return lines
