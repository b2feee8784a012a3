"""Money as it is counted and shown."""

SIGNS = {"kr": "kr", "eur": "EUR", "pln": "zl"}


def shown(cents):
    """Return an amount as text, such as "12.50 kr"."""
    return f"{cents // 100}.{cents % 100:02d} kr"
