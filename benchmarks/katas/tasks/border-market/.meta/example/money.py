"""Money as it is counted and shown."""

SIGNS = {"kr": "kr", "eur": "EUR", "pln": "zl"}


def converted(cents, source, target, rates):
    """Return an amount in another currency, rounded down to whole cents.

    `rates` says for each currency how many kr one unit of it is worth; "kr" itself is worth 1.
    """
    if source == target:
        return cents
    return int(cents * rates.get(source, 1) // rates.get(target, 1))


def shown(cents, currency="kr"):
    """Return an amount as text, such as "12.50 kr"."""
    return f"{cents // 100}.{cents % 100:02d} {SIGNS[currency]}"
